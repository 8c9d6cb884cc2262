"""The k nearest targets of each query so far: compiled loops that update them with new targets.

Threads may update the same rows: each row is locked while it is written. A row keeps the smallest
squared distance of every target so far, and equal distances in the order of the ids, so that
the result depends neither on the order in which targets come nor on the number of threads.

Distances in compiled loops are squared: ``|q|² + |t|² − 2 q·t``. Targets are first sifted by their
*score*, ``q·t − |t|² / 2``, which is highest where the distance is smallest.

This module must not know why queries are compared with targets. Import it late, since numba takes
a while to import.
"""

import threading
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from voisin.neighbors.kernels import instructions
from voisin.neighbors.kernels.instructions import (
    GROUPS,
    LANES,
    STRIP,
    Bits,
    Floats,
    count_lanes_before,
    count_lanes_up_to,
    exchange,
    fill_panels,
    find_highest,
    find_lane,
    keep_lanes,
    multiply_strip,
)
from voisin.neighbors.kernels.vectors import AnyPoints, Bfloat16Vectors, Points
from voisin.parallel import blocks, compiled

Ids: TypeAlias = NDArray[np.int32]
Locks: TypeAlias = NDArray[np.uint8]
Integer: TypeAlias = int | np.integer
Real: TypeAlias = float | np.floating

NO_ID = -1  # in place of a neighbor that is still missing
_TWO = np.float32(2)  # a plain 2 would turn the arithmetic into float64
_HALF = np.float32(0.5)
_FREE, _LOCKED = np.uint8(0), np.uint8(1)
HUGE = np.float32(1e38)  # stands for infinity, with which compiled loops must not compare
_TOLERANCE = np.float32(1e-6)  # relative; by hand: about 8 roundings of float32
_HALVINGS = 10  # of the interval of a bound; by hand: a thousandth of it is left
_MAX_NEW = 64  # targets ranked together; by hand: more cost memory, fewer cost more rankings
_MAX_ROWS = 512  # queries of one product; by hand: its scores stay in a core's cache
_thread = threading.local()


@dataclass(frozen=True, eq=False)
class TopK:
    """The nearest targets so far of every row, nearest first.

    Attributes
    ----------
    ids, squared_distances : array of shape (n_rows, width)
    locks : array of shape (n_rows,)
        1 while a thread writes the row.
    """

    ids: NDArray[np.int32]
    squared_distances: NDArray[np.float32]
    locks: NDArray[np.uint8]

    @classmethod
    def empty(cls, n_rows: int, width: int) -> "TopK":
        """Make rows without targets: id -1, infinitely far away."""
        return cls(
            np.full((n_rows, width), NO_ID, dtype=np.int32),
            np.full((n_rows, width), np.inf, dtype=np.float32),
            np.zeros(n_rows, dtype=np.uint8),
        )


@dataclass(frozen=True, eq=False)
class Queries:
    """Points whose nearest targets are wanted, and the rows of a `TopK` to update.

    Attributes
    ----------
    points : Points or Bfloat16Vectors
    ids : array of shape (n_queries,)
        A target of the same id is left out.
    rows : array of shape (n_queries,)
    """

    points: AnyPoints
    ids: NDArray[np.int32]
    rows: NDArray[np.int32]


def update_top_k(
    queries: Queries, targets: AnyPoints, target_ids: NDArray[np.int32], top_k: TopK
) -> None:
    """Update each query's row with the targets, the query itself excluded.

    Where both queries and targets are in bfloat16, the matrix unit multiplies them.
    """
    points, ids, rows = queries.points, queries.ids, queries.rows
    best = top_k.ids, top_k.squared_distances, top_k.locks
    if isinstance(targets, Bfloat16Vectors) and isinstance(points, Bfloat16Vectors):
        of_points, of_targets = points.squared_norms, targets.squared_norms
        update_rows_in_bfloat16(
            points.bits, of_points, targets.bits, of_targets, ids, rows, target_ids, *best
        )
        return
    assert isinstance(targets, Points)
    assert isinstance(points, Points)
    for block in blocks(len(ids), _MAX_ROWS):
        scores, norms = compute_scores(points.take(block), targets)
        update_rows(scores, norms, ids[block], rows[block], target_ids, *best)


