"""Embed and read images with the vectors and pixels that are kept of them.

Nothing that depends on other images, or on labels, may pass through here.
"""

import hashlib
import os
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import PIL

from voisin import __version__
from voisin.embedding.vector_cache import VectorCache
from voisin.errors import UnreadableImageError
from voisin.parallel import available_cores
from voisin.sources.decoding import FileReader
from voisin.sources.reading import ReadImages, read_images
from voisin.types import Embedder, Embeddings, ImageCollection, Progress, no_progress

_SETTLED = 2_000_000_000  # nanoseconds, after which no change leaves the time of change as it was


@dataclass(frozen=True, eq=False)
class CachedEmbedder:
    """Embeds only images whose vectors are not kept, and keeps these.

    The embedder must give an image the same vector, to the bit, whatever the images beside it.

    Parameters
    ----------
    embedder : Embedder
    name : str
        As a user writes the embedder.
    cache : VectorCache, optional
    """

    embedder: Embedder
    name: str
    cache: VectorCache = field(default_factory=VectorCache)

    @property
    def input_size(self) -> int | None:
        """As of the embedder."""
        return self.embedder.input_size

    def fingerprint(self) -> str:
        """As of the embedder."""
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        return self.embedder.fingerprint()  # digesting large weights takes a second

    def embed(self, images: ImageCollection, *, progress: Progress = no_progress) -> Embeddings:
        """Return the vectors of all images, and embed those that are not kept."""
        hashes = hash_images(images, self.cache)
        kind = f"{_reading(images)} {self._fingerprint}"
        found, kept = self.cache.find(kind, hashes, np.dtype(np.float32))
        n_found = int(found.sum())
        progress(f"Embedding: {self.name}", n_found, len(images))
        if n_found == len(images):
            return kept
        missing = np.flatnonzero(~found)

        def report(task: str, done: int, _: int) -> None:
            progress(task, n_found + done, len(images))

        computed = self.embedder.embed(images.take(missing), progress=report)
        side = self.input_size
        name = f"{self.name}, {side} × {side}" if side else self.name
        self.cache.keep(name, kind, [hashes[i] for i in missing], computed)
        vectors = np.empty((len(images), computed.shape[1]), dtype=np.float32)
        vectors[missing] = computed
        if n_found:
            vectors[found] = kept
        return vectors


def read_cached_images(
    images: ImageCollection, *, size: int, max_unreadable: float, progress: Progress = no_progress
) -> ReadImages:
    """Read images as `read_images` does; decode only those whose pixels are not kept.

    Pixels of unreadable files, and of files with several images, are not kept, so that every run
    tells of them.
    """
    cache = VectorCache()
    hashes = hash_images(images, cache)
    kind = f"{_reading(images)} pixels {size}"
    found, kept = cache.find(kind, hashes, np.dtype(np.uint8))
    shape = (-1, size, size, images.reader.n_channels)
    known = dict(zip(np.flatnonzero(found).tolist(), kept.reshape(shape), strict=True))
    read = read_images(
        images, size=size, max_unreadable=max_unreadable, known=known, progress=progress
    )
    hash_of = dict(zip(images.ids.tolist(), hashes, strict=True))
    new = ~np.isin(read.images.ids, [*images.ids[found], *read.several])
    new_hashes = [hash_of[name] for name in read.images.ids[new].tolist()]
    color = "gray" if images.reader.n_channels == 1 else "color"
    cache.keep(f"{color} pixels, {size} × {size}", kind, new_hashes, read.pixels[new])
    return read


def hash_images(images: ImageCollection, cache: VectorCache) -> list[bytes]:
    """Return the SHA-256 of each image: of its file, or else of its decoded pixels.

    A file with the path, size and time of change of one that was hashed before has its hash. What
    cannot be read has an empty one.
    """
    if not isinstance(images.reader, FileReader):
        return _hash_pixels(images)
    now = time.time_ns()
    paths = [str(Path(images.reader.path(i)).absolute()) for i in images.positions.tolist()]
    states, settled = {}, []
    for path in paths:
        with suppress(OSError):
            status = os.stat(path)  # noqa: PTH116 - twice as quick as Path.stat
            states[path] = f"{status.st_size} {status.st_mtime_ns}"
            if now - status.st_mtime_ns > _SETTLED:
                settled.append(path)
    hashes = cache.find_files({path: states[path] for path in settled})
    missing = [path for path in states if path not in hashes]
    with ThreadPoolExecutor(available_cores()) as threads:
        hashes |= zip(missing, threads.map(_hash_file, missing), strict=True)
    new = {path: hashes[path] for path in set(settled) & set(missing) if hashes[path]}
    cache.keep_files(states, new)
    return [hashes.get(path, b"") for path in paths]


def _hash_file(path: str) -> bytes:
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError:
        return b""


def _hash_pixels(images: ImageCollection) -> list[bytes]:
    hashes = [b""] * len(images)
    for index in np.argsort(images.positions, kind="stable"):  # archives are slow to read backwards
        with suppress(UnreadableImageError):
            picture = images.reader.load(int(images.positions[index]))
            content = f"{picture.mode} {picture.size} ".encode() + picture.tobytes()
            hashes[index] = hashlib.sha256(content).digest()
    return hashes


def _reading(images: ImageCollection) -> str:
    """Name all that the pixels of an image depend on beside its content and size."""
    return f"voisin {__version__}, pillow {PIL.__version__}, {images.reader.n_channels} channels"
