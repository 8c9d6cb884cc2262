"""Vectors rounded to bfloat16, and their products; it knows numbers, not neighbors.

A bfloat16 is the upper half of a float32: its range with 8 significant bits. Rounded vectors
take half the memory, and processors with a matrix unit (AMX) multiply them several times as
fast as float32. They are kept as their bits, in `numpy.uint16`, which numpy has instead.

Imported only when a search begins, since numba takes a while to import.
"""

# ruff: noqa: ARG001 — numba takes the arguments of an instruction from its signature

import ctypes
import platform
from functools import cache
from typing import Any, TypeAlias

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic
from numpy.typing import NDArray

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

    features = get_host_cpu_features()
    if not (features.get("amx-tile") and features.get("amx-bf16")):
        return False
    system = ctypes.CDLL(None)
    return bool(system.syscall(_ARCH_PRCTL, _REQUEST_PERMISSION, _TILE_DATA) == 0)


@compiled
def padded(n_dims: int) -> int:
    """Length of the rounded vectors of `n_dims` dimensions."""
    return (n_dims + STEP - 1) // STEP * STEP


_BYTE, _POINTER = ir.IntType(8), ir.IntType(8).as_pointer()


@intrinsic
def widen(_: Any, bits: Any) -> Any:
    """Give the float32 of one bfloat16, in compiled code."""

    def generate(_: Any, builder: Any, __: Any, args: Any) -> Any:
        whole = ir.IntType(32)
        upper = builder.shl(builder.zext(args[0], whole), ir.Constant(whole, 16))
        return builder.bitcast(upper, ir.FloatType())

    return types.float32(types.uint16), generate


def _emit(builder: Any, name: str, tiles: Any, *memory: Any) -> Any:
    """Write an instruction of the matrix unit: the numbers of tiles, an address, a stride."""
    given = [ir.Constant(_BYTE, tile.literal_value) for tile in tiles]
    given += [
        builder.inttoptr(value, _POINTER) if place == 0 else value
        for place, value in enumerate(memory)
    ]
    kind = ir.FunctionType(ir.VoidType(), [value.type for value in given])
    return builder.call(
        cgutils.get_or_insert_function(builder.module, kind, f"llvm.x86.{name}"), given
    )


@intrinsic
def _configure(_: Any, address: Any) -> Any:
    def generate(context: Any, builder: Any, _: Any, args: Any) -> Any:
        _emit(builder, "ldtilecfg", (), args[0])
        return context.get_dummy_value()

    return types.void(types.int64), generate


@intrinsic
def _release(_: Any) -> Any:
    def generate(context: Any, builder: Any, _: Any, __: Any) -> Any:
        _emit(builder, "tilerelease", ())
        return context.get_dummy_value()

    return types.void(), generate


@intrinsic(prefer_literal=True)
def _clear(_: Any, tile: Any) -> Any:
    def generate(context: Any, builder: Any, _: Any, __: Any) -> Any:
        _emit(builder, "tilezero", (tile,))
        return context.get_dummy_value()

    return types.void(tile), generate


@intrinsic(prefer_literal=True)
def _load(_: Any, tile: Any, address: Any, stride: Any) -> Any:
    def generate(context: Any, builder: Any, _: Any, args: Any) -> Any:
        _emit(builder, "tileloadd64", (tile,), *args[1:])
        return context.get_dummy_value()

    return types.void(tile, types.int64, types.int64), generate


@intrinsic(prefer_literal=True)
def _store(_: Any, tile: Any, address: Any, stride: Any) -> Any:
    def generate(context: Any, builder: Any, _: Any, args: Any) -> Any:
        _emit(builder, "tilestored64", (tile,), *args[1:])
        return context.get_dummy_value()

    return types.void(tile, types.int64, types.int64), generate


@intrinsic(prefer_literal=True)
def _multiply(_: Any, total: Any, left: Any, right: Any) -> Any:
    def generate(context: Any, builder: Any, _: Any, __: Any) -> Any:
        _emit(builder, "tdpbf16ps", (total, left, right))
        return context.get_dummy_value()

    return types.void(total, left, right), generate


_BYTE, _POINTER = ir.IntType(8), ir.IntType(8).as_pointer()


@intrinsic
def widen(_: Any, bits: Any) -> Any:
    """Give the float32 of one bfloat16, in compiled code."""

    def generate(_: Any, builder: Any, __: Any, args: Any) -> Any:
        whole = ir.IntType(32)
        upper = builder.shl(builder.zext(args[0], whole), ir.Constant(whole, 16))
        return builder.bitcast(upper, ir.FloatType())

    return types.float32(types.uint16), generate


def _emit(builder: Any, name: str, tiles: Any, *memory: Any) -> Any:
    """Write an instruction of the matrix unit: the numbers of tiles, an address, a stride."""
    given = [ir.Constant(_BYTE, tile.literal_value) for tile in tiles]
    given += [
        builder.inttoptr(value, _POINTER) if place == 0 else value
        for place, value in enumerate(memory)
    ]
    kind = ir.FunctionType(ir.VoidType(), [value.type for value in given])
    return builder.call(
        cgutils.get_or_insert_function(builder.module, kind, f"llvm.x86.{name}"), given
    )


@intrinsic
def _configure(_: Any, address: Any) -> Any:
    def generate(context: Any, builder: Any, _: Any, args: Any) -> Any:
        _emit(builder, "ldtilecfg", (), args[0])
        return context.get_dummy_value()

    return types.void(types.int64), generate


@intrinsic
def _release(_: Any) -> Any:
    def generate(context: Any, builder: Any, _: Any, __: Any) -> Any:
        _emit(builder, "tilerelease", ())
        return context.get_dummy_value()

    return types.void(), generate


