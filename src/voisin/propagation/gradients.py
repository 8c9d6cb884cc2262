"""Conjugate gradients for several right-hand sides; they know matrices, not labels.

Hestenes & Stiefel 1952. Each column goes its own way, and stands still once it has converged.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from voisin.neighbors.graph import order_nodes, reorder_matrix
from voisin.parallel import Workers
from voisin.propagation.columns import WIDTH, block_of, zeros
from voisin.propagation.solvers import (
    Real,
    Solution,
    by_columns,
    lengths,
    precision,
    row_tasks,
)

_MANY_ROWS = 20_000  # from here on it repays itself to bring neighbors together in memory


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
        A column stands still once ``|b − A x| <= tol · |b|``.
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
    order = order_nodes(matrix) if matrix.shape[0] >= _MANY_ROWS else None
    ordered = matrix if order is None else reorder_matrix(matrix, order)

    def solve(columns: slice, crew: Workers) -> Solution:
        rows = slice(None) if order is None else order
        guess = None if start is None else start[rows, columns]
        return _solve(ordered, right[rows, columns], guess, tol, max_iter, crew)

    found = by_columns(solve, right, tol, max_iter, n_jobs)
    if order is None:
        return found
    values = np.empty_like(found.values)
    values[order] = found.values
    return Solution(values, found.n_iter, found.residual, found.converged)


def _solve(
    matrix: sparse.csr_array,
    right: NDArray[np.floating],
    start: NDArray[np.floating] | None,
    tol: float,
    max_iter: int,
    crew: Workers,
) -> Solution:
    """Descend in the precision that should do; where it did not, go on in float64.

    The residual that the steps carry along drifts from the true one, which is computed last.
    """
    real = precision(tol)
    found = _Descent(matrix, right, start, tol, crew, real).run(max_iter)
    left = _true_residual(matrix, right, found.values)
    if left <= tol or not found.converged or real is np.float64:
        return replace(found, residual=max(left, found.residual))
    again = _Descent(matrix, right, found.values, tol, crew, np.float64)
    more = again.run(max_iter - found.n_iter)
    return replace(more, n_iter=found.n_iter + more.n_iter)


def _true_residual(
    matrix: sparse.csr_array, right: NDArray[np.floating], values: NDArray[np.floating]
) -> float:
    left = right - matrix @ values
    squares = np.einsum("ij,ij->j", right, right, dtype=np.float64)
    return float((np.linalg.norm(left, axis=0) / lengths(squares)).max(initial=0))


class _Descent:
    """Conjugate gradients of a block of columns."""

    def __init__(
        self,
        matrix: sparse.csr_array,
        right: NDArray[np.floating],
        start: NDArray[np.floating] | None,
        tol: float,
        crew: Workers,
        real: type[np.floating],
    ) -> None:
        self._matrix, self._weights = matrix, matrix.data.astype(real, copy=False)
        self._crew, self._tasks = crew, row_tasks(matrix.shape[0])
        diagonal = matrix.diagonal()
        scale = np.divide(1, diagonal, where=diagonal > 0, out=np.ones(len(diagonal)))
        self._scale = scale.astype(real)
        first, left = (0, right) if start is None else (start, right - matrix @ start)
        self._values = zeros(len(right), real)
        self._values[:, : right.shape[1]] = first
        self._residual = block_of(left, real)
        self._direction = block_of(self._scale[:, None] * self._residual, real)
        self._product = zeros(len(right), real)
        self._n_columns, self._tol = right.shape[1], tol
        self._goal = lengths(_dots(block_of(right, real), block_of(right, real)))

    def run(self, max_iter: int) -> Solution:
        """Descend until every column has converged."""
        left = np.sqrt(_dots(self._residual, self._residual)) / self._goal
        steepness = _dots(self._residual, self._direction)
        n_iter = 0
        while left.max() > self._tol and n_iter < max_iter:
            bend = self._multiply()
            length = _ratio(steepness, bend, (left > self._tol) & (bend > 0))
            squares, new = self._descend(length)
            self._turn(length, _ratio(new, steepness, length > 0))
            left, steepness = np.sqrt(squares) / self._goal, new
            n_iter += 1
        worst = float(left.max())
        values = self._values[:, : self._n_columns].astype(np.float64)
        return Solution(values, n_iter, worst, converged=worst <= self._tol)

    def _multiply(self) -> NDArray[np.float64]:
        from voisin.propagation.sparse_products import sparse_multiply

        def work(rows: slice, sums: NDArray[np.float64]) -> None:
            sparse_multiply(
                self._matrix.indptr,
                self._matrix.indices,
                self._weights,
                self._direction,
                rows.start,
                rows.stop,
                self._product,
                sums,
            )

        return self._sum(work, 1)[0]

    def _descend(self, length: Real) -> NDArray[np.float64]:
        from voisin.propagation.sparse_products import update_residual

        far = length[None].astype(self._scale.dtype)

        def work(rows: slice, sums: NDArray[np.float64]) -> None:
            update_residual(
                self._residual, self._product, self._scale, far, rows.start, rows.stop, sums
            )

        return self._sum(work, 2)

    def _turn(self, length: Real, keep: Real) -> None:
        from voisin.propagation.sparse_products import update_direction

        far, part = (row[None].astype(self._scale.dtype) for row in (length, keep))

        def work(rows: slice) -> None:
            update_direction(
                self._values,
                self._residual,
                self._direction,
                self._scale,
                far,
                part,
                rows.start,
                rows.stop,
            )

        self._crew.each(work, self._tasks)

    def _sum(
        self, work: Callable[[slice, NDArray[np.float64]], None], n_sums: int
    ) -> NDArray[np.float64]:
        """Do the work on all rows, and add up the sums of the tasks in their order."""
        sums = np.zeros((len(self._tasks), n_sums, WIDTH))
        self._crew.each(lambda n: work(self._tasks[n], sums[n]), range(len(self._tasks)))
        return np.asarray(sums.sum(axis=0))


def _dots(left: Real, right: Real) -> NDArray[np.float64]:
    return np.asarray(np.einsum("ij,ij->j", left, right, dtype=np.float64))


def _ratio(above: Real, below: Real, where: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Divide, with 0 elsewhere."""
    return np.divide(above, below, where=where, out=np.zeros(len(above)))
