"""Solve again for the rows of a solution that cannot be told from its error.

A solver stops by the norm of the residual, which the rows near the labels dominate. Far from all
labels the exact scores are positive, too, but may be smaller than that error by any factor. These
rows are solved for by themselves, with the rows around them as their right-hand side: now the
nearest of them are the largest, and are accurate; the others follow in further rounds.

This module must not know labels or classes.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import dijkstra

from voisin.propagation.matrices import Floats, Solution
from voisin.propagation.solvers import conjugate_gradients
from voisin.types import Indices

_ACCURATE = 1e-3  # largest estimated error of a row, as a share of the row; by hand
_STEPS = 10  # of Jacobi iteration, by hand: where an error of one row spreads to within these
_TOL = 1e-13  # of a round, by hand: it makes rows accurate down to about 1e-10 of its largest
_MAX_ROUNDS = 200  # by hand; after these, rows follow their strongest path


def refine_small_rows(
    transition: sparse.csr_array,
    diagonal: NDArray[np.float64],
    right: Floats,
    solution: Solution,
    max_iter: int,
) -> tuple[Solution, NDArray[np.float64]]:
    """Make every row of the solution of ``(diag(d) − T) X = B`` accurate by its own measure.

    Parameters
    ----------
    transition : csr_array of shape (n, n)
        T, symmetric and non-negative.
    diagonal : array of shape (n,)
        d, positive.
    right : array of shape (n, n_columns)
    solution : Solution
        Its rows are accurate by the norm of their columns.
    max_iter : int
        Of each round.

    Returns
    -------
    solution : Solution
        Its rows hold up to a factor each, since exact values may be below any number.
    levels : array of shape (n,)
        Logarithms of these factors: row i times ``exp(levels[i])`` is the row of X.

    Examples
    --------
    A path of 400 images whose weights shrink each score to a tenth of the one before.

    >>> path = sparse.diags_array([np.full(399, 0.1)] * 2, offsets=[-1, 1], format="csr")
    >>> right = np.eye(400)[:, :1]
    >>> first = conjugate_gradients(
    ...     (sparse.eye_array(400) - path).tocsr(), right, tol=1e-6, max_iter=99
    ... )
    >>> refined, levels = refine_small_rows(path, np.ones(400), right, first, 99)
    >>> bool(first.values[300, 0] > 0), round(float(np.log10(refined.values[300, 0])
    ...     + levels[300] / np.log(10)))
    (False, -299)
    """
    values, levels = solution.values.astype(np.float64), np.zeros(len(right))
    rows = _inaccurate(transition, diagonal, right, values)
    for _ in range(_MAX_ROUNDS if solution.converged else 0):
        if not len(rows):
            return replace(solution, values=values), levels
        from_rows = transition[rows]
        among, boundary = from_rows[:, rows], np.setdiff1d(from_rows.indices, rows)
        sizes = np.log(np.maximum(abs(values[boundary]).sum(axis=1), 1e-300)) + levels[boundary]
        level = sizes.max(initial=-np.inf if len(boundary) else 0.0)
        shifted = values[boundary] * np.exp(levels[boundary] - level)[:, None]
        inflow = from_rows[:, boundary] @ shifted + right[rows] * np.exp(min(-level, 600))
        largest = abs(inflow).max(initial=0)
        if not largest > 0:  # nothing leads to these rows
            return replace(solution, values=values), levels
        inflow /= largest
        matrix = (sparse.dia_array((diagonal[rows][None], 0), shape=among.shape) - among).tocsr()
        solved = conjugate_gradients(matrix, inflow, tol=_TOL, max_iter=max_iter)
        missed = _inaccurate(among, diagonal[rows], inflow, solved.values)
        found = np.ones(len(rows), dtype=bool)
        found[missed] = False
        values[rows[found]], levels[rows[found]] = solved.values[found], level + np.log(largest)
        solution = replace(
            solution,
            n_iter=solution.n_iter + solved.n_iter,
            converged=solution.converged and solved.converged,
        )
        rows = rows[missed]
        if not found.any():
            break
    if not solution.converged:  # what there is stays
        rows = rows[~values[rows].any(axis=1)]
    _follow_paths(transition, diagonal, values, levels, rows)
    return replace(solution, values=values), levels


def _inaccurate(
    transition: sparse.csr_array, diagonal: NDArray[np.float64], right: Floats, values: Floats
) -> Indices:
    """Find the rows whose error may be more than a share of the row, or that are 0.

    The error is ``(diag(d) − T)⁻¹`` times the residual: here the first terms of its series, with
    all signs alike.
    """
    sizes = abs(values).sum(axis=1)
    step = abs(right - diagonal[:, None] * values + transition @ values).max(axis=1) / diagonal
    error = step.copy()
    for _ in range(_STEPS):
        step = (transition @ step) / diagonal
        error += step
    return np.flatnonzero(~(error < _ACCURATE * sizes))


def _follow_paths(
    transition: sparse.csr_array,
    diagonal: NDArray[np.float64],
    values: Floats,
    levels: NDArray[np.float64],
    rows: Indices,
) -> None:
    """Give each row that of the accurate one at the end of its strongest path.

    This is what the solution tends to where each step shrinks scores by a large factor.
    """
    others = np.setdiff1d(np.arange(len(values)), rows)
    others = others[values[others].any(axis=1)]
    if not len(rows) or not len(others):
        return
    costs = transition.tocsr(copy=True)
    costs.data = 1e-9 - np.log(np.maximum(costs.data, 1e-300))
    costs.data += np.log(diagonal)[costs.indices]  # of the end of the step
    costs.data = np.maximum(costs.data, 1e-9)
    lengths, _, origin = dijkstra(costs, indices=others, min_only=True, return_predecessors=True)
    found = rows[np.isfinite(lengths[rows])]
    values[found] = values[origin[found]]
    levels[found] = levels[origin[found]] - lengths[found]
