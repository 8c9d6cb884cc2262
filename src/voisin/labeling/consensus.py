"""A labeling by vectors and graph: opinions of every image, smoothed along the graph.

Zhu, Ghahramani & Lafferty, "Semi-supervised learning using Gaussian fields and harmonic
functions", 2003, section 5 (external classifiers), in the equation of Zhou et al. 2004.
"""

from dataclasses import dataclass, field, replace
from itertools import product

import numpy as np

from voisin.labeling.classifier import Classifier
from voisin.labeling.graph_only import GraphOnly
from voisin.labeling.model_selection import select_by_held_out
from voisin.propagation.matrices import normalize_affinity
from voisin.propagation.result import attach, rows_to_one
from voisin.propagation.solvers import chebyshev
from voisin.propagation.spreading import LabelSpreading
from voisin.types import UNLABELED, Fold, Labeling, Probabilities, Problem
from voisin.validation import check_in_closed_interval, check_in_open_interval

ALPHAS = (0.3, 0.5, 0.7, 0.9)
DEFAULT_ALPHA = 0.5
GRAPH_SHARES = (0.0, 0.3, 0.5, 0.7)
DEFAULT_GRAPH_SHARE = 0.5
BLIND_GRAPH_SHARE = 0.7  # one label a class: the classifier knows little
FAR_ALPHA = 0.99
_FAR = GraphOnly(LabelSpreading(alpha=FAR_ALPHA))
_COARSE, _MOST = 1e-4, 1_000  # close enough to choose by


@dataclass(frozen=True)
class SmoothedClassifier:
    """Spreads true labels where they are known, and opinions elsewhere.

    ``F = (1 − alpha) (I − alpha S)⁻¹ B``, where row i of B is the label of image i, or an
    opinion of it: ``(1 − w) p + w q`` of the classifier's probabilities p and those of far label
    spreading (0.99) q. Then each row is divided by its sum. A new image gets
    ``(1 − alpha) b + alpha f``, its own opinion and the mean of its neighbors.

    Parameters
    ----------
    alpha : float, optional
        In (0, 1). By default 0.5, or one of 0.3, 0.7, 0.9 if held-out labels say so.
    graph_share : float, optional, default=0
        w in [0, 1]. If None, 0.5, or one of 0, 0.3, 0.7 if held-out labels say so; 0.7 where
        none can be held out.
    classifier : Classifier, optional
        By default one that decides its own settings.

    Notes
    -----
    Held-out labels say so if their log loss, at the temperature that suits each choice and all
    classes weighing the same, is less by more than a standard error.
    """

    alpha: float | None = None
    graph_share: float | None = 0.0
    classifier: Classifier = field(default_factory=Classifier)

    def __post_init__(self) -> None:
        if self.alpha is not None:
            check_in_open_interval("alpha", self.alpha, 0, 1)
        if self.graph_share is not None:
            check_in_closed_interval("graph_share", self.graph_share, 0, 1)

    def label(self, problem: Problem) -> Labeling:
        """Give every image a distribution over the classes."""
        fixed = self.decide(problem)
        alpha, share = fixed.alpha or DEFAULT_ALPHA, fixed.graph_share or 0.0
        opinion, new = fixed.classifier.opinions(problem)
        mixed = opinion
        if share:
            far = _FAR.label(problem)
            mixed = (1 - share) * opinion + share * far.propagation.probabilities
            new = (1 - share) * new + share * far.new
        start = with_labels(mixed, problem)
        found = LabelSpreading(alpha=alpha).propagate(problem.data.affinity, start)
        if problem.data.near is not None:
            new = (1 - alpha) * new + alpha * attach(problem.data.near, found.probabilities)
        return Labeling(
            found,
            new,
            np.full(len(new), fill_value=True),
            fixed,
            reason=_reason(fixed, problem),
            start=start,
            alpha=alpha,
            opinion=opinion,
            prior_propagation_share=share,
        )

    def decide(self, problem: Problem) -> "SmoothedClassifier":
        """Return this method with every setting fixed."""
        classifier = self.classifier.decide(problem)
        if self.alpha is not None and self.graph_share is not None:
            return replace(self, classifier=classifier)
        if not problem.folds:
            share = BLIND_GRAPH_SHARE if self.graph_share is None else self.graph_share
            return SmoothedClassifier(self.alpha or DEFAULT_ALPHA, share, classifier)
        alphas = ALPHAS if self.alpha is None else (self.alpha,)
        shares = GRAPH_SHARES if self.graph_share is None else (self.graph_share,)
        choices = list(product(alphas, shares))
        default = choices.index(
            (self.alpha or DEFAULT_ALPHA, shares[0] if len(shares) == 1 else DEFAULT_GRAPH_SHARE)
        )
        alpha, share = choices[_best(classifier, problem, alphas, shares, default)]
        return SmoothedClassifier(alpha, share, classifier)


def with_labels(opinion: Probabilities, problem: Problem) -> Probabilities:
    """Put the true labels in the place of the opinions, where they are known."""
    rows = np.flatnonzero(problem.labels != UNLABELED)
    start = opinion.copy()
    start[rows] = np.eye(problem.n_classes)[problem.labels[rows]]
    return start


def _best(
    classifier: Classifier,
    problem: Problem,
    alphas: tuple[float, ...],
    shares: tuple[float, ...],
    default: int,
) -> int:
    """Judge each choice by labels that its opinions never saw; return its position."""
    problem = replace(problem, class_priors=None)  # held-out labels are judged evenly
    parts = [_held_out_rows(classifier, problem, fold, alphas, shares) for fold in problem.folds]
    labels = problem.labels[np.concatenate([fold.held_out for fold in problem.folds])]
    return select_by_held_out(
        [np.concatenate(one) for one in zip(*parts, strict=True)], labels, default
    )


def _held_out_rows(
    classifier: Classifier,
    problem: Problem,
    fold: Fold,
    alphas: tuple[float, ...],
    shares: tuple[float, ...],
) -> list[Probabilities]:
    """Return the probabilities of one fold's images, by choice.

    The equation is linear: it is solved once for the classifier, once for far spreading.
    """
    inner = problem.without(fold)
    starts = [with_labels(classifier.opinions(inner)[0], inner)]
    if any(shares):
        starts.append(with_labels(_FAR.label(inner).propagation.probabilities, inner))
    smoother, right = normalize_affinity(fold.data.affinity), np.hstack(starts)
    found = []
    for alpha in alphas:
        solved = chebyshev(smoother, alpha, (1 - alpha) * right, tol=_COARSE, max_iter=_MOST)
        near, far = np.split(solved.values[fold.held_out], [problem.n_classes], axis=1)
        for share in shares:
            scores = (1 - share) * near + share * far if share else near
            everywhere = np.full(len(scores), fill_value=True)
            even = np.full(problem.n_classes, 1 / problem.n_classes)
            found.append(rows_to_one(scores, everywhere, even))
    return found


def _reason(fixed: SmoothedClassifier, problem: Problem) -> str:
    settings = f"alpha {fixed.alpha:g}"
    if fixed.graph_share:
        settings += f", spreading's share of the opinions {fixed.graph_share:g}"
    if not problem.folds:
        return f"{settings}: the default, since no label could be held out"
    return f"{settings}, by the log loss of labels held out in {len(problem.folds)} folds"
