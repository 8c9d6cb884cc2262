"""Compiled loops over candidates one by one: expand neighbors, and compute distances again.

Each loop prefetches the vectors of the next candidates while it handles one. Points come as
float32, or as two bfloat16 in an element of 32 bits. Norms and distances are squared.

This module must not know where candidates come from. Import it late, since numba takes a while to
import.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from voisin.neighbors.kernels.instructions import LANES, Floats, fetch, keep_lanes, multiply_packed
from voisin.neighbors.kernels.top_k import HUGE, NO_ID, Ids, Integer, insert, rank
from voisin.parallel import compiled

Elements: TypeAlias = Floats | NDArray[np.uint32]
Doubles: TypeAlias = NDArray[np.floating]  # in float32 or float64

_TWO = np.float32(2)  # a plain 2 would turn the arithmetic into float64
_ROUNDING = 1e-30  # by hand: smaller squared distances of unit vectors in float64 are rounding
_AHEAD = 8  # candidates whose vectors are prefetched; by hand: enough to hide memory's latency
_LINE = 64  # bytes of a cache line
_MAX_BYTES = 1_024  # prefetched of one vector; by hand: the processor itself goes on from there


@compiled
def _dot(points: Elements, i: Integer, j: Integer, zero: np.floating) -> np.floating:
    """Compute a product in the precision of `zero`."""
    total = zero
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
                product = _dot(points, row, old[place], norms[row] * 0)
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
            product = _dot(points, row, candidate, norms[row] * 0)
            near_ids[n_near] = candidate
            near[n_near] = norms[row] + norms[candidate] - _TWO * product
            n_near += near[n_near] <= last
        rank(near_ids, near, n_near, new_ids, new_squared, row)


@compiled
def rescore_rows(
    queries: Doubles,
    query_scales: Doubles,
    rows: NDArray[np.int64],
    targets: Doubles,
    scales: Doubles,
    ids: Ids,
    bounds: Floats,
    nearest: Ids,
    squared: Floats,
) -> None:
    """Keep the nearest candidates of the queries at `rows`, by the norms of the differences.

    These are computed in float64 and rounded to float32, so that distances that are equal stay
    so, and are ranked by the ids. The candidates of a row come by ascending lower bounds of their
    squared distances: the loop ends at the first bound above the last neighbor's distance.
    Vectors count times their scales; a vector of scale 0 is at squared distance 2 from every other.
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
    queries: Doubles,
    query_scales: Doubles,
    i: Integer,
    targets: Doubles,
    scales: Doubles,
    j: Integer,
) -> np.float32:
    if query_scales[i] == 0 or scales[j] == 0:
        return _TWO
    total = 0.0
    for axis in range(queries.shape[1]):
        difference = query_scales[i] * queries[i, axis] - scales[j] * targets[j, axis]
        total += difference * difference
    return np.float32(total) if total > _ROUNDING else np.float32(0)


@compiled
def collect_within(
    scores: Floats,
    query_norms: Floats,
    query_ids: Ids,
    bounds: Floats,
    first: Integer,
    queries: Doubles,
    query_scales: Doubles,
    rows: NDArray[np.int64],
    targets: Doubles,
    scales: Doubles,
    nearest: Ids,
    squared: Floats,
) -> None:
    """Keep the nearest of the targets whose score says that they may be within the bounds.

    Parameters
    ----------
    scores : array of shape (n_queries, n_columns)
        Of the targets from `first` on; columns beyond the last, up to a multiple of 64, are minus
        infinity.
    query_norms, query_ids, bounds : array of shape (n_queries,)
        Squared norms; ids of targets to leave out; squared distances, errors of scores included.
    queries, query_scales, rows
        The queries are those at `rows`, times their scales.
    targets, scales
    nearest, squared : array of shape (n_queries, n_neighbors)
        The nearest so far; updated.
    """
    kept = np.empty(scores.shape[1] + LANES, np.int32)
    places, scored = kept.ctypes.data, scores.ctypes.data
    for q in range(len(rows)):
        last = squared[q, squared.shape[1] - 1]
        if last == 0 or (query_scales[rows[q]] == 0 and last <= _TWO):
            scored += 4 * scores.shape[1]
            continue  # nothing is nearer, and earlier targets come first
        least = np.float32(0.5) * (query_norms[q] - bounds[q])
        count = 0
        for start in range(0, scores.shape[1], LANES):
            count += keep_lanes(scored + 4 * start, np.float32(least), start, places + 4 * count)
        scored += 4 * scores.shape[1]
        for position in range(count):
            target = np.int32(first + kept[position])
            if target != query_ids[q]:
                distance = _compute_distance(
                    queries, query_scales, rows[q], targets, scales, target
                )
                insert(nearest, squared, q, target, distance)
