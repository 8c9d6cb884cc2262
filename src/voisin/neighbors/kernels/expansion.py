"""Compiled loops that measure candidates one by one, fetching their vectors ahead.

Points come as float32, or as the bits of two bfloat16 each. Imported only when a search begins, as
`best_k`, whose words it uses.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from voisin.neighbors.kernels.instructions import LANES, fetch, multiply
from voisin.neighbors.kernels.top_k import NOBODY, Floats, Ids, Places, Whole, insert, rank
from voisin.parallel import compiled

Vectors: TypeAlias = Floats | NDArray[np.uint32]

_TWO = np.float32(2)  # a plain 2 would turn the arithmetic into float64
_HUGE = np.float32(3e38)  # compiled loops must not compare with infinity
_AHEAD = 8  # candidates whose vectors are fetched while one is measured
_LINE = 64  # bytes of memory that come at once
_MOST_BYTES = 1_024  # fetched of one vector; the processor itself goes on from there


@compiled
def _inner(points: Vectors, i: Whole, j: Whole) -> np.float32:
    total = np.float32(0)
    for axis in range(points.shape[1]):
        total += multiply(points[i, axis], points[j, axis])
    return total


@compiled
def remeasure(
    points: Vectors, squares: Floats, ids: Ids, start: Whole, stop: Whole, gaps: Floats
) -> None:
    """Compute the gaps of known candidates again, and order them."""
    width = ids.shape[1]
    old = np.empty(width, ids.dtype)
    for row in range(start, stop):
        old[:] = ids[row]
        ids[row] = NOBODY
        gaps[row] = np.inf
        for place in range(width):
            if old[place] != NOBODY:
                gap = squares[row] + squares[old[place]] - _TWO * _inner(points, row, old[place])
                insert(ids, gaps, row, old[place], gap)


@compiled
def _fetch_row(rows: Vectors | Ids, row: Whole) -> None:
    start = rows.ctypes.data + row * rows.strides[0]
    for line in range(start, start + min(rows.strides[0], _MOST_BYTES), _LINE):
        fetch(line)


@compiled
def _fetch_neighbors(ids: Ids, row: Whole, reach: Whole) -> None:
    for place in range(reach):
        if ids[row, place] != NOBODY:
            _fetch_row(ids, ids[row, place])


@compiled
def _find_strangers(ids: Ids, row: Whole, reach: Whole, met: Ids, strangers: Ids) -> Whole:
    """Find neighbors of a row's neighbors that are not its neighbors yet; tell how many.

    ``met[i]`` is the last row that met i.
    """
    met[row] = row
    for place in range(ids.shape[1]):
        if ids[row, place] != NOBODY:
            met[ids[row, place]] = row
    count = 0
    for place in range(reach):
        neighbor = ids[row, place]
        if neighbor == NOBODY:
            break
        for step in range(reach):
            candidate = ids[neighbor, step]
            if candidate == NOBODY:
                break
            strangers[count] = candidate
            count += met[candidate] != row
            met[candidate] = row
    return count


@compiled
def visit_neighbors_of_neighbors(
    points: Vectors,
    squares: Floats,
    ids: Ids,
    gaps: Floats,
    start: Whole,
    stop: Whole,
    reach: Whole,
    better: Ids,
    better_gaps: Floats,
) -> None:
    """Let the first `reach` neighbors of each row's first `reach` neighbors compete.

    While a row's strangers are measured, the first of the next row's are fetched, and the
    neighbors of the neighbors of the row after that.
    """
    reach, width = min(reach, ids.shape[1]), ids.shape[1]
    met = np.full(len(ids), NOBODY, np.int32)
    strangers = np.empty(reach * reach + 1, np.int32)
    next_strangers = np.empty_like(strangers)
    near = np.empty(width + len(strangers) + LANES, np.int32)
    near_gaps = np.empty(len(near), np.float32)
    next_count = _find_strangers(ids, start, reach, met, next_strangers)
    for row in range(start, stop):
        strangers, next_strangers, count = next_strangers, strangers, next_count
        if row + 1 < stop:
            next_count = _find_strangers(ids, row + 1, reach, met, next_strangers)
            for number in range(min(next_count, _AHEAD)):
                _fetch_row(points, next_strangers[number])
        _fetch_neighbors(ids, min(row + 2, stop - 1), reach)
        for place in range(width):
            near[place], near_gaps[place] = ids[row, place], gaps[row, place]
        n_near, worst = width, gaps[row, width - 1]
        for number in range(count):
            if number + _AHEAD < count:
                _fetch_row(points, strangers[number + _AHEAD])
            candidate = strangers[number]
            product = _inner(points, row, candidate)
            near[n_near] = candidate
            near_gaps[n_near] = squares[row] + squares[candidate] - _TWO * product
            n_near += near_gaps[n_near] <= worst
        rank(near, near_gaps, n_near, better, better_gaps, row)


@compiled
def measure(
    queries: Floats,
    query_scales: Floats,
    asked: Places,
    targets: Floats,
    target_scales: Floats,
    ids: Ids,
    bounds: Floats,
    nearest: Ids,
    squares: Floats,
) -> None:
    """Keep the nearest of the candidates of queries `asked`, measured from the differences.

    Candidates come by ascending bounds on their squared distances from below: the rest are not
    measured once those found are nearer. Vectors count times their scales; one of scale 0 is at
    squared distance 2 from every other.
    """
    nearest[:] = NOBODY
    squares[:] = np.float32(np.inf)
    n_wanted, width = nearest.shape[1], ids.shape[1]
    near = np.empty(n_wanted + LANES, np.int32)
    near_squares = np.empty(len(near), np.float32)
    for row in range(len(asked)):
        _fetch_row(queries, asked[min(row + 1, len(asked) - 1)])
        count, worst = 0, _HUGE
        for place in range(width):
            _fetch_candidate(targets, ids, row, place + _AHEAD)
            candidate = ids[row, place]
            if candidate == NOBODY:
                continue
            if bounds[row, place] > worst:
                break
            square = _square(queries, query_scales, asked[row], targets, target_scales, candidate)
            if count < n_wanted:
                near[count], near_squares[count] = candidate, square
                count += 1
                if count == n_wanted:  # the first ones are put in order together
                    rank(near, near_squares, count, nearest, squares, row)
                    worst = squares[row, n_wanted - 1]
            elif square <= worst:
                insert(nearest, squares, row, candidate, square)
                worst = squares[row, n_wanted - 1]
        if count < n_wanted:
            rank(near, near_squares, count, nearest, squares, row)


@compiled
def _fetch_candidate(targets: Floats, ids: Ids, row: Whole, place: Whole) -> None:
    """Fetch the vector of a candidate of a row, or of the next where the row has no more."""
    row, place = row + place // ids.shape[1], place % ids.shape[1]
    if row < len(ids) and ids[row, place] != NOBODY:
        _fetch_row(targets, ids[row, place])


@compiled
def _square(
    queries: Floats, query_scales: Floats, i: Whole, targets: Floats, scales: Floats, j: Whole
) -> np.float32:
    if query_scales[i] == 0 or scales[j] == 0:
        return _TWO
    square = np.float32(0)
    for axis in range(queries.shape[1]):
        gap = query_scales[i] * queries[i, axis] - scales[j] * targets[j, axis]
        square += gap * gap
    return square
