"""What a method says of labeled images without their labels; it knows folds, not calibration."""

import numpy as np

from voisin.types import (
    UNLABELED,
    HeldOut,
    LabelingMethod,
    Problem,
    Progress,
    no_progress,
)


def cross_fit(
    method: LabelingMethod, problem: Problem, *, progress: Progress = no_progress
) -> HeldOut:
    """Label the images of each fold without the fold's labels.

    Parameters
    ----------
    method : LabelingMethod
        Best with its choices made (``labeling.method``), else each fold makes its own.
    problem : Problem
    progress : callable, optional

    Returns
    -------
    HeldOut
        Empty where there are no folds.
    """
    n_samples = len(problem.labels)
    fold_of = np.full(n_samples, -1)
    probabilities = np.zeros((n_samples, problem.n_classes))
    reached = np.zeros(n_samples, dtype=bool)
    for number, fold in enumerate(problem.folds):
        rows = fold.held_out
        found = method.label(problem.without(fold)).propagation
        probabilities[rows], reached[rows] = found.probabilities[rows], found.reached[rows]
        fold_of[rows] = number
        progress("Cross-fitting", number + 1, len(problem.folds))
    rows = np.flatnonzero((fold_of >= 0) & (problem.labels != UNLABELED))
    return HeldOut(rows, problem.labels[rows], probabilities[rows], reached[rows], fold_of[rows])
