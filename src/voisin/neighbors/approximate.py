"""Approximate nearest neighbors from overlapping partitions.

Random points, the pivots, partition all points: each point joins the leaves of its few nearest
pivots, the members of every leaf are compared by one matrix product, and then each point is
compared with its neighbors' neighbors. Dense overlapping leaves are the idea of PiPNN (2026).
Points are compared in their first principal dimensions; the best candidates, in all dimensions.
Where float32 is too coarse for that, since points lie far apart beside their neighbors' distances,
they are compared in float64; where even that is too coarse, all pairs are.

After every step the recall is measured on rows whose exact neighbors are known. While it is below
its target, neighbors are expanded if that may be enough; else new pivots partition the points
again, with one leaf per point, in more dimensions if necessary.

This module must not know images or labels. Import it late, since numba takes a while to import.
"""

import warnings
from collections.abc import Callable
from functools import partial
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from voisin.errors import InputWarning
from voisin.neighbors.exact import rescore, search_exactly
from voisin.neighbors.kernels import instructions
from voisin.neighbors.kernels.expansion import expand_neighbors, recompute_distances
from voisin.neighbors.kernels.top_k import NO_ID, Queries, TopK, update_top_k, update_top_k_roughly
from voisin.neighbors.kernels.vectors import (
    AnyPoints,
    Bfloat16Vectors,
    Points,
    Vectors,
    project,
    project_in_bfloat16,
    reorder_points,
)
from voisin.parallel import Workers, blocks
from voisin.types import Progress

# All of these were set by hand; benchmarks/graphs.py measures their recall and time together.
# Larger or more leaves find more neighbors and take longer.
_MEMBERS_PER_LEAF = 13  # members wanted, divided by the cube root of the number of points
_MEMBERS_PER_LEAF_BFLOAT16 = 20  # the same in bfloat16, in which products take less time
_MAX_LEAF = 4  # a leaf with more than this many times the members wanted is split
_FAN_OUT = 3  # leaves that each point joins at first
# More dimensions are more exact and slower.
_FIRST_DIMS = 256  # dimensions compared at first; doubled if recall stays too low
_PIVOT_DIMS = 48  # dimensions in which pivots are compared
_REACH = 10  # neighbors to expand, and neighbors of each: at most 100 candidates
_SPARE = 4  # candidates to rescore beyond those wanted
_SPARE_PROJECTED = 8  # the same if candidates were ranked in fewer dimensions
# Expected effect of expanding neighbors; it only decides which step comes next.
_MISSED_AFTER_EXPANSION = 0.6  # share of the missed neighbors that are still missed
_MISSED_AFTER_SECOND = 0.8  # the same after a second expansion in a row
_MAX_IN_A_ROW = 2  # partitions in a row, or expansions in a row
_MAX_STEPS = 15  # after these, the search warns and returns the neighbors found so far
_CHECKED_ROWS = 1_000  # a measured recall of 95 % has a standard error of at most 0.7 %
_MAX_ERROR = 0.02  # largest rounding error, as a share of the distance from the last neighbor
_ROUNDINGS = 4  # of a squared norm, in the error of a squared distance by products; by hand
_MAX_COARSE = 0.01  # largest share of rows whose distances float32 may spoil; by hand
_SAME = 1 + 1e-5  # squared distances within this ratio count as equal
# With more pivots than this, two levels save time; probing more groups is more exact and slower.
_FEW_PIVOTS = 4_096
_PROBES = 4  # groups of pivots that each point is compared with
_GROUP_FACTOR = 2  # there are √pivots / 2 groups of 2·√pivots members
# Rows at once: enough to keep threads busy, few enough for caches.
_BLOCK = 2_048
_PIVOT_BLOCK = 4_096
_TASKS_PER_THREAD = 16  # at most, in an expansion: each task allocates a mark per point


ToPoints: TypeAlias = Callable[[Vectors, int, np.random.Generator, Workers], AnyPoints]


