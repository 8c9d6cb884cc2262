"""Probabilities weighed by class, as where some classes are expected more often than others."""

import numpy as np
from numpy.typing import NDArray

from voisin.types import Probabilities

_LEAST = 1e-12


def rebalance(probabilities: Probabilities, weights: NDArray[np.float64]) -> Probabilities:
    """Multiply the classes by their weights, and divide the rows by their sums.

    Examples
    --------
    >>> rebalance(np.array([[0.5, 0.5]]), np.array([1.0, 3.0]))
    array([[0.25, 0.75]])
    """
    weighted = np.maximum(probabilities, _LEAST) * weights
    return np.asarray(weighted / weighted.sum(axis=1, keepdims=True))
