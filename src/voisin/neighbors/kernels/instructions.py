"""Instructions of the processor that numba does not offer, and products by the matrix unit.

An *intrinsic* below is one LLVM instruction (or a few) that compiled loops call like a function:
comparisons of 16 numbers at once, prefetching, an atomic exchange, and the tiles of the matrix
unit (AMX: eight tiles of 16 rows of 64 bytes). Addresses are integers. Tile numbers
must be constants. What uses tiles may be compiled only where `has_matrix_unit` is true.

The matrix unit multiplies bfloat16: the upper half of a float32, with its range and 8 significant
bits. Such numbers are kept as their bits in `numpy.uint16`, since numpy has no bfloat16.

This module must not import anything about vectors, neighbors or searches. Import it late, since
numba takes a while to import.
"""

# ruff: noqa: ARG001 -- numba reads the arguments of an instruction off its signature

import ctypes
import platform
from collections.abc import Callable
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

LANES = 16  # float32 in the widest vector register there is, of 512 bits
GROUPS = 4 * LANES  # numbers compared at once: four registers, set by hand
TILE_DIMS = 32  # bfloat16 in a row of a tile; bfloat16 vectors are padded to a multiple
STRIP = 32  # rows of two tiles: vectors that one pass of `multiply_strip` takes
_PANEL = 16  # rows of a tile, and float32 in one of them
_ARCH_PRCTL, _REQUEST_PERMISSION, _TILE_DATA = 158, 0x1023, 18  # Linux on x86-64: asm/prctl.h

# the types of LLVM
_BYTE, _POINTER = ir.IntType(8), ir.IntType(8).as_pointer()
_INT32, _INT64 = ir.IntType(32), ir.IntType(64)
_FLOATS, _INTS = ir.VectorType(ir.FloatType(), LANES), ir.VectorType(_INT32, LANES)

_declare: Any = cgutils.get_or_insert_function
_allocate: Any = cgutils.alloca_once_value
_intrinsic: Callable[[Callable[..., Any]], Any] = intrinsic(prefer_literal=True)


@cache
def has_matrix_unit() -> bool:
    """Tell whether this processor has tiles for bfloat16, and the system lets us use them."""
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        return False
    from llvmlite.binding import get_host_cpu_features
    from numba import config

    settings = (getattr(config, name, None) for name in ("CPU_NAME", "CPU_FEATURES"))
    if any(settings):  # numba compiles for another processor
        return False
    features = get_host_cpu_features()
    if not (features.get("amx-tile") and features.get("amx-bf16")):
        return False
    libc = ctypes.CDLL(None)
    return bool(libc.syscall(_ARCH_PRCTL, _REQUEST_PERMISSION, _TILE_DATA) == 0)


@_intrinsic
def widen(_: Any, bits: Any) -> Any:
    """Turn the bits of one bfloat16 into a float32."""

    def generate(_: Any, builder: Any, __: Any, args: Any) -> Any:
        return _low_half(builder, builder.zext(args[0], _INT32))

    return types.float32(types.uint16), generate


@_intrinsic
def multiply_packed(_: Any, left: Any, right: Any) -> Any:
    """Multiply two floats; or two pairs of bfloat16, packed in 32 bits, and add the products."""
    is_float = isinstance(left, types.Float)

    def generate(_: Any, builder: Any, __: Any, args: Any) -> Any:
        if is_float:
            return builder.fmul(*args, flags=("fast",))
        low = builder.fmul(*(_low_half(builder, pair) for pair in args), flags=("fast",))
        upper = ir.Constant(_INT32, 0xFFFF0000)
        high = (builder.bitcast(builder.and_(pair, upper), ir.FloatType()) for pair in args)
        return builder.fadd(low, builder.fmul(*high, flags=("fast",)), flags=("fast",))

    return (left if is_float else types.float32)(left, right), generate


def _low_half(builder: Any, pair: Any) -> Any:
    return builder.bitcast(builder.shl(pair, ir.Constant(_INT32, 16)), ir.FloatType())


