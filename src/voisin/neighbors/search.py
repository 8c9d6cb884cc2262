"""Find the nearest neighbors of vectors, exactly or approximately.

This module checks what the caller passed and chooses the search; `exact` and `approximate` do the
work. It must not know images or labels.
"""

import numpy as np
from numpy.typing import NDArray

from voisin.errors import InputError
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
# Most vectors that ``auto`` compares pair by pair. Chosen by hand: it trades the time of an exact
# search, which grows with the square of their number, for a recall of 1.
_MAX_FOR_EXACT = 20_000


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
        In memory or a `numpy.memmap`; float32, or float64, whose digits count.
    n_neighbors : int, default=10
        From 1 to n_samples − 1.
    metric : {"cosine", "euclidean"}, default="cosine"
        A zero vector is at cosine distance 1 from every other.
    method : {"auto", "exact", "partitions"}, default="auto"
        ``exact`` compares all pairs; ``partitions`` compares the members of overlapping leaves,
        and each vector with its neighbors' neighbors; ``auto`` is exact up to 20,000 vectors.
    target_recall : float, default=0.95
        Share of the true neighbors that ``partitions`` must find, measured on 1,000 rows.
    random_state : int or Generator, optional
        Seed of what ``partitions`` draws. Results do not depend on the number of threads.
    n_jobs : int, optional
        Threads; all cores by default.
    progress : callable, optional

    Returns
    -------
    Neighbors
        One row per vector, itself excluded, nearest first; equal distances in the order of the
        samples, though ``partitions`` may miss some of them.

    Raises
    ------
    InputError
        If vectors are not finite, too large or too small to square in float32, or fewer than
        ``n_neighbors + 1``, or if a setting is unknown.

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
    from voisin.neighbors.approximate import search_by_partitions
    from voisin.neighbors.exact import search_exactly
    from voisin.neighbors.kernels.vectors import prepare_vectors

    check_one_of("metric", metric, METRICS)
    check_one_of("method", method, METHODS)
    check_in_closed_interval("target_recall", target_recall, 0, 1)
    check_embeddings(embeddings)
    check_random_state(random_state)
    _check_enough(max(len(embeddings) - 1, 0), n_neighbors, "others")
    exact = method == "exact" or (method == "auto" and len(embeddings) <= _MAX_FOR_EXACT)
    vectors, progress, recall = prepare_vectors(embeddings, metric), progress or no_progress, 1.0
    with workers(n_jobs) as pool:
        if exact:
            ids = np.arange(len(vectors), dtype=np.int32)
            indices, squared = search_exactly(vectors, ids, vectors, n_neighbors, pool, progress)
        else:
            indices, squared, recall = search_by_partitions(
                vectors,
                n_neighbors,
                target_recall=target_recall,
                generator=np.random.default_rng(random_state),
                pool=pool,
                progress=progress,
            )
    return _to_neighbors(indices, squared, recall, metric)


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

    To ask more than once, `VectorIndex` prepares the embeddings once.

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
        One row per query, nearest first; equal distances in the order of the samples.

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
    index = VectorIndex(embeddings, metric)
    return index.query(queries, n_neighbors, n_jobs=n_jobs, progress=progress)


class VectorIndex:
    """Vectors that are made ready once, and searched as often as asked.

    Parameters
    ----------
    embeddings : array of shape (n_samples, n_dims)
    metric : {"cosine", "euclidean"}, default="cosine"
    """

    def __init__(self, embeddings: Embeddings, metric: str = "cosine") -> None:
        from voisin.neighbors.kernels.vectors import prepare_vectors

        check_one_of("metric", metric, METRICS)
        check_embeddings(embeddings)
        self._metric, self._n_dims = metric, embeddings.shape[1]
        self._targets = prepare_vectors(embeddings, metric)

    def query(
        self,
        queries: Embeddings,
        n_neighbors: int = 10,
        *,
        n_jobs: int | None = None,
        progress: Progress | None = None,
    ) -> Neighbors:
        """Find the nearest of the vectors to every query, as `query_neighbors` does."""
        from voisin.neighbors.exact import search_exactly
        from voisin.neighbors.kernels.vectors import prepare_vectors

        check_embeddings(queries)
        if queries.shape[1] != self._n_dims:
            message = (
                f"queries has {queries.shape[1]} dimensions and embeddings {self._n_dims}: "
                "compute both with the same embedder."
            )
            raise InputError(message)
        _check_enough(len(self._targets), n_neighbors, "vectors")
        vectors = prepare_vectors(queries, self._metric, like=self._targets)
        no_target = np.full(len(queries), -2, dtype=np.int32)  # no query is one of the targets
        with workers(n_jobs) as pool:
            indices, squared = search_exactly(
                vectors, no_target, self._targets, n_neighbors, pool, progress or no_progress
            )
        return _to_neighbors(indices, squared, 1.0, self._metric)


def _check_enough(available: int, n_neighbors: int, what: str) -> None:
    check_count("n_neighbors", n_neighbors, 1)
    if n_neighbors > available:
        message = (
            f"`n_neighbors={n_neighbors}`, but each image has {available} {what} to choose from: "
            "pass fewer neighbors or more images."
        )
        raise InputError(message)


def _to_neighbors(
    indices: NDArray[np.int32], squared_distances: NDArray[np.float32], recall: float, metric: str
) -> Neighbors:
    cosine = metric == "cosine"
    distances = (squared_distances / 2 if cosine else np.sqrt(squared_distances)).astype(np.float32)
    # roots of different squares may be equal numbers: these, too, in the order of the samples
    swapped = (np.diff(distances, axis=1) == 0) & (np.diff(indices, axis=1) < 0)
    rows = np.flatnonzero(swapped.any(axis=1))
    order = np.lexsort((indices[rows], distances[rows]), axis=-1)
    indices[rows] = np.take_along_axis(indices[rows], order, axis=1)
    return Neighbors(indices.astype(np.int64), distances, recall=recall, metric=metric)