def compute_scores(queries: Points, targets: Points) -> tuple[Floats, Floats]:
    """Compute the scores of all pairs, and the queries' squared norms that go with them.

    Columns are padded by minus infinity to a multiple of `GROUPS`. Points of float64 get float32
    scores less half the query's squared norm, so that near targets lose no digits; the norms that
    go with these are 0.
    """
    n_targets, halves = len(targets), targets.squared_norms / 2
    n_columns = -(-n_targets // GROUPS) * GROUPS
    # each thread uses its memory again: fresh pages would cost as much as the product
    size = len(queries) * n_columns
    if getattr(_thread, "memory", np.empty(0)).size < size:
        _thread.memory = np.empty(size, dtype=np.float32)
    scores: Floats = _thread.memory[:size].reshape(len(queries), n_columns)
    scores[:, n_targets:] = -np.inf
    norms = queries.squared_norms
    if queries.vectors.dtype == np.float64:
        products = queries.vectors @ targets.vectors.T
        products -= halves
        scores[:, :n_targets] = np.subtract(products, norms[:, None] / 2, out=products)
        return scores, np.zeros(len(queries), dtype=np.float32)
    np.matmul(queries.vectors, targets.vectors.T, out=scores[:, :n_targets])
    scores[:, :n_targets] -= halves
    return scores, norms


def update_top_k_roughly(
    queries: Queries, targets: AnyPoints, target_ids: NDArray[np.int32], top_k: TopK
) -> None:
    """Do as `update_top_k`, in bfloat16 where the processor has a matrix unit.

    Vectors are rounded about the mean of the targets, so that rounding changes squared distances
    little beside the targets' spread.
    """
    points, has_unit = queries.points, instructions.has_matrix_unit()
    has_unit = has_unit and targets.elements.dtype == np.float32
    if has_unit and isinstance(targets, Points) and isinstance(points, Points):
        center = targets.vectors.mean(axis=0)
        rounded = Bfloat16Vectors.from_points(targets, center)
        same = points is targets
        points = rounded if same else Bfloat16Vectors.from_points(points, center)
        queries, targets = Queries(points, queries.ids, queries.rows), rounded
    update_top_k(queries, targets, target_ids, top_k)


@compiled
def insert(ids: Ids, squared: Floats, row: Integer, candidate: Integer, distance: Real) -> None:
    """Insert a candidate into its place in an ascending row; the last one drops out."""
    place = ids.shape[1] - 1
    last = squared[row, place]
    if distance > last or (distance == last and candidate > ids[row, place]):
        return
    while place > 0 and (
        squared[row, place - 1] > distance
        or (squared[row, place - 1] == distance and ids[row, place - 1] > candidate)
    ):
        squared[row, place] = squared[row, place - 1]
        ids[row, place] = ids[row, place - 1]
        place -= 1
    squared[row, place] = distance
    ids[row, place] = candidate


@compiled
def _count_up_to(address: Integer, bound: Real) -> Integer:
    count = 0
    for start in range(0, 4 * GROUPS, 4 * LANES):
        count += count_lanes_up_to(address + start, np.float32(bound))
    return count


@compiled
def _find_bound(
    scores: Integer, n_scores: Integer, query_norm: Real, count: Integer, smallest: Floats
) -> Real:
    """Find a bound that at least `count` squared distances do not exceed, and few more.

    Targets are dealt out to 64 groups in turn, and only the smallest distance of each group is
    looked at. The search begins at 8 times the mean of these: at least seven of eight are below
    it, since they are hardly ever negative (Markov's inequality).
    """
    address = smallest.ctypes.data
    find_highest(scores, n_scores, address)
    total, n_finite = np.float32(0), np.float32(0)
    for group in range(GROUPS):
        smallest[group] = query_norm - _TWO * smallest[group]
        total += smallest[group] if smallest[group] < HUGE else np.float32(0)
        n_finite += np.float32(1) if smallest[group] < HUGE else np.float32(0)
    if n_finite <= count:
        return HUGE
    low, high = np.float32(0), np.float32(8) * total / n_finite
    if _count_up_to(address, high) < count:
        return HUGE
    for _ in range(_HALVINGS):
        middle = _HALF * (low + high)
        if _count_up_to(address, middle) >= count:
            high = middle
        else:
            low = middle
    return high


@compiled
def update_rows(
    scores: Floats,
    query_norms: Floats,
    query_ids: Ids,
    rows: Ids,
    target_ids: Ids,
    ids: Ids,
    squared: Floats,
    locks: Locks,
) -> None:
    """Update each query's row of nearest targets by the scores of new targets.

    ``scores[q, t]`` are defined above; columns beyond the last target, up to a multiple of 64,
    are minus infinity. A target that is the query itself is left out. While a row is not full, the
    smallest distances of 64 groups of targets bound those worth keeping, so that few targets are
    looked at one by one.
    """
    n_scores, width = scores.shape[1], ids.shape[1]
    smallest = np.empty(GROUPS, np.float32)
    kept = np.empty(n_scores + LANES, np.int32)
    near_ids = np.empty((width + _MAX_NEW) // LANES * LANES + LANES, np.int32)
    near = np.empty(len(near_ids), np.float32)
    places, first_lock, scored = kept.ctypes.data, locks.ctypes.data, scores.ctypes.data
    for q in range(len(query_ids)):
        norm, row = query_norms[q], rows[q]
        bound = min(squared[row, width - 1], HUGE)
        if bound == HUGE:  # one more than the width: the query itself may be among them
            bound = _find_bound(scored, n_scores, norm, width + 1, smallest)
        least = _HALF * (norm - bound) - _TOLERANCE * (norm + abs(bound))
        count = 0
        for start in range(0, n_scores, LANES):
            count += keep_lanes(scored + 4 * start, np.float32(least), start, places + 4 * count)
        scored += 4 * n_scores
        if count == 0:
            continue
        while exchange(first_lock + row, _LOCKED):
            pass
        _merge(
            scores,
            q,
            norm,
            query_ids[q],
            kept,
            count,
            target_ids,
            ids,
            squared,
            row,
            near_ids,
            near,
        )
        exchange(first_lock + row, _FREE)


@compiled
def _merge(
    scores: Floats,
    q: Integer,
    query_norm: Real,
    query_id: Integer,
    kept: Ids,
    n_kept: Integer,
    target_ids: Ids,
    ids: Ids,
    squared: Floats,
    row: Integer,
    near_ids: Ids,
    near: Floats,
) -> None:
    """Merge the targets at positions `kept` into a row: none twice, and not the query itself."""
    width = ids.shape[1]
    address = near_ids.ctypes.data
    count, changed = 0, False
    for position in range(n_kept):
        if count == 0 or count == width + _MAX_NEW:
            if count:
                rank(near_ids, near, count, ids, squared, row)
            for place in range(width):
                near_ids[place] = ids[row, place]
                near[place] = squared[row, place]
            count, changed = width, False
            last, last_id = squared[row, width - 1], ids[row, width - 1]
        target_id = target_ids[kept[position]]
        distance = query_norm - _TWO * scores[q, kept[position]]
        if target_id == query_id or distance > last or (distance == last and target_id > last_id):
            continue
        known = width
        for start in range(0, width, LANES):
            lane = find_lane(address + 4 * start, target_id)
            known = min(known, start + lane) if lane < LANES else known
        if known == width:
            near_ids[count] = target_id
            near[count] = distance
            count += 1
            changed = True
        elif distance < near[known]:
            near[known] = distance
            changed = True
    if changed:
        rank(near_ids, near, count, ids, squared, row)


@compiled
def rank(
    near_ids: Ids, near: Floats, count: Integer, ids: Ids, squared: Floats, row: Integer
) -> None:
    """Write the nearest of `count` candidates, with squared distances `near`, into a row in order.

    Both arrays of candidates have room up to a multiple of 16. Missing candidates share one rank,
    and the row ends with them already.
    """
    id_address, address = near_ids.ctypes.data, near.ctypes.data
    padded = (count + LANES - 1) // LANES * LANES
    for place in range(count, padded):
        near[place] = np.float32(np.inf)
    for i in range(count):
        place = 0
        for start in range(0, 4 * padded, 4 * LANES):
            place += count_lanes_before(address + start, id_address + start, near[i], near_ids[i])
        if place < ids.shape[1]:
            ids[row, place] = near_ids[i]
            squared[row, place] = near[i]


@compiled
def update_rows_in_bfloat16(
    queries: Bits,
    query_norms: Floats,
    targets: Bits,
    target_norms: Floats,
    query_ids: Ids,
    rows: Ids,
    target_ids: Ids,
    ids: Ids,
    squared: Floats,
    locks: Locks,
) -> None:
    """Do as `update_rows` with the scores of bfloat16 vectors, a strip of queries at a time."""
    n_panels = GROUPS // LANES * ((len(targets) + GROUPS - 1) // GROUPS)
    panels = np.empty((n_panels, targets.shape[1] // 2, LANES), np.uint32)
    fill_panels(targets, panels)
    initial = np.full(LANES * n_panels, -np.inf, np.float32)
    initial[: len(targets)] = -_HALF * target_norms
    strip = np.zeros((STRIP, targets.shape[1]), np.uint16)
    scores = np.empty((STRIP, len(initial)), np.float32)
    for start in range(0, len(query_ids), STRIP):
        stop = min(start + STRIP, len(query_ids))
        strip[: stop - start] = queries[start:stop]
        multiply_strip(strip, panels, initial, scores)
        norms, strip_ids, strip_rows = (
            query_norms[start:stop],
            query_ids[start:stop],
            rows[start:stop],
        )
        update_rows(scores, norms, strip_ids, strip_rows, target_ids, ids, squared, locks)
