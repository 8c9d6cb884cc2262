"""Embed a collection batch by batch, so that it never lies in memory as a whole."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from voisin.types import Embeddings, ImageCollection, Progress
from voisin.validation import check_finite_rows


def embed_by_batch(
    images: ImageCollection,
    embed_batch: Callable[[ImageCollection], NDArray[np.floating]],
    *,
    batch_size: int,
    name: str,
    progress: Progress,
) -> Embeddings:
    """Give each image a vector, in the order of the collection.

    Images are read in the order in which their source holds them.

    Parameters
    ----------
    images : ImageCollection
        At least one.
    embed_batch : callable
        From at most `batch_size` images to an array of shape (n_batch, n_dims).
    batch_size : int
    name : str
        Of the embedder, for progress and errors.
    progress : callable

    Raises
    ------
    InputError
        If a value is not finite.
    """
    order = np.argsort(images.positions, kind="stable")  # some readers only go forward quickly
    vectors: Embeddings | None = None
    for start in range(0, len(order), batch_size):
        rows = order[start : start + batch_size]
        batch = embed_batch(images.take(rows))
        if vectors is None:
            vectors = np.empty((len(images), batch.shape[1]), dtype=np.float32)
        vectors[rows] = batch
        progress(f"Embedding: {name}", start + len(rows), len(order))
    if vectors is None:
        return np.empty((0, 0), dtype=np.float32)
    check_finite_rows(f"embeddings of {name}", vectors)
    return vectors
