"""Open a source of images of any kind.

`KINDS` lists the kinds of sources; this is the only module that knows all of them.
"""

import os
from dataclasses import fields
from pathlib import Path
from typing import Any

from voisin.errors import InputError, VoisinError
from voisin.sources.collection import Columns, OpeningOptions, SourceKind, check_name
from voisin.sources.digits import DigitsSource
from voisin.sources.folder import FolderSource
from voisin.sources.medmnist import MedMNISTSource
from voisin.sources.npz import NpzSource
from voisin.sources.table import TableSource
from voisin.types import ImageCollection, Progress, no_progress
from voisin.validation import check_count, did_you_mean

# The first kind that recognizes a source opens it; so names come before paths.
KINDS: tuple[SourceKind, ...] = (
    DigitsSource(),
    MedMNISTSource(),
    NpzSource(),
    TableSource(),
    FolderSource(),
)
_ARCHIVES = {".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar"}
_SPREADSHEETS = {".xlsx", ".xlsm", ".xls", ".ods"}


def open_images(
    source: str | Path,
    *,
    size: int = 28,
    id_column: str | None = None,
    path_column: str | None = None,
    label_column: str | None = None,
    group_column: str | None = None,
    split_column: str | None = None,
    images_from: str | Path | None = None,
    cache_folder: str | Path | None = None,
    progress: Progress = no_progress,
) -> ImageCollection:
    """Open a source: read its ids, labels, groups and splits now, and its pixels later.

    Parameters
    ----------
    source : str or Path
        ``digits``, the name of a MedMNIST set, or the path of an NPZ file, of a table, or of a
        folder. Names come before paths: write ``./digits`` for a folder of that name.
    size : int, default=28
        Pixels per side that will be needed: of a MedMNIST set, the smallest published size (28, 64,
        128, 224) that is not below this is downloaded. Other sources keep their own sizes.
    id_column, path_column, label_column, group_column, split_column : str, optional
        Columns of a table. By default ``id``, ``path`` (or ``file_name``, ``image``),
        ``label``, ``group`` and ``split``, if they exist.
    images_from : str or Path, optional
        Folder that the paths in a table start from; by default the table's own.
    cache_folder : str or Path, optional
        Folder for downloads; by default ``$VOISIN_CACHE``, or the system's folder for caches.
    progress : callable, optional

    Returns
    -------
    ImageCollection

    Raises
    ------
    InputError
        If the source does not exist, has no known kind, or cannot be used; the message says why.
    DownloadError
        If a MedMNIST set could not be downloaded.

    Examples
    --------
    >>> images = open_images("digits")
    >>> len(images), images.class_names[:3], str(images.ids[0])
    (1797, ('0', '1', '2'), 'digit-0001')
    """
    check_count("size", size, 1)
    columns = Columns(id_column, path_column, label_column, group_column, split_column)
    options = OpeningOptions(
        size,
        columns,
        None if images_from is None else Path(images_from),
        None if cache_folder is None else Path(cache_folder),
        progress,
    )
    try:
        kind = _find_kind(source)
        if Path(source).exists():
            check_name(str(Path(source).absolute()))
        for column in fields(columns):
            value = getattr(columns, column.name)
            if value is not None and not kind.has_columns:
                message = (
                    f"`{column.name}_column={value!r}` does not apply to {source}: "
                    "only a table has columns; leave it out."
                )
                raise InputError(message)
        if images_from is not None and not (kind.has_columns and Path(images_from).is_dir()):
            message = (
                f"`images_from={str(images_from)!r}` must be the folder that the paths in a table "
                f"start from: {'no such folder' if kind.has_columns else f'{source} is no table'}."
            )
            raise InputError(message)
        return kind.open(source, options)
    except VoisinError:
        raise
    except OSError as error:
        message = f"{source} cannot be read: {error}."
        raise InputError(message) from error


def locate_source(source: str | Path) -> str:
    """Return what opens a source from any folder: a name as it is, a path made absolute.

    Examples
    --------
    >>> locate_source("digits")
    'digits'
    """
    is_name = _find_kind(source).names and not Path(source).suffix  # dermamnist.npz is a path
    return str(source if is_name else Path(source).resolve())


def _find_kind(source: Any) -> SourceKind:
    """Find the kind that opens a source; the error lists similar names and all kinds."""
    if not isinstance(source, str | Path):
        message = (
            f"The source is a {type(source).__name__}: pass a path or a name; "
            "save arrays of images and labels as an NPZ file."
        )
        raise InputError(message)
    if source == "":
        message = "The source is an empty text: pass a path or a name; . is this folder."
        raise InputError(message)
    for kind in KINDS:
        if kind.recognizes(source):
            return kind
    path = Path(source)
    known = "; ".join(kind.description for kind in KINDS)
    if path.suffix.lower() in _ARCHIVES and path.is_file():
        message = f"{source} is an archive: unpack it, and pass the folder or table that it holds."
        raise InputError(message)
    if path.suffix.lower() in _SPREADSHEETS and path.is_file():
        message = f"{source} is a spreadsheet: save it as CSV (UTF-8), and pass that."
        raise InputError(message)
    if path.exists():
        message = f"{source} is of no known kind. Pass one of: {known}."
        raise InputError(message)
    _, folders, files = next(os.walk(path.parent), ("", [], []))  # empty if it cannot be listed
    choices = [name for kind in KINDS for name in kind.names]
    choices += [str(path.with_name(name)) for name in folders + files]
    hint = did_you_mean(str(source), choices)
    message = f"{source} does not exist.{hint} Pass one of: {known}."
    raise InputError(message)
