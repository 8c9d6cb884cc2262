"""MedMNIST's 2-D sets with one label an image, by name and size, fetched when first asked for.

Files are kept in the user's cache: ``$VOISIN_CACHE``, or the system's place for caches. A mirror
of the files can be named by ``$VOISIN_MEDMNIST_URL``.
"""

import logging
import os
import re
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from voisin.errors import DownloadError, InputError
from voisin.sources.hints import list_some
from voisin.sources.kinds import OpeningOptions, Source, SourceKind
from voisin.sources.medmnist_sets import MedMNISTSet, read_sets, record_url, refused_sets
from voisin.sources.npz import open_npz
from voisin.types import ImageCollection, Progress

_CHUNK_BYTES = 1 << 18
_NAME = re.compile(r"([a-z]+mnist(?:3d)?)(?:_([0-9]+))?")


def fetch_set(known: MedMNISTSet, size: int, cache_folder: Path | None, progress: Progress) -> Path:
    """Download the file of a set unless it is already there, and check it.

    Returns
    -------
    Path
        The file, complete and with the expected checksum.

    Raises
    ------
    DownloadError
        If it cannot be fetched, or is not the file expected; the line says what to fetch, its
        checksum, and where to put it.
    """
    import pooch

    folder = cache_folder or Path(os.environ.get("VOISIN_CACHE") or pooch.os_cache("voisin"))
    name = known.name if size == 28 else f"{known.name}_{size}"
    path = folder / f"{name}.npz"
    address = os.environ.get("VOISIN_MEDMNIST_URL") or record_url()
    url = f"{address.rstrip('/')}/{path.name}?download=1"
    downloader = pooch.HTTPDownloader(
        progressbar=_Download(f"Downloading {path.name}", progress), chunk_size=_CHUNK_BYTES
    )
    try:
        with _quiet(pooch.get_logger()):
            pooch.retrieve(url, f"md5:{known.md5[size]}", path.name, folder, downloader=downloader)
    except (OSError, ValueError) as error:
        reason = textwrap.shorten(str(error), 160, placeholder=" …")
        message = (
            f"{name} could not be fetched ({reason}): download {url}, "
            f"MD5 {known.md5[size]}, and put it at {path}."
        )
        raise DownloadError(message) from error
    return path


@dataclass
class _Download:
    """Passes the news of pooch's downloader on."""

    task: str
    progress: Progress
    total: int = 0
    done: int = 0

    def update(self, n_bytes: int) -> None:
        self.done = min(self.done + n_bytes, self.total)
        self.progress(self.task, self.done, self.total)

    def reset(self) -> None:
        self.done = 0

    def close(self) -> None:
        """Nothing is left open."""


@contextmanager
def _quiet(logger: logging.Logger) -> Iterator[None]:
    """Keep a library from printing: only the command line does."""
    before = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(before)


def _split_name(source: Source) -> tuple[str, int | None]:
    match = _NAME.fullmatch(source.lower()) if isinstance(source, str) else None
    return (match[1], int(match[2]) if match[2] else None) if match else ("", None)


def _is_medmnist(source: Source) -> bool:
    name, _ = _split_name(source)
    return name in read_sets() or name in refused_sets()


def _open_medmnist(source: Source, options: OpeningOptions) -> ImageCollection:
    name, named_size = _split_name(source)
    if name in refused_sets():
        message = (
            f"{name} cannot be opened, {refused_sets()[name]}: choose one of "
            f"{list_some(read_sets())}."
        )
        raise InputError(message)
    known = read_sets()[name]
    size = named_size or _published_size(known, options.size)
    if size not in known.md5:
        sizes = ", ".join(str(size) for size in known.md5)
        message = f"{source} is not published: {name} comes with {sizes} pixels."
        raise InputError(message)
    path = fetch_set(known, size, options.cache_folder, options.progress)
    return open_npz(path)


def _published_size(known: MedMNISTSet, size: int) -> int:
    """Smallest published size that holds `size` pixels, or the largest there is."""
    return min((one for one in known.md5 if one >= size), default=max(known.md5))


MEDMNIST = SourceKind(
    description="the name of a MedMNIST set, such as dermamnist or dermamnist_64",
    recognizes=_is_medmnist,
    open=_open_medmnist,
    names=(*read_sets(), *refused_sets()),
)
