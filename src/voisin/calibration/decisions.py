"""From probabilities to one class an image: what is best depends on what is counted."""

import numpy as np
from numpy.typing import NDArray

from voisin.types import UNLABELED, Labels, Probabilities, Propagation

_LEAST = 1e-12
BALANCED = 0.75  # 1 for exact probabilities and shares; of estimates, less finds as many classes


def for_balanced_accuracy(found: Propagation, class_priors: NDArray[np.float64] | None) -> Labels:
    """Decide so that the classes are found equally well: ``argmax p_c / π_c^¾``.

    The most probable class makes most images right; it is seldom a rare one.

    Parameters
    ----------
    found : Propagation
        Its probabilities are those under the shares.
    class_priors : array of shape (n_classes,), optional
        As in the `Problem`; None means even ones, and all decisions are the same.

    Returns
    -------
    array of shape (n_samples,)
        -1 where there is no evidence.

    Examples
    --------
    >>> rows = np.array([[0.7, 0.3], [0.9, 0.1]])
    >>> found = Propagation(rows, np.array([True, True]), 1, 0.0, True)
    >>> found.labels, for_balanced_accuracy(found, np.array([0.8, 0.2]))
    (array([0, 0]), array([1, 0]))
    """
    if class_priors is None:
        return found.labels
    best = divide_by_priors(found.probabilities, class_priors, BALANCED).argmax(axis=1)
    return np.where(found.reached, best, UNLABELED)


def divide_by_priors(
    probabilities: Probabilities, class_priors: NDArray[np.float64], power: float = 1.0
) -> Probabilities:
    """Return ``p_c / π_c^power``, rows divided by their sums; at 1 as if classes were even.

    A class of share 0 stays impossible.

    Examples
    --------
    >>> divide_by_priors(np.array([[0.8, 0.2]]), np.array([0.8, 0.2]))
    array([[0.5, 0.5]])
    """
    odds = np.where(class_priors > 0, np.maximum(class_priors, _LEAST), np.inf)
    evenly = probabilities / odds**power
    return np.asarray(evenly / np.maximum(evenly.sum(axis=1, keepdims=True), _LEAST))
