"""Tables (CSV, TSV, Parquet): read as columns of text, and as a source with one row per image.

============================== ====================================================
column                         holds
============================== ====================================================
``path``, ``file_name``,       file of the image, relative to the table (or to the folder
``image``                      that was chosen), or to the folder ``images`` in that place;
                               the suffix may be absent
``label``, optional            class, empty where unknown
``id``, optional               unique text per image; default: the path
``group``, optional            patient, lesion or video; empty if the image has none
``split``, optional            ``train``, ``val`` or ``test``; empty means ``train``
============================== ====================================================
"""

import sys
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

from voisin.errors import InputError, InputWarning
from voisin.sources.classes import encode_labels, fold_name, name_splits
from voisin.sources.collection import (
    OpeningOptions,
    Source,
    SourceKind,
    collect_images,
    explain_name,
)
from voisin.sources.csv_file import read_rows
from voisin.sources.decoding import IMAGE_SUFFIXES, FileReader
from voisin.types import ImageCollection
from voisin.validation import check_distinct, did_you_mean, list_some, refuse_damage

TABLE_SUFFIXES = (".csv", ".tsv", ".parquet")  # the formats that `read_columns` reads
# Usual names by convention (file_name is that of Hugging Face); the first that exists is used.
PATH_COLUMNS = ("path", "file_name", "image")
_USUAL = {*PATH_COLUMNS, "id", "label", "group", "split"}
# What people call a column of labels, by hand, also in French; the first that exists is guessed.
_LABEL_NAMES = (
    *("labels", "class", "class_name", "classes", "category", "diagnosis", "dx", "target"),
    *("species", "truth", "ground_truth", "annotation", "tag", "type", "name", "y"),
    *("classe", "étiquette", "etiquette", "diagnostic", "catégorie", "categorie", "espèce"),
)


class TableSource(SourceKind):
    """A table with one row per image, beside its image files."""

    description = "FILE.csv, .tsv or .parquet with one row per image"
    has_columns = True

    def recognizes(self, source: Source) -> bool:
        """Whether the source is a file with the suffix of a table."""
        return Path(source).suffix.lower() in TABLE_SUFFIXES and Path(source).is_file()

    def open(self, source: Source, options: OpeningOptions) -> ImageCollection:
        """Make a collection of the images whose files the rows of a table name."""
        table, column_names = Path(source), options.columns
        folder = table.parent if options.images_from is None else options.images_from
        columns = read_columns(table)
        paths = pick_column(columns, "path", column_names.path, PATH_COLUMNS)
        if paths is None:
            message = (
                f"{table} has none of the columns {', '.join(PATH_COLUMNS)}: name the one that "
                f"holds the image files by `path_column`, out of {list_some(columns)}."
            )
            raise InputError(message)
        ids = pick_column(columns, "id", column_names.id, ["id"]) or paths
        check_distinct(ids, "id" if ids is not paths else "path")
        texts = pick_column(columns, "label", column_names.label, ["label"])
        others = [name for name in columns if name.casefold() not in _USUAL]
        if texts is None and others:
            guess = guess_label_column(columns)
            hint = f" Did you mean {guess!r}?" if guess else ""
            message = (
                f"{table} has no column 'label', so no image is labeled by it.{hint} If another "
                f"column holds the labels, name it by `label_column`, out of {list_some(others)}."
            )
            warnings.warn(message, InputWarning, stacklevel=3)
        labels, class_names = encode_labels(texts or [""] * len(paths))
        splits = pick_column(columns, "split", column_names.split, ["split"])
        return collect_images(
            table.stem,
            FileReader(folder, _find_files(folder, paths)),
            ids=ids,
            labels=labels,
            class_names=class_names,
            groups=pick_column(columns, "group", column_names.group, ["group"]),
            splits=None if splits is None else name_splits(splits),
        )


def read_columns(path: Path, *, strip: bool = True) -> Mapping[str, list[str]]:
    r"""Read the columns of a table as text.

    A missing value becomes the empty text; the text ``NA`` stays as it is. Spaces around the names
    of columns are removed; with `strip`, those around values, too.

    Raises
    ------
    InputError
        If the file is damaged, not UTF-8, has no rows, or has a row that is not as long as the
        header; the message says which row.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "animals.csv"
    >>> _ = path.write_text('path,label\na.png,"cat, small"\nb.png,\n')
    >>> read_columns(path)
    {'path': ['a.png', 'b.png'], 'label': ['cat, small', '']}
    """
    columns: Mapping[str, list[str]]
    names: Sequence[str]
    if path.suffix.lower() == ".parquet":
        columns = ParquetColumns(path, strip=strip)
        names, n_rows = columns.names, columns.n_rows
    else:
        header, *rows = read_rows(path) or [[]]
        names, n_rows = [name.strip() for name in header], len(rows)
        columns = {
            name: [value.strip() if strip else value for value in values]
            for name, values in zip(names, zip(*rows, strict=True), strict=False)
        }
    repeated = next((name for name in names if names.count(name) > 1), None)
    if repeated is not None:
        message = f"{path} has two columns {repeated!r}: give each its own name."
        raise InputError(message)
    if not n_rows:
        message = f"{path} has no row: write a header, then one row per image."
        raise InputError(message)
    return columns


