"""Labeling by vectors and graph: spread a classifier's errors, correct them, and smooth.

Huang, He, Singh, Lim & Benson, "Combining label propagation and simple models out-performs graph
neural networks", 2021. This module must not know how the classifier is fitted.
"""

from dataclasses import dataclass, field, replace
from itertools import product

import numpy as np
from numpy.typing import NDArray

from voisin.calibration.prior_shift import weigh_by_class
from voisin.labeling.classifier import Classifier
from voisin.labeling.consensus import put_labels
from voisin.labeling.cross_validation import select_by_held_out
from voisin.labeling.induction import correct, induce
from voisin.propagation.matrices import normalize_affinity
from voisin.propagation.small_rows import refine_small_rows
from voisin.propagation.solvers import chebyshev
from voisin.propagation.spreading import LabelSpreading
from voisin.types import UNLABELED, Induction, Labeling, Probabilities, Problem
from voisin.validation import check_in_open_interval

# Pairs of correction and alpha that cross-validation selects from, and the default: by hand.
CHOICES = tuple(product((0.5, 0.9), (0.5, 0.7, 0.9)))
DEFAULT = (0.9, 0.7)
# The solver's tolerances for the result and for selection, and its most iterations: by hand.
_FINE, _COARSE, _MAX_ITER = 1e-6, 1e-4, 1_000


@dataclass(frozen=True)
class CorrectAndSmooth:
    """Spreads the classifier's errors at labeled images, corrects by them, and smooths.

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
        In (0, 1). By default, correction is 0.9 and alpha 0.7, unless another pair of 0.5, 0.9
        and 0.5, 0.7, 0.9 has a log loss on held-out labels smaller by a standard error.
    classifier : Classifier, optional
        By default a classifier that selects its own settings.
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
        method = self.select_settings(problem)
        correction, alpha = method.correction or DEFAULT[0], method.alpha or DEFAULT[1]
        data, model = problem.data, method.classifier.fit(problem)
        classified = model.probabilities(data.embeddings)
        errors = _spread_errors(classified, problem, correction, _FINE)
        start = put_labels(correct(classified, errors), problem)
        propagation = LabelSpreading(alpha=alpha).propagate(data.affinity, start)
        of_neighbors = alpha * propagation.probabilities
        induction = Induction(1 - alpha, model.weights, model.intercept, of_neighbors, errors)
        new = induce(induction, data.new_embeddings, data.new_neighbors, propagation.reached)
        return Labeling(
            propagation,
            *new,
            method,
            reason=f"correction {correction:g}, alpha {alpha:g}",
            initial_scores=start,
            alpha=alpha,
            classifier_probabilities=classified,
            induction=induction,
            duals=model.duals,
        )

    def select_settings(self, problem: Problem) -> "CorrectAndSmooth":
        """Return this method with all settings fixed, by out-of-fold losses if there are folds."""
        classifier = self.classifier.select_settings(problem)
        correction, alpha = self.correction or DEFAULT[0], self.alpha or DEFAULT[1]
        if self.correction is None and self.alpha is None and problem.folds:
            correction, alpha = _select_pair(classifier, problem)
        return CorrectAndSmooth(correction, alpha, classifier)


def _spread_errors(
    classified: Probabilities, problem: Problem, correction: float, tol: float
) -> NDArray[np.float64]:
    rows = np.flatnonzero(problem.labels != UNLABELED)
    errors = np.zeros_like(classified)
    labels = problem.labels[rows]
    errors[rows] = np.eye(problem.n_classes)[labels] - classified[rows]
    mean_length = np.abs(errors[rows]).sum(axis=1).mean()
    errors[rows] *= weigh_by_class(labels)[:, None]
    smoother = normalize_affinity(problem.data.affinity)
    right = (1 - correction) * errors
    first = chebyshev(smoother, correction, right, tol=tol, max_iter=_MAX_ITER)
    diagonal = np.ones(len(right))
    refined, _ = refine_small_rows(correction * smoother, diagonal, right, first, _MAX_ITER)
    spread = refined.values
    lengths = np.abs(spread).sum(axis=1, keepdims=True)
    return np.divide(mean_length * spread, lengths, where=lengths > 0, out=np.zeros_like(spread))


def _select_pair(classifier: Classifier, problem: Problem) -> tuple[float, float]:
    """Run each pair of settings without each fold's labels; select by these labels."""
    problem = replace(problem, class_priors=None)  # losses give every class the same weight
    by_pair: list[list[Probabilities]] = [[] for _ in CHOICES]
    for fold in problem.folds:
        inner = problem.without(fold)
        classified = classifier.fit(inner).probabilities(fold.data.embeddings)
        corrected = {
            a: put_labels(correct(classified, _spread_errors(classified, inner, a, _COARSE)), inner)
            for a in {a for a, _ in CHOICES}
        }
        for rows, (correction, alpha) in zip(by_pair, CHOICES, strict=True):
            spreading = LabelSpreading(alpha=alpha, tol=_COARSE)
            smooth = spreading.propagate(fold.data.affinity, corrected[correction])
            rows.append(smooth.probabilities[fold.held_out])
    labels = problem.labels[np.concatenate([fold.held_out for fold in problem.folds])]
    candidates = [np.concatenate(rows) for rows in by_pair]
    return CHOICES[select_by_held_out(candidates, labels, CHOICES.index(DEFAULT))]
