"""Exact nearest neighbors by blocks of matrix products; it knows vectors, not images or labels.

Squared euclidean distances come from ``|x - y|² = |x|² + |y|² - 2 x·y``; the cosine distance
``1 - x·y / (|x| |y|)`` is half the squared euclidean distance of unit vectors, so one search
serves both. Products select a few candidates more than asked for in float32; their distances
are then computed again from the differences, so that near-duplicates are not lost to rounding.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from voisin.errors import InputError
from voisin.types import Embeddings, Neighbors, Progress, no_progress
from voisin.validation import check_at_least, check_embeddings, check_one_of

METRICS = ("cosine", "euclidean")
_BLOCK_ENTRIES = 1 << 24  # of the block of distances: 64 MB in float32
_SPARE_CANDIDATES = 8
_TASK = "Finding neighbors"


def find_neighbors(
    embeddings: Embeddings,
    n_neighbors: int = 10,
    *,
    metric: str = "cosine",
    progress: Progress = no_progress,
) -> Neighbors:
    """Find the nearest neighbors of every vector among the others.

    Parameters
    ----------
    embeddings : array of shape (n_samples, n_dims)
    n_neighbors : int, default=10
        From 1 to n_samples − 1.
    metric : {"cosine", "euclidean"}, default="cosine"
        A zero vector is at cosine distance 1 from every other.
    progress : callable, optional

    Returns
    -------
    Neighbors
        Itself excluded, nearest first; equal distances in the order of the samples.

    Raises
    ------
    InputError
        If vectors are not finite, or fewer than ``n_neighbors + 1``.

    Examples
    --------
    >>> import numpy as np
    >>> line = np.array([[0.0], [1.0], [3.0]], dtype=np.float32)
    >>> find_neighbors(line, 1, metric="euclidean").indices.ravel()
    array([1, 0, 1])
    """
    check_embeddings(embeddings)
    _check_enough(len(embeddings) - 1, n_neighbors, "others")
    return _search(embeddings, embeddings, n_neighbors, metric, progress, exclude_self=True)


def query_neighbors(
    queries: Embeddings,
    embeddings: Embeddings,
    n_neighbors: int = 10,
    *,
    metric: str = "cosine",
    progress: Progress = no_progress,
) -> Neighbors:
    """Find the nearest of `embeddings` to every query.

    Parameters
    ----------
    queries : array of shape (n_queries, n_dims)
    embeddings : array of shape (n_samples, n_dims)
    n_neighbors : int, default=10
        From 1 to n_samples.
    metric : {"cosine", "euclidean"}, default="cosine"
    progress : callable, optional

    Returns
    -------
    Neighbors
        One row a query, nearest first.

    Raises
    ------
    InputError
        If vectors are not finite, of different lengths, or fewer than `n_neighbors`.

    Examples
    --------
    >>> import numpy as np
    >>> line = np.array([[0.0], [1.0], [3.0]], dtype=np.float32)
    >>> query_neighbors(np.array([[2.5]], dtype=np.float32), line, 2, metric="euclidean").indices
    array([[2, 1]])
    """
    check_embeddings(queries)
    check_embeddings(embeddings)
    if queries.shape[1] != embeddings.shape[1]:
        message = (
            f"queries has {queries.shape[1]} dimensions and embeddings {embeddings.shape[1]}: "
            "compute both with the same embedder."
        )
        raise InputError(message)
    _check_enough(len(embeddings), n_neighbors, "vectors")
    return _search(queries, embeddings, n_neighbors, metric, progress, exclude_self=False)


def _check_enough(available: int, n_neighbors: int, what: str) -> None:
    check_at_least("n_neighbors", n_neighbors, 1)
    if n_neighbors > available:
        message = (
            f"n_neighbors={n_neighbors}, but each image has {available} {what} to choose from: "
            "pass fewer neighbors or more images."
        )
        raise InputError(message)


def _search(
    queries: Embeddings,
    embeddings: Embeddings,
    n_neighbors: int,
    metric: str,
    progress: Progress,
    *,
    exclude_self: bool,
) -> Neighbors:
    check_one_of("metric", metric, METRICS)
    if metric == "cosine":
        queries, embeddings = _unit_rows(queries), _unit_rows(embeddings)
    indices = np.empty((len(queries), n_neighbors), dtype=np.int64)
    distances = np.empty((len(queries), n_neighbors), dtype=np.float32)
    norms = np.einsum("ij,ij->i", embeddings, embeddings)
    for rows in _blocks(len(queries), len(embeddings)):
        gaps = norms - 2 * (queries[rows] @ embeddings.T)  # |x|² is the same along a row
        if exclude_self:
            gaps[np.arange(len(gaps)), np.arange(rows.start, rows.start + len(gaps))] = np.inf
        candidates = _lowest(gaps, n_neighbors + _SPARE_CANDIDATES, exclude_self=exclude_self)
        indices[rows], distances[rows] = _nearest(
            queries[rows], embeddings, candidates, n_neighbors
        )
        progress(_TASK, min(rows.stop, len(queries)), len(queries))
    if metric == "cosine":
        distances *= distances / 2
    return Neighbors(indices, distances, recall=1.0, metric=metric)


def _blocks(n_queries: int, n_samples: int) -> Iterator[slice]:
    size = max(1, _BLOCK_ENTRIES // n_samples)
    return (slice(start, start + size) for start in range(0, n_queries, size))


def _unit_rows(vectors: Embeddings) -> Embeddings:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.divide(vectors, lengths, where=lengths > 0, out=np.zeros_like(vectors))


def _lowest(gaps: NDArray[np.float32], count: int, *, exclude_self: bool) -> NDArray[np.int64]:
    """Positions of the `count` smallest entries of each row, in the order of the columns."""
    count = min(count, gaps.shape[1] - exclude_self)
    return np.sort(np.argpartition(gaps, count - 1, axis=1)[:, :count], axis=1)


def _nearest(
    queries: Embeddings, embeddings: Embeddings, candidates: NDArray[np.int64], n_neighbors: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Measure the candidates' distances from the differences, and keep the nearest."""
    distances = np.empty(candidates.shape, dtype=np.float32)
    for column in range(candidates.shape[1]):
        distances[:, column] = np.linalg.norm(queries - embeddings[candidates[:, column]], axis=1)
    order = np.argsort(distances, axis=1, kind="stable")[:, :n_neighbors]
    return np.take_along_axis(candidates, order, 1), np.take_along_axis(distances, order, 1)
