"""Embed block by block, each kept on disk until all are done: embedding can take an hour."""

from pathlib import Path

import numpy as np

from voisin.project.cache import hash_of
from voisin.types import Embedder, Embeddings, ImageCollection, Progress
from voisin.writing import write_atomically

BLOCK = 2048  # images; a multiple of the expert's batch, so that blocks change no value


def embed_in_blocks(
    embedder: Embedder, images: ImageCollection, scratch: Path, progress: Progress
) -> Embeddings:
    """Give each image a vector; after an interruption, finished blocks are read again.

    Blocks follow the order in which the source holds its images, as some readers only go forward
    quickly. They are found by the embedder's fingerprint: another one starts from nothing.

    Parameters
    ----------
    embedder : Embedder
    images : ImageCollection
        At least one.
    scratch : Path
        Made if absent; for these images alone.
    progress : callable
    """
    place = scratch / hash_of(embedder.fingerprint())[:20]
    place.mkdir(parents=True, exist_ok=True)
    order = np.argsort(images.positions, kind="stable")
    blocks = {
        place / f"{start}.npy": order[start : start + BLOCK]
        for start in range(0, len(order), BLOCK)
    }
    done = n_dims = 0
    for path, rows in blocks.items():
        found = _width(path)
        if found is None:
            news = _count_from(done, len(order), progress)
            block = embedder.embed(images.take(rows), progress=news)
            _write(path, block)
        n_dims = block.shape[1] if found is None else found
        done += len(rows)
    vectors: Embeddings = np.empty((len(images), n_dims), dtype=np.float32)
    for path, rows in blocks.items():
        vectors[rows] = np.load(path, allow_pickle=False)
    return vectors


def _width(path: Path) -> int | None:
    """Read the number of columns of a block; a damaged one is as good as none."""
    try:
        width: int = np.load(path, mmap_mode="r", allow_pickle=False).shape[1]
    except (OSError, EOFError, ValueError):
        return None
    return width


def _count_from(before: int, total: int, progress: Progress) -> Progress:
    """Tell of a block's images as a part of all."""
    return lambda task, done, _: progress(task, before + done, total)


def _write(path: Path, block: Embeddings) -> None:
    with write_atomically(path) as partial, partial.open("wb") as file:
        np.save(file, block, allow_pickle=False)
