"""Turn the scores of another library into a `Labeling`: one column per class, rows that sum to 1.

A row without any finite positive entry is no answer: it becomes the class frequencies of the
labels, and is flagged as not reached. This module must not know any library.
"""

import numpy as np
from numpy.typing import NDArray

from voisin.propagation.result import attach
from voisin.types import (
    UNLABELED,
    Labeling,
    LabelingMethod,
    Labels,
    Probabilities,
    Problem,
    Propagation,
)


def to_labeling(
    method: LabelingMethod,
    problem: Problem,
    scores: NDArray[np.floating],
    of_new: NDArray[np.floating] | None = None,
    n_iter: int = 1,
    *,
    converged: bool = True,
) -> Labeling:
    """Make a `Labeling` from the scores of a peer.

    Parameters
    ----------
    method : LabelingMethod
    problem : Problem
    scores : array of shape (n_samples, n_labeled_classes)
        One column for each class that has labels, in the order of the classes; >= 0.
    of_new : array of shape (n_new, n_labeled_classes), optional
        Of the new images; without it, they take the mean of their neighbors.
    n_iter : int, default=1
    converged : bool, default=True
    """
    probabilities, reached = _rows_to_one(scores, problem)
    propagation = Propagation(probabilities, reached, n_iter, float("nan"), converged)
    if of_new is not None:
        return Labeling(propagation, *_rows_to_one(of_new, problem), method)
    near = problem.data.new_neighbors
    if near is None:
        none = np.empty((0, problem.n_classes))
        return Labeling(propagation, none, np.empty(0, dtype=bool), method)
    new_reached = np.any(reached[near.indices], axis=1)
    return Labeling(propagation, attach(near, probabilities), new_reached, method)


def labeled_classes(labels: Labels) -> Labels:
    """Return the classes that have labels, smallest first.

    Examples
    --------
    >>> labeled_classes(np.array([3, -1, 0, 3]))
    array([0, 3])
    """
    return np.unique(labels[labels != UNLABELED])


def _rows_to_one(
    scores: NDArray[np.floating], problem: Problem
) -> tuple[Probabilities, NDArray[np.bool_]]:
    classes = labeled_classes(problem.labels)
    finite = np.isfinite(scores).all(axis=1)
    positive = np.where(finite[:, None], np.maximum(scores, 0), 0).astype(np.float64)
    total = positive.sum(axis=1)
    reached = total > 0
    probabilities = np.zeros((len(scores), problem.n_classes))
    probabilities[:, classes] = positive / np.where(reached, total, 1)[:, None]
    known = problem.labels[problem.labels != UNLABELED]
    probabilities[~reached] = np.bincount(known, minlength=problem.n_classes) / len(known)
    return probabilities, reached
