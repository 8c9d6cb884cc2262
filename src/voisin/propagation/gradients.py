"""Conjugate gradients for several right-hand sides; they know matrices, not labels.

Hestenes & Stiefel 1952. Each column goes its own way, and leaves when it has converged.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from voisin.parallel import Workers, blocks
from voisin.propagation.solvers import (
    ROWS,
    Real,
    Solution,
    by_columns,
    lengths,
    precision,
)

_MANY_ROWS = 20_000


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
    order = _order(matrix)
    ordered = matrix if order is None else matrix[order][:, order].tocsr()

    def solve(columns: slice, crew: Workers) -> Solution:
        rows = slice(None) if order is None else order
        guess = None if start is None else start[rows, columns]
        return _Descent(ordered, right[rows, columns], guess, tol, crew).run(max_iter)

    found = by_columns(solve, right, tol, max_iter, n_jobs)
    if order is None:
        return found
    values = np.empty_like(found.values)
    values[order] = found.values
    return Solution(values, found.n_iter, found.residual, found.converged)


def _order(matrix: sparse.csr_array) -> NDArray[np.int64] | None:
    """Bring neighbors together in memory where that repays itself within a few steps."""
    if matrix.shape[0] < _MANY_ROWS:
        return None
    return sparse.csgraph.reverse_cuthill_mckee(matrix, symmetric_mode=True).astype(np.int64)


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
        self._real = precision(tol)
        self._weights = matrix.data.astype(self._real, copy=False)
        self._crew = crew
        self._tol = tol
        self._tasks = blocks(matrix.shape[0], ROWS)
        diagonal = matrix.diagonal().astype(np.float64)
        scale = np.divide(1, diagonal, where=diagonal > 0, out=np.ones_like(diagonal))
        self._scale = scale.astype(self._real)
        self._goal = lengths(np.einsum("ij,ij->j", right, right, dtype=np.float64))
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
