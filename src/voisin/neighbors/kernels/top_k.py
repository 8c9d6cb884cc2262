"""Compiled loops that keep the k best of many candidates; they know numbers, not why.

Imported only when a search begins, since numba takes a while to import. Threads may add to the
same rows: each row is held while it is written. A row keeps the lowest gap of every candidate,
and equal gaps go in the order of the ids, so that the result depends neither on the order in
which candidates come nor on how many threads there are.

A *gap* is a squared distance as products tell it: ``|q|² + |t|² − 2 q·t``. Candidates are first
told apart by their *score*, ``q·t − |t|² / 2``, which is highest where the gap is lowest.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from voisin.neighbors.kernels.bfloat16 import STRIP, Bits, fill_panels, multiply_strip
from voisin.neighbors.kernels.instructions import (
    GROUPS,
    LANES,
    count_lanes_before,
    count_lanes_up_to,
    exchange,
    find_highest,
    find_lane,
    keep_lanes,
)
from voisin.parallel import compiled

Ids: TypeAlias = NDArray[np.int32]
Places: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float32]
Flags: TypeAlias = NDArray[np.uint8]
Whole: TypeAlias = int | np.integer
Real: TypeAlias = float | np.floating

NOBODY = -1
_TWO = np.float32(2)  # a plain 2 would turn the arithmetic into float64
_HALF = np.float32(0.5)
_HALVINGS = 10
_HUGE = np.float32(1e38)
_ROUNDING = np.float32(1e-6)
_MOST_AT_ONCE = 64
_FREE, _HELD = np.uint8(0), np.uint8(1)


@compiled
def insert(ids: Ids, gaps: Floats, row: Whole, candidate: Whole, gap: Real) -> None:
    """Put a candidate into its place in an ascending row, and drop the last, unless it is last."""
    place = ids.shape[1] - 1
    if gap > gaps[row, place] or (gap == gaps[row, place] and candidate > ids[row, place]):
        return
    while place > 0 and (
        gaps[row, place - 1] > gap
        or (gaps[row, place - 1] == gap and ids[row, place - 1] > candidate)
    ):
        gaps[row, place] = gaps[row, place - 1]
        ids[row, place] = ids[row, place - 1]
        place -= 1
    gaps[row, place] = gap
    ids[row, place] = candidate


@compiled
def _count_up_to(values: Whole, bound: Real) -> Whole:
    count = 0
    for start in range(0, 4 * GROUPS, 4 * LANES):
        count += count_lanes_up_to(values + start, np.float32(bound))
    return count


@compiled
def _bound(scores: Whole, n_scores: Whole, own: Real, count: Whole, lowest: Floats) -> Real:
    """Find a bound with at least `count` gaps up to it, and not many more, if there are.

    It looks at the lowest gap of every 64th target, from each of the first 64 on. Seven of eight
    are at most 8 times their mean, as they are hardly ever negative.
    """
    values = lowest.ctypes.data
    find_highest(scores, n_scores, values)
    total, n_finite = np.float32(0), np.float32(0)
    for group in range(GROUPS):
        lowest[group] = own - _TWO * lowest[group]
        total += lowest[group] if lowest[group] < _HUGE else np.float32(0)
        n_finite += np.float32(1) if lowest[group] < _HUGE else np.float32(0)
    if n_finite <= count:
        return _HUGE
    low, high = np.float32(0), np.float32(8) * total / n_finite
    if _count_up_to(values, high) < count:
        return _HUGE
    for _ in range(_HALVINGS):
        middle = _HALF * (low + high)
        if _count_up_to(values, middle) >= count:
            high = middle
        else:
            low = middle
    return high


@compiled
def keep_best(
    scores: Floats,
    query_squares: Floats,
    queries: Ids,
    rows: Ids,
    targets: Ids,
    ids: Ids,
    gaps: Floats,
    held: Flags,
) -> None:
    """Let targets compete for each query's row of the lowest gaps, ascending.

    ``scores[q, t]`` are told above, with minus infinity for more targets than there are, up to
    a multiple of 64. A target that is the query itself is left out. While a row is empty, the
    lowest gaps of 64 interleaved groups of targets bound the lowest of all, so that few targets
    are looked at one by one.
    """
    n_scores, width = scores.shape[1], ids.shape[1]
    lowest = np.empty(GROUPS, np.float32)
    kept = np.empty(n_scores + LANES, np.int32)
    some_ids = np.empty((width + _MOST_AT_ONCE) // LANES * LANES + LANES, np.int32)
    some_gaps = np.empty(len(some_ids), np.float32)
    places, first_held, scored = kept.ctypes.data, held.ctypes.data, scores.ctypes.data
    for q in range(len(queries)):
        own, row = query_squares[q], rows[q]
        bound = min(gaps[row, width - 1], _HUGE)
        if bound == _HUGE:  # one more than the width: the query itself may be among them
            bound = _bound(scored, n_scores, own, width + 1, lowest)
        least = _HALF * (own - bound) - _ROUNDING * (own + abs(bound))
        count = 0
        for start in range(0, n_scores, LANES):
            count += keep_lanes(scored + 4 * start, np.float32(least), start, places + 4 * count)
        scored += 4 * n_scores
        if count:
            while exchange(first_held + row, _HELD):
                pass
            _add(
                scores,
                q,
                own,
                queries[q],
                kept,
                count,
                targets,
                ids,
                gaps,
                row,
                some_ids,
                some_gaps,
            )
            exchange(first_held + row, _FREE)


@compiled
def _add(
    scores: Floats,
    q: Whole,
    own: Real,
    query: Whole,
    kept: Ids,
    n_kept: Whole,
    targets: Ids,
    ids: Ids,
    gaps: Floats,
    row: Whole,
    some_ids: Ids,
    some_gaps: Floats,
) -> None:
    """Add some targets to an ascending list, but none twice, and not the query itself."""
    width = ids.shape[1]
    names = some_ids.ctypes.data
    count, changed = 0, False
    for number in range(n_kept):
        if count == 0 or count == width + _MOST_AT_ONCE:
            if count:
                rank(some_ids, some_gaps, count, ids, gaps, row)
            for place in range(width):
                some_ids[place] = ids[row, place]
                some_gaps[place] = gaps[row, place]
            count, changed = width, False
            last_gap, last = gaps[row, width - 1], ids[row, width - 1]
        candidate, gap = targets[kept[number]], own - _TWO * scores[q, kept[number]]
        if candidate == query or gap > last_gap or (gap == last_gap and candidate > last):
            continue
        known = width
        for start in range(0, width, LANES):
            lane = find_lane(names + 4 * start, candidate)
            known = min(known, start + lane) if lane < LANES else known
        if known == width:
            some_ids[count] = candidate
            some_gaps[count] = gap
            count += 1
            changed = True
        elif gap < some_gaps[known]:
            some_gaps[known] = gap
            changed = True
    if changed:
        rank(some_ids, some_gaps, count, ids, gaps, row)


@compiled
def rank(
    some_ids: Ids, some_gaps: Floats, count: Whole, ids: Ids, gaps: Floats, row: Whole
) -> None:
    """Write the lowest of some gaps into a row, in order.

    Behind the count there is room up to a multiple of 16. Those of nobody share one rank, and
    stand behind it already.
    """
    names, numbers = some_ids.ctypes.data, some_gaps.ctypes.data
    whole = (count + LANES - 1) // LANES * LANES
    for place in range(count, whole):
        some_gaps[place] = np.float32(np.inf)
    for i in range(count):
        place = 0
        for start in range(0, 4 * whole, 4 * LANES):
            place += count_lanes_before(numbers + start, names + start, some_gaps[i], some_ids[i])
        if place < ids.shape[1]:
            ids[row, place] = some_ids[i]
            gaps[row, place] = some_gaps[i]


@compiled
def multiply_and_keep(
    vectors: Bits,
    query_squares: Floats,
    targets: Bits,
    target_squares: Floats,
    queries: Ids,
    rows: Ids,
    target_ids: Ids,
    ids: Ids,
    gaps: Floats,
    held: Flags,
) -> None:
    """Do as `keep_best` with the scores of rounded vectors, a strip of queries at once."""
    n_panels = GROUPS // LANES * ((len(targets) + GROUPS - 1) // GROUPS)
    panels = np.empty((n_panels, targets.shape[1] // 2, LANES), np.uint32)
    fill_panels(targets, panels)
    first = np.full(LANES * n_panels, -np.inf, np.float32)
    first[: len(targets)] = -_HALF * target_squares
    strip = np.zeros((STRIP, targets.shape[1]), np.uint16)
    scores = np.empty((STRIP, len(first)), np.float32)
    for start in range(0, len(queries), STRIP):
        stop = min(start + STRIP, len(queries))
        strip[: stop - start] = vectors[start:stop]
        multiply_strip(strip, panels, first, scores)
        keep_best(
            scores,
            query_squares[start:stop],
            queries[start:stop],
            rows[start:stop],
            target_ids,
            ids,
            gaps,
            held,
        )
