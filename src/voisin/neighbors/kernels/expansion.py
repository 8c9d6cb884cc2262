"""Compiled loops over candidates one by one: expand neighbors, and compute distances again.

Each loop prefetches the vectors of the next candidates while it handles one. Points come as
float32, or as two bfloat16 in an element of 32 bits. Norms and distances are squared.

This module must not know where candidates come from. Import it late, since numba takes a while to
import.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from voisin.neighbors.kernels.instructions import LANES, Floats, fetch, multiply_packed
from voisin.neighbors.kernels.top_k import HUGE, NO_ID, Ids, Integer, insert, rank
from voisin.parallel import compiled

Elements: TypeAlias = Floats | NDArray[np.uint32]

_TWO = np.float32(2)  # a plain 2 would turn the arithmetic into float64
_AHEAD = 8  # candidates whose vectors are prefetched; by hand: enough to hide memory's latency
_LINE = 64  # bytes of a cache line
_MAX_BYTES = 1_024  # prefetched of one vector; by hand: the processor itself goes on from there


@compiled
def _dot(points: Elements, i: Integer, j: Integer) -> np.float32:
    total = np.float32(0)
    for axis in range(points.shape[1]):
        total += multiply_packed(points[i, axis], points[j, axis])
    return total


@compiled
def recompute_distances(
    points: Elements, norms: Floats, ids: Ids, start: Integer, stop: Integer, squared: Floats
) -> None:
    """Compute the squared distances of known neighbors again, and sort each row by them."""
    width = ids.shape[1]
    old = np.empty(width, ids.dtype)
    for row in range(start, stop):
        old[:] = ids[row]
        ids[row] = NO_ID
        squared[row] = np.inf
        for place in range(width):
            if old[place] != NO_ID:
                product = _dot(points, row, old[place])
                distance = norms[row] + norms[old[place]] - _TWO * product
                insert(ids, squared, row, old[place], distance)


@compiled
def _fetch_row(rows: Elements | Ids, row: Integer) -> None:
    start = rows.ctypes.data + row * rows.strides[0]
    for line in range(start, start + min(rows.strides[0], _MAX_BYTES), _LINE):
        fetch(line)


@compiled
def _find_candidates(
    ids: Ids, row: Integer, reach: Integer, visited: Ids, candidates: Ids
) -> Integer:
    """Find neighbors of a row's neighbors that are not its neighbors yet; return how many.

    ``visited[i]`` is the last row that visited i.
    """
    visited[row] = row
    for place in range(ids.shape[1]):
        if ids[row, place] != NO_ID:
            visited[ids[row, place]] = row
    count = 0
    for place in range(reach):
        neighbor = ids[row, place]
        if neighbor == NO_ID:
            break
        for step in range(reach):
            candidate = ids[neighbor, step]
            if candidate == NO_ID:
                break
            candidates[count] = candidate
            count += visited[candidate] != row
            visited[candidate] = row
    return count


@compiled
def expand_neighbors(
    points: Elements,
    norms: Floats,
    ids: Ids,
    squared: Floats,
    start: Integer,
    stop: Integer,
    reach: Integer,
    new_ids: Ids,
    new_squared: Floats,
) -> None:
    """Update rows with the first `reach` neighbors of each of their first `reach` neighbors.

    While the candidates of a row are compared, the first candidates of the next row are
    prefetched, and the neighbors of the neighbors of the row after that.
    """
    reach, width = min(reach, ids.shape[1]), ids.shape[1]
    visited = np.full(len(ids), NO_ID, np.int32)
    candidates = np.empty(reach * reach + 1, np.int32)
    next_candidates = np.empty_like(candidates)
    near_ids = np.empty(width + len(candidates) + LANES, np.int32)
    near = np.empty(len(near_ids), np.float32)
    next_count = _find_candidates(ids, start, reach, visited, next_candidates)
    for row in range(start, stop):
        candidates, next_candidates, count = next_candidates, candidates, next_count
        if row + 1 < stop:
            next_count = _find_candidates(ids, row + 1, reach, visited, next_candidates)
            for number in range(min(next_count, _AHEAD)):
                _fetch_row(points, next_candidates[number])
        later = min(row + 2, stop - 1)
        for place in range(reach):
            if ids[later, place] != NO_ID:
                _fetch_row(ids, ids[later, place])
        for place in range(width):
            near_ids[place], near[place] = ids[row, place], squared[row, place]
        n_near, last = width, squared[row, width - 1]
        for number in range(count):
            if number + _AHEAD < count:
                _fetch_row(points, candidates[number + _AHEAD])
            candidate = candidates[number]
            product = _dot(points, row, candidate)
            near_ids[n_near] = candidate
            near[n_near] = norms[row] + norms[candidate] - _TWO * product
            n_near += near[n_near] <= last
        rank(near_ids, near, n_near, new_ids, new_squared, row)


@compiled
def rescore_rows(
    queries: Floats,
    query_scales: Floats,
    rows: NDArray[np.int64],
    targets: Floats,
    scales: Floats,
    ids: Ids,
    bounds: Floats,
    nearest: Ids,
    squared: Floats,
) -> None:
    """Keep the nearest candidates of the queries at `rows`, by the norms of the differences.

    The candidates of a row come by ascending lower bounds of their squared distances: the loop
    ends at the first bound above the last neighbor's distance. Vectors count times their scales;
    a vector of scale 0 is at squared distance 2 from every other.
    """
    nearest[:] = NO_ID
    squared[:] = np.float32(np.inf)
    n_neighbors, width = nearest.shape[1], ids.shape[1]
    near_ids = np.empty(n_neighbors + LANES, np.int32)
    near = np.empty(len(near_ids), np.float32)
    for row in range(len(rows)):
        query = rows[row]
        _fetch_row(queries, rows[min(row + 1, len(rows) - 1)])
        count, last = 0, HUGE
        for place in range(width):
            _fetch_candidate(targets, ids, row, place + _AHEAD)
            candidate = ids[row, place]
            if candidate == NO_ID:
                continue
            if bounds[row, place] > last:
                break
            distance = _compute_distance(queries, query_scales, query, targets, scales, candidate)
            if count < n_neighbors:
                near_ids[count], near[count] = candidate, distance
                count += 1
                if count == n_neighbors:  # the first ones are sorted together
                    rank(near_ids, near, count, nearest, squared, row)
                    last = squared[row, n_neighbors - 1]
            elif distance <= last:
                insert(nearest, squared, row, candidate, distance)
                last = squared[row, n_neighbors - 1]
        if count < n_neighbors:
            rank(near_ids, near, count, nearest, squared, row)


@compiled
def _fetch_candidate(targets: Floats, ids: Ids, row: Integer, place: Integer) -> None:
    """Prefetch the vector of a candidate of a row, or of the next where the row has no more."""
    row, place = row + place // ids.shape[1], place % ids.shape[1]
    if row < len(ids) and ids[row, place] != NO_ID:
        _fetch_row(targets, ids[row, place])


@compiled
def _compute_distance(
    queries: Floats, query_scales: Floats, i: Integer, targets: Floats, scales: Floats, j: Integer
) -> np.float32:
    if query_scales[i] == 0 or scales[j] == 0:
        return _TWO
    total = np.float32(0)
    for axis in range(queries.shape[1]):
        difference = query_scales[i] * queries[i, axis] - scales[j] * targets[j, axis]
        total += difference * difference
    return total
