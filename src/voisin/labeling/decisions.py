"""From probabilities to one class an image: what is best depends on what is counted."""

import numpy as np
from numpy.typing import NDArray

from voisin.types import UNLABELED, Labels, Probabilities, Propagation

_LEAST = 1e-12
BALANCED = 0.75  # 1 for exact probabilities and shares; of estimates, less finds as many classes
_BETWEEN = 0.5  # and makes far fewer other images wrong


def for_accuracy(found: Propagation) -> Labels:
    """Decide so that most images are right: the most probable class of each.

    Where the class shares are told, a rare class is seldom the most probable one.
    """
    return found.labels


def for_balanced_accuracy(found: Propagation, class_shares: NDArray[np.float64] | None) -> Labels:
    """Decide so that the classes are found equally well: ``argmax p_c / π_c^¾``.

    Parameters
    ----------
    found : Propagation
        Its probabilities are those under the shares.
    class_shares : array of shape (n_classes,), optional
        As in the `Problem`; None means even ones, and all decisions are the same.

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
    return _decide(found, class_shares, BALANCED)


def for_macro_f1(found: Propagation, class_shares: NDArray[np.float64] | None) -> Labels:
    """Decide between the two, so that rare classes are found and rightly named: ``p_c / √π_c``.

    Examples
    --------
    >>> found = Propagation(np.array([[0.7, 0.3]]), np.array([True]), 1, 0.0, True)
    >>> for_macro_f1(found, np.array([0.9, 0.1]))
    array([1])
    """
    return _decide(found, class_shares, _BETWEEN)


def even_out(
    probabilities: Probabilities, class_shares: NDArray[np.float64], power: float = 1.0
) -> Probabilities:
    """Return ``p_c / π_c^power``, rows divided by their sums; at 1 as if classes were even.

    A class of share 0 stays impossible.

    Examples
    --------
    >>> even_out(np.array([[0.8, 0.2]]), np.array([0.8, 0.2]))
    array([[0.5, 0.5]])
    """
    odds = np.where(class_shares > 0, np.maximum(class_shares, _LEAST), np.inf)
    evenly = probabilities / odds**power
    return np.asarray(evenly / np.maximum(evenly.sum(axis=1, keepdims=True), _LEAST))


def _decide(found: Propagation, class_shares: NDArray[np.float64] | None, power: float) -> Labels:
    if class_shares is None:
        return found.labels
    best = even_out(found.probabilities, class_shares, power).argmax(axis=1)
    return np.where(found.reached, best, UNLABELED)
