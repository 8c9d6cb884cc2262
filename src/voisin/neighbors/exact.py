"""Exact nearest neighbors by blocks of matrix products; it knows vectors, not images or labels.

``|x - y|² = |x|² + |y|² - 2 x·y``, and the cosine distance is half the squared distance of unit
vectors, so one search serves both metrics. Products select a few candidates more than asked
for in float32; their distances are then computed again from the differences, so that
near-duplicates are not lost to rounding.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voisin.neighbors.leaders import merged
from voisin.neighbors.projection import principal_axes
from voisin.neighbors.tiles import Cloud, Points, Queries, Table, compare
from voisin.parallel import Workers, blocks
from voisin.types import Progress, no_progress

_SPARE = 8
_QUERIES = 1_024
_TARGETS = 2_048
_ROWS = 1_024
_MANY_DIMS = 700
_FEW_NEIGHBORS = 16
_BOUND_DIMS = 320
_BOUND_WIDTH = 48
_SAMPLE = 1_500
_MARGIN = 1e-5
_TASK = "Finding neighbors"


def search_exactly(
    queries: Cloud,
    ids: NDArray[np.int32],
    targets: Cloud,
    n_neighbors: int,
    crew: Workers,
    progress: Progress = no_progress,
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Find the nearest targets of each query, a target of the same id excluded.

    Parameters
    ----------
    queries : Cloud
    ids : array of shape (n_queries,)
        Which target each query is, or below -1 where it is none.
    targets : Cloud
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
    many = len(queries) > _QUERIES
    bounds = _Bounds.of(targets, n_neighbors, crew) if many else None
    ready = targets.points(slice(None)) if many and bounds is None else targets
    for some in blocks(len(queries), _QUERIES):
        rows = np.arange(some.start, some.stop)
        if bounds is not None:
            *near, certain = bounds.search(queries, ids, rows, n_neighbors)
            found[0][rows], found[1][rows] = near
            rows = rows[~certain]
        if len(rows):
            points = queries.points(rows)
            candidates, _ = _candidates(points, ids[rows], ready, n_neighbors + _SPARE, crew)
            found[0][rows], found[1][rows] = measured(
                queries, rows, targets, candidates, n_neighbors, crew
            )
        progress(_TASK, some.stop, len(queries))
    return found


@dataclass(frozen=True, eq=False)
class _Bounds:
    """Targets in few dimensions, where distances are bounds from below.

    With ``r`` the length of what the projection ``P`` leaves out, ``|Px − Py|² + (r_x − r_y)²``
    is at most ``|x − y|²``, and is itself a squared distance in one dimension more. Neighbors
    are certain once the next bound is above the last of their distances.
    """

    targets: Cloud
    axes: NDArray[np.float32]
    points: Points
    crew: Workers

    @classmethod
    def of(cls, targets: Cloud, n_neighbors: int, crew: Workers) -> "_Bounds | None":
        """Prepare bounds where they are likely to pay."""
        if targets.n_dims < _MANY_DIMS or n_neighbors > _FEW_NEIGHBORS:
            return None
        sample = targets.points(slice(None, None, max(1, len(targets) // _SAMPLE)))
        axes = principal_axes(sample.vectors, _BOUND_DIMS, np.random.default_rng(0))
        vectors = np.empty((len(targets), axes.shape[1] + 1), dtype=np.float32)
        squares = np.empty(len(targets), dtype=np.float32)

        def shorten(rows: slice) -> None:
            points = with_rest(targets.project(rows, axes))
            vectors[rows], squares[rows] = points.vectors, points.squares

        crew.each(shorten, blocks(len(targets), _TARGETS))
        return cls(targets, axes, Points(vectors, squares), crew)

    def search(
        self, queries: Cloud, ids: NDArray[np.int32], rows: NDArray[np.int64], n_neighbors: int
    ) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.bool_]]:
        """Find neighbors, and tell which rows' are certain."""
        asked = with_rest(queries.project(rows, self.axes))
        candidates, gaps = _candidates(asked, ids[rows], self.points, _BOUND_WIDTH, self.crew)
        nearest, squares = measured(queries, rows, self.targets, candidates, n_neighbors, self.crew)
        bound = gaps[:, -1] + asked.squares
        margin = _MARGIN * (1 + asked.squares)  # what rounding may add to a bound
        return nearest, squares, bound > squares[:, -1] + margin


def with_rest(points: Points) -> Points:
    """Append the length of what a projection left out as one dimension more."""
    kept = np.einsum("ij,ij->i", points.vectors, points.vectors)
    rest = np.sqrt(np.maximum(points.squares - kept, 0))
    return Points(np.column_stack([points.vectors, rest]), points.squares)


def _candidates(
    asked: Points,
    ids: NDArray[np.int32],
    targets: Cloud | Points,
    width: int,
    crew: Workers,
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Find the nearest of all targets by products: one slot a tile of targets."""
    tiles = blocks(len(targets), _TARGETS)
    rows = np.arange(len(asked), dtype=np.int32)
    table = Table.empty(len(asked), len(tiles), width)

    def meet(number: int) -> None:
        tile = tiles[number]
        points = targets.take(tile) if isinstance(targets, Points) else targets.points(tile)
        slots = np.full(len(rows), number, dtype=np.int32)
        names = np.arange(tile.start, tile.stop, dtype=np.int32)
        compare(Queries(asked.vectors, ids, rows, slots), points, names, table)

    crew.each(meet, range(len(tiles)))
    best = merged(table, crew, Table.empty(len(asked), 1, width))
    return best.ids[:, 0], best.gaps[:, 0]


def measured(
    queries: Cloud,
    asked: NDArray[np.int64],
    targets: Cloud,
    candidates: NDArray[np.int32],
    n_neighbors: int,
    crew: Workers,
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Keep the nearest candidates of the queries `asked`, by distances from the differences."""
    from voisin.neighbors.best_k import measure

    nearest = np.empty((len(asked), n_neighbors), dtype=np.int32)
    squares = np.empty((len(asked), n_neighbors), dtype=np.float32)
    crew.each(
        lambda rows: measure(
            queries.vectors,
            queries.scales,
            asked,
            targets.vectors,
            targets.scales,
            candidates,
            rows.start,
            rows.stop,
            nearest,
            squares,
        ),
        blocks(len(asked), _ROWS),
    )
    return nearest, squares
