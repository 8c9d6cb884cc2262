"""Exact nearest neighbors by blocks of matrix products; it knows vectors, not images or labels.

``|x - y|² = |x|² + |y|² - 2 x·y``, and the cosine distance is half the squared distance of unit
vectors, so one search serves both metrics. Products select a few candidates more than asked
for in float32; their distances are then computed again from the differences, so that
near-duplicates are not lost to rounding.
"""

import numpy as np
from numpy.typing import NDArray

from voisin.neighbors.leaders import merged
from voisin.neighbors.tiles import Cloud, Points, Queries, Table, compare
from voisin.parallel import Workers, blocks
from voisin.types import Progress, no_progress

_SPARE = 8
_QUERIES = 1_024
_TARGETS = 2_048
_ROWS = 1_024
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
    width = n_neighbors + _SPARE
    nearest = np.empty((len(queries), n_neighbors), dtype=np.int32)
    squares = np.empty((len(queries), n_neighbors), dtype=np.float32)
    ready = targets.points(slice(None)) if len(queries) > _QUERIES else None
    for some in blocks(len(queries), _QUERIES):
        vectors = queries.points(some).vectors
        candidates = _candidates(vectors, ids[some], ready or targets, width, crew)
        asked = np.arange(some.start, some.stop)
        nearest[some], squares[some] = measured(
            queries, asked, targets, candidates, n_neighbors, crew
        )
        progress(_TASK, some.stop, len(queries))
    return nearest, squares


def _candidates(
    vectors: NDArray[np.float32],
    ids: NDArray[np.int32],
    targets: Cloud | Points,
    width: int,
    crew: Workers,
) -> NDArray[np.int32]:
    """Find the nearest of all targets by products: one slot a tile of targets."""
    tiles = blocks(len(targets), _TARGETS)
    rows = np.arange(len(vectors), dtype=np.int32)
    table = Table.empty(len(vectors), len(tiles), width)

    def meet(number: int) -> None:
        tile = tiles[number]
        points = targets.take(tile) if isinstance(targets, Points) else targets.points(tile)
        slots = np.full(len(rows), number, dtype=np.int32)
        names = np.arange(tile.start, tile.stop, dtype=np.int32)
        compare(Queries(vectors, ids, rows, slots), points, names, table)

    crew.each(meet, range(len(tiles)))
    return merged(table, crew, Table.empty(len(vectors), 1, width)).ids[:, 0]


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
