"""A labeling by vectors and graph: a classifier's mistakes spread along the graph, then opinions.

Huang, He, Singh, Lim & Benson, "Combining label propagation and simple models out-performs graph
neural networks", 2021.
"""

from dataclasses import dataclass, field, replace
from itertools import product

import numpy as np
from numpy.typing import NDArray

from voisin.calibration.prior_shift import weigh_by_class
from voisin.labeling.classifier import Classifier
from voisin.labeling.consensus import with_labels
from voisin.labeling.model_selection import select_by_held_out
from voisin.propagation.attachment import attach
from voisin.propagation.matrices import normalize_affinity
from voisin.propagation.solvers import chebyshev
from voisin.propagation.spreading import LabelSpreading
from voisin.types import UNLABELED, Labeling, Probabilities, Problem
from voisin.validation import check_in_open_interval

CHOICES = tuple(product((0.5, 0.9), (0.5, 0.7, 0.9)))  # correction, smoothing
DEFAULT = (0.9, 0.7)
_FINE, _COARSE, _MOST = 1e-6, 1e-4, 1_000


@dataclass(frozen=True)
class CorrectAndSmooth:
    """Spreads the classifier's mistakes at labeled images, corrects by them, and smooths.

    With P the classifier's probabilities and E = Y − P at labeled images (weighted so that all
    classes count the same), zero elsewhere, ``Ê = (1 − a) (I − a S)⁻¹ E``, each row scaled to the
    mean length ``|E|₁`` of the labeled ones. Then ``F = (1 − alpha) (I − alpha S)⁻¹ Z``, where row
    i of Z is the label of image i, or ``P + Ê`` without its negative entries. Rows of Z and F are
    divided by their sums.

    Parameters
    ----------
    correction : float, optional
        a, in (0, 1).
    alpha : float, optional
        In (0, 1). By default 0.9 and 0.7, or those of 0.5, 0.9 and of 0.5, 0.7, 0.9 that
        held-out labels tell to be better by a standard error.
    classifier : Classifier, optional
        By default one that decides its own settings.
    """

    correction: float | None = None
    alpha: float | None = None
    classifier: Classifier = field(default_factory=Classifier)

    def __post_init__(self) -> None:
        for name in ("correction", "alpha"):
            if getattr(self, name) is not None:
                check_in_open_interval(name, getattr(self, name), 0, 1)

    def label(self, problem: Problem) -> Labeling:
        """Give every image a distribution over the classes."""
        fixed = self.decide(problem)
        correction, alpha = fixed.correction or DEFAULT[0], fixed.alpha or DEFAULT[1]
        opinion, new = fixed.classifier.opinions(problem)
        mistakes = _spread_mistakes(opinion, problem, correction, _FINE)
        start = with_labels(_correct(opinion, mistakes), problem)
        found = LabelSpreading(alpha=alpha).propagate(problem.data.affinity, start)
        if problem.data.near is not None:
            corrected = _correct(new, attach(problem.data.near, mistakes))
            near = attach(problem.data.near, found.probabilities)
            new = (1 - alpha) * corrected + alpha * near
        return Labeling(
            found,
            new,
            np.full(len(new), fill_value=True),
            fixed,
            reason=f"correction {correction:g}, alpha {alpha:g}",
            start=start,
            alpha=alpha,
            opinion=opinion,
        )

    def decide(self, problem: Problem) -> "CorrectAndSmooth":
        """Return this method with every setting fixed."""
        classifier = self.classifier.decide(problem)
        correction, alpha = self.correction or DEFAULT[0], self.alpha or DEFAULT[1]
        if self.correction is None and self.alpha is None and problem.folds:
            correction, alpha = _choose(classifier, problem)
        return CorrectAndSmooth(correction, alpha, classifier)


def _spread_mistakes(
    opinion: Probabilities, problem: Problem, correction: float, tol: float
) -> NDArray[np.float64]:
    rows = np.flatnonzero(problem.labels != UNLABELED)
    mistakes = np.zeros_like(opinion)
    labels = problem.labels[rows]
    mistakes[rows] = np.eye(problem.n_classes)[labels] - opinion[rows]
    usual = np.abs(mistakes[rows]).sum(axis=1).mean()
    mistakes[rows] *= weigh_by_class(labels)[:, None]
    smoother = normalize_affinity(problem.data.affinity)
    right = (1 - correction) * mistakes
    spread = chebyshev(smoother, correction, right, tol=tol, max_iter=_MOST).values
    lengths = np.abs(spread).sum(axis=1, keepdims=True)
    return np.divide(usual * spread, lengths, where=lengths > 0, out=np.zeros_like(opinion))


def _correct(opinion: Probabilities, mistakes: NDArray[np.float64]) -> Probabilities:
    corrected = np.maximum(opinion + mistakes, 0)
    return np.asarray(corrected / corrected.sum(axis=1, keepdims=True))


def _choose(classifier: Classifier, problem: Problem) -> tuple[float, float]:
    """Correct and smooth in each fold by what is known without its labels; judge by these."""
    problem = replace(problem, class_priors=None)  # held-out labels are judged evenly
    parts: list[list[Probabilities]] = [[] for _ in CHOICES]
    for fold in problem.folds:
        inner = problem.without(fold)
        opinion = classifier.opinions(inner)[0]
        corrected = {
            a: with_labels(_correct(opinion, _spread_mistakes(opinion, inner, a, _COARSE)), inner)
            for a, _ in CHOICES
        }
        for part, (correction, alpha) in zip(parts, CHOICES, strict=True):
            spreading = LabelSpreading(alpha=alpha, tol=_COARSE)
            smooth = spreading.propagate(fold.data.affinity, corrected[correction])
            part.append(smooth.probabilities[fold.held_out])
    labels = problem.labels[np.concatenate([fold.held_out for fold in problem.folds])]
    found = [np.concatenate(one) for one in parts]
    return CHOICES[select_by_held_out(found, labels, CHOICES.index(DEFAULT))]
