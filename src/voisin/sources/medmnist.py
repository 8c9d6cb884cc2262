"""List, download and open MedMNIST's 2-D sets with one label per image.

Yang et al., "MedMNIST v2", Scientific Data, 2023; files of https://zenodo.org/records/10519652.
``medmnist_sets.json`` has class names, checksums, and the reasons why other sets are refused.

A set is opened by its name, or as a local NPZ file that is named after it. Downloads are kept in
the user's cache: ``$VOISIN_CACHE``, or the system's folder for caches. ``$VOISIN_MEDMNIST_URL`` can
name a mirror of the files.
"""

import json
import logging
import os
import re
import textwrap
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from voisin.errors import DownloadError, InputError
from voisin.sources.collection import OpeningOptions, Source, SourceKind
from voisin.sources.npz import NpzSource, open_npz
from voisin.types import ImageCollection, Progress
from voisin.validation import list_some
from voisin.writing import user_cache_folder

_CHUNK_BYTES = 1 << 18  # bytes between two calls of progress; chosen by hand
_NAME = re.compile(r"([a-z]+mnist(?:3d)?)(?:_([0-9]+))?")  # such as dermamnist, dermamnist_64


@dataclass(frozen=True)
class MedMNISTSet:
    """One set of images with one label each.

    Attributes
    ----------
    name : str
    class_names : tuple of str
    md5 : dict of int to str
        Checksum of the file of each size in pixels.
    """

    name: str
    class_names: tuple[str, ...]
    md5: dict[int, str]


@cache
def _read_facts() -> dict[str, Any]:
    text = resources.files("voisin.sources").joinpath("medmnist_sets.json").read_text("utf-8")
    return dict(json.loads(text))


@cache
def read_sets() -> dict[str, MedMNISTSet]:
    """Return all sets that can be opened, by name.

    Examples
    --------
    >>> read_sets()["breastmnist"].class_names
    ('malignant', 'normal, benign')
    """
    return {
        name: MedMNISTSet(
            name,
            tuple(facts["class_names"]),
            {int(size): checksum for size, checksum in facts["md5"].items()},
        )
        for name, facts in _read_facts()["sets"].items()
    }


def refused_sets() -> dict[str, str]:
    """Return the sets that cannot be opened, each with the reason."""
    return dict(_read_facts()["refused"])


def record_url() -> str:
    """Return the URL of the folder that holds the files."""
    return str(_read_facts()["url"])


def find_set(stem: str) -> MedMNISTSet | None:
    """Find the set whose name is the beginning of a file name.

    Examples
    --------
    >>> find_set("DermaMNIST_64-mine").name
    'dermamnist'
    """
    sets = read_sets().items()
    return next((known for name, known in sets if stem.lower().startswith(name)), None)


def _split_name(source: Source) -> tuple[str, int | None]:
    """Split a name such as ``dermamnist_64`` into set and size; the set is empty if it has none."""
    match = _NAME.fullmatch(source.lower()) if isinstance(source, str) else None
    return (match[1], int(match[2]) if match[2] else None) if match else ("", None)


class MedMNISTSource(SourceKind):
    """The name of a set, with or without a size, or a local NPZ file named after a set."""

    description = "the name of a MedMNIST set, such as dermamnist or dermamnist_64"
    names = (*read_sets(), *refused_sets())

    def recognizes(self, source: Source) -> bool:
        """Whether the source names a set, in upper or lower case, or a file named after a set."""
        name, _ = _split_name(source)
        return (
            name in read_sets()
            or name in refused_sets()
            or (NpzSource().recognizes(source) and find_set(Path(source).stem) is not None)
        )

    def open(self, source: Source, options: OpeningOptions) -> ImageCollection:
        """Make a collection of a set; download the set if it is not in the cache."""
        name, named_size = _split_name(source)
        if name in refused_sets():
            message = (
                f"{name} cannot be opened, {refused_sets()[name]}: choose one of "
                f"{list_some(read_sets())}."
            )
            raise InputError(message)
        if name not in read_sets():  # a local file
            path = Path(source)
            known = find_set(path.stem)
            return open_npz(path, known.class_names if known else ())
        known = read_sets()[name]
        sizes = known.md5
        smallest = min((size for size in sizes if size >= options.size), default=max(sizes))
        size = named_size or smallest
        if size not in sizes:
            published = ", ".join(map(str, sizes))
            message = f"{source} is not published: {name} comes with {published} pixels."
            raise InputError(message)
        path = fetch_set(known, size, options.cache_folder, options.progress)
        return open_npz(path, known.class_names)


def fetch_set(known: MedMNISTSet, size: int, cache_folder: Path | None, progress: Progress) -> Path:
    """Download the file of a set unless it is already there, and check it.

    Returns
    -------
    Path
        The file, complete and with the expected checksum.

    Raises
    ------
    DownloadError
        If it cannot be fetched, or is not the file expected; the message says what to fetch, its
        checksum, and where to put it.
    """
    import pooch

    folder = cache_folder or user_cache_folder()
    name = known.name if size == 28 else f"{known.name}_{size}"
    path = folder / f"{name}.npz"
    address = os.environ.get("VOISIN_MEDMNIST_URL") or record_url()
    url = f"{address.rstrip('/')}/{path.name}?download=1"
    progress_bar = _ProgressBar(f"Downloading {path.name}", progress)
    downloader = pooch.HTTPDownloader(progressbar=progress_bar, chunk_size=_CHUNK_BYTES)
    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel(logging.WARNING)  # only the command line prints
    try:
        pooch.retrieve(url, f"md5:{known.md5[size]}", path.name, folder, downloader=downloader)
    except (OSError, ValueError) as error:
        # 160 characters: enough for the cause, with no page of HTML behind it
        reason = textwrap.shorten(str(error), 160, placeholder=" …")
        message = (
            f"{name} could not be fetched ({reason}): download {url}, "
            f"MD5 {known.md5[size]}, and put it at {path}."
        )
        raise DownloadError(message) from error
    finally:
        logger.setLevel(level)
    return path


@dataclass
class _ProgressBar:
    """Calls `progress` in place of the bar that pooch's downloader would draw."""

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
        """Do nothing: there is nothing to close."""
