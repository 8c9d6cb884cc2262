"""A labeling by vectors and graph: a classifier's opinions, smoothed along the graph.

Zhu, Ghahramani & Lafferty, "Semi-supervised learning using Gaussian fields and harmonic
functions", 2003, section 5 (external classifiers), in the equation of Zhou et al. 2004.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from voisin.labeling.calibration import (
    apply_temperature,
    even_by_class,
    fit_temperature,
    log_losses,
)
from voisin.labeling.choosing import choose
from voisin.labeling.classifier import Classifier
from voisin.propagation import LabelSpreading, attach
from voisin.types import UNLABELED, Labeling, Probabilities, Problem
from voisin.validation import check_in_open_interval

ALPHAS = (0.3, 0.5, 0.8, 0.9, 0.99)
DEFAULT_ALPHA = 0.8
_COARSE = 1e-4  # close enough to choose by


@dataclass(frozen=True)
class SmoothedClassifier:
    """Spreads true labels where they are known, and the classifier's opinions elsewhere.

    ``F = (1 − alpha) (I − alpha S)⁻¹ B``, where row i of B is the label of image i, or the
    classifier's probabilities; then each row is divided by its sum. A new image gets
    ``(1 − alpha) b + alpha p``, its own opinion and the mean of its neighbors.

    Parameters
    ----------
    alpha : float, optional
        In (0, 1). By default 0.8, or the one of 0.3, 0.5, 0.8, 0.9, 0.99 with
        the least log loss of the held-out labels (at the temperature that suits each), all
        classes weighing the same, if it is better by a standard error.
    classifier : Classifier, optional
        By default one that decides its own settings.
    """

    alpha: float | None = None
    classifier: Classifier = field(default_factory=Classifier)

    def __post_init__(self) -> None:
        if self.alpha is not None:
            check_in_open_interval("alpha", self.alpha, 0, 1)

    def label(self, problem: Problem) -> Labeling:
        """Give every image a distribution over the classes."""
        fixed = self.decide(problem)
        alpha = fixed.alpha or DEFAULT_ALPHA
        opinion, of_new = fixed.classifier.opinions(problem)
        start = with_labels(opinion, problem)
        found = LabelSpreading(alpha=alpha).propagate(problem.view.affinity, start)
        new = of_new
        if problem.view.near is not None:
            neighbors = attach(problem.view.near, found.probabilities)
            new = (1 - alpha) * of_new + alpha * neighbors
        return Labeling(
            found,
            new,
            np.full(len(new), fill_value=True),
            fixed,
            reason=_reason(fixed, problem),
            start=start,
            alpha=alpha,
            opinion=opinion,
        )

    def decide(self, problem: Problem) -> "SmoothedClassifier":
        """Return this method with alpha and the classifier's settings fixed."""
        classifier = self.classifier.decide(problem)
        if self.alpha is not None or not problem.folds:
            return SmoothedClassifier(self.alpha or DEFAULT_ALPHA, classifier)
        return SmoothedClassifier(_best_alpha(classifier, problem, ALPHAS), classifier)


def with_labels(opinion: Probabilities, problem: Problem) -> Probabilities:
    """Put the true labels in the place of the opinions, where they are known."""
    rows = np.flatnonzero(problem.labels != UNLABELED)
    start = opinion.copy()
    start[rows] = np.eye(problem.n_classes)[problem.labels[rows]]
    return start


def _best_alpha(classifier: Classifier, problem: Problem, alphas: Sequence[float]) -> float:
    """Smooth in each fold what a classifier without its labels says; judge by these labels."""
    problem = replace(problem, class_shares=None)  # held-out labels are judged evenly
    held_out = np.concatenate([fold.held_out for fold in problem.folds])
    found: list[list[Probabilities]] = []
    for fold in problem.folds:
        inner = problem.without(fold)
        start = with_labels(classifier.opinions(inner)[0], inner)
        found.append([_smooth(inner, start, alpha)[fold.held_out] for alpha in alphas])
    labels = problem.labels[held_out]
    weights = even_by_class(labels)
    losses = []
    for parts in zip(*found, strict=True):
        probabilities = np.concatenate(parts)
        temperature = fit_temperature(probabilities, labels, weights)
        losses.append(log_losses(apply_temperature(probabilities, temperature), labels))
    return alphas[choose(losses, weights, alphas.index(DEFAULT_ALPHA))]


def _smooth(problem: Problem, start: Probabilities, alpha: float) -> NDArray[np.float64]:
    spreading = LabelSpreading(alpha=alpha, tol=_COARSE)
    return spreading.propagate(problem.view.affinity, start).probabilities


def _reason(fixed: SmoothedClassifier, problem: Problem) -> str:
    if not problem.folds:
        return f"alpha {fixed.alpha}: the default, since no label could be held out"
    return f"alpha {fixed.alpha}, by the log loss of labels held out in {len(problem.folds)} folds"
