"""Solvers of the equations that propagation methods pose; they know nothing of labels."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voisin.errors import ConvergenceWarning


@dataclass(frozen=True, eq=False)
class Solution:
    """A fixed point, and how the search for it ended."""

    values: NDArray[np.float64]
    n_iter: int
    residual: float
    converged: bool


def fixed_point(
    step: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    start: NDArray[np.float64],
    *,
    tol: float,
    max_iter: int,
) -> Solution:
    """Repeat ``step`` until no value changes by more than ``tol`` times the largest one.

    Warns
    -----
    ConvergenceWarning
        After ``max_iter`` steps; the solution then says ``converged=False``.
    """
    values, change = start, np.inf
    for n_iter in range(1, max_iter + 1):
        previous, values = values, step(values)
        change = float(np.abs(values - previous).max() / max(np.abs(values).max(), 1e-300))
        if change <= tol:
            return Solution(values, n_iter, change, converged=True)
    message = (
        f"No fixed point after max_iter={max_iter} steps (last relative change {change:.1g}): "
        f"raise max_iter or tol={tol:g}."
    )
    warnings.warn(message, ConvergenceWarning, stacklevel=3)
    return Solution(values, max_iter, change, converged=False)
