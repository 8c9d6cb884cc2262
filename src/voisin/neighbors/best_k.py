"""Compiled loops that keep the k best of many candidates; they know numbers, not why.

Imported only when a search begins, since numba takes a while to import. Every function writes
only the rows it is given, so that threads can share the work and the result does not depend on
how many there are. Equal gaps go in the order of the ids, so it does not depend on the order
of the candidates either.

A *gap* is a squared distance as products tell it: ``|q|² + |t|² − 2 q·t``.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from voisin.neighbors.half_precision import STRIP, Bits, fill_panels, multiply_strip
from voisin.parallel import compiled

Ids: TypeAlias = NDArray[np.int32]
Places: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float32]
Whole: TypeAlias = int | np.integer
Real: TypeAlias = float | np.floating

NOBODY = -1
_LANES = 64  # columns compared at once; more than a register holds, so that loops vectorize
_TWO = np.float32(2)  # a plain 2 would turn the arithmetic into float64
_HALVINGS = 10
_REGISTER = 16  # numbers that a register holds
_HUGE = np.float32(1e38)


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
def _find_lowest(
    products: Floats, query: Whole, own: Real, squares: Floats, lowest: Floats
) -> None:
    """Find the lowest gap of every 64th target, from each of the first 64 on."""
    n_targets = len(squares)
    full = n_targets - n_targets % _LANES
    lowest[:] = np.float32(np.inf)
    for start in range(0, full, _LANES):
        for lane in range(_LANES):
            gap = own + squares[start + lane] - _TWO * products[query, start + lane]
            lowest[lane] = gap if gap < lowest[lane] else lowest[lane]
    for lane in range(n_targets - full):
        gap = own + squares[full + lane] - _TWO * products[query, full + lane]
        lowest[lane] = gap if gap < lowest[lane] else lowest[lane]


@compiled
def _count_up_to(values: Floats, bound: Real) -> np.float32:
    count = np.float32(0)  # vectorizes better than a whole number
    for lane in range(_LANES):
        count += np.float32(1) if values[lane] <= bound else np.float32(0)
    return count


@compiled
def _bound(lowest: Floats, count: Whole, most: Real) -> Real:
    """Find a bound, at most `most`, with at least `count` values up to it, and not many more.

    Seven of eight values are at most 8 times their mean, as they are hardly ever negative.
    """
    if _count_up_to(lowest, most) <= count:
        return most
    total, n_finite = np.float32(0), np.float32(0)
    for lane in range(_LANES):
        total += lowest[lane] if lowest[lane] < _HUGE else np.float32(0)
        n_finite += np.float32(1) if lowest[lane] < _HUGE else np.float32(0)
    low, high = np.float32(0), min(most, np.float32(8) * total / max(n_finite, np.float32(1)))
    if _count_up_to(lowest, high) < count:
        return most
    for _ in range(_HALVINGS):
        middle = np.float32(0.5) * (low + high)
        if _count_up_to(lowest, middle) >= count:
            high = middle
        else:
            low = middle
    return high


@compiled
def keep_best(
    products: Floats,
    queries: Ids,
    query_squares: Floats,
    rows: Ids,
    slots: Ids,
    targets: Ids,
    target_squares: Floats,
    limits: Floats,
    ids: Ids,
    gaps: Floats,
) -> None:
    """Let targets compete for each query's row and slot of the lowest gaps, ascending.

    ``products[q, t]`` holds the inner products; a target that is the query itself is left out.
    The lowest gaps of 64 interleaved groups of targets bound the width-th lowest of all, so
    that only the few groups that reach below the bound are looked at one by one. A row's limit
    is what some slot of it already reaches; what is above it cannot be among the best of all.
    """
    n_targets = len(targets)
    width = ids.shape[2]
    step = n_targets // _LANES + 1  # most that a lane holds
    lowest = np.empty(_LANES, np.float32)
    lanes = np.empty(_LANES + 1, np.int32)
    some_ids = np.empty(2 * (width + step) + _LANES + _REGISTER, np.int32)
    some_gaps = np.empty(len(some_ids), np.float32)
    for q in range(len(queries)):
        own = query_squares[q]
        row, slot = rows[q], slots[q]
        _find_lowest(products, q, own, target_squares, lowest)
        bound = min(limits[row], gaps[row, slot, width - 1])
        bound = _bound(lowest, width + 1, bound)  # one more: the query itself may be among them
        n_lanes = 0
        for lane in range(_LANES):
            lanes[n_lanes] = lane
            n_lanes += lowest[lane] <= bound
        if n_lanes == 0:
            continue
        count = 0
        for place in range(width):
            some_ids[count] = ids[row, slot, place]
            some_gaps[count] = gaps[row, slot, place]
            count += some_ids[count] != NOBODY
        for number in range(n_lanes):
            if count > len(some_ids) - step - _REGISTER:
                _rank(some_ids, some_gaps, count, ids, gaps, row, slot)
                for place in range(width):
                    some_ids[place] = ids[row, slot, place]
                    some_gaps[place] = gaps[row, slot, place]
                count = width
                bound = min(bound, some_gaps[width - 1])
            for t in range(lanes[number], n_targets, _LANES):
                gap = own + target_squares[t] - _TWO * products[q, t]
                some_ids[count] = targets[t]
                some_gaps[count] = gap
                count += (gap <= bound) & (targets[t] != queries[q])
        _rank(some_ids, some_gaps, count, ids, gaps, row, slot)
        limits[row] = min(limits[row], gaps[row, slot, width - 1])


@compiled
def _rank(
    some_ids: Ids,
    some_gaps: Floats,
    count: Whole,
    ids: Ids,
    gaps: Floats,
    row: Whole,
    slot: Whole,
) -> None:
    """Write the lowest of some gaps into a slot, in order."""
    width = ids.shape[2]
    whole = (count + _REGISTER - 1) // _REGISTER * _REGISTER
    some_gaps[count:whole] = np.float32(np.inf)
    for i in range(count):
        rank = np.int32(0)
        gap, name = some_gaps[i], some_ids[i]
        for j in range(whole):
            lower = some_gaps[j] < gap
            tied = (some_gaps[j] == gap) & (some_ids[j] < name)
            rank += np.int32(lower | tied)
        if rank < width:
            ids[row, slot, rank] = name
            gaps[row, slot, rank] = gap


@compiled
def multiply_and_keep(
    vectors: Bits,
    query_squares: Floats,
    targets: Bits,
    target_squares: Floats,
    queries: Ids,
    rows: Ids,
    slots: Ids,
    target_ids: Ids,
    limits: Floats,
    ids: Ids,
    gaps: Floats,
) -> None:
    """Do as `keep_best` with the products of rounded vectors, a strip of queries at once."""
    n_panels = 2 * ((len(targets) + STRIP - 1) // STRIP)
    panels = np.empty((n_panels, targets.shape[1] // 2, 16), np.uint32)
    fill_panels(targets, panels)
    strip = np.zeros((STRIP, targets.shape[1]), np.uint16)
    products = np.empty((STRIP, 16 * n_panels), np.float32)
    for start in range(0, len(queries), STRIP):
        stop = min(start + STRIP, len(queries))
        strip[: stop - start] = vectors[start:stop]
        multiply_strip(strip, panels, products)
        keep_best(
            products,
            queries[start:stop],
            query_squares[start:stop],
            rows[start:stop],
            slots[start:stop],
            target_ids,
            target_squares,
            limits,
            ids,
            gaps,
        )


@compiled
def _find(ids: Ids, candidate: Whole) -> Whole:
    for place in range(len(ids)):
        if ids[place] == candidate:
            return place
    return NOBODY


@compiled
def merge(
    ids: Ids, gaps: Floats, start: Whole, stop: Whole, merged: Ids, merged_gaps: Floats
) -> None:
    """Add the slots of each row to its one ascending list, each candidate at its lowest gap."""
    for row in range(start, stop):
        best = merged[row]
        best_gaps = merged_gaps[row]
        for slot in range(ids.shape[1]):
            for place in range(ids.shape[2]):
                candidate = ids[row, slot, place]
                gap = gaps[row, slot, place]
                if candidate == NOBODY or not improves(best, best_gaps, candidate, gap):
                    break
                known = _find(best, candidate)
                if known == NOBODY:
                    insert(best, best_gaps, candidate, gap)
                elif gap < best_gaps[known]:
                    insert(best[: known + 1], best_gaps[: known + 1], candidate, gap)