def search_by_partitions(
    vectors: Vectors,
    n_neighbors: int,
    *,
    target_recall: float,
    generator: np.random.Generator,
    pool: Workers,
    progress: Progress,
) -> tuple[NDArray[np.int32], NDArray[np.float32], float]:
    """Find nearly all nearest neighbors of every vector.

    Parameters
    ----------
    vectors : Vectors
    n_neighbors : int
    target_recall : float
        Share of the true neighbors to find, measured on 1,000 rows.
    generator : numpy.random.Generator
    pool : Workers
    progress : callable

    Returns
    -------
    indices, squared_distances : array of shape (n_samples, n_neighbors)
        Nearest first.
    recall : float
        Share of true neighbors found, measured on the checked rows.

    Warns
    -----
    InputWarning
        If the recall stays below the target.
    """
    check = _RecallCheck(vectors, n_neighbors, generator, pool)
    to_points: ToPoints = project
    if not check.allows(np.float64):
        ids = np.arange(len(vectors), dtype=np.int32)
        return *search_exactly(vectors, ids, vectors, n_neighbors, pool, progress), 1.0
    if not check.allows(np.float32):
        to_points = partial(project, dtype=np.float64)
    elif instructions.has_matrix_unit() and check.allows_rounding():
        to_points = project_in_bfloat16
    search = _PartitionSearch(vectors, n_neighbors, to_points, generator, pool, progress)
    search.partition(_FAN_OUT)
    partitions, expansions, recall = 1, 0, 0.0  # in a row: one of the two is 0
    for _ in range(_MAX_STEPS):
        recall = check.recall(search.candidates(check.rows))
        if recall >= target_recall:
            return *search.finish(), recall
        missed = (_MISSED_AFTER_SECOND if expansions else _MISSED_AFTER_EXPANSION) * (1 - recall)
        enough = missed <= 1 - target_recall and expansions < _MAX_IN_A_ROW
        if enough or partitions == _MAX_IN_A_ROW:
            search.expand()
            partitions, expansions = 0, expansions + 1
        else:
            if expansions:
                search.add_dimensions()
            search.partition(1)
            partitions, expansions = partitions + 1, 0
    message = (
        f"The neighbor search found {recall:.1%} of the true neighbors, not the "
        f"target_recall={target_recall:g}: pass `method='exact'` to have them all."
    )
    warnings.warn(message, InputWarning, stacklevel=4)
    return *search.finish(), recall


class _RecallCheck:
    """Randomly drawn rows, and the squared distances of their last true neighbors."""

    def __init__(
        self, vectors: Vectors, n_neighbors: int, generator: np.random.Generator, pool: Workers
    ) -> None:
        count = min(len(vectors), _CHECKED_ROWS)
        self.rows = np.sort(generator.choice(len(vectors), count, replace=False))
        ids = self.rows.astype(np.int32)
        _, squared = search_exactly(vectors.take(self.rows), ids, vectors, n_neighbors, pool)
        self._last = squared[:, -1:]
        self._vectors, self._n_neighbors, self._pool = vectors, n_neighbors, pool

    def recall(self, candidates: NDArray[np.int32]) -> float:
        """Share of candidates no farther than the last true neighbor: ties count as found."""
        vectors, n_neighbors = self._vectors, self._n_neighbors
        _, squared = rescore(vectors, self.rows, vectors, candidates, n_neighbors, self._pool)
        return float((squared <= self._last * _SAME).mean())

    def allows(self, dtype: type[np.floating]) -> bool:
        """Tell whether distances by products are accurate beside those of neighbors.

        They are not where a few features, or the gaps between clusters, are far larger than the
        distances within.
        """
        last = self._last[:, 0]
        norms = self._vectors.points_in_float64(self.rows).squared_norms[last > 0]
        coarse = _ROUNDINGS * np.finfo(dtype).eps * norms > _MAX_ERROR * last[last > 0]
        return not len(coarse) or bool(coarse.mean() <= _MAX_COARSE)

    def allows_rounding(self) -> bool:
        """Tell whether rounding to bfloat16 is small against the distances from neighbors."""
        points = self._vectors.points(self.rows)
        errors = Bfloat16Vectors.from_points(points, points.vectors.mean(axis=0)).rounding_errors
        return bool(np.median(errors) <= _MAX_ERROR * np.median(np.sqrt(self._last)))


