"""Solvers of linear equations with a symmetric sparse matrix and several right-hand sides.

It has Chebyshev iteration (Golub & Varga 1961), if the spectrum of the matrix is known, and
conjugate gradients (Hestenes & Stiefel 1952), if it is not. Columns are solved in blocks of
`WIDTH`, so that memory stays bounded. This module must not know labels or classes.
"""

import warnings
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from voisin.errors import ConvergenceWarning
from voisin.neighbors.graph import order_nodes, reorder_matrix
from voisin.parallel import Workers, blocks, workers
from voisin.propagation.matrices import WIDTH, Floats, Solution, copy_to_block, zero_block

# Fewest rows of a thread's task, and largest number of tasks: chosen by hand. Handing over smaller
# tasks takes more time than they do; larger tasks leave threads idle at the end.
_MIN_TASK_ROWS = 1 << 13
_MAX_TASKS = 64
_FLOAT32_TOL = (
    1e-5  # smallest tolerance for float32, by hand: smaller residuals are mostly rounding
)
# With as many rows, conjugate gradients first bring neighbors together in memory. At 70,000
# rows (in reverse Cuthill-McKee order) this takes 0.03 s and saves 40 % of the 1.3 s of a hundred
# steps. The limit was chosen by hand.
_MIN_ROWS_TO_REORDER = 20_000


