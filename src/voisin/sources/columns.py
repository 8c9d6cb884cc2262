"""A table as columns of text, from CSV, TSV or Parquet; it knows no images."""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import StringIO
from pathlib import Path

from voisin.errors import InputError
from voisin.sources.hints import did_you_mean, list_some
from voisin.sources.parquet import ParquetColumns

TABLE_SUFFIXES = (".csv", ".tsv", ".parquet")


def read_columns(path: Path, *, strip: bool = True) -> Mapping[str, list[str]]:
    r"""Read a table as text; what is missing is empty, the text ``NA`` is a text like any other.

    A CSV file may be separated by commas or by semicolons. With `strip`, values lose the spaces
    around them; names of columns always do.

    Raises
    ------
    InputError
        If the file is damaged, not UTF-8, has no row, or a row of another length than the
        header; the line says which row.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "animals.csv"
    >>> _ = path.write_text('path,label\na.png,"cat, small"\nb.png,\n')
    >>> read_columns(path)
    {'path': ['a.png', 'b.png'], 'label': ['cat, small', '']}
    """
    if path.suffix.lower() == ".parquet":
        parquet = ParquetColumns(path, strip=strip)
        _check_header(path, parquet.names)
        _check_rows(path, parquet.n_rows)
        return parquet
    header, *rows = _read_text(path) or [[]]
    _check_header(path, header)
    _check_rows(path, len(rows))
    columns = zip(header, zip(*rows, strict=True), strict=True)
    return {
        name: [value.strip() for value in values] if strip else list(values)
        for name, values in columns
    }


def pick_column(
    columns: Mapping[str, list[str]], what: str, asked: str | None, usual: Iterable[str]
) -> list[str] | None:
    """Find a column by the name asked for, else by a usual one; None where there is none.

    Raises
    ------
    InputError
        If the name asked for does not exist; the line says which do.

    Examples
    --------
    >>> pick_column({"file_name": ["a.png"]}, "path", None, ["path", "file_name"])
    ['a.png']
    """
    if asked is None:
        return next((columns[name] for name in usual if name in columns), None)
    if asked not in columns:
        message = (
            f"{what}_column={asked!r} does not exist: the columns are "
            f"{list_some(columns)}.{did_you_mean(asked, columns)}"
        )
        raise InputError(message)
    return columns[asked]


def _read_text(path: Path) -> list[list[str]]:
    """Give the header and the rows."""
    text = _decode(path)
    header = text[: text.find("\n")]
    delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
    if delimiter == "," and "," not in header and ";" in header:
        delimiter = ";"
    rows = list(_rows(path, csv.reader(StringIO(text, newline=""), delimiter=delimiter)))
    return [[name.strip() for name in rows[0]], *rows[1:]] if rows else []


def _decode(path: Path) -> str:
    raw = path.read_bytes()
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        message = (
            f"{path}, line {line}: byte 0x{raw[error.start]:02x} is not UTF-8, perhaps Latin-1: "
            "save the table as UTF-8."
        )
        raise InputError(message) from error


def _rows(path: Path, reader: Iterable[list[str]]) -> Iterator[list[str]]:
    """Give the rows that are not blank, each as long as the first."""
    length = None
    lines = iter(reader)
    while True:
        try:
            row = next(lines)
        except StopIteration:
            return
        except csv.Error as error:
            message = f"{path}, line {lines.line_num}: {error}."  # type: ignore[attr-defined]
            raise InputError(message) from error
        if not row:
            continue
        length = length or len(row)
        if len(row) != length:
            message = (
                f"{path}, line {lines.line_num}: "  # type: ignore[attr-defined]
                f"{len(row)} values, but the header has {length}: "
                "put quotes around values that hold the separator."
            )
            raise InputError(message)
        yield row


def _check_rows(path: Path, n_rows: int) -> None:
    if not n_rows:
        message = f"{path} has no row: write a header, then one row an image."
        raise InputError(message)


def _check_header(path: Path, names: Sequence[str]) -> None:
    repeated = next((name for name in names if names.count(name) > 1), None)
    if repeated is not None:
        message = f"{path} has two columns {repeated!r}: give each its own name."
        raise InputError(message)
