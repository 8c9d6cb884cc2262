"""Instructions of the processor that compiled loops use; it knows numbers and addresses.

Compiled code has no other way to the matrix unit (AMX: eight tiles of 16 rows of 64 bytes), to
the bits of a bfloat16, to a comparison that keeps some lanes of a register, to memory ahead of
time, or to memory that threads share. Tiles are told by their numbers, which must be constants.
Those of the matrix unit may be compiled only where there is one.

Imported only when a search begins, since numba takes a while to import.
"""

# ruff: noqa: ARG001 -- numba reads the arguments of an instruction off its signature

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

_declare: Any = cgutils.get_or_insert_function
_variable: Any = cgutils.alloca_once_value
_BYTE, _POINTER = ir.IntType(8), ir.IntType(8).as_pointer()
LANES = 16  # numbers that a register holds
GROUPS = 4 * LANES  # numbers compared at once
_WHOLE, _LONG = ir.IntType(32), ir.IntType(64)
_FLOATS, _WHOLES = ir.VectorType(ir.FloatType(), LANES), ir.VectorType(_WHOLE, LANES)


def _instruction(typed: Callable[..., Any]) -> Any:
    return intrinsic(prefer_literal=True)(typed)


@_instruction
def widen(_: Any, bits: Any) -> Any:
    """Give the float32 of the bits of one bfloat16."""

    def generate(_: Any, builder: Any, __: Any, args: Any) -> Any:
        return _first_of_two(builder, builder.zext(args[0], _WHOLE))

    return types.float32(types.uint16), generate


@_instruction
def multiply(_: Any, left: Any, right: Any) -> Any:
    """Multiply two float32, or the bits of two pairs of bfloat16: their products' sum."""

    def generate(_: Any, builder: Any, __: Any, args: Any) -> Any:
        if left == types.float32:
            return builder.fmul(*args, flags=("fast",))
        first = builder.fmul(*(_first_of_two(builder, pair) for pair in args), flags=("fast",))
        other = builder.fmul(*(_other_of_two(builder, pair) for pair in args), flags=("fast",))
        return builder.fadd(first, other, flags=("fast",))

    return types.float32(left, right), generate


def _first_of_two(builder: Any, pair: Any) -> Any:
    return builder.bitcast(builder.shl(pair, ir.Constant(_WHOLE, 16)), ir.FloatType())


def _other_of_two(builder: Any, pair: Any) -> Any:
    return builder.bitcast(builder.and_(pair, ir.Constant(_WHOLE, 0xFFFF0000)), ir.FloatType())


def _read(builder: Any, address: Any, kind: Any) -> Any:
    return builder.load(builder.inttoptr(address, kind.as_pointer()), align=4)


def _in_every_lane(builder: Any, value: Any, kind: Any) -> Any:
    nothing = ir.Constant(kind, ir.Undefined)
    one = builder.insert_element(nothing, value, ir.Constant(_WHOLE, 0))
    return builder.shuffle_vector(one, nothing, ir.Constant(_WHOLES, None))


def _count(builder: Any, lanes: Any) -> Any:
    return builder.zext(builder.ctpop(builder.bitcast(lanes, ir.IntType(LANES))), _LONG)


@_instruction
def keep_lanes(_: Any, scores: Any, least: Any, first: Any, kept: Any) -> Any:
    """Keep which of the 16 scores at an address are at least so high: tell how many.

    Their places, counted from `first`, are written one after the other to the address `kept`.
    """

    def generate(_: Any, builder: Any, __: Any, args: Any) -> Any:
        least = _in_every_lane(builder, args[1], _FLOATS)
        enough = builder.fcmp_ordered(">=", _read(builder, args[0], _FLOATS), least)
        start = _in_every_lane(builder, builder.trunc(args[2], _WHOLE), _WHOLES)
        places = builder.add(start, ir.Constant(_WHOLES, list(range(LANES))))
        kind = ir.FunctionType(ir.VoidType(), [_WHOLES, _POINTER, enough.type])
        compress = _declare(builder.module, kind, f"llvm.masked.compressstore.v{LANES}i32")
        builder.call(compress, [places, builder.inttoptr(args[3], _POINTER), enough])
        return _count(builder, enough)

    return types.int64(types.int64, types.float32, types.int64, types.int64), generate


@_instruction
def count_lanes_up_to(_: Any, numbers: Any, bound: Any) -> Any:
    """Count which of the 16 numbers at an address are at most a bound."""

    def generate(_: Any, builder: Any, __: Any, args: Any) -> Any:
        bound = _in_every_lane(builder, args[1], _FLOATS)
        lanes = builder.fcmp_ordered("<=", _read(builder, args[0], _FLOATS), bound)
        return _count(builder, lanes)

    return types.int64(types.int64, types.float32), generate


@_instruction
def count_lanes_before(_: Any, gaps: Any, ids: Any, gap: Any, name: Any) -> Any:
    """Count which of the 16 gaps and ids at two addresses are lower than these, gaps first."""

    def generate(_: Any, builder: Any, __: Any, args: Any) -> Any:
        gaps, gap = _read(builder, args[0], _FLOATS), _in_every_lane(builder, args[2], _FLOATS)
        ids, name = _read(builder, args[1], _WHOLES), _in_every_lane(builder, args[3], _WHOLES)
        same = builder.fcmp_ordered("==", gaps, gap)
        tied = builder.and_(same, builder.icmp_signed("<", ids, name))
        return _count(builder, builder.or_(builder.fcmp_ordered("<", gaps, gap), tied))

    return types.int64(types.int64, types.int64, types.float32, types.int32), generate


