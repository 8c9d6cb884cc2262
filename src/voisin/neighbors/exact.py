"""Exact nearest neighbors by blocks of matrix products; it knows vectors, not images or labels.

``|x - y|² = |x|² + |y|² - 2 x·y``, and the cosine distance is half the squared distance of unit
vectors, so one search serves both metrics. Products select a few candidates more than asked
for in float32; their distances are then computed again from the differences, so that
near-duplicates are not lost to rounding.
"""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from voisin.neighbors.kernels.projection import principal_axes
from voisin.neighbors.kernels.vectors import (
    Bfloat16Vectors,
    Points,
    Queries,
    TopK,
    Vectors,
    update_top_k,
)
from voisin.parallel import Workers, blocks
from voisin.types import Progress, no_progress

_SPARE = 8
_QUERIES = 8_192
_TARGETS = 2_048
_ROWS = 1_024
_MANY_DIMS = 700
_FEW_NEIGHBORS = 16
_BOUND_DIMS = 320
_WIDTH = 48
_SAMPLE = 1_500
_SOME_QUERIES = 64
_SOME_DOUBTFUL = 256
_TILE = 1 << 19  # numbers, that a core's cache holds
_LEAST = 256
_MARGIN = 1e-5
_TASK = "Finding neighbors"


def search_exactly(
    queries: Vectors,
    ids: NDArray[np.int32],
    targets: Vectors,
    n_neighbors: int,
    crew: Workers,
    progress: Progress = no_progress,
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Find the nearest targets of each query, a target of the same id excluded.

    Parameters
    ----------
    queries : Vectors
    ids : array of shape (n_queries,)
        Which target each query is, or below -1 where it is none.
    targets : Vectors
    n_neighbors : int
    crew : Workers
    progress : callable, optional

    Returns
    -------
    indices, squares : array of shape (n_queries, n_neighbors)
        Nearest first, with squared distances; equal ones in the order of the targets.
    """
    found = (
        np.empty((len(queries), n_neighbors), dtype=np.int32),
        np.empty((len(queries), n_neighbors), dtype=np.float32),
    )
    first = _first_pass(len(queries), targets, n_neighbors, crew)
    ready = targets.points(slice(None)) if first is None and len(queries) > _QUERIES else targets
    for some in blocks(len(queries), _QUERIES):
        rows = np.arange(some.start, some.stop)
        if first is not None:
            likely, bounds = first.search(queries, ids, rows)
            near = measured(queries, rows, targets, likely, bounds, n_neighbors, crew)
            found[0][rows], found[1][rows] = near
            rows = rows[bounds[:, -1] <= near[1][:, -1]]
        if len(rows):
            points = queries.points(rows)
            width = n_neighbors + _SPARE
            likely, gaps = _candidates(points, ids[rows], ready, width, crew)
            near = measured(queries, rows, targets, likely, None, n_neighbors, crew)
            found[0][rows], found[1][rows] = near
            least = gaps[:, -1] - _MARGIN * (1 + points.squares)
            rows = rows[(least <= near[1][:, -1]) & (near[1][:, -1] > 0)]
        if len(rows):
            likely = _in_float64(queries, ids, rows, targets, n_neighbors + _SPARE, crew)
            found[0][rows], found[1][rows] = measured(
                queries, rows, targets, likely, None, n_neighbors, crew
            )
        progress(_TASK, some.stop, len(queries))
    return found


class _FirstPass(Protocol):
    """Quick search for likely neighbors, nearest first, with bounds on distances from below."""

    def search(
        self, queries: Vectors, ids: NDArray[np.int32], rows: NDArray[np.int64]
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Find candidates; no target that is left out is nearer than the last one's bound."""


def _first_pass(
    n_queries: int, targets: Vectors, n_neighbors: int, crew: Workers
) -> _FirstPass | None:
    """Prepare one where it is likely to pay."""
    from voisin.neighbors.kernels.bfloat16 import has_matrix_unit

    if n_neighbors > _FEW_NEIGHBORS:
        return None
    if has_matrix_unit() and n_queries >= _SOME_QUERIES:
        return _Rounding(targets, 2 * n_neighbors + _SPARE, crew)
    if n_queries > _QUERIES and targets.n_dims >= _MANY_DIMS:
        return _Shortening(targets, crew)
    return None


class _Rounding:
    """Vectors rounded to bfloat16.

    If rounding takes the points by at most r and s, their distance is at least that of the
    rounded points less r + s.
    """

    def __init__(self, targets: Vectors, width: int, crew: Workers) -> None:
        some = slice(None, None, max(1, len(targets) // _SAMPLE))
        self._targets = targets
        self._width = width
        self._tiles = blocks(len(targets), max(_LEAST, _TILE // targets.n_dims))
        self._middle = targets.points(some).vectors.mean(axis=0)
        self._crew = crew

    def search(
        self, queries: Vectors, ids: NDArray[np.int32], rows: NDArray[np.int64]
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Find candidates and bounds."""
        points = queries.points(rows)
        asked = Bfloat16Vectors.of(points, self._middle)
        slips = np.zeros(len(self._tiles), dtype=np.float32)
        table = TopK.empty(len(rows), self._width)
        into = Queries(asked, ids[rows], np.arange(len(rows), dtype=np.int32))

        def meet(number: int) -> None:
            tile = self._tiles[number]
            targets = Bfloat16Vectors.of_cloud(self._targets, tile, self._middle)
            slips[number] = targets.slips.max()
            update_top_k(into, targets, np.arange(tile.start, tile.stop, dtype=np.int32), table)

        self._crew.each(meet, range(len(self._tiles)))
        slip = asked.slips + slips.max()
        nearest = np.sqrt(np.maximum(table.gaps, 0)) - slip[:, None]
        margin = _MARGIN * (1 + asked.squares)
        return table.ids, np.maximum(nearest, 0) ** 2 - margin[:, None]


class _Shortening:
    """Vectors along their principal axes, where distances are bounds from below.

    With ``r`` the length of what the projection ``P`` leaves out, ``|Px − Py|² + (r_x − r_y)²``
    is at most ``|x − y|²``, and is itself a squared distance in one dimension more.
    """

    def __init__(self, targets: Vectors, crew: Workers) -> None:
        sample = targets.points(slice(None, None, max(1, len(targets) // _SAMPLE)))
        self._axes = principal_axes(sample.vectors, _BOUND_DIMS, np.random.default_rng(0))
        vectors = np.empty((len(targets), self._axes.shape[1] + 1), dtype=np.float32)
        squares = np.empty(len(targets), dtype=np.float32)

        def shorten(rows: slice) -> None:
            points = with_rest(targets.project(rows, self._axes))
            vectors[rows], squares[rows] = points.vectors, points.squares

        crew.each(shorten, blocks(len(targets), _TARGETS))
        self._points = Points(vectors, squares)
        self._crew = crew

    def search(
        self, queries: Vectors, ids: NDArray[np.int32], rows: NDArray[np.int64]
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Find candidates and bounds."""
        asked = with_rest(queries.project(rows, self._axes))
        candidates, gaps = _candidates(asked, ids[rows], self._points, _WIDTH, self._crew)
        margin = _MARGIN * (1 + asked.squares)  # what rounding may add to a bound
        return candidates, gaps - margin[:, None]


def with_rest(points: Points) -> Points:
    """Append the length of what a projection left out as one dimension more."""
    kept = np.einsum("ij,ij->i", points.vectors, points.vectors)
    rest = np.sqrt(np.maximum(points.squares - kept, 0))
    return Points(np.column_stack([points.vectors, rest]), points.squares)


def _candidates(
    asked: Points,
    ids: NDArray[np.int32],
    targets: Vectors | Points,
    width: int,
    crew: Workers,
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Find the nearest of all targets by products, tile by tile."""
    table = TopK.empty(len(asked), width)
    into = Queries(asked, ids, np.arange(len(asked), dtype=np.int32))

    def meet(tile: slice) -> None:
        points = targets.take(tile) if isinstance(targets, Points) else targets.points(tile)
        update_top_k(into, points, np.arange(tile.start, tile.stop, dtype=np.int32), table)

    crew.each(meet, blocks(len(targets), _TARGETS))
    return table.ids, table.gaps


def _in_float64(
    queries: Vectors,
    ids: NDArray[np.int32],
    rows: NDArray[np.int64],
    targets: Vectors,
    width: int,
    crew: Workers,
) -> NDArray[np.int32]:
    """Find candidates where float32 cannot tell near-duplicates from one another."""
    likely = np.full((len(rows), width), -1, dtype=np.int32)

    def find(some: slice) -> None:
        asked, squares = queries.in_float64(rows[some])
        nearest = np.full((len(asked), width), np.inf)
        for tile in blocks(len(targets), _TARGETS):
            points, others = targets.in_float64(np.arange(tile.start, tile.stop))
            gaps = squares[:, None] + others - 2 * asked @ points.T
            gaps[ids[rows[some]][:, None] == np.arange(tile.start, tile.stop)] = np.inf
            all_gaps = np.hstack([nearest, gaps])
            new = np.broadcast_to(np.arange(tile.start, tile.stop, dtype=np.int32), gaps.shape)
            all_ids = np.hstack([likely[some], new])
            best = np.argpartition(all_gaps, width - 1, axis=1)[:, :width]
            nearest = np.take_along_axis(all_gaps, best, axis=1)
            likely[some] = np.take_along_axis(all_ids, best, axis=1)
        likely[some] = np.where(np.isinf(nearest), -1, likely[some])

    crew.each(find, blocks(len(rows), _SOME_DOUBTFUL))
    return likely


def measured(
    queries: Vectors,
    asked: NDArray[np.int64],
    targets: Vectors,
    candidates: NDArray[np.int32],
    bounds: NDArray[np.float32] | None,
    n_neighbors: int,
    crew: Workers,
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Keep the nearest candidates of the queries `asked`, by distances from the differences.

    `bounds` tell what the squared distances of the candidates are at least, ascending.
    """
    nearest = np.empty((len(asked), n_neighbors), dtype=np.int32)
    squares = np.empty((len(asked), n_neighbors), dtype=np.float32)

    def keep(rows: slice) -> None:
        lowest = None if bounds is None else bounds[rows]
        nearest[rows], squares[rows] = nearest_of(
            queries, asked[rows], targets, candidates[rows], lowest, n_neighbors
        )

    crew.each(keep, blocks(len(asked), _ROWS))
    return nearest, squares


def nearest_of(
    queries: Vectors,
    asked: NDArray[np.int64],
    targets: Vectors,
    candidates: NDArray[np.int32],
    bounds: NDArray[np.float32] | None,
    n_neighbors: int,
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Do as `measured` for few queries, in this thread."""
    from voisin.neighbors.kernels.expansion import measure

    nearest = np.empty((len(asked), n_neighbors), dtype=np.int32)
    squares = np.empty((len(asked), n_neighbors), dtype=np.float32)
    measure(
        queries.vectors,
        queries.scales,
        asked,
        targets.vectors,
        targets.scales,
        candidates,
        np.zeros(candidates.shape, dtype=np.float32) if bounds is None else bounds,
        nearest,
        squares,
    )
    return nearest, squares
