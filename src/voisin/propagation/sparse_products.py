"""Compiled products of a sparse matrix with a block of columns; they know no equations.

Each function does rows ``start`` to ``stop`` only, so that threads can share the work, and puts
its sums over these rows, always in float64, into a place of its own, so that they are added in
the same order however many threads there are. Edges are counted without signs: for numbers that
could be below zero, compiled code would look at each edge whether they count from the end.
"""

from typing import Any, TypeAlias

import numpy as np
from numba.extending import register_jitable
from numpy.typing import NDArray

from voisin.parallel import compiled
from voisin.propagation.simd import fill, load_vector, prefetch, store_vector, to_float64

Whole: TypeAlias = NDArray[np.integer]
Real: TypeAlias = NDArray[np.floating]
Flags: TypeAlias = NDArray[np.bool_]

_AHEAD = np.uint64(128)  # edges between asking for a row and reading it


@register_jitable
def _row_times(ends: Whole, indices: Whole, weights: Real, columns: Real, row: int) -> Any:
    total = fill(columns, 0.0)
    start, stop = np.uint64(ends[row]), np.uint64(ends[row + 1])
    ahead = min(_AHEAD, np.uint64(len(indices)) - stop)
    for edge in range(start, stop):
        prefetch(columns, indices[edge + ahead])
        total += weights[edge] * load_vector(columns, indices[edge])
    return total


@compiled
def chebyshev_step(
    ends: Whole,
    indices: Whole,
    weights: Real,
    now: Real,
    before: Real,
    right: Real,
    given: Flags,
    alpha: np.floating,
    stride: np.floating,
    start: int,
    stop: int,
    sums: Real,
) -> None:
    """Turn `before` into what comes after `now`, and sum the squared residuals of `now`.

    ``before ← before + stride · (alpha S now + right − before)``

    Only the rows of `right` that are given are read: the others are zeros.
    """
    squares = load_vector(sums, 0)
    for row in range(start, stop):
        fixed = alpha * _row_times(ends, indices, weights, now, row)
        if given[row]:
            fixed += load_vector(right, row)
        residual = to_float64(fixed - load_vector(now, row))
        squares += residual * residual
        last = load_vector(before, row)
        store_vector(before, row, last + stride * (fixed - last))
    store_vector(sums, 0, squares)


@compiled
def sparse_multiply(
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
    total = load_vector(sums, 0)
    for row in range(start, stop):
        times = _row_times(ends, indices, weights, columns, row)
        store_vector(product, row, times)
        total += to_float64(load_vector(columns, row)) * to_float64(times)
    store_vector(sums, 0, total)


@compiled
def update_residual(
    residual: Real,
    product: Real,
    scale: Real,
    length: Real,
    start: int,
    stop: int,
    sums: Real,
) -> None:
    """Take the steps off the residuals; sum their squares, plain and scaled."""
    far = load_vector(length, 0)
    plain, scaled = load_vector(sums, 0), load_vector(sums, 1)
    for row in range(start, stop):
        left = load_vector(residual, row) - far * load_vector(product, row)
        store_vector(residual, row, left)
        square = to_float64(left) * to_float64(left)
        plain += square
        scaled += np.float64(scale[row]) * square
    store_vector(sums, 0, plain)
    store_vector(sums, 1, scaled)


@compiled
def update_direction(
    values: Real,
    residual: Real,
    direction: Real,
    scale: Real,
    length: Real,
    keep: Real,
    start: int,
    stop: int,
) -> None:
    """Go along the directions, then compute the next ones.

    They are the scaled residuals, and a part of the old directions.
    """
    far, part = load_vector(length, 0), load_vector(keep, 0)
    for row in range(start, stop):
        old = load_vector(direction, row)
        store_vector(values, row, load_vector(values, row) + far * old)
        store_vector(direction, row, scale[row] * load_vector(residual, row) + part * old)