@_instruction
def find_lane(_: Any, ids: Any, name: Any) -> Any:
    """Find which of the 16 ids at an address is this one; 16 if none is."""

    def generate(_: Any, builder: Any, __: Any, args: Any) -> Any:
        name = _in_every_lane(builder, args[1], _WHOLES)
        lanes = builder.icmp_signed("==", _read(builder, args[0], _WHOLES), name)
        mask = builder.zext(builder.bitcast(lanes, ir.IntType(LANES)), _LONG)
        mask = builder.or_(mask, ir.Constant(_LONG, 1 << LANES))
        return builder.cttz(mask, ir.Constant(ir.IntType(1), 1))

    return types.int64(types.int64, types.int32), generate


@_instruction
def find_highest(_: Any, numbers: Any, count: Any, highest: Any) -> Any:
    """Write the highest of every 64th of some numbers, from each of the first 64 on.

    Both are addresses, and the count is a multiple of 64.
    """

    def generate(context: Any, builder: Any, _: Any, args: Any) -> Any:
        low = ir.Constant(_FLOATS, [float("-inf")] * LANES)
        best = [_variable(builder, low) for _ in range(0, GROUPS, LANES)]
        start, step = ir.Constant(_LONG, 0), ir.Constant(_LONG, GROUPS)
        with cgutils.for_range_slice(builder, start, args[1], step, _LONG) as (first, _):
            here = builder.add(args[0], builder.mul(first, ir.Constant(_LONG, 4)))
            for part, place in enumerate(best):
                address = builder.add(here, ir.Constant(_LONG, 4 * LANES * part))
                some, known = _read(builder, address, _FLOATS), builder.load(place)
                higher = builder.fcmp_ordered(">", some, known)
                builder.store(builder.select(higher, some, known), place)
        for part, place in enumerate(best):
            address = builder.add(args[2], ir.Constant(_LONG, 4 * LANES * part))
            pointer = builder.inttoptr(address, _FLOATS.as_pointer())
            builder.store(builder.load(place), pointer, align=4)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), generate


@_instruction
def exchange(_: Any, address: Any, value: Any) -> Any:
    """Write a byte that threads share, and give what it was: nobody comes in between."""

    def generate(_: Any, builder: Any, __: Any, args: Any) -> Any:
        place = builder.inttoptr(args[0], _POINTER)
        return builder.atomic_rmw("xchg", place, args[1], "seq_cst")

    return types.uint8(types.int64, types.uint8), generate


def _emit(builder: Any, name: str, tiles: Any, *memory: Any) -> None:
    """Write an instruction of the matrix unit: the numbers of tiles, an address, a stride."""
    given = [ir.Constant(_BYTE, tile.literal_value) for tile in tiles]
    given += [
        builder.inttoptr(value, _POINTER) if place == 0 else value
        for place, value in enumerate(memory)
    ]
    kind = ir.FunctionType(ir.VoidType(), [value.type for value in given])
    builder.call(_declare(builder.module, kind, f"llvm.x86.{name}"), given)


@_instruction
def configure(_: Any, address: Any) -> Any:
    """Set the shapes of the tiles, from 64 bytes at an address."""

    def generate(context: Any, builder: Any, _: Any, args: Any) -> Any:
        _emit(builder, "ldtilecfg", (), args[0])
        return context.get_dummy_value()

    return types.void(types.int64), generate


@_instruction
def release(_: Any) -> Any:
    """Give the tiles back."""

    def generate(context: Any, builder: Any, _: Any, __: Any) -> Any:
        _emit(builder, "tilerelease", ())
        return context.get_dummy_value()

    return types.void(), generate


@_instruction
def load(_: Any, tile: Any, address: Any, stride: Any) -> Any:
    """Fill a tile from an address, its rows a stride apart."""

    def generate(context: Any, builder: Any, _: Any, args: Any) -> Any:
        _emit(builder, "tileloadd64", (tile,), *args[1:])
        return context.get_dummy_value()

    return types.void(tile, types.int64, types.int64), generate


@_instruction
def store(_: Any, tile: Any, address: Any, stride: Any) -> Any:
    """Write a tile to an address, its rows a stride apart."""

    def generate(context: Any, builder: Any, _: Any, args: Any) -> Any:
        _emit(builder, "tilestored64", (tile,), *args[1:])
        return context.get_dummy_value()

    return types.void(tile, types.int64, types.int64), generate


@_instruction
def multiply_tiles(_: Any, total: Any, left: Any, right: Any) -> Any:
    """Add to a tile the products of the rows of one and the columns of another."""

    def generate(context: Any, builder: Any, _: Any, __: Any) -> Any:
        _emit(builder, "tdpbf16ps", (total, left, right))
        return context.get_dummy_value()

    return types.void(total, left, right), generate


@_instruction
def fetch(_: Any, address: Any) -> Any:
    """Ask for a line of memory before it is needed."""

    def generate(context: Any, builder: Any, _: Any, args: Any) -> Any:
        whole = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [_POINTER, whole, whole, whole])
        reading, near, data = (ir.Constant(whole, value) for value in (0, 3, 1))
        given = [builder.inttoptr(args[0], _POINTER), reading, near, data]
        builder.call(_declare(builder.module, kind, "llvm.prefetch.p0"), given)
        return context.get_dummy_value()

    return types.void(types.int64), generate
