"""Compiled products of a sparse matrix with a few dense columns; they know no equations.

Each function does rows ``start`` to ``stop`` only, so that threads can share the work, and puts
its sums over these rows, always in float64, into a place of its own, so that they are added in
the same order however many threads there are.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from voisin.parallel import compiled

Whole: TypeAlias = NDArray[np.integer]
Real: TypeAlias = NDArray[np.floating]


@compiled
def _row_times(
    ends: Whole, indices: Whole, weights: Real, columns: Real, row: int, total: Real
) -> None:
    total[:] = 0
    for edge in range(ends[row], ends[row + 1]):
        weight = weights[edge]
        neighbor = columns[indices[edge]]
        for c in range(len(total)):
            total[c] += weight * neighbor[c]


@compiled
def chebyshev_step(
    ends: Whole,
    indices: Whole,
    weights: Real,
    now: Real,
    before: Real,
    right: Real,
    alpha: np.floating,
    stride: np.floating,
    start: int,
    stop: int,
    sums: Real,
) -> None:
    """Turn `before` into what comes after `now`, and sum the squared residuals of `now`.

    ``before ← before + stride · (alpha S now + right − before)``
    """
    total = np.empty(now.shape[1], now.dtype)
    for row in range(start, stop):
        _row_times(ends, indices, weights, now, row, total)
        for c in range(now.shape[1]):
            fixed = alpha * total[c] + right[row, c]
            residual = np.float64(fixed - now[row, c])
            sums[c] += residual * residual
            before[row, c] += stride * (fixed - before[row, c])


@compiled
def multiply(
    ends: Whole,
    indices: Whole,
    weights: Real,
    columns: Real,
    start: int,
    stop: int,
    product: Real,
    sums: Real,
) -> None:
    """Compute ``A x``, and sum ``x · A x`` of each column."""
    for row in range(start, stop):
        _row_times(ends, indices, weights, columns, row, product[row])
        for c in range(columns.shape[1]):
            sums[c] += np.float64(columns[row, c]) * np.float64(product[row, c])


@compiled
def descend(
    values: Real,
    residual: Real,
    direction: Real,
    product: Real,
    scale: Real,
    length: Real,
    start: int,
    stop: int,
    sums: Real,
) -> None:
    """Go along the directions; sum the squares of the new residuals, plain and scaled."""
    n_columns = values.shape[1]
    for row in range(start, stop):
        for c in range(n_columns):
            values[row, c] += length[c] * direction[row, c]
            left = residual[row, c] - length[c] * product[row, c]
            residual[row, c] = left
            square = np.float64(left) * np.float64(left)
            sums[c] += square
            sums[n_columns + c] += scale[row] * square


@compiled
def turn(residual: Real, direction: Real, scale: Real, keep: Real, start: int, stop: int) -> None:
    """Compute the next directions: the scaled residuals, and a part of the old directions."""
    for row in range(start, stop):
        for c in range(residual.shape[1]):
            direction[row, c] = scale[row] * residual[row, c] + keep[c] * direction[row, c]
