"""Solvers of the linear equations that propagation methods pose; they know nothing of labels.

Chebyshev iteration: Golub & Varga 1961. Conjugate gradients: Hestenes & Stiefel 1952; each
column goes its own way, and leaves when it has converged. Many columns are solved a few at a
time, so that memory stays bounded.
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
_ROWS = 1 << 13  # of a task
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

    return _by_columns(solve, right, tol, max_iter, n_jobs)


def conjugate_gradients(
    matrix: sparse.csr_array,
    right: NDArray[np.floating],
    *,
    tol: float,
    max_iter: int,
    start: NDArray[np.floating] | None = None,
    n_jobs: int | None = None,
) -> Solution:
    """Solve ``A X = B`` for a symmetric, positive (semi)definite A, scaled by its diagonal.

    Where A is singular, B must lie in its range.

    Parameters
    ----------
    matrix : csr_array of shape (n, n)
    right : array of shape (n, n_columns)
    tol : float
        A column leaves once ``|b − A x| <= tol · |b|``.
    max_iter : int
    start : array of shape (n, n_columns), optional
        A good guess; zero by default.
    n_jobs : int, optional

    Warns
    -----
    ConvergenceWarning
        After `max_iter` steps; the solution then says ``converged=False``.

    Examples
    --------
    >>> matrix = sparse.csr_array([[2.0, -1], [-1, 2]])
    >>> conjugate_gradients(matrix, np.array([[3.0], [0]]), tol=1e-9, max_iter=9).values.round(6)
    array([[2.],
           [1.]])
    """

    def solve(columns: slice, crew: Workers) -> Solution:
        guess = None if start is None else start[:, columns]
        return _Descent(matrix, right[:, columns], guess, tol, crew).run(max_iter)

    return _by_columns(solve, right, tol, max_iter, n_jobs)


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
    with workers(1 if len(now) <= _ROWS else None) as crew:
        for _ in range(n_steps):
            _step(matrix, weights, now, before, known, one, one, crew)
            now, before = before, now
    return now


def _by_columns(
    solve: Callable[[slice, Workers], Solution],
    right: NDArray[np.floating],
    tol: float,
    max_iter: int,
    n_jobs: int | None,
) -> Solution:
    few = len(right) <= _ROWS
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


def _precision(tol: float) -> type[np.floating]:
    return np.float32 if tol >= _COARSEST_FOR_FLOAT64 else np.float64


def _lengths(squares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Square roots, with 1 for columns of zeros: whatever they are compared with is zero too."""
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
    real = _precision(tol)
    weights = smoother.data.astype(real, copy=False)
    known = np.ascontiguousarray(right, dtype=real)
    now = np.array(start, dtype=real, order="C")
    before = now.copy()
    goal = _lengths(np.einsum("ij,ij->j", known, known, dtype=np.float64))
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

    tasks = blocks(len(now), _ROWS)
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


class _Descent:
    """Conjugate gradients of several columns at once."""

    def __init__(
        self,
        matrix: sparse.csr_array,
        right: NDArray[np.floating],
        start: NDArray[np.floating] | None,
        tol: float,
        crew: Workers,
    ) -> None:
        self._matrix = matrix
        self._real = _precision(tol)
        self._weights = matrix.data.astype(self._real, copy=False)
        self._crew = crew
        self._tol = tol
        self._tasks = blocks(matrix.shape[0], _ROWS)
        diagonal = matrix.diagonal().astype(np.float64)
        scale = np.divide(1, diagonal, where=diagonal > 0, out=np.ones_like(diagonal))
        self._scale = scale.astype(self._real)
        self._goal = _lengths(np.einsum("ij,ij->j", right, right, dtype=np.float64))
        self._found = np.zeros(right.shape) if start is None else start.astype(np.float64)
        self._residual = right.astype(np.float64, order="C")
        if start is not None:
            self._residual = self._residual - matrix @ self._found

    def run(self, max_iter: int) -> Solution:
        """Descend until every column has converged."""
        residual, scale = self._residual, self._scale
        left = np.sqrt(np.einsum("ij,ij->j", residual, residual)) / self._goal
        active = np.flatnonzero(left > self._tol)
        values, residual = (
            np.array(a[:, active], dtype=self._real, order="C") for a in (self._found, residual)
        )
        direction = scale[:, None] * residual
        steepness = np.einsum("ij,ij->j", residual, direction, dtype=np.float64)
        n_iter = 0
        while len(active) and n_iter < max_iter:
            product, bend = self._multiply(direction)
            length = np.divide(steepness, bend, where=bend > 0, out=np.zeros_like(bend))
            squares, new = self._descend(values, residual, direction, product, length)
            keep = np.divide(new, steepness, where=steepness > 0, out=np.zeros_like(new))
            self._turn(residual, direction, keep)
            steepness = new
            left[active] = np.sqrt(squares) / self._goal[active]
            n_iter += 1
            going = left[active] > self._tol
            if not going.all():
                self._found[:, active[~going]] = values[:, ~going]
                active, steepness = active[going], steepness[going]
                values, residual, direction = (
                    np.ascontiguousarray(a[:, going]) for a in (values, residual, direction)
                )
        self._found[:, active] = values
        worst = float(left.max(initial=0))
        return Solution(self._found, n_iter, worst, converged=worst <= self._tol)

    def _multiply(self, direction: Real) -> tuple[Real, NDArray[np.float64]]:
        from voisin.propagation.products import multiply

        product = np.empty_like(direction)
        sums = np.zeros((len(self._tasks), direction.shape[1]))
        matrix, weights, tasks = self._matrix, self._weights, self._tasks

        def work(number: int) -> None:
            rows = tasks[number]
            multiply(
                matrix.indptr,
                matrix.indices,
                weights,
                direction,
                rows.start,
                rows.stop,
                product,
                sums[number],
            )

        self._crew.each(work, range(len(tasks)))
        return product, sums.sum(axis=0)

    def _descend(
        self,
        values: Real,
        residual: Real,
        direction: Real,
        product: Real,
        length: NDArray[np.float64],
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        from voisin.propagation.products import descend

        n_columns = values.shape[1]
        sums = np.zeros((len(self._tasks), 2 * n_columns))
        scale, tasks = self._scale, self._tasks

        def work(number: int) -> None:
            rows = tasks[number]
            descend(
                values,
                residual,
                direction,
                product,
                scale,
                length.astype(self._real),
                rows.start,
                rows.stop,
                sums[number],
            )

        self._crew.each(work, range(len(tasks)))
        total = sums.sum(axis=0)
        return total[:n_columns], total[n_columns:]

    def _turn(self, residual: Real, direction: Real, keep: NDArray[np.float64]) -> None:
        from voisin.propagation.products import turn

        scale, part = self._scale, keep.astype(self._real)
        self._crew.each(
            lambda rows: turn(residual, direction, scale, part, rows.start, rows.stop), self._tasks
        )
