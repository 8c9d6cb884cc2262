"""A table (CSV, TSV, Parquet) with one row an image, beside its image files.

============================== ====================================================
column                         holds
============================== ====================================================
``path``, ``file_name``,       file of the image, relative to the table or to the
``image``                      folder ``images`` beside it; the suffix may be absent
``label``, optional            class, empty where unknown
``id``, optional               one text an image; the path by default
``group``, optional            patient, lesion or video; empty where it stands alone
``split``, optional            ``train``, ``val`` or ``test``; empty is ``train``
============================== ====================================================
"""

from functools import cache
from pathlib import Path

from voisin.errors import InputError
from voisin.sources.classes import encode_labels, name_splits
from voisin.sources.collecting import check_distinct, collect_images
from voisin.sources.columns import TABLE_SUFFIXES, pick_column, read_columns
from voisin.sources.decoding import IMAGE_SUFFIXES
from voisin.sources.files import FileReader
from voisin.sources.hints import list_some
from voisin.sources.kinds import OpeningOptions, Source, SourceKind
from voisin.types import ImageCollection

PATH_COLUMNS = ("path", "file_name", "image")


def _is_table(source: Source) -> bool:
    return Path(source).suffix.lower() in TABLE_SUFFIXES and Path(source).is_file()


def _open_table(source: Source, options: OpeningOptions) -> ImageCollection:
    table, asked = Path(source), options.columns
    columns = read_columns(table)
    paths = pick_column(columns, "path", asked.path, PATH_COLUMNS)
    if paths is None:
        message = (
            f"{table} has none of the columns {', '.join(PATH_COLUMNS)}: name the one that holds "
            f"the image files by path_column, out of {list_some(columns)}."
        )
        raise InputError(message)
    ids = pick_column(columns, "id", asked.id, ["id"]) or paths
    check_distinct(ids, "id" if ids is not paths else "path")
    texts = pick_column(columns, "label", asked.label, ["label"])
    labels, class_names = encode_labels(texts or [""] * len(paths))
    splits = pick_column(columns, "split", asked.split, ["split"])
    return collect_images(
        table.stem,
        FileReader(table.parent, _find_files(table.parent, paths)),
        ids=ids,
        labels=labels,
        class_names=class_names,
        groups=pick_column(columns, "group", asked.group, ["group"]),
        splits=None if splits is None else name_splits(splits),
    )


def _find_files(folder: Path, values: list[str]) -> tuple[str, ...]:
    """Find the file of each value, relative to the folder; a lost one stays as it is written."""
    names_in = cache(_names_in)
    found = []
    for value in values:
        written = Path(value)
        places = (written.parent, "images" / written.parent)
        files = (
            place / names_in(folder / place)[written.name]
            for place in places
            if written.name in names_in(folder / place)
        )
        found.append(next(files, None))
    if not any(found):
        message = (
            f"None of the {len(values)} images of the table is there: looked for {values[0]!r} "
            f"in {folder} and in {folder / 'images'}; path_column names another column."
        )
        raise InputError(message)
    return tuple(str(file or value) for file, value in zip(found, values, strict=True))


def _names_in(folder: Path) -> dict[str, str]:
    """Names of a folder's files, by themselves and, for images, without their suffix."""
    names = sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []
    without_suffix = {
        Path(name).stem: name
        for suffix in reversed(IMAGE_SUFFIXES)  # the first suffix has the last word
        for name in names
        if name.lower().endswith(suffix)
    }
    return without_suffix | {name: name for name in names}


TABLE = SourceKind(
    description="FILE.csv, .tsv or .parquet with one row an image",
    recognizes=_is_table,
    open=_open_table,
    has_columns=True,
)
