"""Labeling by vectors and graph: a classifier's probabilities, smoothed along the graph.

Zhu, Ghahramani & Lafferty, "Semi-supervised learning using Gaussian fields and harmonic
functions", 2003, section 5 (external classifiers), in the equation of Zhou et al. 2004. This module
must not know how the classifier is fitted.
"""

from dataclasses import dataclass, field, replace
from itertools import product

import numpy as np

from voisin.labeling.classifier import Classifier
from voisin.labeling.cross_validation import explain_selection, select_by_held_out
from voisin.labeling.graph_only import GraphOnly
from voisin.labeling.induction import induce
from voisin.propagation.matrices import normalize_affinity
from voisin.propagation.result import rows_to_one
from voisin.propagation.solvers import chebyshev
from voisin.propagation.spreading import LabelSpreading
from voisin.types import UNLABELED, Fold, Induction, Labeling, Probabilities, Problem
from voisin.validation import check_in_closed_interval, check_in_open_interval

# Values that cross-validation selects from, and defaults, kept unless another is better: by hand.
ALPHAS, DEFAULT_ALPHA = (0.3, 0.5, 0.7, 0.9), 0.5
GRAPH_SHARES, DEFAULT_GRAPH_SHARE = (0.0, 0.3, 0.5, 0.7), 0.5
# Used if no label can be held out. Then classes have one label each, which teach a classifier
# little, so the graph counts more: by hand.
GRAPH_SHARE_WITHOUT_FOLDS = 0.7
PRIOR_PROPAGATION_ALPHA = 0.99  # as in `spreading`; docs/decisions/alpha.md says why
_PRIOR_PROPAGATION = GraphOnly(LabelSpreading(alpha=PRIOR_PROPAGATION_ALPHA))
_COARSE, _MAX_ITER = 1e-4, 1_000  # of the solver, by hand: accurate enough to select settings


@dataclass(frozen=True)
class SmoothedClassifier:
    """Spreads labels of labeled images, and class probabilities of all others, along the graph.

    ``F = (1 − alpha) (I − alpha S)⁻¹ B``, where row i of B is the label of image i, or
    ``(1 − w) p + w q``: the classifier's probabilities p, and q, those of a prior propagation of
    the labels along the same graph, by spreading with alpha 0.99. Then each row is divided by its
    sum. A new image gets ``(1 − alpha) b + alpha f``: b of itself, and f the mean of its neighbors.

    Parameters
    ----------
    alpha : float, optional
        In (0, 1). By default 0.5, unless cross-validation selects 0.3, 0.7 or 0.9.
    graph_share : float, optional, default=0
        w in [0, 1]. If None, 0.5, unless cross-validation selects 0, 0.3 or 0.7; 0.7 if no label
        can be held out.
    classifier : Classifier, optional
        By default a classifier that selects its own settings.

    Notes
    -----
    Cross-validation selects another value than the default if its log loss of held-out labels is
    smaller by more than a standard error. Every class has the same weight, and each value
    a temperature fitted to the held-out labels.
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
        method = self.select_settings(problem)
        alpha, share = method.alpha or DEFAULT_ALPHA, method.graph_share or 0.0
        data, model = problem.data, method.classifier.fit(problem)
        classified = model.probabilities(data.embeddings)
        prior, mixed, settings = np.zeros_like(classified), classified, f"alpha {alpha:g}"
        if share:
            settings += f", share of prior propagation {share:g}"
            prior = _PRIOR_PROPAGATION.label(problem).propagation.probabilities
            mixed = (1 - share) * classified + share * prior
        start = put_labels(mixed, problem)
        propagation = LabelSpreading(alpha=alpha).propagate(data.affinity, start)
        induction = Induction(
            (1 - alpha) * (1 - share),
            model.weights,
            model.intercept,
            (1 - alpha) * share * prior + alpha * propagation.probabilities,
        )
        new = induce(induction, data.new_embeddings, data.new_neighbors, propagation.reached)
        return Labeling(
            propagation,
            *new,
            method,
            reason=explain_selection(settings, problem),
            initial_scores=start,
            alpha=alpha,
            classifier_probabilities=classified,
            prior_propagation_share=share,
            induction=induction,
            duals=model.duals,
        )

    def select_settings(self, problem: Problem) -> "SmoothedClassifier":
        """Return this method with all settings fixed, by out-of-fold losses if there are folds."""
        classifier = self.classifier.select_settings(problem)
        if self.alpha is not None and self.graph_share is not None:
            return replace(self, classifier=classifier)
        if not problem.folds:
            share = GRAPH_SHARE_WITHOUT_FOLDS if self.graph_share is None else self.graph_share
            return SmoothedClassifier(self.alpha or DEFAULT_ALPHA, share, classifier)
        alphas = ALPHAS if self.alpha is None else (self.alpha,)
        shares = GRAPH_SHARES if self.graph_share is None else (self.graph_share,)
        pairs = list(product(alphas, shares))
        default = pairs.index(
            (self.alpha or DEFAULT_ALPHA, shares[0] if len(shares) == 1 else DEFAULT_GRAPH_SHARE)
        )
        evenly = replace(problem, class_priors=None)  # losses give every class the same weight
        by_fold = [_smooth_fold(classifier, evenly, fold, alphas, shares) for fold in problem.folds]
        candidates = [np.concatenate(rows) for rows in zip(*by_fold, strict=True)]
        labels = problem.labels[np.concatenate([fold.held_out for fold in problem.folds])]
        alpha, share = pairs[select_by_held_out(candidates, labels, default)]
        return SmoothedClassifier(alpha, share, classifier)


def put_labels(probabilities: Probabilities, problem: Problem) -> Probabilities:
    """Return the probabilities, with the rows of labeled images replaced by their labels."""
    rows = np.flatnonzero(problem.labels != UNLABELED)
    start = probabilities.copy()
    start[rows] = np.eye(problem.n_classes)[problem.labels[rows]]
    return start


def _smooth_fold(
    classifier: Classifier,
    problem: Problem,
    fold: Fold,
    alphas: tuple[float, ...],
    shares: tuple[float, ...],
) -> list[Probabilities]:
    """Return the probabilities of one fold's images, for each pair of alpha and share.

    The equation is linear, so its solutions for classifier and prior propagation are mixed.
    """
    inner = problem.without(fold)
    starts = [put_labels(classifier.fit(inner).probabilities(fold.data.embeddings), inner)]
    if any(shares):
        prior = _PRIOR_PROPAGATION.label(inner).propagation.probabilities
        starts.append(put_labels(prior, inner))
    smoother, right = normalize_affinity(fold.data.affinity), np.hstack(starts)
    smoothed = []
    for alpha in alphas:
        solved = chebyshev(smoother, alpha, (1 - alpha) * right, tol=_COARSE, max_iter=_MAX_ITER)
        classified, spread = np.split(solved.values[fold.held_out], [problem.n_classes], axis=1)
        for share in shares:
            scores = (1 - share) * classified + share * spread if share else classified
            reached = np.full(len(scores), fill_value=True)
            even = np.full(problem.n_classes, 1 / problem.n_classes)
            smoothed.append(rows_to_one(scores, reached, even))
    return smoothed
