"""A table as columns of text, from CSV, TSV or Parquet; it knows no images."""

import csv
from collections.abc import Iterable, Iterator
from io import StringIO
from pathlib import Path

from voisin.errors import InputError
from voisin.sources.suggestion import did_you_mean, list_some

TABLE_SUFFIXES = (".csv", ".tsv", ".parquet")


def read_columns(path: Path) -> dict[str, list[str]]:
    r"""Read a table as text; what is missing is empty.

    A CSV file may be separated by commas or by semicolons.

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
    columns = _read_parquet(path) if path.suffix.lower() == ".parquet" else _read_text(path)
    if not columns or not next(iter(columns.values())):
        message = f"{path} has no row: write a header, then one row an image."
        raise InputError(message)
    return columns


def pick_column(
    columns: dict[str, list[str]], what: str, asked: str | None, usual: Iterable[str]
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


def _read_text(path: Path) -> dict[str, list[str]]:
    text = _decode(path)
    header = text[: text.find("\n")]
    delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
    if delimiter == "," and "," not in header and ";" in header:
        delimiter = ";"
    rows = list(_rows(path, csv.reader(StringIO(text, newline=""), delimiter=delimiter)))
    if not rows:
        return {}
    _check_header(path, rows[0])
    values = zip(*rows[1:], strict=True) if rows[1:] else ((),) * len(rows[0])
    return {name: list(column) for name, column in zip(rows[0], values, strict=True)}


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
        yield [value.strip() for value in row]


def _check_header(path: Path, names: list[str]) -> None:
    repeated = next((name for name in names if names.count(name) > 1), None)
    if repeated is not None:
        message = f"{path} has two columns {repeated!r}: give each its own name."
        raise InputError(message)


def _read_parquet(path: Path) -> dict[str, list[str]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        message = f"{path} is no Parquet file, or damaged: write it again."
        raise InputError(message) from error
    _check_header(path, table.column_names)
    return {
        name: [str(value or "").strip() for value in column.cast(pa.string()).to_pylist()]
        for name, column in zip(table.column_names, table.columns, strict=True)
        if not pa.types.is_nested(column.type) and not pa.types.is_binary(column.type)
    }
