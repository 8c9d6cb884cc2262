"""Read arrays of an NPZ file when they are used, as a whole or in blocks of rows.

An NPZ file is a ZIP archive of compressed NPY members: each has a header with shape and type, then
the values. To reach a row, all rows before it are decompressed, so reading in ascending order is
fast and reading in any other order is slow. This module must not know what the arrays mean.
"""

import math
import threading
import zipfile
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from voisin.errors import InputError
from voisin.validation import list_some, refuse_damage

# Both are chosen by hand. An array of up to 256 MB is kept in memory, where rows are quick in any
# order; a larger array is read in blocks of 16 MB, which hold thousands of small images each.
_WHOLE_BYTES = 256 << 20
_BLOCK_BYTES = 16 << 20
# Versions of the NPY format, each with NumPy's function that reads its headers.
_HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


class NpzFile:
    """An NPZ file without pickles.

    Parameters
    ----------
    path : Path

    Raises
    ------
    InputError
        If the file is damaged, encrypted, not a ZIP archive, or packed in an unusual way.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        message = f"{path} is no NPZ file, or damaged: write it with numpy.savez_compressed."
        with refuse_damage(message), zipfile.ZipFile(path) as archive:
            members = archive.namelist()
        self.keys = tuple(member[:-4] for member in members if member.endswith(".npy"))

    def array(self, key: str) -> "NpzArray":
        """Read an array's shape and type; its values are read when they are used.

        Raises
        ------
        InputError
            If the file has no such key, or the array holds Python objects.
        """
        if key not in self.keys:
            message = f"{self.path} has no array {key!r}: it has {list_some(self.keys)}."
            raise InputError(message)
        return NpzArray(self.path, key)


class NpzArray:
    """One array of an NPZ file; `array[row]` reads one row.

    Parameters
    ----------
    path : Path
    key : str
    whole_bytes : int, optional
        Arrays up to this size are read once and kept; larger arrays are read in blocks of rows,
        and only the last block is kept.
    """

    def __init__(self, path: Path, key: str, whole_bytes: int = _WHOLE_BYTES) -> None:
        self.path = path
        self.key = key
        self._whole_bytes = whole_bytes
        self._lock = threading.Lock()
        self._block_start = 0
        self._block: NDArray[Any] | None = None
        self._damage = (
            f"{path}: {key} is damaged, encrypted or packed in an unusual way: "
            "write the file again with numpy.savez_compressed."
        )
        with refuse_damage(self._damage), zipfile.ZipFile(path) as archive:
            member = archive.getinfo(f"{key}.npy")
            self.checksum = f"{member.CRC:08x}"
            with archive.open(member) as stream:
                read_header = _HEADERS[npy.read_magic(stream)]
                self.shape, self._is_fortran, self.dtype = read_header(stream)
                self._data_start = stream.tell()
        if self.dtype.hasobject:
            message = (
                f"{path}: {key} holds Python objects, which could run foreign code when read: "
                "save it as an array of numbers or text."
            )
            raise InputError(message)
        self._is_whole = self.dtype.itemsize * math.prod(self.shape) <= whole_bytes
        if self._is_fortran and not self._is_whole:
            message = (
                f"{path}: {key} is saved by columns (Fortran order) and too large to be read at "
                "once: save numpy.ascontiguousarray of it."
            )
            raise InputError(message)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the path and the key only; another process opens the file again."""
        return NpzArray, (self.path, self.key, self._whole_bytes)

    def read(self) -> NDArray[Any]:
        """Read the whole array."""
        with refuse_damage(self._damage), np.load(self.path, allow_pickle=False) as arrays:
            return arrays[self.key]

    def __getitem__(self, row: int, /) -> NDArray[Any]:
        with self._lock:
            if self._is_whole:
                return self._whole[row]
            if self._block is None or not 0 <= row - self._block_start < len(self._block):
                self._block_start, self._block = self._read_block(row)
            return self._block[row - self._block_start]

    @cached_property
    def _whole(self) -> NDArray[Any]:
        return self.read()

    @cached_property
    def _stream(self) -> zipfile.ZipExtFile:
        archive = zipfile.ZipFile(self.path)  # stays open as long as the stream
        return archive.open(f"{self.key}.npy")  # type: ignore[return-value]

    def _read_block(self, row: int) -> tuple[int, NDArray[Any]]:
        row_bytes = self.dtype.itemsize * math.prod(self.shape[1:])
        n_rows = max(1, _BLOCK_BYTES // row_bytes)
        start = row // n_rows * n_rows
        n_rows = min(n_rows, self.shape[0] - start)
        with refuse_damage(self._damage):
            self._stream.seek(self._data_start + start * row_bytes)
            values = self._stream.read(n_rows * row_bytes)
            return start, np.frombuffer(values, self.dtype).reshape(n_rows, *self.shape[1:])
