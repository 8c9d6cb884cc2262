"""Dense columns, sixteen at a time: each row of such a block is one line of the cache.

A product with a sparse matrix reads rows in no order, so that what counts is how many lines of
the cache it touches. Fewer columns are filled up with zeros, more are solved block by block.
"""

import numpy as np
from numpy.typing import NDArray

WIDTH = 16
_LINE = 64  # bytes


def zeros(n_rows: int, real: type[np.floating]) -> NDArray[np.floating]:
    """Make a block of `WIDTH` columns of zeros, its rows on the lines of the cache.

    Examples
    --------
    >>> block = zeros(3, np.float32)
    >>> block.shape, block.ctypes.data % 64
    ((3, 16), 0)
    """
    size = n_rows * WIDTH * np.dtype(real).itemsize
    room = np.zeros(size + _LINE, dtype=np.uint8)
    start = -room.ctypes.data % _LINE
    return room[start : start + size].view(real).reshape(n_rows, WIDTH)


def block_of(
    columns: NDArray[np.floating],
    real: type[np.floating],
    given: NDArray[np.bool_] | slice = slice(None),
) -> NDArray[np.floating]:
    """Copy at most `WIDTH` columns into a block; rows that are not given stay zeros."""
    block = zeros(len(columns), real)
    block[given, : columns.shape[1]] = columns[given]
    return block
