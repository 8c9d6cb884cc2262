"""Compiled loops of the solvers: products of a sparse matrix with a block of columns, and steps.

Each function works on the rows ``start`` to ``stop``, so that threads can share the work. It puts
its sums over these rows, always in float64, into an array of its own, so that they are added in
the same order however many threads there are. Edges are counted with unsigned integers: with
signed ones, compiled code would test at each edge whether the index counts from the end.

This module must not know the equations that are solved. It is imported late, since numba is.
"""

from typing import Any

import numpy as np
from numba.extending import register_jitable

from voisin.parallel import compiled
from voisin.propagation.matrices import Booleans, Floats, Integers
from voisin.propagation.simd import fill, load_vector, prefetch, store_vector, to_float64

# Edges between asking memory for a row and reading it; chosen by hand: too few, and the row has
# not arrived; too many, and it has left the cache again.
_EDGES_AHEAD = np.uint64(128)


@register_jitable
def _row_product(
    indptr: Integers, indices: Integers, weights: Floats, columns: Floats, row: int
) -> Any:
    """Compute row `row` of the product of the matrix with the columns."""
    total = fill(columns, 0.0)
    start, stop = np.uint64(indptr[row]), np.uint64(indptr[row + 1])
    ahead = min(_EDGES_AHEAD, np.uint64(len(indices)) - stop)
    for edge in range(start, stop):
        prefetch(columns, indices[edge + ahead])
        total += weights[edge] * load_vector(columns, indices[edge])
    return total


@compiled
def chebyshev_step(
    indptr: Integers,
    indices: Integers,
    weights: Floats,
    now: Floats,
    before: Floats,
    right: Floats,
    nonzero: Booleans,
    alpha: np.floating,
    omega: np.floating,
    start: int,
    stop: int,
    sums: Floats,
) -> None:
    """Turn `before` into what comes after `now`, and sum the squared residuals of `now`.

    ``before ← before + omega · (alpha S now + right − before)``

    Only the rows of `right` that are marked in `nonzero` are read.
    """
    squares = load_vector(sums, 0)
    for row in range(start, stop):
        fixed_point = alpha * _row_product(indptr, indices, weights, now, row)
        if nonzero[row]:
            fixed_point += load_vector(right, row)
        residual = to_float64(fixed_point - load_vector(now, row))
        squares += residual * residual
        last = load_vector(before, row)
        store_vector(before, row, last + omega * (fixed_point - last))
    store_vector(sums, 0, squares)


@compiled
def sparse_multiply(
    indptr: Integers,
    indices: Integers,
    weights: Floats,
    columns: Floats,
    start: int,
    stop: int,
    product: Floats,
    sums: Floats,
) -> None:
    """Compute ``A x``, and sum ``x · A x`` of each column."""
    total = load_vector(sums, 0)
    for row in range(start, stop):
        row_product = _row_product(indptr, indices, weights, columns, row)
        store_vector(product, row, row_product)
        total += to_float64(load_vector(columns, row)) * to_float64(row_product)
    store_vector(sums, 0, total)


@compiled
def update_residual(
    residual: Floats,
    product: Floats,
    scale: Floats,
    step_length: Floats,
    start: int,
    stop: int,
    sums: Floats,
) -> None:
    """Compute ``r ← r − step_length · A p``; sum rᵀr and rᵀz, where z is r times the scale."""
    length = load_vector(step_length, 0)
    squares, r_z = load_vector(sums, 0), load_vector(sums, 1)
    for row in range(start, stop):
        new = load_vector(residual, row) - length * load_vector(product, row)
        store_vector(residual, row, new)
        square = to_float64(new) * to_float64(new)
        squares += square
        r_z += np.float64(scale[row]) * square
    store_vector(sums, 0, squares)
    store_vector(sums, 1, r_z)


@compiled
def update_direction(
    values: Floats,
    residual: Floats,
    direction: Floats,
    scale: Floats,
    step_length: Floats,
    beta: Floats,
    start: int,
    stop: int,
) -> None:
    """Compute ``x ← x + step_length · p``, then ``p ← z + beta · p``; z is r times the scale."""
    length, part = load_vector(step_length, 0), load_vector(beta, 0)
    for row in range(start, stop):
        old = load_vector(direction, row)
        store_vector(values, row, load_vector(values, row) + length * old)
        store_vector(direction, row, scale[row] * load_vector(residual, row) + part * old)
