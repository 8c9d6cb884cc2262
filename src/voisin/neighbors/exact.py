"""Exact nearest neighbors, by blocks of matrix products.

Float32 products select a few candidates more than wanted, and the distances of the candidates are
computed again from the differences, so that rounding does not hide which of several
near-duplicates is nearest. Where it is likely to save time, a filter selects the candidates in
bfloat16 or in fewer dimensions, with lower bounds of the distances. Rows for which the filter may
have missed a neighbor are searched in float32. Where float32 may have, too, the distances of all
targets that it cannot exclude are computed one by one.

This module must not know images or labels. Import it late, since numba takes a while to import.
"""

import numpy as np
from numpy.typing import NDArray

from voisin.neighbors.kernels import instructions
from voisin.neighbors.kernels.expansion import collect_within, rescore_rows
from voisin.neighbors.kernels.top_k import (
    HUGE,
    NO_ID,
    Queries,
    TopK,
    compute_scores,
    update_top_k,
)
from voisin.neighbors.kernels.vectors import Bfloat16Vectors, Points, Vectors, principal_axes
from voisin.parallel import Workers, blocks
from voisin.types import Progress, no_progress

_SPARE = 8  # candidates beyond those wanted; by hand: with fewer, more rows are searched again
_MARGIN = 1e-5  # by hand: relative error of squared distances, about 80 roundings of float32
# Sizes of blocks, by hand: large enough to keep all threads busy, small enough for caches.
_QUERY_BLOCK = 8_192
_TARGET_BLOCK = 2_048
_RESCORE_BLOCK = 1_024
_WITHIN_BLOCK = 256
_TILE_NUMBERS = 1 << 19  # bfloat16 in a tile of targets: a megabyte, which a core's cache holds
_MIN_TILE = 256  # targets per tile, at least
# When to filter, by hand: with fewer queries or dimensions a filter saves less than it costs; with
# more neighbors its candidates are too few to exclude all other targets.
_MAX_NEIGHBORS_TO_FILTER = 16
_MIN_QUERIES_IN_BFLOAT16 = 64
_MIN_DIMS_TO_PROJECT = 700
# By hand: more dimensions give tighter bounds and slower products; more candidates exclude more
# targets and take longer to rescore.
_PROJECTED_DIMS = 320
_PROJECTED_CANDIDATES = 48
_SAMPLE = 1_500  # targets for the mean or the axes; by hand: bounds hold with any mean or axes
_TASK = "Finding neighbors"


