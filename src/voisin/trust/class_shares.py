"""How common each class is among images without label; it knows probabilities alone.

Saerens, Latinne & Decaestecker, "Adjusting the outputs of a classifier to new a priori
probabilities", 2002; probabilities must be calibrated first (Alexandari et al. 2020).
"""

import numpy as np
from numpy.typing import NDArray

from voisin.types import Probabilities

_DOUBT = 0.05
_MOST_ROWS = 20_000
_MOST_STEPS, _CLOSE = 500, 1e-5


def estimate_shares(
    even: Probabilities, start: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """Find the shares that agree with the mean of the probabilities they lead to.

    ``π ← 0.95 · mean_i (π_c p_ic / Σ_c π_c p_ic) + 0.05 / C`` until nothing changes. The share of
    0.05 spread evenly says that some of what is seen may be chance: without it, classes that
    are hard to tell apart lose all to the larger one.

    Parameters
    ----------
    even : array of shape (n_samples, n_classes)
        Calibrated probabilities in which all classes count as equally frequent.
    start : array of shape (n_classes,), optional
        A good guess; even by default.

    Returns
    -------
    array of shape (n_classes,)
        Sums to one.

    Examples
    --------
    >>> estimate_shares(np.array([[0.99, 0.01]] * 3 + [[0.01, 0.99]])).round(2)
    array([0.74, 0.26])
    """
    even = even[:: max(1, len(even) // _MOST_ROWS)]
    n_classes = even.shape[1]
    shares = np.full(n_classes, 1 / n_classes) if start is None else start
    for _ in range(_MOST_STEPS):
        total = even @ shares
        mean = shares * (even / np.maximum(total, 1e-300)[:, None]).mean(axis=0)
        after = (1 - _DOUBT) * mean / mean.sum() + _DOUBT / n_classes
        change = np.abs(after - shares).max()
        shares = after
        if change < _CLOSE:
            break
    return shares
