"""Weights of classes that make probabilities or decisions agree with the class priors.

`rebalance` multiplies probabilities by weights of the classes. `quota_weights` finds weights with
which each class is chosen as often as its prior says, by a coordinate descent on the dual of the
assignment problem (Bertsekas 1979), which is quick from a good start. This module must not know
graphs or labels.
"""

import numpy as np
from numpy.typing import NDArray

from voisin.types import Probabilities

_MAX_SWEEPS = 30  # chosen by hand: bounds the time if the quotas cannot be met
_QUOTA_TOL = 1e-3  # largest error of a quota, as a share of all images; by hand
_SMALLEST = 1e-12  # in place of a probability of 0, which has no logarithm: a convention


def rebalance(probabilities: Probabilities, weights: NDArray[np.float64]) -> Probabilities:
    """Multiply the classes by their weights, and divide the rows by their sums.

    Examples
    --------
    >>> rebalance(np.array([[0.5, 0.5]]), np.array([1.0, 3.0]))
    array([[0.25, 0.75]])
    """
    weighted = np.maximum(probabilities, _SMALLEST) * weights
    return np.asarray(weighted / weighted.sum(axis=1, keepdims=True))


def quota_weights(
    probabilities: Probabilities,
    class_priors: NDArray[np.float64],
    start: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Find weights such that ``argmax_c w_c p_ic`` is each class as often as its prior says.

    Class c wins image i if its weight is above ``max_d≠c w_d p_id / p_ic``. Each class in turn
    gets the weight at which it wins its number of images; sweeps over the classes repeat until
    every class has its number.

    Parameters
    ----------
    probabilities : array of shape (n_samples, n_classes)
    class_priors : array of shape (n_classes,)
        Sums to one.
    start : array of shape (n_classes,)
        Initial weights, such as those found for similar probabilities; else all ones.

    Returns
    -------
    array of shape (n_classes,)

    Examples
    --------
    >>> rows = np.array([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.6, 0.4]])
    >>> weights = quota_weights(rows, np.array([0.5, 0.5]), np.ones(2))
    >>> (rows * weights).argmax(axis=1)
    array([0, 0, 1, 1])
    """
    n_samples, n_classes = probabilities.shape
    scores = np.log(np.maximum(probabilities.T, _SMALLEST, dtype=np.float32))
    weights = np.log(np.maximum(start, _SMALLEST)).astype(np.float32)
    quotas = np.rint(class_priors * n_samples).astype(np.int64)
    weighted = scores + weights[:, None]
    for _ in range(_MAX_SWEEPS):
        won = np.bincount(weighted.argmax(axis=0), minlength=n_classes)
        if abs(won - quotas).max() <= _QUOTA_TOL * n_samples:
            break
        best_before = np.full_like(scores[0], -np.inf)  # of the classes before c, for each image
        best_from = np.full((n_classes + 1, n_samples), -np.inf, dtype=np.float32)
        best_from[:-1] = np.maximum.accumulate(weighted[::-1], axis=0)[::-1]
        for c, quota in enumerate(quotas.tolist()):
            thresholds = np.maximum(best_before, best_from[c + 1]) - scores[c]
            below, above = max(quota - 1, 0), min(quota, n_samples - 1)
            ordered = np.partition(thresholds, (below, above))  # `quota` of them are to lie below
            outside = int(quota == n_samples) - int(quota == 0)
            weights[c] = (ordered[below] + ordered[above]) / 2 + outside
            np.add(scores[c], weights[c], out=weighted[c])
            np.maximum(best_before, weighted[c], out=best_before)
    return np.exp(weights.astype(np.float64) - weights.max(initial=-np.inf))
