"""Parts of linear equations on a graph: matrices, blocks of columns, and solutions.

A block of columns holds right-hand sides or solutions, sixteen at a time, so that one row of it
is one cache line (in float32). A product with a sparse matrix reads rows in random order: its
time is proportional to the cache lines that it reads. This module must not know labels or solvers.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from voisin.types import Affinity

Integers: TypeAlias = NDArray[np.integer]
Floats: TypeAlias = NDArray[np.floating]
Booleans: TypeAlias = NDArray[np.bool_]

WIDTH = 16  # columns of a block: float32 numbers in a cache line of 64 bytes
_CACHE_LINE = 64  # bytes, on x86 processors and most others


@dataclass(frozen=True, eq=False)
class Solution:
    """A solution of linear equations, and how its iteration ended.

    Attributes
    ----------
    values : array of shape (n, n_columns)
    n_iter : int
        Iterations of the slowest column.
    residual : float
        Largest ``|b − A x| / |b|`` of a column.
    converged : bool
    """

    values: Floats
    n_iter: int
    residual: float
    converged: bool


def degrees_of(affinity: Affinity) -> NDArray[np.float64]:
    """Sum the weights of each image's edges, in float64.

    Sums in float32 would make a Laplacian indefinite by their rounding: solvers would diverge.
    """
    return np.asarray(affinity @ np.ones(affinity.shape[1]))


def normalize_affinity(affinity: Affinity) -> sparse.csr_array:
    """Return ``D^-1/2 W D^-1/2`` in float64; the rows of images without edges stay zero.

    Examples
    --------
    >>> normalize_affinity(sparse.csr_array([[0.0, 4], [4, 0]])).toarray()
    array([[0., 1.],
           [1., 0.]])
    """
    degrees = degrees_of(affinity)
    scale = np.divide(1, np.sqrt(degrees), where=degrees > 0, out=np.zeros_like(degrees))
    data = affinity.data * np.repeat(scale, np.diff(affinity.indptr))
    data *= scale[affinity.indices]
    return sparse.csr_array((data, affinity.indices, affinity.indptr), shape=affinity.shape)


def laplacian(affinity: Affinity) -> sparse.csr_array:
    """Return ``D − W`` in float64.

    Examples
    --------
    >>> laplacian(sparse.csr_array([[0.0, 4], [4, 0]])).toarray()
    array([[ 4., -4.],
           [-4.,  4.]])
    """
    degrees = sparse.dia_array((degrees_of(affinity)[None], 0), shape=affinity.shape)
    return (degrees - affinity.astype(np.float64)).tocsr()


def zero_block(n_rows: int, dtype: type[np.floating]) -> Floats:
    """Make a block of `WIDTH` columns of zeros, aligned to a cache line.

    Examples
    --------
    >>> block = zero_block(3, np.float32)
    >>> block.shape, block.ctypes.data % 64
    ((3, 16), 0)
    """
    size = n_rows * WIDTH * np.dtype(dtype).itemsize
    memory = np.zeros(size + _CACHE_LINE, dtype=np.uint8)
    start = -memory.ctypes.data % _CACHE_LINE
    return memory[start : start + size].view(dtype).reshape(n_rows, WIDTH)


def copy_to_block(
    columns: Floats, dtype: type[np.floating], rows: Booleans | slice = slice(None)
) -> Floats:
    """Copy at most `WIDTH` columns into a block; columns and rows that are not given stay zero."""
    block = zero_block(len(columns), dtype)
    block[rows, : columns.shape[1]] = columns[rows]
    return block
