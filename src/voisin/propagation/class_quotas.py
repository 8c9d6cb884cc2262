"""Decisions that give each class its number of images, for methods that decide many times.

One class after the other gets the weight at which it wins just as many images as it should:
a coordinate descent on the dual of the assignment (Bertsekas 1979), quick from a good start.
"""

import numpy as np
from numpy.typing import NDArray

from voisin.types import Probabilities

_MOST_SWEEPS = 30
_CLOSE = 1e-3  # share of all images that a class may miss
_LEAST = 1e-12


def quota_weights(
    probabilities: Probabilities,
    class_priors: NDArray[np.float64],
    start: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Weigh the classes so that ``argmax_c w_c p_ic`` decides for each as often as its share.

    Class c wins image i above the weight ``max_d≠c w_d p_id / p_ic``; of these, it gets the one
    that leaves it its number of images. Sweeps over the classes repeat until all have theirs.

    Parameters
    ----------
    probabilities : array of shape (n_samples, n_classes)
    class_priors : array of shape (n_classes,)
        Sums to one.
    start : array of shape (n_classes,)
        Weights that may be near; ones if nothing is known.

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
    scores = np.log(np.maximum(probabilities.T, _LEAST, dtype=np.float32))
    weights = np.log(np.maximum(start, _LEAST)).astype(np.float32)
    sizes = np.rint(class_priors * len(probabilities)).astype(np.int64)
    raised = scores + weights[:, None]
    for _ in range(_MOST_SWEEPS):
        won = np.bincount(raised.argmax(axis=0), minlength=len(sizes))
        if abs(won - sizes).max() <= _CLOSE * len(probabilities):
            break
        earlier, later = np.full_like(scores[0], -np.inf), _best_from(raised)
        for c, size in enumerate(sizes):
            margins = np.maximum(earlier, later[c + 1]) - scores[c]
            weights[c] = _boundary(margins, int(size))
            np.add(scores[c], weights[c], out=raised[c])
            np.maximum(earlier, raised[c], out=earlier)
    return np.exp(weights.astype(np.float64) - weights.max(initial=-np.inf))


def _best_from(raised: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the largest of classes c, c + 1, ... of each image, in row c."""
    best = np.full((len(raised) + 1, raised.shape[1]), -np.inf, dtype=np.float32)
    best[:-1] = np.maximum.accumulate(raised[::-1], axis=0)[::-1]
    return best


def _boundary(margins: NDArray[np.float32], count: int) -> float:
    """Return a value that `count` of the margins lie below."""
    last = len(margins) - 1
    below, above = max(count - 1, 0), min(count, last)
    ordered = np.partition(margins, (below, above))
    outside = int(count > last) - int(count == 0)
    return float((ordered[below] + ordered[above]) / 2 + outside)
