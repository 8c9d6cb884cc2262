"""Compiled loops that measure candidates one by one, fetching their vectors ahead.

Imported only when a search begins, as `best_k`, whose words it uses.
"""

import numpy as np

from voisin.neighbors.best_k import NOBODY, Floats, Ids, Places, Whole, improves, insert
from voisin.neighbors.instructions import fetch
from voisin.parallel import compiled

_TWO = np.float32(2)  # a plain 2 would turn the arithmetic into float64
_AHEAD = 4  # candidates whose vectors are fetched while one is measured
_LINE = 64  # bytes of memory that come at once
_MOST_BYTES = 1_024  # fetched of one vector; the processor itself goes on from there
_HASH = 2654435761  # Knuth's multiplier


@compiled
def _inner(points: Floats, i: Whole, j: Whole) -> np.float32:
    total = np.float32(0)
    for axis in range(points.shape[1]):
        total += points[i, axis] * points[j, axis]
    return total


@compiled
def remeasure(
    points: Floats, squares: Floats, ids: Ids, start: Whole, stop: Whole, gaps: Floats
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
                insert(ids[row], gaps[row], old[place], gap)


@compiled
def _fetch_row(points: Floats, row: Whole) -> None:
    start = points.ctypes.data + row * points.strides[0]
    for line in range(start, start + min(4 * points.shape[1], _MOST_BYTES), _LINE):
        fetch(line)


@compiled
def _visit(seen: Ids, candidate: Whole) -> Whole:
    """Find the place of a candidate, or a free one, in the table of those seen.

    The table's length is a power of two.
    """
    last = len(seen) - 1
    place = (np.int64(candidate) * _HASH >> 12) & last
    while seen[place] != NOBODY and seen[place] != candidate:
        place = (place + 1) & last
    return place


@compiled
def _find_strangers(
    ids: Ids, row: Whole, reach: Whole, seen: Ids, used: Ids, strangers: Ids
) -> Whole:
    """Find neighbors of a row's neighbors that are not its neighbors yet; tell how many."""
    count = 0
    for place in range(-1, ids.shape[1]):
        known = np.int32(row) if place < 0 else ids[row, place]
        if known != NOBODY:
            used[count] = _visit(seen, known)
            seen[used[count]] = known
            count += 1
    n_strangers = 0
    for place in range(reach):
        neighbor = ids[row, place]
        if neighbor == NOBODY:
            break
        for step in range(reach):
            candidate = ids[neighbor, step]
            if candidate == NOBODY:
                break
            free = _visit(seen, candidate)
            if seen[free] == NOBODY:
                seen[free] = candidate
                used[count] = free
                strangers[n_strangers] = candidate
                count += 1
                n_strangers += 1
    for visit in range(count):
        seen[used[visit]] = NOBODY
    return n_strangers


@compiled
def visit_neighbors_of_neighbors(
    points: Floats,
    squares: Floats,
    ids: Ids,
    gaps: Floats,
    start: Whole,
    stop: Whole,
    reach: Whole,
    better: Ids,
    better_gaps: Floats,
) -> None:
    """Let the first `reach` neighbors of each row's first `reach` neighbors compete."""
    reach = min(reach, ids.shape[1])
    most = ids.shape[1] + 1 + reach * reach
    size = 1
    while size < 4 * most:
        size *= 2
    seen = np.full(size, NOBODY, np.int32)
    used = np.empty(most, np.int32)
    strangers = np.empty(most, np.int32)
    for row in range(start, stop):
        best = better[row]
        best_gaps = better_gaps[row]
        best[:] = ids[row]
        best_gaps[:] = gaps[row]
        count = _find_strangers(ids, row, reach, seen, used, strangers)
        for number in range(min(count, _AHEAD)):
            _fetch_row(points, strangers[number])
        for number in range(count):
            if number + _AHEAD < count:
                _fetch_row(points, strangers[number + _AHEAD])
            candidate = strangers[number]
            product = _inner(points, row, candidate)
            gap = squares[row] + squares[candidate] - _TWO * product
            if improves(best, best_gaps, candidate, gap):
                insert(best, best_gaps, candidate, gap)


@compiled
def measure(
    queries: Floats,
    query_scales: Floats,
    asked: Places,
    targets: Floats,
    target_scales: Floats,
    ids: Ids,
    bounds: Floats,
    start: Whole,
    stop: Whole,
    nearest: Ids,
    squares: Floats,
) -> None:
    """Keep the nearest of the candidates of queries `asked`, measured from the differences.

    Candidates come by ascending bounds on their squared distances from below: the rest are not
    measured once those found are nearer. Vectors count times their scales; one of scale 0 is at
    squared distance 2 from every other.
    """
    for row in range(start, stop):
        nearest[row] = NOBODY
        squares[row] = np.inf
        query = queries[asked[row]]
        own_scale = query_scales[asked[row]]
        for place in range(ids.shape[1]):
            candidate = ids[row, place]
            if candidate == NOBODY:
                continue
            if bounds[row, place] > squares[row, -1]:
                break
            if place + _AHEAD < ids.shape[1] and ids[row, place + _AHEAD] != NOBODY:
                _fetch_row(targets, ids[row, place + _AHEAD])
            scale = target_scales[candidate]
            target = targets[candidate]
            square = np.float32(0)
            for axis in range(len(query)):
                gap = own_scale * query[axis] - scale * target[axis]
                square += gap * gap
            if own_scale == 0 or scale == 0:
                square = _TWO
            if improves(nearest[row], squares[row], candidate, square):
                insert(nearest[row], squares[row], candidate, square)