def _read(builder: Any, address: Any, kind: Any) -> Any:
    return builder.load(builder.inttoptr(address, kind.as_pointer()), align=4)


def _broadcast(builder: Any, value: Any, kind: Any) -> Any:
    undefined = ir.Constant(kind, ir.Undefined)
    first = builder.insert_element(undefined, value, ir.Constant(_INT32, 0))
    return builder.shuffle_vector(first, undefined, ir.Constant(_INTS, None))


def _count_true(builder: Any, lanes: Any) -> Any:
    return builder.zext(builder.ctpop(builder.bitcast(lanes, ir.IntType(LANES))), _INT64)


@_intrinsic
def keep_lanes(_: Any, scores: Any, least: Any, first: Any, kept: Any) -> Any:
    """Find which of the 16 scores at an address are at least `least`; return how many.

    Their positions, counted from `first`, are written one after the other to the address `kept`.
    """

    def generate(_: Any, builder: Any, __: Any, args: Any) -> Any:
        least = _broadcast(builder, args[1], _FLOATS)
        enough = builder.fcmp_ordered(">=", _read(builder, args[0], _FLOATS), least)
        start = _broadcast(builder, builder.trunc(args[2], _INT32), _INTS)
        positions = builder.add(start, ir.Constant(_INTS, list(range(LANES))))
        kind = ir.FunctionType(ir.VoidType(), [_INTS, _POINTER, enough.type])
        compress = _declare(builder.module, kind, f"llvm.masked.compressstore.v{LANES}i32")
        builder.call(compress, [positions, builder.inttoptr(args[3], _POINTER), enough])
        return _count_true(builder, enough)

    return types.int64(types.int64, types.float32, types.int64, types.int64), generate


@_intrinsic
def count_lanes_up_to(_: Any, numbers: Any, bound: Any) -> Any:
    """Count how many of the 16 numbers at an address are at most a bound."""

    def generate(_: Any, builder: Any, __: Any, args: Any) -> Any:
        bound = _broadcast(builder, args[1], _FLOATS)
        lanes = builder.fcmp_ordered("<=", _read(builder, args[0], _FLOATS), bound)
        return _count_true(builder, lanes)

    return types.int64(types.int64, types.float32), generate


@_intrinsic
def count_lanes_before(_: Any, distances: Any, ids: Any, distance: Any, own_id: Any) -> Any:
    """Count how many of 16 pairs come before ``(distance, own_id)`` in ascending order.

    The distances of the pairs are at one address, their ids at another.
    """

    def generate(_: Any, builder: Any, __: Any, args: Any) -> Any:
        distances, own = _read(builder, args[0], _FLOATS), _broadcast(builder, args[2], _FLOATS)
        ids, own_id = _read(builder, args[1], _INTS), _broadcast(builder, args[3], _INTS)
        equal = builder.fcmp_ordered("==", distances, own)
        tied = builder.and_(equal, builder.icmp_signed("<", ids, own_id))
        nearer = builder.fcmp_ordered("<", distances, own)
        return _count_true(builder, builder.or_(nearer, tied))

    return types.int64(types.int64, types.int64, types.float32, types.int32), generate


@_intrinsic
def find_lane(_: Any, ids: Any, wanted: Any) -> Any:
    """Find which of the 16 ids at an address is the wanted one; 16 if none is."""

    def generate(_: Any, builder: Any, __: Any, args: Any) -> Any:
        wanted = _broadcast(builder, args[1], _INTS)
        lanes = builder.icmp_signed("==", _read(builder, args[0], _INTS), wanted)
        mask = builder.zext(builder.bitcast(lanes, ir.IntType(LANES)), _INT64)
        mask = builder.or_(mask, ir.Constant(_INT64, 1 << LANES))
        return builder.cttz(mask, ir.Constant(ir.IntType(1), 1))

    return types.int64(types.int64, types.int32), generate


