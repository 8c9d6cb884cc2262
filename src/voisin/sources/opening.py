"""Open a source of images, whatever its kind; the kinds know nothing of one another."""

from dataclasses import fields
from pathlib import Path
from typing import Any

from voisin.errors import InputError, VoisinError
from voisin.sources.digits import DIGITS
from voisin.sources.folder import FOLDER
from voisin.sources.hints import did_you_mean
from voisin.sources.kinds import Columns, OpeningOptions, Source, SourceKind
from voisin.sources.medmnist import MEDMNIST
from voisin.sources.npz import NPZ
from voisin.sources.table import TABLE
from voisin.types import ImageCollection, Progress, no_progress
from voisin.validation import check_count

KINDS: tuple[SourceKind, ...] = (DIGITS, MEDMNIST, NPZ, TABLE, FOLDER)


def open_images(
    source: str | Path,
    *,
    size: int = 28,
    id_column: str | None = None,
    path_column: str | None = None,
    label_column: str | None = None,
    group_column: str | None = None,
    split_column: str | None = None,
    cache_folder: str | Path | None = None,
    progress: Progress = no_progress,
) -> ImageCollection:
    """Open images and what is known of them; pixels are read later, when asked for.

    Parameters
    ----------
    source : str or Path
        ``digits``, the name of a MedMNIST set, or the path of an NPZ file, of a table, or of a
        folder. A name goes before a path: write ``./digits`` for a folder of that name.
    size : int, default=28
        Pixels a side that will be asked for: of a MedMNIST set the smallest published size that
        is at least this is downloaded (28, 64, 128, 224). Other sources keep their own sizes.
    id_column, path_column, label_column, group_column, split_column : str, optional
        Columns of a table. By default ``id``, ``path`` (or ``file_name``, ``image``),
        ``label``, ``group`` and ``split``, where they exist.
    cache_folder : str or Path, optional
        Where downloads are kept; by default ``$VOISIN_CACHE``, or the system's place for caches.
    progress : callable, optional

    Returns
    -------
    ImageCollection

    Raises
    ------
    InputError
        If the source does not exist, is of no known kind, or cannot be used; the line says why.
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
    folder = None if cache_folder is None else Path(cache_folder)
    options = OpeningOptions(size, columns, folder, progress)
    try:
        kind = _find_kind(source)
        if not kind.has_columns:
            _refuse_columns(source, columns)
        return kind.open(source, options)
    except VoisinError:
        raise
    except OSError as error:
        message = f"{source} cannot be read: {error}."
        raise InputError(message) from error


def _find_kind(source: Any) -> SourceKind:
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
    if path.exists():
        message = f"{source} is of no known kind. Pass one of: {known}."
        raise InputError(message)
    beside = [str(path.with_name(name)) for name in _names_beside(path)]
    named = [name for kind in KINDS for name in kind.names]
    message = (
        f"{source} does not exist.{did_you_mean(str(source), named + beside)} Pass one of: {known}."
    )
    raise InputError(message)


def _names_beside(path: Path) -> list[str]:
    try:
        return [entry.name for entry in path.parent.iterdir()]
    except OSError:
        return []


def _refuse_columns(source: Source, columns: Columns) -> None:
    for column in fields(columns):
        value = getattr(columns, column.name)
        if value is not None:
            message = (
                f"{column.name}_column={value!r} means nothing for {source}: "
                "only a table has columns; leave it out."
            )
            raise InputError(message)
