"""From probabilities to one class an image: what is best depends on what is counted."""

import numpy as np
from numpy.typing import NDArray

from voisin.types import UNLABELED, Labels, Probabilities, Propagation

_LEAST = 1e-12


def for_accuracy(found: Propagation) -> Labels:
    """Decide so that most images are right: the most probable class of each.

    Where the class shares are told, a rare class is seldom the most probable one.
    """
    return found.labels


def for_balanced_accuracy(found: Propagation, class_shares: NDArray[np.float64] | None) -> Labels:
    """Decide so that the mean share of images found is best over the classes: ``argmax p_c / π_c``.

    Parameters
    ----------
    found : Propagation
        Its probabilities are those under the shares.
    class_shares : array of shape (n_classes,), optional
        As in the `Problem`; None means even ones, and both decisions are the same.

    Returns
    -------
    array of shape (n_samples,)
        -1 where there is no evidence.

    Examples
    --------
    >>> rows = np.array([[0.7, 0.3], [0.9, 0.1]])
    >>> found = Propagation(rows, np.array([True, True]), 1, 0.0, True)
    >>> for_accuracy(found), for_balanced_accuracy(found, np.array([0.8, 0.2]))
    (array([0, 0]), array([1, 0]))
    """
    if class_shares is None:
        return found.labels
    best = balanced(found.probabilities, class_shares).argmax(axis=1)
    return np.where(found.reached, best, UNLABELED)


def balanced(probabilities: Probabilities, class_shares: NDArray[np.float64]) -> Probabilities:
    """Return ``p_c / π_c``, rows divided by their sums: probabilities as if classes were even.

    Examples
    --------
    >>> balanced(np.array([[0.8, 0.2]]), np.array([0.8, 0.2]))
    array([[0.5, 0.5]])
    """
    evenly = probabilities / np.maximum(class_shares, _LEAST)
    return np.asarray(evenly / np.maximum(evenly.sum(axis=1, keepdims=True), _LEAST))