@_intrinsic
def find_highest(_: Any, numbers: Any, count: Any, highest: Any) -> Any:
    """Deal numbers out to 64 groups in turn, and write the highest number of each group.

    `numbers` and `highest` are addresses; `count` is a multiple of 64.
    """

    def generate(context: Any, builder: Any, _: Any, args: Any) -> Any:
        low = ir.Constant(_FLOATS, [float("-inf")] * LANES)
        best = [_allocate(builder, low) for _ in range(0, GROUPS, LANES)]
        start, step = ir.Constant(_INT64, 0), ir.Constant(_INT64, GROUPS)
        with cgutils.for_range_slice(builder, start, args[1], step, _INT64) as (first, _):
            here = builder.add(args[0], builder.mul(first, ir.Constant(_INT64, 4)))
            for part, place in enumerate(best):
                address = builder.add(here, ir.Constant(_INT64, 4 * LANES * part))
                new, old = _read(builder, address, _FLOATS), builder.load(place)
                higher = builder.fcmp_ordered(">", new, old)
                builder.store(builder.select(higher, new, old), place)
        for part, place in enumerate(best):
            address = builder.add(args[2], ir.Constant(_INT64, 4 * LANES * part))
            pointer = builder.inttoptr(address, _FLOATS.as_pointer())
            builder.store(builder.load(place), pointer, align=4)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), generate


@_intrinsic
def exchange(_: Any, address: Any, value: Any) -> Any:
    """Write a byte that threads share and return what it was, as one atomic step."""

    def generate(_: Any, builder: Any, __: Any, args: Any) -> Any:
        place = builder.inttoptr(args[0], _POINTER)
        return builder.atomic_rmw("xchg", place, args[1], "seq_cst")

    return types.uint8(types.int64, types.uint8), generate


def _tile_instruction(name: str, *tiles: Any) -> Callable[..., Any]:
    """Generate an instruction of the matrix unit: numbers of tiles, an address, a stride."""

    def generate(context: Any, builder: Any, _: Any, args: Any) -> Any:
        operands = [ir.Constant(_BYTE, tile.literal_value) for tile in tiles]
        for place, value in enumerate(args[len(tiles) :]):
            operands.append(value if place else builder.inttoptr(value, _POINTER))
        kind = ir.FunctionType(ir.VoidType(), [value.type for value in operands])
        builder.call(_declare(builder.module, kind, f"llvm.x86.{name}"), operands)
        return context.get_dummy_value()

    return generate


@_intrinsic
def configure_tiles(_: Any, address: Any) -> Any:
    """Set the shapes of the tiles, from 64 bytes at an address."""
    return types.void(types.int64), _tile_instruction("ldtilecfg")


@_intrinsic
def release_tiles(_: Any) -> Any:
    """Free the tiles, so that the system need not save them."""
    return types.void(), _tile_instruction("tilerelease")


@_intrinsic
def load_tile(_: Any, tile: Any, address: Any, stride: Any) -> Any:
    """Fill a tile from an address; its rows are `stride` bytes apart."""
    return types.void(tile, types.int64, types.int64), _tile_instruction("tileloadd64", tile)


@_intrinsic
def store_tile(_: Any, tile: Any, address: Any, stride: Any) -> Any:
    """Write a tile to an address; its rows are `stride` bytes apart."""
    return types.void(tile, types.int64, types.int64), _tile_instruction("tilestored64", tile)


@_intrinsic
def multiply_tiles(_: Any, total: Any, left: Any, right: Any) -> Any:
    """Add to tile `total` the products of the rows of `left` and the columns of `right`."""
    return types.void(total, left, right), _tile_instruction("tdpbf16ps", total, left, right)


@_intrinsic
def fetch(_: Any, address: Any) -> Any:
    """Prefetch the cache line at an address."""

    def generate(context: Any, builder: Any, _: Any, args: Any) -> Any:
        kind = ir.FunctionType(ir.VoidType(), [_POINTER, _INT32, _INT32, _INT32])
        reading, near, data = (ir.Constant(_INT32, value) for value in (0, 3, 1))
        operands = [builder.inttoptr(args[0], _POINTER), reading, near, data]
        builder.call(_declare(builder.module, kind, "llvm.prefetch.p0"), operands)
        return context.get_dummy_value()

    return types.void(types.int64), generate


