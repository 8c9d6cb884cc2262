"""The nearest neighbors of vectors, exactly or nearly so; it knows no images and no labels."""

import numpy as np
from numpy.typing import NDArray

from voisin.errors import InputError
from voisin.neighbors.approximate import search_by_partitions
from voisin.neighbors.exact import search_exactly
from voisin.neighbors.kernels.vectors import as_vectors
from voisin.parallel import workers
from voisin.types import Embeddings, Neighbors, Progress, no_progress
from voisin.validation import (
    check_count,
    check_embeddings,
    check_in_closed_interval,
    check_one_of,
    check_random_state,
)

METRICS = ("cosine", "euclidean")
METHODS = ("auto", "exact", "partitions")
_MOST_FOR_EXACT = 20_000


def find_neighbors(
    embeddings: Embeddings,
    n_neighbors: int = 10,
    *,
    metric: str = "cosine",
    method: str = "auto",
    target_recall: float = 0.95,
    random_state: int | np.random.Generator | None = None,
    n_jobs: int | None = None,
    progress: Progress | None = None,
) -> Neighbors:
    """Find the nearest neighbors of every vector among the others.

    Parameters
    ----------
    embeddings : array of shape (n_samples, n_dims)
        float32, in memory or a `numpy.memmap`.
    n_neighbors : int, default=10
        From 1 to n_samples − 1.
    metric : {"cosine", "euclidean"}, default="cosine"
        A zero vector is at cosine distance 1 from every other.
    method : {"auto", "exact", "partitions"}, default="auto"
        ``exact`` compares all pairs; ``partitions`` only those within overlapping leaves, and
        neighbors of neighbors; ``auto`` is exact up to 20,000 vectors.
    target_recall : float, default=0.95
        Share of the true neighbors that ``partitions`` must find, measured on 1,000 rows.
    random_state : int or Generator, optional
        Fixes what ``partitions`` draws; the number of threads does not matter.
    n_jobs : int, optional
        Threads; all cores by default.
    progress : callable, optional

    Returns
    -------
    Neighbors
        Itself excluded, nearest first; equal distances in the order of the samples.

    Raises
    ------
    InputError
        If vectors are not finite, of a size that float32 cannot square, or fewer than
        ``n_neighbors + 1``, or a setting is unknown.

    Warns
    -----
    InputWarning
        If the recall stays below its target.

    Examples
    --------
    >>> import numpy as np
    >>> line = np.array([[0.0], [1.0], [3.0]], dtype=np.float32)
    >>> find_neighbors(line, 1, metric="euclidean").indices.ravel()
    array([1, 0, 1])
    """
    check_one_of("metric", metric, METRICS)
    check_one_of("method", method, METHODS)
    check_in_closed_interval("target_recall", target_recall, 0, 1)
    check_embeddings(embeddings)
    check_random_state(random_state)
    _check_enough(max(len(embeddings) - 1, 0), n_neighbors, "others")
    exact = method == "exact" or (method == "auto" and len(embeddings) <= _MOST_FOR_EXACT)
    cloud, told, recall = as_vectors(embeddings, metric), progress or no_progress, 1.0
    with workers(n_jobs) as crew:
        if exact:
            ids = np.arange(len(cloud), dtype=np.int32)
            indices, squares = search_exactly(cloud, ids, cloud, n_neighbors, crew, told)
        else:
            indices, squares, recall = search_by_partitions(
                cloud,
                n_neighbors,
                target_recall=target_recall,
                generator=np.random.default_rng(random_state),
                crew=crew,
                progress=told,
            )
    return _neighbors(indices, squares, recall, metric)


def query_neighbors(
    queries: Embeddings,
    embeddings: Embeddings,
    n_neighbors: int = 10,
    *,
    metric: str = "cosine",
    n_jobs: int | None = None,
    progress: Progress | None = None,
) -> Neighbors:
    """Find the nearest of `embeddings` to every query, exactly.

    Parameters
    ----------
    queries : array of shape (n_queries, n_dims)
    embeddings : array of shape (n_samples, n_dims)
    n_neighbors : int, default=10
        From 1 to n_samples.
    metric : {"cosine", "euclidean"}, default="cosine"
    n_jobs : int, optional
        Threads; all cores by default.
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
    check_one_of("metric", metric, METRICS)
    check_embeddings(queries)
    check_embeddings(embeddings)
    if queries.shape[1] != embeddings.shape[1]:
        message = (
            f"queries has {queries.shape[1]} dimensions and embeddings {embeddings.shape[1]}: "
            "compute both with the same embedder."
        )
        raise InputError(message)
    _check_enough(len(embeddings), n_neighbors, "vectors")
    targets = as_vectors(embeddings, metric)
    asked = as_vectors(queries, metric).centered_as(targets)
    strangers = np.full(len(queries), -2, dtype=np.int32)
    with workers(n_jobs) as crew:
        indices, squares = search_exactly(
            asked, strangers, targets, n_neighbors, crew, progress or no_progress
        )
    return _neighbors(indices, squares, 1.0, metric)


def _check_enough(available: int, n_neighbors: int, what: str) -> None:
    check_count("n_neighbors", n_neighbors, 1)
    if n_neighbors > available:
        message = (
            f"n_neighbors={n_neighbors}, but each image has {available} {what} to choose from: "
            "pass fewer neighbors or more images."
        )
        raise InputError(message)


def _neighbors(
    indices: NDArray[np.int32], squares: NDArray[np.float32], recall: float, metric: str
) -> Neighbors:
    distances = (squares / 2 if metric == "cosine" else np.sqrt(squares)).astype(np.float32)
    return Neighbors(indices.astype(np.int64), distances, recall=recall, metric=metric)
