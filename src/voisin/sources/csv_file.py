"""Read CSV and TSV files as people, programs and spreadsheets write them.

======================== =====================================================================
what stands in the file  is read as
======================== =====================================================================
separator                the most frequent in the header: comma, semicolon or tab; or as a first
                         line such as ``sep=;`` says, which Excel understands
encoding                 UTF-8, or UTF-16 with a byte order mark
rows without any value   nothing: Excel writes them for rows that were emptied
columns without a name   nothing, since no option could name them
unbalanced quotes        an error, as the rows after them would be lost
======================== =====================================================================

This module must not know what the columns mean.
"""

import codecs
import csv
import re
import warnings
from collections.abc import Iterator
from io import StringIO
from itertools import compress
from pathlib import Path

from voisin.errors import InputError, InputWarning

_LINE_END = re.compile(r"\r\n|\r|\n")
_SEPARATORS = (",", ";", "\t")


def read_rows(path: Path) -> list[list[str]]:
    r"""Read the header and all rows, each as long as the header; [] if the file is empty.

    Raises
    ------
    InputError
        If the file is not UTF-8, a row is not as long as the header, or a quotation mark is not
        closed; the message says in which line.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "animals.csv"
    >>> _ = path.write_text('path;label;\na.png;"cat; small";\n;;\n')
    >>> read_rows(path)
    [['path', 'label'], ['a.png', 'cat; small']]
    """
    text = _decode(path)
    declared = re.match(r"sep=(.)(\r\n|\r|\n)", text)
    first_line = _LINE_END.split(text, maxsplit=1)[0]
    separators = ("\t", *_SEPARATORS) if path.suffix.lower() == ".tsv" else _SEPARATORS
    separator = declared[1] if declared else max(separators, key=first_line.count)
    rows: list[list[str]] = []
    warned = False
    for number, row in _parse(path, text, separator):
        if not any(value.strip() for value in row) or (declared and number == 1):
            continue
        if rows and len(row) != len(rows[0]):
            message = (
                f"{path}, line {number}: {len(row)} values, but the header has {len(rows[0])}: "
                "put quotes around values that hold the separator, and leave no value out."
            )
            raise InputError(message)
        if rows and not warned and _holds_rows(row, separator):
            message = (
                f"{path}, line {number}: a value in quotes goes on over lines that look like rows "
                "of their own: if they are, a quotation mark is missing or too many."
            )
            warnings.warn(message, InputWarning, stacklevel=2)
            warned = True
        rows.append(row)
    named = [bool(name.strip()) for name in rows[0]] if rows else []
    return [list(compress(row, named)) for row in rows]


def _decode(path: Path) -> str:
    raw = path.read_bytes()
    is_utf16 = raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return raw.decode("utf-16" if is_utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        message = (
            f"{path}, line {line}: byte 0x{raw[error.start]:02x} is not UTF-8, perhaps Latin-1: "
            "save the table as UTF-8 (in Excel: CSV UTF-8)."
        )
        raise InputError(message) from error


def _parse(path: Path, text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each row with the number of the line on which it begins."""
    mark = re.escape(separator)
    spaced = re.search(rf'(^|{mark}) +"', text, re.MULTILINE) is not None
    if '" ' in text:  # blanks around values in quotes are none of them
        text = re.sub(rf'" +(?={mark}|[\r\n]|$)', '"', text)
    reader = csv.reader(
        StringIO(text, newline=""), delimiter=separator, strict=True, skipinitialspace=spaced
    )
    number = 1
    try:
        for row in reader:
            yield number, row
            number = reader.line_num + 1
    except csv.Error as error:
        lines = _LINE_END.split(text)
        message = f"{path}, line {number}: {error}."
        if '"' in lines[number - 1]:
            message = (
                f"{path}, line {number}: a value begins with a quotation mark, but does not end "
                "with one: put both or neither, and write marks within quotes twice."
            )
        raise InputError(message) from error


def _holds_rows(row: list[str], separator: str) -> bool:
    """Whether lines within a value have as many values as the row itself."""
    lines = [line for value in row for line in _LINE_END.split(value)[1:]]
    return any(len(line.split(separator)) == len(row) for line in lines)