def pick_column(
    columns: Mapping[str, list[str]], what: str, named: str | None, usual: Iterable[str]
) -> list[str] | None:
    """Return the column that the user named, else the first of the usual columns, else None.

    Usual names may be written in upper or lower case.

    Raises
    ------
    InputError
        If no column has the name `named`; the message lists the columns.

    Examples
    --------
    >>> pick_column({"file_name": ["a.png"]}, "path", None, ["path", "file_name"])
    ['a.png']
    """
    if named is None:
        written = {name.casefold(): name for name in columns} | {name: name for name in columns}
        return next((columns[written[name]] for name in usual if name in written), None)
    if named not in columns:
        message = (
            f"`{what}_column={named!r}` does not exist: the columns are "
            f"{list_some(columns)}.{did_you_mean(named, columns)}"
        )
        raise InputError(message)
    return columns[named]


def guess_label_column(
    columns: Mapping[str, list[str]], class_names: Sequence[str] = ()
) -> str | None:
    """Guess which column holds the labels: by its values if classes are known, else by its name.

    Examples
    --------
    >>> guess_label_column({"path": ["a.png"], "Diagnosis": ["nevus"]})
    'Diagnosis'
    >>> guess_label_column({"path": ["a.png"], "seen": ["Cat"]}, ["cat", "dog"])
    'seen'
    """
    others = [name for name in columns if fold_name(name) not in _USUAL]
    classes = set(map(fold_name, class_names))
    for name in others:
        written = [fold_name(value) for value in columns[name] if value.strip()]
        if written and 2 * sum(value in classes for value in written) > len(written):
            return name
    by_name = {fold_name(name): name for name in reversed(others)}
    return next((by_name[name] for name in _LABEL_NAMES if name in by_name), None)


class ParquetColumns(Mapping[str, list[str]]):
    """The columns of a Parquet file as text; null and NaN are empty.

    A column is read when it is first used. Columns of lists, records or bytes are left out.

    Parameters
    ----------
    path : Path
    strip : bool
        Whether to remove the spaces around values.

    Raises
    ------
    InputError
        If the file is not a readable Parquet file; when a column is read, if it cannot become text.
    """

    def __init__(self, path: Path, *, strip: bool) -> None:
        import pyarrow.parquet as pq
        from pyarrow import types

        self._path, self._strip = path, strip
        with refuse_damage(f"{path} is no Parquet file, or damaged or encrypted: write it again."):
            self._file = pq.ParquetFile(path)
            schema = self._file.schema_arrow
            self.names = tuple(schema.names)
            self.n_rows = int(self._file.metadata.num_rows)
        not_text = (
            types.is_nested,
            types.is_binary,
            types.is_large_binary,
            types.is_fixed_size_binary,
        )
        self._readable = tuple(
            field.name for field in schema if not any(is_type(field.type) for is_type in not_text)
        )

    def __getitem__(self, name: str) -> list[str]:
        import pyarrow as pa

        if name not in self._readable:
            raise KeyError(name)
        message = (
            f"{self._path}: column {name!r} cannot be read as text: "
            "save it in the file as text or numbers."
        )
        with refuse_damage(message):
            column = self._file.read(columns=[name]).column(name)
            if pa.types.is_dictionary(column.type):
                column = column.cast(column.type.value_type)
            texts = [text or "" for text in column.cast(pa.string()).to_pylist()]
        if len(texts) != self.n_rows:
            message = f"{self._path} is damaged, its column {name!r} is too short: write it again."
            raise InputError(message)
        if pa.types.is_floating(column.type):
            texts = ["" if text == "nan" else text for text in texts]
        return [text.strip() for text in texts] if self._strip else texts

    def __contains__(self, name: object) -> bool:
        return name in self._readable

    def __iter__(self) -> Iterator[str]:
        return iter(self._readable)

    def __len__(self) -> int:
        return len(self._readable)


def _find_files(folder: Path, values: list[str]) -> tuple[str, ...]:
    """Find the file of each value, relative to the folder; keep the value if there is none.

    Backslashes may stand for slashes. A name may differ from that of one file in case or Unicode
    form, since systems write them differently.
    """

    @cache
    def list_names(place: Path) -> tuple[dict[str, str], dict[str, str]]:
        """Map to each file name: the name itself and, for images, the name without suffix.

        The second map is from folded names that belong to one file alone.
        """
        names = sorted(entry.name for entry in place.iterdir()) if place.is_dir() else []
        by_stem = {
            Path(name).stem: name
            for suffix in reversed(IMAGE_SUFFIXES)  # so that the first suffix wins
            for name in names
            if name.lower().endswith(suffix)
        }
        by_name = by_stem | {name: name for name in names}
        folded = Counter(map(fold_name, by_name))
        alike = {fold_name(key): name for key, name in by_name.items()}
        return by_name, {key: name for key, name in alike.items() if folded[key] == 1}

    def find_file(value: str) -> str | None:
        for written in map(Path, (value, value.replace("\\", "/"))):
            for place in (written.parent, "images" / written.parent):
                exact, alike = list_names(folder / place)
                name = exact.get(written.name) or alike.get(fold_name(written.name))
                if name:
                    return str(place / name)
        return None

    if sys.getfilesystemencoding() != "utf-8":
        foreign = next((value for value in values if not value.isascii()), None)
        if foreign is not None:
            raise InputError(explain_name(foreign))
    files = [find_file(value) for value in values]
    if not any(files):
        message = (
            f"None of the {len(values)} images of the table is there: looked for {values[0]!r} "
            f"in {folder} and in {folder / 'images'}. Another folder is named by `images_from`, "
            "another column by `path_column`."
        )
        raise InputError(message)
    return tuple(file or value for file, value in zip(files, values, strict=True))
