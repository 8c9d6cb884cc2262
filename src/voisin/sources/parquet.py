"""The columns of a Parquet file as text, each read when asked for; it knows no images."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from voisin.errors import InputError


class ParquetColumns(Mapping[str, list[str]]):
    """Columns of text by name; null and NaN are empty.

    Columns of lists, records or bytes are passed over.

    Parameters
    ----------
    path : Path
    strip : bool
        Whether values lose the spaces around them.

    Raises
    ------
    InputError
        If the file is no Parquet file or damaged; on access, if a column cannot be read as text.
    """

    def __init__(self, path: Path, *, strip: bool) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        self._path, self._strip = path, strip
        try:
            self._file = pq.ParquetFile(path)
            schema = self._file.schema_arrow
        except (pa.ArrowException, OSError) as error:
            message = f"{path} is no Parquet file, or damaged: write it again."
            raise InputError(message) from error
        self.names = tuple(schema.names)
        self.n_rows = int(self._file.metadata.num_rows)
        self._readable = tuple(field.name for field in schema if not _is_other(field.type))

    def __getitem__(self, name: str) -> list[str]:
        import pyarrow as pa

        if name not in self._readable:
            raise KeyError(name)
        try:
            return self._read(name)
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            message = f"{self._path}: column {name!r} cannot be read as text: write it again."
            raise InputError(message) from error

    def __contains__(self, name: object) -> bool:
        return name in self._readable

    def __iter__(self) -> Iterator[str]:
        return iter(self._readable)

    def __len__(self) -> int:
        return len(self._readable)

    def _read(self, name: str) -> list[str]:
        import pyarrow as pa

        column = self._file.read(columns=[name]).column(name)
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        texts = [text or "" for text in column.cast(pa.string()).to_pylist()]
        if pa.types.is_floating(column.type):
            texts = ["" if text == "nan" else text for text in texts]
        return [text.strip() for text in texts] if self._strip else texts


def _is_other(type_: Any) -> bool:
    """Whether values of this Arrow type have no text of their own."""
    from pyarrow import types

    of_bytes = (types.is_binary, types.is_large_binary, types.is_fixed_size_binary)
    return types.is_nested(type_) or any(is_one(type_) for is_one in of_bytes)