class _PartitionSearch:
    """The nearest neighbors so far; points lie in memory in the order of their first leaves."""

    def __init__(
        self,
        vectors: Vectors,
        n_neighbors: int,
        to_points: ToPoints,
        generator: np.random.Generator,
        pool: Workers,
        progress: Progress,
    ) -> None:
        self._vectors = vectors
        self._n_neighbors = n_neighbors
        self._to_points = to_points
        self._generator = generator
        self._pool = pool
        self._progress = progress
        self._order = np.arange(len(vectors))
        self._n_dims = _FIRST_DIMS
        self._points = to_points(vectors, self._n_dims, generator, pool)
        rounded = isinstance(self._points, Bfloat16Vectors)
        members = _MEMBERS_PER_LEAF_BFLOAT16 if rounded else _MEMBERS_PER_LEAF
        self._leaf_size = round(members * len(vectors) ** (1 / 3))
        spare = _SPARE if vectors.n_dims <= _FIRST_DIMS else _SPARE_PROJECTED
        self._top_k = TopK.empty(len(vectors), max(n_neighbors + spare, _REACH))

    def partition(self, fan_out: int) -> None:
        """Partition the points by new pivots, and compare the members of each leaf."""
        assigned = self._assign_leaves(fan_out)
        leaves = _group_positions(assigned, int(assigned.max()) + 1)

        def compare_within(members: NDArray[np.int64]) -> None:
            points, ids = self._points.take(members), members.astype(np.int32)
            update_top_k_roughly(Queries(points, ids, ids), points, ids, self._top_k)

        parts = [part for leaf in leaves for part in self._split_leaf(leaf // assigned.shape[1])]
        parts.sort(key=len, reverse=True)  # the longest first, so that threads end together
        self._pool.each(compare_within, parts, partial(self._progress, "Comparing within leaves"))

    def expand(self) -> None:
        """Compare each point with its neighbors' neighbors."""
        points, old = self._points, self._top_k
        new = TopK.empty(len(points), old.ids.shape[1])

        def expand_block(rows: slice) -> None:
            expand_neighbors(
                points.elements,
                points.squared_norms,
                old.ids,
                old.squared_distances,
                rows.start,
                rows.stop,
                _REACH,
                new.ids,
                new.squared_distances,
            )

        size = max(_BLOCK, len(points) // (_TASKS_PER_THREAD * self._pool.count))
        on_progress = partial(self._progress, "Visiting neighbors of neighbors")
        self._pool.each(expand_block, blocks(len(points), size), on_progress)
        self._top_k = new

    def add_dimensions(self) -> None:
        """Compare in twice as many dimensions from now on."""
        if self._n_dims >= self._vectors.n_dims:
            return
        self._n_dims *= 2
        points = self._to_points(self._vectors, self._n_dims, self._generator, self._pool)
        points, top_k = reorder_points(points, self._order, self._pool), self._top_k
        self._points = points

        def recompute_block(rows: slice) -> None:
            squared, norms = top_k.squared_distances, points.squared_norms
            recompute_distances(points.elements, norms, top_k.ids, rows.start, rows.stop, squared)

        self._pool.each(recompute_block, blocks(len(points), _BLOCK))

    def candidates(self, rows: NDArray[np.int64]) -> NDArray[np.int32]:
        """Return the candidates of some rows of the dataset."""
        place = np.empty(len(self._order), dtype=np.int64)
        place[self._order] = np.arange(len(self._order))
        return self._candidates_at(place[rows])

    def finish(self) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Compute exact distances of the candidates; search exactly for rows with too few."""
        vectors, n_neighbors = self._vectors, self._n_neighbors
        indices = np.empty((len(vectors), n_neighbors), dtype=np.int32)
        squared = np.empty((len(vectors), n_neighbors), dtype=np.float32)

        def rescore_places(places: slice) -> None:
            rows = self._order[places]
            candidates = self._candidates_at(places)
            indices[rows], squared[rows] = rescore(vectors, rows, vectors, candidates, n_neighbors)

        on_progress = partial(self._progress, "Measuring distances")
        self._pool.each(rescore_places, blocks(len(vectors), _BLOCK), on_progress)
        incomplete = np.flatnonzero(indices[:, -1] < 0)
        if len(incomplete):
            ids = incomplete.astype(np.int32)
            indices[incomplete], squared[incomplete] = search_exactly(
                vectors.take(incomplete), ids, vectors, n_neighbors, self._pool
            )
        return indices, squared

    def _assign_leaves(self, fan_out: int) -> NDArray[np.int32]:
        points = self._points
        n_pivots = len(points) * fan_out // self._leaf_size
        if n_pivots <= fan_out:
            return np.zeros((len(points), 1), dtype=np.int32)
        pivots = np.sort(self._generator.choice(len(points), n_pivots, replace=False))
        coarse = points.truncate(_PIVOT_DIMS) if isinstance(points, Points) else points
        assigned = _find_nearest_pivots(coarse, pivots, fan_out, self._generator, self._pool)
        if (self._top_k.ids[:, 0] >= 0).any():
            return assigned
        self._order = np.argsort(assigned[:, 0], kind="stable")
        self._points = reorder_points(points, self._order, self._pool)
        return assigned[self._order]

    def _split_leaf(self, leaf: NDArray[np.int64]) -> list[NDArray[np.int64]]:
        """Split a leaf that is too large along the line through two of its members.

        Members at the same point of the line, such as identical ones, are split, too.
        """
        largest = _MAX_LEAF * self._leaf_size
        if len(leaf) <= largest:
            return [leaf] if len(leaf) > 1 else []
        points = self._points.take(leaf)
        vectors = points.as_floats() if isinstance(points, Bfloat16Vectors) else points.vectors
        along = vectors @ (vectors[0] - vectors[len(leaf) // 2])
        order = np.argsort(along, kind="stable")
        return np.array_split(leaf[order], -(-len(leaf) // largest))

    def _candidates_at(self, places: slice | NDArray[np.int64]) -> NDArray[np.int32]:
        """Return the candidates of the points at some places in memory, as rows of the dataset."""
        ids = self._top_k.ids[places]
        return np.where(ids < 0, NO_ID, self._order[ids]).astype(np.int32)


def _find_nearest_pivots(
    points: AnyPoints,
    pivots: NDArray[np.int64],
    count: int,
    generator: np.random.Generator,
    pool: Workers,
) -> NDArray[np.int32]:
    """Find the `count` pivots nearest to every point, nearest first, as positions in `pivots`.

    A few pivots are compared with every point. Many are first assigned to groups around a few of
    them: each point is compared only with the pivots of its nearest groups, so that the cost grows
    with ``n · √pivots`` instead of ``n · pivots``. Several groups are probed, since the nearest
    pivot is often not in the nearest group.
    """
    pivot_points = points.take(pivots)
    if len(pivots) <= max(_FEW_PIVOTS, count):
        return _compare_all(points, pivot_points, count, pool)
    n_groups = max(2, int(np.sqrt(len(pivots)) / _GROUP_FACTOR))
    n_probes = min(_PROBES, n_groups)
    centers = pivot_points.take(np.sort(generator.choice(len(pivots), n_groups, replace=False)))
    group_of_pivot = _compare_all(pivot_points, centers, 1, pool)[:, 0]
    probed = _group_positions(_compare_all(points, centers, n_probes, pool), n_groups)
    top_k = TopK.empty(len(points), count)

    def compare(group: int) -> None:
        rows = (probed[group] // n_probes).astype(np.int32)
        members = np.flatnonzero(group_of_pivot == group)
        if len(rows) and len(members):
            queries = Queries(points.take(rows), rows, rows)
            update_top_k_roughly(queries, pivot_points.take(members), _to_ids(members), top_k)

    pool.each(compare, range(n_groups))
    return _to_ids(top_k.ids)


def _compare_all(
    points: AnyPoints, pivots: AnyPoints, count: int, pool: Workers
) -> NDArray[np.int32]:
    top_k = TopK.empty(len(points), count)
    pivot_ids = _to_ids(np.arange(len(pivots)))

    def compare(block: slice) -> None:
        ids = np.arange(block.start, block.stop, dtype=np.int32)
        update_top_k(Queries(points.take(block), ids, ids), pivots, pivot_ids, top_k)

    pool.each(compare, blocks(len(points), _PIVOT_BLOCK))
    return _to_ids(top_k.ids)


def _group_positions(groups: NDArray[np.int32], n_groups: int) -> list[NDArray[np.int64]]:
    """List the positions, in the flattened array, of each group."""
    flat = groups.ravel()
    small = np.uint16 if n_groups <= 1 << 16 else np.int32  # 16 bits are sorted by radix
    order = np.argsort(flat.astype(small), kind="stable")
    ends = np.cumsum(np.bincount(flat, minlength=n_groups))
    return np.split(order, ends[:-1])


def _to_ids(positions: NDArray[np.integer]) -> NDArray[np.int32]:
    """Turn positions of pivots into ids below -1, which are no point's id, and back again."""
    return (-2 - positions).astype(np.int32)
