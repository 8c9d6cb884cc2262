"""Compiled loops that keep the k best of many candidates; they know numbers, not why.

Imported only when a search begins, since numba takes a while to import. Every function writes
only the rows it is given, so that threads can share the work and the result does not depend on
how many there are. Equal gaps go in the order of the ids, so it does not depend on the order
of the candidates either.

A *gap* is the squared distance without the query's own square: ``|t|² − 2 q·t``.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from voisin.parallel import compiled

Ids: TypeAlias = NDArray[np.int32]
Places: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float32]
Whole: TypeAlias = int | np.integer
Real: TypeAlias = float | np.floating

NOBODY = -1
_LANES = 64  # columns compared at once; more than a register holds, so that loops vectorize
_VISITED = 1 << 12  # places of the table of candidates seen, a power of two
_MOST_VISITS = _VISITED // 2
_TWO = np.float32(2)  # a plain 2 would turn the arithmetic into float64
_HASH = 2654435761  # Knuth's multiplier


@compiled
def insert(ids: Ids, gaps: Floats, candidate: Whole, gap: Real) -> None:
    """Put a candidate into its place in an ascending list, and drop the last."""
    place = len(gaps) - 1
    while place > 0 and (
        gaps[place - 1] > gap or (gaps[place - 1] == gap and ids[place - 1] > candidate)
    ):
        gaps[place] = gaps[place - 1]
        ids[place] = ids[place - 1]
        place -= 1
    gaps[place] = gap
    ids[place] = candidate


@compiled
def improves(ids: Ids, gaps: Floats, candidate: Whole, gap: Real) -> bool:
    """Tell whether a candidate is better than the last of an ascending list."""
    last = len(gaps) - 1
    return gap < gaps[last] or (gap == gaps[last] and candidate < ids[last])


@compiled
def _find_lowest(row: Floats, target_squares: Floats, lowest: Floats) -> None:
    """Find the lowest gap of every 64th target, from each of the first 64 on."""
    n_targets = len(target_squares)
    full = n_targets - n_targets % _LANES
    lowest[:] = np.float32(np.inf)
    for start in range(0, full, _LANES):
        for lane in range(_LANES):
            gap = target_squares[start + lane] - _TWO * row[start + lane]
            lowest[lane] = gap if gap < lowest[lane] else lowest[lane]
    for lane in range(n_targets - full):
        gap = target_squares[full + lane] - _TWO * row[full + lane]
        lowest[lane] = gap if gap < lowest[lane] else lowest[lane]


@compiled
def keep_best(
    products: Floats,
    queries: Ids,
    rows: Ids,
    slots: Ids,
    targets: Ids,
    target_squares: Floats,
    ids: Ids,
    gaps: Floats,
) -> None:
    """Keep the targets of lowest gap of each query in its row and slot, ascending.

    ``products[q, t]`` holds the inner products; a target that is the query itself is left out.
    The lowest gaps of 64 interleaved groups of targets bound the width-th lowest of all, so
    that only the few groups that reach below the bound are looked at one by one.
    """
    n_targets = len(targets)
    width = ids.shape[2]
    infinity = np.float32(np.inf)
    lowest = np.empty(_LANES, np.float32)
    bounds = np.empty(width + 1, np.float32)  # one more: the query itself may be among them
    places = np.empty(width + 1, np.int32)
    for q in range(len(queries)):
        query = queries[q]
        row = products[q]
        best = ids[rows[q], slots[q]]
        best_gaps = gaps[rows[q], slots[q]]
        best[:] = NOBODY
        best_gaps[:] = infinity
        bounds[:] = infinity
        _find_lowest(row, target_squares, lowest)
        for lane in range(_LANES):
            if lowest[lane] < bounds[width]:
                insert(places, bounds, lane, lowest[lane])
        for lane in range(min(_LANES, n_targets)):
            if lowest[lane] > bounds[width]:
                continue
            for t in range(lane, n_targets, _LANES):
                gap = target_squares[t] - _TWO * row[t]
                if (
                    gap <= bounds[width]
                    and targets[t] != query
                    and improves(best, best_gaps, targets[t], gap)
                ):
                    insert(best, best_gaps, targets[t], gap)


@compiled
def _holds(ids: Ids, candidate: Whole) -> bool:
    for place in range(len(ids)):  # noqa: SIM110
        if ids[place] == candidate:
            return True
    return False


@compiled
def merge(
    ids: Ids, gaps: Floats, start: Whole, stop: Whole, merged: Ids, merged_gaps: Floats
) -> None:
    """Add the slots of each row to its one ascending list, without doubles."""
    for row in range(start, stop):
        best = merged[row]
        best_gaps = merged_gaps[row]
        for slot in range(ids.shape[1]):
            for place in range(ids.shape[2]):
                candidate = ids[row, slot, place]
                gap = gaps[row, slot, place]
                if candidate == NOBODY or not improves(best, best_gaps, candidate, gap):
                    break
                if not _holds(best, candidate):
                    insert(best, best_gaps, candidate, gap)


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
                gap = squares[old[place]] - _TWO * _inner(points, row, old[place])
                insert(ids[row], gaps[row], old[place], gap)


@compiled
def _visit(seen: Places, used: Places, count: Whole, candidate: Whole) -> Whole:
    """Note a candidate; return the new count, unchanged if it was noted before."""
    place = (candidate * _HASH >> 12) & (_VISITED - 1)
    while seen[place] != NOBODY:
        if seen[place] == candidate:
            return count
        place = (place + 1) & (_VISITED - 1)
    seen[place] = candidate
    used[count] = place
    return count + 1


@compiled
def _visit_known(seen: Places, used: Places, ids: Ids, row: Whole) -> Whole:
    """Note the row itself and its candidates."""
    count = _visit(seen, used, 0, row)
    for place in range(ids.shape[1]):
        if ids[row, place] != NOBODY:
            count = _visit(seen, used, count, np.int64(ids[row, place]))
    return count


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
    width = ids.shape[1]
    reach = min(reach, width)
    seen = np.full(_VISITED, NOBODY, np.int64)
    used = np.empty(_MOST_VISITS + 1, np.int64)
    for row in range(start, stop):
        best = better[row]
        best_gaps = better_gaps[row]
        best[:] = ids[row]
        best_gaps[:] = gaps[row]
        count = _visit_known(seen, used, ids, row)
        for place in range(reach):
            neighbor = ids[row, place]
            if neighbor == NOBODY or count > _MOST_VISITS - reach:
                break
            for step in range(reach):
                candidate = np.int64(ids[neighbor, step])
                if candidate == NOBODY:
                    break
                before = count
                count = _visit(seen, used, count, candidate)
                if count == before:
                    continue
                gap = squares[candidate] - _TWO * _inner(points, row, candidate)
                if improves(best, best_gaps, candidate, gap):
                    insert(best, best_gaps, candidate, gap)
        for visit in range(count):
            seen[used[visit]] = NOBODY


@compiled
def measure(
    queries: Floats,
    query_scales: Floats,
    asked: Places,
    targets: Floats,
    target_scales: Floats,
    ids: Ids,
    start: Whole,
    stop: Whole,
    nearest: Ids,
    squares: Floats,
) -> None:
    """Keep the nearest of the candidates of queries `asked`, measured from the differences.

    Vectors count times their scales; one of scale 0 is at squared distance 2 from every other.
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
