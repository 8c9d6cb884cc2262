"""Decisions that respect how many images of each class are expected.

Class mass normalization: Zhu, Ghahramani & Lafferty 2003. Volume constraints: Jacobs, Merkurjev
& Esedoḡlu 2018. The weights of the classes are dual variables of the shares, found by Sinkhorn
steps on ever sharper decisions.
"""

import numpy as np
from numpy.typing import NDArray

from voisin.types import Probabilities

_SHARPNESS = np.geomspace(1, 1 / 32, 11)
_STEPS = 10
_MOST_ROWS = 100_000
_LEAST = 1e-12


def class_mass_weights(
    probabilities: Probabilities, class_shares: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Weigh the classes so that their mean probabilities are as the shares: ``π_c / mean p_c``.

    Examples
    --------
    >>> class_mass_weights(np.array([[0.9, 0.1], [0.7, 0.3]]), np.array([0.5, 0.5]))
    array([0.625, 2.5  ])
    """
    return np.asarray(class_shares / np.maximum(probabilities.mean(axis=0), _LEAST))


def balanced_weights(
    probabilities: Probabilities, class_shares: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Weigh the classes so that ``argmax_c s_c p_ic`` decides for each as often as its share.

    Solves ``mean_i softmax((log p_i + log s) / T)_c = π_c`` for T from 1 down to 1/32, where
    the softmax is nearly a decision.

    Parameters
    ----------
    probabilities : array of shape (n_samples, n_classes)
    class_shares : array of shape (n_classes,)
        Sums to one.

    Returns
    -------
    array of shape (n_classes,)
    """
    step = max(1, len(probabilities) // _MOST_ROWS)
    scores = np.log(np.maximum(probabilities[::step], _LEAST))
    goal = np.log(np.maximum(class_shares, _LEAST))
    weights = np.zeros_like(goal)
    for sharpness in _SHARPNESS:
        for _ in range(_STEPS):
            soft = (scores + weights) / sharpness
            soft = np.exp(soft - soft.max(axis=1, keepdims=True))
            soft /= soft.sum(axis=1, keepdims=True)
            weights += sharpness * (goal - np.log(np.maximum(soft.mean(axis=0), _LEAST)))
        weights -= weights.max()
    return np.asarray(np.exp(weights))


def rebalance(probabilities: Probabilities, weights: NDArray[np.float64]) -> Probabilities:
    """Multiply the classes by their weights, and divide the rows by their sums.

    Examples
    --------
    >>> rebalance(np.array([[0.5, 0.5]]), np.array([1.0, 3.0]))
    array([[0.25, 0.75]])
    """
    weighted = np.maximum(probabilities, _LEAST) * weights
    return np.asarray(weighted / weighted.sum(axis=1, keepdims=True))