def chebyshev(
    smoother: sparse.csr_array,
    alpha: float,
    right: Floats,
    *,
    tol: float,
    max_iter: int,
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

    def solve(columns: slice, pool: Workers) -> Solution:
        smoothing = _Smoothing(smoother, alpha, right[:, columns], _choose_dtype(tol), pool)
        now, before = smoothing.copies_of()
        right_norms = smoothing.right_norms
        omega, residual = 1.0, np.inf
        for n_iter in range(1, max_iter + 2):
            squares = smoothing.step(now, before, omega)
            residual = float((np.sqrt(squares[: len(right_norms)]) / right_norms).max())
            if residual <= tol or n_iter > max_iter:
                break
            now, before = before, now
            omega = 1 / (1 - alpha**2 / 2) if n_iter == 1 else 1 / (1 - alpha**2 * omega / 4)
        values = now[:, : len(right_norms)]
        return Solution(values, n_iter - 1, residual, converged=residual <= tol)

    return _solve_by_columns(solve, right, tol, max_iter, n_jobs)


def iterate(matrix: sparse.csr_array, right: Floats, start: Floats, n_steps: int) -> Floats:
    """Repeat ``X ← A X + B`` for `n_steps` steps, in float32.

    Examples
    --------
    >>> halve = sparse.csr_array([[0.5]])
    >>> iterate(halve, np.array([[1.0]]), np.array([[0.0]]), 3)
    array([[1.75]], dtype=float32)
    """
    result = np.empty(start.shape, dtype=np.float32)
    with workers(1 if len(start) <= _MIN_TASK_ROWS else None) as pool:
        for columns in blocks(start.shape[1], WIDTH):
            smoothing = _Smoothing(matrix, 1, right[:, columns], np.float32, pool)
            now, before = smoothing.copies_of(start[:, columns])
            for _ in range(n_steps):
                smoothing.step(now, before, 1)
                now, before = before, now
            result[:, columns] = now[:, : columns.stop - columns.start]
    return result


class _Smoothing:
    """The steps ``X₋ ← X₋ + ω (alpha S X + B − X₋)`` of a block of columns.

    Only the rows of B that are not all zero are read: with few labels, these are few.
    """

    def __init__(
        self,
        smoother: sparse.csr_array,
        alpha: float,
        right: Floats,
        dtype: type[np.floating],
        pool: Workers,
    ) -> None:
        self._smoother, self._weights = smoother, smoother.data
        self._alpha, self._source, self._dtype = dtype(alpha), right, dtype
        self._tasks, self._pool = _split_rows(len(right)), pool
        self._nonzero = np.empty(len(right), dtype=np.bool_)

        def find_nonzero(rows: slice) -> None:
            self._nonzero[rows] = right[rows].any(axis=1)

        def convert_weights(part: slice) -> None:
            self._weights[part] = smoother.data[part]

        pool.each(find_nonzero, self._tasks)
        if smoother.data.dtype != dtype:
            self._weights = np.empty(len(smoother.data), dtype=dtype)
            pool.each(convert_weights, _split_rows(len(smoother.data)))
        self._right = copy_to_block(right, dtype, self._nonzero)
        nonzero_rows = right[self._nonzero]
        self.right_norms = _norms(_column_dots(nonzero_rows, nonzero_rows))

    def copies_of(self, start: Floats | None = None) -> tuple[Floats, Floats]:
        """Copy the start, B by default, into two blocks, which the steps change in turn."""
        first, rows = (self._source, self._nonzero) if start is None else (start, slice(None))
        return copy_to_block(first, self._dtype, rows), copy_to_block(first, self._dtype, rows)

    def step(self, now: Floats, before: Floats, omega: float) -> NDArray[np.float64]:
        """Turn `before` into what comes after `now`; return the squared residuals of `now`."""
        from voisin.propagation.sparse_products import chebyshev_step

        sums = np.zeros((len(self._tasks), 1, WIDTH))
        relaxation = self._dtype(omega)

        def work(task: int) -> None:
            rows = self._tasks[task]
            chebyshev_step(
                self._smoother.indptr,
                self._smoother.indices,
                self._weights,
                now,
                before,
                self._right,
                self._nonzero,
                self._alpha,
                relaxation,
                rows.start,
                rows.stop,
                sums[task],
            )

        self._pool.each(work, range(len(self._tasks)))
        return np.asarray(sums.sum(axis=0)[0])


def conjugate_gradients(
    matrix: sparse.csr_array,
    right: Floats,
    *,
    tol: float,
    max_iter: int,
    n_jobs: int | None = None,
) -> Solution:
    """Solve ``A X = B`` for a symmetric, positive (semi)definite A, scaled by its diagonal.

    Where A is singular, B must lie in its range. A coarse tolerance is sought in float32. The
    residual that the steps carry along drifts from the true one, which is computed last; if it
    is above the tolerance, the steps go on in float64.

    Parameters
    ----------
    matrix : csr_array of shape (n, n)
    right : array of shape (n, n_columns)
    tol : float
        A column stands still once ``|b − A x| <= tol · |b|``.
    max_iter : int
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
    order = order_nodes(matrix) if matrix.shape[0] >= _MIN_ROWS_TO_REORDER else None
    ordered = matrix if order is None else reorder_matrix(matrix, order)
    rows = slice(None) if order is None else order

    def solve(columns: slice, pool: Workers) -> Solution:
        block, dtype = right[rows, columns], _choose_dtype(tol)
        solution = _ConjugateGradients(ordered, block, None, tol, pool, dtype).run(max_iter)
        residual_norms = np.linalg.norm(block - ordered @ solution.values, axis=0)
        residual = float((residual_norms / _norms(_column_dots(block, block))).max(initial=0))
        if residual <= tol or not solution.converged or dtype is np.float64:
            return replace(solution, residual=max(residual, solution.residual))
        finer = _ConjugateGradients(ordered, block, solution.values, tol, pool, np.float64)
        finer_solution = finer.run(max_iter - solution.n_iter)
        return replace(finer_solution, n_iter=solution.n_iter + finer_solution.n_iter)

    solution = _solve_by_columns(solve, right, tol, max_iter, n_jobs)
    if order is None:
        return solution
    values = np.empty_like(solution.values)
    values[order] = solution.values
    return replace(solution, values=values)


class _ConjugateGradients:
    """Conjugate gradients of a block of columns, each with its own step lengths.

    In the notation of textbooks: x `_values`, r `_residual`, p `_direction`, A p `_product` and
    z = r · `_scale`, the residual times the inverse of the diagonal.
    """

    def __init__(
        self,
        matrix: sparse.csr_array,
        right: Floats,
        start: Floats | None,
        tol: float,
        pool: Workers,
        dtype: type[np.floating],
    ) -> None:
        self._matrix = (matrix.indptr, matrix.indices, matrix.data.astype(dtype, copy=False))
        self._pool, self._tasks = pool, _split_rows(matrix.shape[0])
        diagonal = matrix.diagonal()
        scale = np.divide(1, diagonal, where=diagonal > 0, out=np.ones(len(diagonal)))
        self._scale = scale.astype(dtype)
        first, residual = (0, right) if start is None else (start, right - matrix @ start)
        self._values = zero_block(len(right), dtype)
        self._values[:, : right.shape[1]] = first
        self._residual = copy_to_block(residual, dtype)
        self._direction = copy_to_block(self._scale[:, None] * self._residual, dtype)
        self._product = zero_block(len(right), dtype)
        self._n_columns, self._tol = right.shape[1], tol
        block = copy_to_block(right, dtype)
        self._right_norms = _norms(_column_dots(block, block))

    def run(self, max_iter: int) -> Solution:
        """Take steps until every column has converged; one that has stands still."""
        residual = np.sqrt(_column_dots(self._residual, self._residual)) / self._right_norms
        r_z = _column_dots(self._residual, self._direction)
        n_iter = 0
        while residual.max() > self._tol and n_iter < max_iter:
            p_a_p = self._multiply()
            step_length = _divide(r_z, p_a_p, (residual > self._tol) & (p_a_p > 0))
            squares, next_r_z = self._update_residual(step_length)
            self._update_direction(step_length, _divide(next_r_z, r_z, step_length > 0))
            residual, r_z = np.sqrt(squares) / self._right_norms, next_r_z
            n_iter += 1
        largest = float(residual.max())
        values = self._values[:, : self._n_columns].astype(np.float64)
        return Solution(values, n_iter, largest, converged=largest <= self._tol)

    def _multiply(self) -> NDArray[np.float64]:
        """Compute A p; return pᵀAp of each column."""
        from voisin.propagation.sparse_products import sparse_multiply

        def work(rows: slice, sums: NDArray[np.float64]) -> None:
            sparse_multiply(
                *self._matrix, self._direction, rows.start, rows.stop, self._product, sums
            )

        return self._sum_over_tasks(work, 1)[0]

    def _update_residual(self, step_length: Floats) -> NDArray[np.float64]:
        """Take the step from r; return rᵀr and rᵀz of each column."""
        from voisin.propagation.sparse_products import update_residual

        length = step_length[None].astype(self._scale.dtype)

        def work(rows: slice, sums: NDArray[np.float64]) -> None:
            update_residual(
                self._residual, self._product, self._scale, length, rows.start, rows.stop, sums
            )

        return self._sum_over_tasks(work, 2)

    def _update_direction(self, step_length: Floats, beta: Floats) -> None:
        """Take the step in x; then ``p ← z + beta p``."""
        from voisin.propagation.sparse_products import update_direction

        length, part = (row[None].astype(self._scale.dtype) for row in (step_length, beta))

        def work(rows: slice) -> None:
            update_direction(
                self._values,
                self._residual,
                self._direction,
                self._scale,
                length,
                part,
                rows.start,
                rows.stop,
            )

        self._pool.each(work, self._tasks)

    def _sum_over_tasks(
        self, work: Callable[[slice, NDArray[np.float64]], None], n_sums: int
    ) -> NDArray[np.float64]:
        """Do the work on all rows, and add up the sums of the tasks in their order."""
        sums = np.zeros((len(self._tasks), n_sums, WIDTH))
        self._pool.each(lambda task: work(self._tasks[task], sums[task]), range(len(self._tasks)))
        return np.asarray(sums.sum(axis=0))


def _solve_by_columns(
    solve: Callable[[slice, Workers], Solution],
    right: Floats,
    tol: float,
    max_iter: int,
    n_jobs: int | None,
) -> Solution:
    """Solve a block of columns at a time, join them, and warn unless all have converged."""
    with workers(1 if len(right) <= _MIN_TASK_ROWS else n_jobs) as pool:
        parts = [solve(columns, pool) for columns in blocks(right.shape[1], WIDTH)]
    solution = Solution(
        parts[0].values if len(parts) == 1 else np.hstack([part.values for part in parts]),
        max(part.n_iter for part in parts),
        max(part.residual for part in parts),
        all(part.converged for part in parts),
    )
    if not solution.converged:
        message = (
            f"Not solved after max_iter={max_iter} steps (relative residual "
            f"{solution.residual:.1g}): raise max_iter or tol={tol:g}."
        )
        warnings.warn(
            message, ConvergenceWarning, stacklevel=4
        )  # at the caller of a method, or near it
    return solution


def _choose_dtype(tol: float) -> type[np.floating]:
    """Choose the precision in which a tolerance can be reached."""
    return np.float32 if tol >= _FLOAT32_TOL else np.float64


def _column_dots(left: Floats, right: Floats) -> NDArray[np.float64]:
    return np.asarray(np.einsum("ij,ij->j", left, right, dtype=np.float64))


def _norms(squares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Take square roots; 1 for a column of zeros, whose residual, 0, is divided by it."""
    return np.sqrt(np.where(squares > 0, squares, 1))


def _divide(above: Floats, below: Floats, where: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Divide, with 0 elsewhere."""
    return np.divide(above, below, where=where, out=np.zeros(len(above)))


def _split_rows(n_rows: int) -> list[slice]:
    """Split the rows into tasks, the same for any number of threads."""
    return blocks(n_rows, max(_MIN_TASK_ROWS, -(-n_rows // _MAX_TASKS)))
