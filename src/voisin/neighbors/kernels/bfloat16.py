"""Vectors rounded to bfloat16, and their products; it knows numbers, not neighbors.

A bfloat16 is the upper half of a float32: its range with 8 significant bits. Rounded vectors
take half the memory, and processors with a matrix unit (AMX) multiply them several times as
fast as float32. They are kept as their bits, in `numpy.uint16`, which numpy has instead.

Imported only when a search begins, since numba takes a while to import.
"""

import ctypes
import platform
from functools import cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from voisin.neighbors.kernels.instructions import (
    configure,
    load,
    multiply_tiles,
    release,
    store,
    widen,
)
from voisin.parallel import compiled

Bits: TypeAlias = NDArray[np.uint16]
Floats: TypeAlias = NDArray[np.float32]

STEP = 32  # dimensions that the matrix unit takes at once: rounded vectors are padded to them
STRIP = 32  # vectors that it takes at once
_PANEL = 16
_ARCH_PRCTL, _REQUEST_PERMISSION, _TILE_DATA = 158, 0x1023, 18  # Linux on x86-64


@cache
def has_matrix_unit() -> bool:
    """Tell whether this processor multiplies bfloat16 by tiles, and the system allows it."""
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        return False
    from llvmlite.binding import get_host_cpu_features
    from numba import config

    told = (getattr(config, name, None) for name in ("CPU_NAME", "CPU_FEATURES"))
    if any(told):  # what is compiled is for another processor
        return False
    features = get_host_cpu_features()
    if not (features.get("amx-tile") and features.get("amx-bf16")):
        return False
    system = ctypes.CDLL(None)
    return bool(system.syscall(_ARCH_PRCTL, _REQUEST_PERMISSION, _TILE_DATA) == 0)


@compiled
def padded(n_dims: int) -> int:
    """Length of the rounded vectors of `n_dims` dimensions."""
    return (n_dims + STEP - 1) // STEP * STEP


@compiled
def round_points(
    vectors: Floats,
    scales: Floats,
    offset: Floats,
    rests: Floats,
    middle: Floats,
    rounded: Bits,
    squares: Floats,
    slips: Floats,
) -> None:
    """Round each number of ``scale · (x − offset) − middle`` to the nearest bfloat16, ties to even.

    Parameters
    ----------
    vectors : array of shape (n_points, n_dims)
    scales : array of shape (n_points,)
    offset : array of shape (n_dims,)
    rests : array of shape (n_points,)
        Squared lengths of what a projection left out: they count, beside the rounded vectors'
        own.
    middle : array of shape (n_dims,)
    rounded : array of shape (n_points, padded(n_dims)), written
    squares : array of shape (n_points,), written
    slips : array of shape (n_points,), written
        How far rounding took each point.
    """
    n_dims = vectors.shape[1]
    moved = np.empty(n_dims, np.float32)
    bits = moved.view(np.uint32)
    for row in range(len(vectors)):
        square, slip = np.float32(0), np.float32(0)
        for axis in range(n_dims):
            moved[axis] = scales[row] * (vectors[row, axis] - offset[axis]) - middle[axis]
        for axis in range(n_dims):
            half = np.uint32(0x7FFF) + ((bits[axis] >> np.uint32(16)) & np.uint32(1))
            rounded[row, axis] = np.uint16((bits[axis] + half) >> np.uint32(16))
        for axis in range(n_dims):
            value = widen(rounded[row, axis])
            square += value * value
            slip += (value - moved[axis]) * (value - moved[axis])
        rounded[row, n_dims:] = 0
        squares[row] = rests[row] + square
        slips[row] = np.sqrt(slip)


@compiled
def multiply_strip(
    strip: Bits, panels: NDArray[np.uint32], first: Floats, products: Floats
) -> None:
    """Add the products of 32 rounded vectors and all of the panels to numbers, by the matrix unit.

    Parameters
    ----------
    strip : array of shape (32, n_dims)
    panels : array of shape (n_panels, n_dims / 2, 16)
        From `fill_panels`; an even number of panels.
    first : array of shape (16 n_panels,)
        What each column begins with.
    products : array of shape (32, 16 n_panels), written
    """
    shapes = np.zeros(64, np.uint8)  # of 8 tiles: 16 rows of 64 bytes each
    shapes[0] = 1
    shapes[16:32:2] = 64
    shapes[48:56] = _PANEL
    n_dims = strip.shape[1]
    row_bytes, product_bytes, panel_bytes = 2 * n_dims, 4 * products.shape[1], 32 * n_dims
    upper, panel, product = strip.ctypes.data, panels.ctypes.data, products.ctypes.data
    begin = first.ctypes.data  # the same for every row: the stride is 0
    lower, product_below = upper + _PANEL * row_bytes, product + _PANEL * product_bytes
    configure(shapes.ctypes.data)
    for _ in range(0, len(panels), 2):
        load(0, begin, 0)
        load(1, begin + 64, 0)
        load(2, begin, 0)
        load(3, begin + 64, 0)
        for axis in range(0, n_dims, STEP):
            load(4, upper + 2 * axis, row_bytes)
            load(6, panel + 32 * axis, 64)
            load(5, lower + 2 * axis, row_bytes)
            load(7, panel + panel_bytes + 32 * axis, 64)
            multiply_tiles(0, 4, 6)
            multiply_tiles(1, 4, 7)
            multiply_tiles(2, 5, 6)
            multiply_tiles(3, 5, 7)
        store(0, product, product_bytes)
        store(1, product + 64, product_bytes)
        store(2, product_below, product_bytes)
        store(3, product_below + 64, product_bytes)
        panel += 2 * panel_bytes
        begin += 128
        product += 128
        product_below += 128
    release()


@compiled
def fill_panels(rounded: Bits, panels: NDArray[np.uint32]) -> None:
    """Lay vectors by panels of 16, two dimensions of each side by side; zeros fill the last."""
    pairs = rounded.view(np.uint32)
    for panel in range(len(panels)):
        start = panel * _PANEL
        count = max(0, min(_PANEL, len(rounded) - start))
        for pair in range(pairs.shape[1]):
            for place in range(count):
                panels[panel, pair, place] = pairs[start + place, pair]
            for place in range(count, _PANEL):
                panels[panel, pair, place] = 0


@compiled
def multiply(left: Bits, right: Bits, products: Floats) -> None:
    """Compute all inner products of rounded vectors, ``products[i, j]``, by the matrix unit."""
    n_panels = 2 * ((len(right) + STRIP - 1) // STRIP)
    panels = np.empty((n_panels, right.shape[1] // 2, _PANEL), np.uint32)
    fill_panels(right, panels)
    strip = np.zeros((STRIP, left.shape[1]), np.uint16)
    first = np.zeros(_PANEL * n_panels, np.float32)
    some = np.empty((STRIP, _PANEL * n_panels), np.float32)
    for start in range(0, len(left), STRIP):
        stop = min(start + STRIP, len(left))
        strip[: stop - start] = left[start:stop]
        multiply_strip(strip, panels, first, some)
        products[start:stop] = some[: stop - start, : len(right)]