@compiled
def multiply_strip(
    strip: Bits, panels: NDArray[np.uint32], initial: Floats, products: Floats
) -> None:
    """Compute ``initial[j] + strip[i] · panel vector j`` for 32 vectors, by the matrix unit.

    Parameters
    ----------
    strip : array of shape (32, n_dims)
    panels : array of shape (n_panels, n_dims / 2, 16)
        From `fill_panels`; an even number of panels.
    initial : array of shape (16 n_panels,)
        What is added to each column.
    products : array of shape (32, 16 n_panels), written
    """
    shapes = np.zeros(64, np.uint8)  # of 8 tiles: 16 rows of 64 bytes each
    shapes[0] = 1
    shapes[16:32:2] = 64
    shapes[48:56] = _PANEL
    n_dims = strip.shape[1]
    row_bytes, product_bytes, panel_bytes = 2 * n_dims, 4 * products.shape[1], 32 * n_dims
    upper, panel, product = strip.ctypes.data, panels.ctypes.data, products.ctypes.data
    start = initial.ctypes.data  # the same for every row: the stride is 0
    lower, product_below = upper + _PANEL * row_bytes, product + _PANEL * product_bytes
    configure_tiles(shapes.ctypes.data)
    for _ in range(0, len(panels), 2):
        load_tile(0, start, 0)
        load_tile(1, start + 64, 0)
        load_tile(2, start, 0)
        load_tile(3, start + 64, 0)
        for axis in range(0, n_dims, TILE_DIMS):
            load_tile(4, upper + 2 * axis, row_bytes)
            load_tile(6, panel + 32 * axis, 64)
            load_tile(5, lower + 2 * axis, row_bytes)
            load_tile(7, panel + panel_bytes + 32 * axis, 64)
            multiply_tiles(0, 4, 6)
            multiply_tiles(1, 4, 7)
            multiply_tiles(2, 5, 6)
            multiply_tiles(3, 5, 7)
        store_tile(0, product, product_bytes)
        store_tile(1, product + 64, product_bytes)
        store_tile(2, product_below, product_bytes)
        store_tile(3, product_below + 64, product_bytes)
        panel += 2 * panel_bytes
        start += 128
        product += 128
        product_below += 128
    release_tiles()


@compiled
def fill_panels(vectors: Bits, panels: NDArray[np.uint32]) -> None:
    """Copy vectors into panels of 16, two dimensions of each side by side; zeros fill the last."""
    pairs = vectors.view(np.uint32)
    for panel in range(len(panels)):
        start = panel * _PANEL
        count = max(0, min(_PANEL, len(vectors) - start))
        for pair in range(pairs.shape[1]):
            for column in range(count):
                panels[panel, pair, column] = pairs[start + column, pair]
            for column in range(count, _PANEL):
                panels[panel, pair, column] = 0


@compiled
def multiply_bfloat16(left: Bits, right: Bits, products: Floats) -> None:
    """Compute ``products[i, j] = left[i] · right[j]`` of bfloat16 vectors, by the matrix unit."""
    n_panels = 2 * ((len(right) + STRIP - 1) // STRIP)
    panels = np.empty((n_panels, right.shape[1] // 2, _PANEL), np.uint32)
    fill_panels(right, panels)
    strip = np.zeros((STRIP, left.shape[1]), np.uint16)
    zeros = np.zeros(_PANEL * n_panels, np.float32)
    strip_products = np.empty((STRIP, _PANEL * n_panels), np.float32)
    for start in range(0, len(left), STRIP):
        stop = min(start + STRIP, len(left))
        strip[: stop - start] = left[start:stop]
        multiply_strip(strip, panels, zeros, strip_products)
        products[start:stop] = strip_products[: stop - start, : len(right)]
