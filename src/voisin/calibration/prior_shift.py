"""How frequent each class is among images, found in their probabilities alone.

Saerens, Latinne & Decaestecker, "Adjusting the outputs of a classifier to new a priori
probabilities", 2002; probabilities must be corrected first (Alexandari et al. 2020). It knows
probabilities, neither labels nor a graph.
"""

import numpy as np
from numpy.typing import NDArray

from voisin.types import Probabilities

_DOUBT = 0.03  # images seen beside the true ones, in shares of them
_MOST_ROWS = 20_000
_STEPS, _TOLERANCE = 1_000, 1e-5
_LEAST = 1e-12


def estimate_priors(
    even: Probabilities,
    *,
    start: NDArray[np.float64] | None = None,
    possible: NDArray[np.bool_] | None = None,
) -> NDArray[np.float64]:
    """Find the shares that agree with the mean of the probabilities they lead to.

    ``π ← (mean_i (π_c p_ic / Σ_c π_c p_ic) + 0.03 u_c) / 1.03`` until nothing changes, u even.
    It is as if 3 % more images had been seen, evenly of the classes: a rare one never vanishes
    into one that is hard to tell from it.

    Parameters
    ----------
    even : array of shape (n_samples, n_classes)
        Calibrated probabilities in which all classes count as equally frequent.
    start : array of shape (n_classes,), optional
        A good guess; even by default.
    possible : array of shape (n_classes,), optional
        Classes that can occur; the others keep a share of 0. All by default.

    Returns
    -------
    array of shape (n_classes,)
        Sums to one.

    Examples
    --------
    >>> estimate_priors(np.array([[0.99, 0.01]] * 3 + [[0.01, 0.99]])).round(2)
    array([0.75, 0.25])
    """
    rows = even[:: max(1, len(even) // _MOST_ROWS)]
    seen = np.ones(even.shape[1], dtype=bool) if possible is None else possible
    evenly = seen / seen.sum()
    shares = evenly if start is None else start
    for _ in range(_STEPS):
        mean = shares * (rows / np.maximum(rows @ shares, _LEAST)[:, None]).mean(axis=0)
        after = (mean / mean.sum() + _DOUBT * evenly) / (1 + _DOUBT)
        change = np.abs(after - shares).max()
        shares = after
        if change < _TOLERANCE:
            break
    return np.asarray(shares)
