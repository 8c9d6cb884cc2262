"""Solvers of the linear equations that propagation methods pose; they know nothing of labels.

Chebyshev iteration: Golub & Varga 1961. Many columns are solved a few at a time, so that memory
stays bounded; what all solvers share is here, too.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from voisin.errors import ConvergenceWarning
from voisin.parallel import Workers, blocks, workers

_COLUMNS = 32  # solved at a time
ROWS = 1 << 13  # of a task
_COARSEST_FOR_FLOAT64 = 1e-5  # below, float32 residuals are mostly rounding

Columns = NDArray[np.float64]
Real = NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class Solution:
    """A solution, and how the search for it ended.

    Attributes
    ----------
    values : array of shape (n, n_columns)
    n_iter : int
        Of the slowest column.
    residual : float
        Largest ``|b − A x| / |b|`` of a column.
    converged : bool
    """

    values: NDArray[np.floating]
    n_iter: int
    residual: float
    converged: bool


def chebyshev(
    smoother: sparse.csr_array,
    alpha: float,
    right: NDArray[np.floating],
    *,
    tol: float,
    max_iter: int,
    start: NDArray[np.floating] | None = None,
    n_jobs: int | None = None,
) -> Solution:
    """Solve ``(I − alpha S) X = B`` for a symmetric S with eigenvalues in [−1, 1].

    ``X₊ = X₋ + ω₊ (alpha S X + B − X₋)``, ``ω₊ = 1 / (1 − alpha² ω / 4)`` from ``ω₁ = 1``,
    ``ω₂ = 1 / (1 − alpha² / 2)``: no inner products are needed, since the spectrum is known.

    Parameters
    ----------
    smoother : csr_array of shape (n, n)
    alpha : float
        In (0, 1).
    right : array of shape (n, n_columns)
    tol : float
        Stop once ``|b − A x| <= tol · |b|`` in every column.
    max_iter : int
    start : array of shape (n, n_columns), optional
        A good guess; B by default.
    n_jobs : int, optional

    Warns
    -----
    ConvergenceWarning
        After `max_iter` steps; the solution then says ``converged=False``.

    Examples
    --------
    >>> pair = sparse.csr_array([[0.0, 1], [1, 0]])
    >>> chebyshev(pair, 0.5, np.array([[1.0], [0]]), tol=1e-9, max_iter=99).values.round(6)
    array([[1.333333],
           [0.666667]])
    """

    def solve(columns: slice, crew: Workers) -> Solution:
        first = right if start is None else start
        return _chebyshev(
            smoother, alpha, right[:, columns], first[:, columns], tol, max_iter, crew
        )

    return by_columns(solve, right, tol, max_iter, n_jobs)


def fixed_point(
    step: Callable[[Columns], Columns], start: Columns, *, tol: float, max_iter: int
) -> Solution:
    """Repeat ``step`` until no value changes by more than ``tol`` times the largest one.

    Warns
    -----
    ConvergenceWarning
        After ``max_iter`` steps; the solution then says ``converged=False``.
    """
    values, change, n_iter = start, np.inf, 0
    while change > tol and n_iter < max_iter:
        previous, values = values, step(values)
        largest = max(np.abs(values).max(initial=0), 1e-300)
        change = float(np.abs(values - previous).max(initial=0) / largest)
        n_iter += 1
    found = Solution(values, n_iter, change, converged=change <= tol)
    _warn_unless_converged(found, tol, max_iter)
    return found


def repeat(
    matrix: sparse.csr_array, right: NDArray[np.floating], start: Real, n_steps: int
) -> Real:
    """Repeat ``X ← A X + B`` a number of times, in float32.

    Examples
    --------
    >>> halve = sparse.csr_array([[0.5]])
    >>> repeat(halve, np.array([[1.0]]), np.array([[0.0]]), 3)
    array([[1.75]], dtype=float32)
    """
    one = np.float32(1)
    weights = matrix.data.astype(np.float32)
    known = np.ascontiguousarray(right, dtype=np.float32)
    now = np.array(start, dtype=np.float32, order="C")
    before = now.copy()
    with workers(1 if len(now) <= ROWS else None) as crew:
        for _ in range(n_steps):
            _step(matrix, weights, now, before, known, one, one, crew)
            now, before = before, now
    return now


def by_columns(
    solve: Callable[[slice, Workers], Solution],
    right: NDArray[np.floating],
    tol: float,
    max_iter: int,
    n_jobs: int | None,
) -> Solution:
    """Solve a few columns at a time, join them, and warn unless all have converged."""
    few = len(right) <= ROWS
    with workers(1 if few else n_jobs) as crew:
        parts = [solve(columns, crew) for columns in blocks(right.shape[1], _COLUMNS)]
    found = Solution(
        parts[0].values if len(parts) == 1 else np.hstack([part.values for part in parts]),
        max(part.n_iter for part in parts),
        max(part.residual for part in parts),
        all(part.converged for part in parts),
    )
    _warn_unless_converged(found, tol, max_iter)
    return found


def _warn_unless_converged(found: Solution, tol: float, max_iter: int) -> None:
    if not found.converged:
        message = (
            f"Not solved after max_iter={max_iter} steps (relative residual "
            f"{found.residual:.1g}): raise max_iter or tol={tol:g}."
        )
        warnings.warn(message, ConvergenceWarning, stacklevel=5)


def precision(tol: float) -> type[np.floating]:
    """Choose the precision in which a tolerance can be reached."""
    return np.float32 if tol >= _COARSEST_FOR_FLOAT64 else np.float64


def lengths(squares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Take square roots, with 1 for columns of zeros: what is compared with them is zero too."""
    return np.sqrt(np.where(squares > 0, squares, 1))


def _chebyshev(
    smoother: sparse.csr_array,
    alpha: float,
    right: NDArray[np.floating],
    start: NDArray[np.floating],
    tol: float,
    max_iter: int,
    crew: Workers,
) -> Solution:
    real = precision(tol)
    weights = smoother.data.astype(real, copy=False)
    known = np.ascontiguousarray(right, dtype=real)
    now = np.array(start, dtype=real, order="C")
    before = now.copy()
    goal = lengths(np.einsum("ij,ij->j", known, known, dtype=np.float64))
    stride, residual = 1.0, np.inf
    for n_iter in range(1, max_iter + 2):
        squares = _step(smoother, weights, now, before, known, real(alpha), real(stride), crew)
        residual = float((np.sqrt(squares) / goal).max())
        if residual <= tol or n_iter > max_iter:
            break
        now, before = before, now
        stride = 1 / (1 - alpha**2 / 2) if n_iter == 1 else 1 / (1 - alpha**2 * stride / 4)
    return Solution(now, n_iter - 1, residual, converged=residual <= tol)


def _step(
    smoother: sparse.csr_array,
    weights: Real,
    now: Real,
    before: Real,
    right: Real,
    alpha: np.floating,
    stride: np.floating,
    crew: Workers,
) -> NDArray[np.float64]:
    """Turn `before` into what comes after `now`; return the squared residuals of `now`."""
    from voisin.propagation.products import chebyshev_step

    tasks = blocks(len(now), ROWS)
    sums = np.zeros((len(tasks), now.shape[1]))

    def work(number: int) -> None:
        rows = tasks[number]
        chebyshev_step(
            smoother.indptr,
            smoother.indices,
            weights,
            now,
            before,
            right,
            alpha,
            stride,
            rows.start,
            rows.stop,
            sums[number],
        )

    crew.each(work, range(len(tasks)))
    return np.asarray(sums.sum(axis=0))