def search_exactly(
    queries: Vectors,
    ids: NDArray[np.int32],
    targets: Vectors,
    n_neighbors: int,
    pool: Workers,
    progress: Progress = no_progress,
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Find the nearest targets of each query, a target of the same id excluded.

    Parameters
    ----------
    queries : Vectors
    ids : array of shape (n_queries,)
        Id of the target that each query is; below -1 if it is none.
    targets : Vectors
    n_neighbors : int
    pool : Workers
    progress : callable, optional

    Returns
    -------
    indices, squared_distances : array of shape (n_queries, n_neighbors)
        Nearest first; equal distances in the order of the targets.
    """
    indices = np.empty((len(queries), n_neighbors), dtype=np.int32)
    squared = np.empty((len(queries), n_neighbors), dtype=np.float32)
    quick = _choose_filter(len(queries), targets, n_neighbors, pool)
    repeated = quick is None and len(queries) > _QUERY_BLOCK
    prepared = targets.points(slice(None)) if repeated else targets
    width = n_neighbors + _SPARE
    for block in blocks(len(queries), _QUERY_BLOCK):
        rows = np.arange(block.start, block.stop)
        if quick is not None:
            candidates, bounds = quick.search(queries, ids, rows)
            nearest = rescore(queries, rows, targets, candidates, n_neighbors, pool, bounds)
            indices[rows], squared[rows] = nearest
            rows = rows[bounds[:, -1] <= squared[rows, -1]]
        if len(rows):
            points = queries.points(rows)
            candidates, distances = _find_candidates(points, ids[rows], prepared, width, pool)
            nearest = rescore(queries, rows, targets, candidates, n_neighbors, pool)
            indices[rows], squared[rows] = nearest
            last = squared[rows, -1]
            norms = points.squared_norms
            unsure = ~(_round_down(distances[:, -1], norms) > last)
            rows, last, norms = rows[unsure], last[unsure], norms[unsure]
            bounds = 2 * last - _round_down(last, norms)  # as far above as the other is below
            bounds[queries.scales[rows] == 0] = HUGE  # all are as far
        if len(rows):
            nearest = _search_within(queries, ids, rows, targets, bounds, n_neighbors, pool)
            indices[rows], squared[rows] = nearest
        progress(_TASK, block.stop, len(queries))
    return indices, squared


class _Bfloat16Filter:
    """Finds candidates by comparing vectors rounded to bfloat16.

    If rounding moves two points by at most r and s, their distance is at least the
    distance of the rounded points minus r + s.
    """

    def __init__(self, targets: Vectors, width: int, pool: Workers) -> None:
        sample = slice(None, None, max(1, len(targets) // _SAMPLE))
        self._targets = targets
        self._width = width
        self._tiles = blocks(len(targets), max(_MIN_TILE, _TILE_NUMBERS // targets.n_dims))
        self._center = targets.points(sample).vectors.mean(axis=0)
        self._pool = pool

    def search(
        self, queries: Vectors, ids: NDArray[np.int32], rows: NDArray[np.int64]
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Find candidates and lower bounds of their squared distances, ascending.

        No target that is left out is nearer than the last bound.
        """
        points = Bfloat16Vectors.from_points(queries.points(rows), self._center)
        errors = np.zeros(len(self._tiles), dtype=np.float32)
        top_k = TopK.empty(len(rows), self._width)
        rounded = Queries(points, ids[rows], np.arange(len(rows), dtype=np.int32))

        def compare(number: int) -> None:
            tile = self._tiles[number]
            targets = Bfloat16Vectors.from_vectors(self._targets, tile, self._center)
            errors[number] = targets.rounding_errors.max()
            update_top_k(rounded, targets, np.arange(tile.start, tile.stop, dtype=np.int32), top_k)

        self._pool.each(compare, range(len(self._tiles)))
        error = points.rounding_errors + errors.max()
        nearest = np.sqrt(np.maximum(top_k.squared_distances, 0)) - error[:, None]
        nearest = np.maximum(nearest, 0) ** 2
        return top_k.ids, _round_down(nearest, points.squared_norms[:, None])


class _ProjectionFilter:
    """Finds candidates by comparing vectors along their principal axes.

    With ``r`` the norm of the part outside the projection ``P``, ``|Px − Py|² + (r_x − r_y)²``
    is at most ``|x − y|²``, and is itself a squared distance in one dimension more.
    """

    def __init__(self, targets: Vectors, pool: Workers) -> None:
        sample = targets.points(slice(None, None, max(1, len(targets) // _SAMPLE)))
        self._axes = principal_axes(sample.vectors, _PROJECTED_DIMS, np.random.default_rng(0))
        vectors = np.empty((len(targets), self._axes.shape[1] + 1), dtype=np.float32)
        self._points = Points(vectors, np.empty(len(targets), dtype=np.float32))
        self._pool = pool

        def project(rows: slice) -> None:
            points = self._project(targets, rows)
            vectors[rows], self._points.squared_norms[rows] = points.vectors, points.squared_norms

        pool.each(project, blocks(len(targets), _TARGET_BLOCK))

    def search(
        self, queries: Vectors, ids: NDArray[np.int32], rows: NDArray[np.int64]
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Find candidates and lower bounds, as `_Bfloat16Filter.search` does."""
        points = self._project(queries, rows)
        candidates, distances = _find_candidates(
            points, ids[rows], self._points, _PROJECTED_CANDIDATES, self._pool
        )
        return candidates, _round_down(distances, points.squared_norms[:, None])

    def _project(self, vectors: Vectors, rows: slice | NDArray[np.int64]) -> Points:
        points = vectors.project(rows, self._axes)
        within = np.einsum("ij,ij->i", points.vectors, points.vectors)
        left_out = np.sqrt(np.maximum(points.squared_norms - within, 0))
        return Points(np.column_stack([points.vectors, left_out]), points.squared_norms)


def _choose_filter(
    n_queries: int, targets: Vectors, n_neighbors: int, pool: Workers
) -> _Bfloat16Filter | _ProjectionFilter | None:
    """Prepare a filter if it is likely to save time."""
    if n_neighbors > _MAX_NEIGHBORS_TO_FILTER:
        return None
    if instructions.has_matrix_unit() and n_queries >= _MIN_QUERIES_IN_BFLOAT16:
        return _Bfloat16Filter(targets, 2 * n_neighbors + _SPARE, pool)
    if n_queries > _QUERY_BLOCK and targets.n_dims >= _MIN_DIMS_TO_PROJECT:
        return _ProjectionFilter(targets, pool)
    return None


def _find_candidates(
    queries: Points, ids: NDArray[np.int32], targets: Vectors | Points, width: int, pool: Workers
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Find the nearest of all targets by float32 products, block by block."""
    top_k = TopK.empty(len(queries), width)
    all_queries = Queries(queries, ids, np.arange(len(queries), dtype=np.int32))

    def compare(block: slice) -> None:
        points = targets.take(block) if isinstance(targets, Points) else targets.points(block)
        update_top_k(all_queries, points, np.arange(block.start, block.stop, dtype=np.int32), top_k)

    pool.each(compare, blocks(len(targets), _TARGET_BLOCK))
    return top_k.ids, top_k.squared_distances


def _search_within(
    queries: Vectors,
    ids: NDArray[np.int32],
    rows: NDArray[np.int64],
    targets: Vectors,
    bounds: NDArray[np.float32],
    n_neighbors: int,
    pool: Workers,
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Compute the distances of all targets that may be within each query's bound, one by one.

    This is for queries with so many targets at about the same distance that products in float32
    cannot tell which are nearest: near-duplicates, ties, or clusters far from the center.
    """
    nearest = np.full((len(rows), n_neighbors), NO_ID, dtype=np.int32)
    squared = np.full((len(rows), n_neighbors), np.inf, dtype=np.float32)

    def search(block: slice) -> None:
        points = queries.points(rows[block])
        for tile in blocks(len(targets), _TARGET_BLOCK):
            scores, norms = compute_scores(points, targets.points(tile))
            collect_within(
                scores,
                norms,
                ids[rows[block]],
                bounds[block],
                tile.start,
                queries.given,
                queries.given_scales,
                rows[block],
                targets.given,
                targets.given_scales,
                nearest[block],
                squared[block],
            )

    pool.each(search, blocks(len(rows), _WITHIN_BLOCK))
    return nearest, squared


def _round_down(
    squared: NDArray[np.float32], squared_norms: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return lower bounds of squared distances from queries of such norms, rounding included."""
    return np.asarray((1 - _MARGIN) * squared - 2 * _MARGIN * squared_norms, dtype=np.float32)


def rescore(
    queries: Vectors,
    rows: NDArray[np.int64],
    targets: Vectors,
    candidates: NDArray[np.int32],
    n_neighbors: int,
    pool: Workers | None = None,
    bounds: NDArray[np.float32] | None = None,
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Keep the nearest candidates of the queries at `rows`, by the norms of the differences.

    `bounds` are lower bounds of the candidates' squared distances, ascending. Without a pool, the
    calling thread does all of the work.
    """
    nearest = np.empty((len(rows), n_neighbors), dtype=np.int32)
    squared = np.empty((len(rows), n_neighbors), dtype=np.float32)
    lowest = np.zeros(candidates.shape, dtype=np.float32) if bounds is None else bounds

    def keep(block: slice) -> None:
        rescore_rows(
            queries.given,
            queries.given_scales,
            rows[block],
            targets.given,
            targets.given_scales,
            candidates[block],
            lowest[block],
            nearest[block],
            squared[block],
        )

    if pool is None:
        keep(slice(None))
    else:
        pool.each(keep, blocks(len(rows), _RESCORE_BLOCK))
    return nearest, squared
