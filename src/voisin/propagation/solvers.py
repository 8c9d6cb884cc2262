"""Solvers of the linear equations that propagation methods pose; they know nothing of labels.

Chebyshev iteration: Golub & Varga 1961. Many columns are solved a block at a time, so that
memory stays bounded; what all solvers share is here, too.
"""

import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from voisin.errors import ConvergenceWarning
from voisin.parallel import Workers, blocks, workers
from voisin.propagation.columns import WIDTH, block_of

_ROWS = 1 << 13  # of a task, at least
_MOST_TASKS = 64
_COARSEST_FOR_FLOAT64 = 1e-5  # below, float32 residuals are mostly rounding

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
        smoothing = _Smoothing(smoother, alpha, right[:, columns], precision(tol), crew)
        first = smoothing.right if start is None else start[:, columns]
        return _chebyshev(smoothing, first, tol, max_iter)

    return by_columns(solve, right, tol, max_iter, n_jobs)


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
    found = np.empty(start.shape, dtype=np.float32)
    with workers_for(len(start)) as crew:
        for columns in blocks(start.shape[1], WIDTH):
            smoothing = _Smoothing(matrix, 1, right[:, columns], np.float32, crew)
            now, before = smoothing.blocks_of(start[:, columns])
            for _ in range(n_steps):
                smoothing.step(now, before, 1)
                now, before = before, now
            found[:, columns] = now[:, : columns.stop - columns.start]
    return found


def by_columns(
    solve: Callable[[slice, Workers], Solution],
    right: NDArray[np.floating],
    tol: float,
    max_iter: int,
    n_jobs: int | None,
) -> Solution:
    """Solve a block of columns at a time, join them, and warn unless all have converged."""
    with workers_for(len(right), n_jobs) as crew:
        parts = [solve(columns, crew) for columns in blocks(right.shape[1], WIDTH)]
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


def _converted(numbers: Real, real: type[np.floating], crew: Workers) -> Real:
    """Copy numbers into another precision."""
    if numbers.dtype == real:
        return numbers
    copied = np.empty(len(numbers), dtype=real)

    def copy(part: slice) -> None:
        copied[part] = numbers[part]

    crew.each(copy, blocks(len(numbers), max(_ROWS, -(-len(numbers) // _MOST_TASKS))))
    return copied


def workers_for(n_rows: int, n_jobs: int | None = None) -> AbstractContextManager[Workers]:
    """Open a pool of threads; a single one for few rows."""
    return workers(1 if n_rows <= _ROWS else n_jobs)


def row_tasks(n_rows: int) -> list[slice]:
    """Cut the rows into tasks, the same for any number of threads."""
    return blocks(n_rows, max(_ROWS, -(-n_rows // _MOST_TASKS)))


def _chebyshev(smoothing: "_Smoothing", start: Real, tol: float, max_iter: int) -> Solution:
    now, before = smoothing.blocks_of(start)
    alpha, goal = smoothing.alpha, smoothing.lengths
    stride, residual = 1.0, np.inf
    for n_iter in range(1, max_iter + 2):
        squares = smoothing.step(now, before, stride)
        residual = float((np.sqrt(squares[: len(goal)]) / goal).max())
        if residual <= tol or n_iter > max_iter:
            break
        now, before = before, now
        stride = 1 / (1 - alpha**2 / 2) if n_iter == 1 else 1 / (1 - alpha**2 * stride / 4)
    found = now[:, : len(goal)]
    return Solution(found, n_iter - 1, residual, converged=residual <= tol)


class _Smoothing:
    """The steps ``X₋ ← X₋ + ω (alpha S X + B − X₋)`` of a block of columns."""

    def __init__(
        self,
        smoother: sparse.csr_array,
        alpha: float,
        right: Real,
        real: type[np.floating],
        crew: Workers,
    ) -> None:
        self.alpha, self.right = alpha, right
        self._smoother, self._real = smoother, real
        self._weights = _converted(smoother.data, real, crew)
        self._tasks, self._crew = row_tasks(len(right)), crew
        self._given = np.empty(len(right), dtype=np.bool_)
        crew.each(self._look, self._tasks)
        self._right = block_of(right, real, self._given)
        given = right[self._given]
        self.lengths = lengths(np.einsum("ij,ij->j", given, given, dtype=np.float64))

    def _look(self, rows: slice) -> None:
        self._given[rows] = self.right[rows].any(axis=1)

    def blocks_of(self, start: Real) -> tuple[Real, Real]:
        """Copy a start twice: the steps go on in the copies."""
        given = self._given if start is self.right else slice(None)
        return block_of(start, self._real, given), block_of(start, self._real, given)

    def step(self, now: Real, before: Real, stride: float) -> NDArray[np.float64]:
        """Turn `before` into what comes after `now`; return the squared residuals of `now`."""
        from voisin.propagation.sparse_products import chebyshev_step

        sums = np.zeros((len(self._tasks), 1, WIDTH))
        smoother = self._smoother
        share, pace = self._real(self.alpha), self._real(stride)

        def work(number: int) -> None:
            rows = self._tasks[number]
            chebyshev_step(
                smoother.indptr,
                smoother.indices,
                self._weights,
                now,
                before,
                self._right,
                self._given,
                share,
                pace,
                rows.start,
                rows.stop,
                sums[number],
            )

        self._crew.each(work, range(len(self._tasks)))
        return np.asarray(sums.sum(axis=0)[0])