@intrinsic(prefer_literal=True)
def _clear(_: Any, tile: Any) -> Any:
    def generate(context: Any, builder: Any, _: Any, __: Any) -> Any:
        _emit(builder, "tilezero", (tile,))
        return context.get_dummy_value()

    return types.void(tile), generate


@intrinsic(prefer_literal=True)
def _load(_: Any, tile: Any, address: Any, stride: Any) -> Any:
    def generate(context: Any, builder: Any, _: Any, args: Any) -> Any:
        _emit(builder, "tileloadd64", (tile,), *args[1:])
        return context.get_dummy_value()

    return types.void(tile, types.int64, types.int64), generate


@intrinsic(prefer_literal=True)
def _store(_: Any, tile: Any, address: Any, stride: Any) -> Any:
    def generate(context: Any, builder: Any, _: Any, args: Any) -> Any:
        _emit(builder, "tilestored64", (tile,), *args[1:])
        return context.get_dummy_value()

    return types.void(tile, types.int64, types.int64), generate


@intrinsic(prefer_literal=True)
def _multiply(_: Any, total: Any, left: Any, right: Any) -> Any:
    def generate(context: Any, builder: Any, _: Any, __: Any) -> Any:
        _emit(builder, "tdpbf16ps", (total, left, right))
        return context.get_dummy_value()

    return types.void(total, left, right), generate


@compiled
def round_vectors(vectors: Floats, rounded: Bits) -> None:
    """Round to the nearest bfloat16, ties to even, and pad with zeros."""
    bits = vectors.view(np.uint32)
    n_dims = vectors.shape[1]
    for row in range(len(vectors)):
        for axis in range(n_dims):
            value = bits[row, axis]
            half = np.uint32(0x7FFF) + ((value >> np.uint32(16)) & np.uint32(1))
            rounded[row, axis] = np.uint16((value + half) >> np.uint32(16))
        for axis in range(n_dims, rounded.shape[1]):
            rounded[row, axis] = 0


@compiled
def round_points(
    vectors: Floats,
    squares: Floats,
    middle: Floats,
    rounded: Bits,
    new_squares: Floats,
    slips: Floats,
) -> None:
    """Move vectors by −`middle` and round each number to the nearest bfloat16, ties to even.

    Parameters
    ----------
    vectors : array of shape (n_points, n_dims)
    squares : array of shape (n_points,)
        Squared lengths, or those of longer vectors of which these are a projection: what is
        left out stays in the new lengths, beside the rounded vectors' own.
    middle : array of shape (n_dims,)
    rounded : array of shape (n_points, padded(n_dims)), written
    new_squares : array of shape (n_points,), written
    slips : array of shape (n_points,), written
        How far rounding took each point.
    """
    n_dims = vectors.shape[1]
    moved = np.empty(n_dims, np.float32)
    bits = moved.view(np.uint32)
    for row in range(len(vectors)):
        own, square, slip = np.float32(0), np.float32(0), np.float32(0)
        for axis in range(n_dims):
            own += vectors[row, axis] * vectors[row, axis]
            moved[axis] = vectors[row, axis] - middle[axis]
        for axis in range(n_dims):
            half = np.uint32(0x7FFF) + ((bits[axis] >> np.uint32(16)) & np.uint32(1))
            rounded[row, axis] = np.uint16((bits[axis] + half) >> np.uint32(16))
        for axis in range(n_dims):
            value = widen(rounded[row, axis])
            square += value * value
            slip += (value - moved[axis]) * (value - moved[axis])
        rounded[row, n_dims:] = 0
        new_squares[row] = max(squares[row] - own, np.float32(0)) + square
        slips[row] = np.sqrt(slip)


@compiled
def multiply_strip(strip: Bits, panels: NDArray[np.uint32], products: Floats) -> None:
    """Multiply 32 rounded vectors with all of the panels, by the matrix unit.

    Parameters
    ----------
    strip : array of shape (32, n_dims)
    panels : array of shape (n_panels, n_dims / 2, 16)
        From `fill_panels`; an even number of panels.
    products : array of shape (32, 16 n_panels), written
    """
    shapes = np.zeros(64, np.uint8)  # of 8 tiles: 16 rows of 64 bytes each
    shapes[0] = 1
    shapes[16:32:2] = 64
    shapes[48:56] = _PANEL
    n_dims = strip.shape[1]
    row_bytes, product_bytes, panel_bytes = 2 * n_dims, 4 * products.shape[1], 32 * n_dims
    upper, panel, product = strip.ctypes.data, panels.ctypes.data, products.ctypes.data
    lower, product_below = upper + _PANEL * row_bytes, product + _PANEL * product_bytes
    _configure(shapes.ctypes.data)
    for _ in range(0, len(panels), 2):
        _clear(0)
        _clear(1)
        _clear(2)
        _clear(3)
        for axis in range(0, n_dims, STEP):
            _load(4, upper + 2 * axis, row_bytes)
            _load(6, panel + 32 * axis, 64)
            _load(5, lower + 2 * axis, row_bytes)
            _load(7, panel + panel_bytes + 32 * axis, 64)
            _multiply(0, 4, 6)
            _multiply(1, 4, 7)
            _multiply(2, 5, 6)
            _multiply(3, 5, 7)
        _store(0, product, product_bytes)
        _store(1, product + 64, product_bytes)
        _store(2, product_below, product_bytes)
        _store(3, product_below + 64, product_bytes)
        panel += 2 * panel_bytes
        product += 128
        product_below += 128
    _release()


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
    some = np.empty((STRIP, _PANEL * n_panels), np.float32)
    for start in range(0, len(left), STRIP):
        stop = min(start + STRIP, len(left))
        strip[: stop - start] = left[start:stop]
        multiply_strip(strip, panels, some)
        products[start:stop] = some[: stop - start, : len(right)]
