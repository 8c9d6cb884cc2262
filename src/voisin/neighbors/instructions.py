"""Instructions of the processor that compiled loops use; it knows numbers and addresses.

Compiled code has no other way to the matrix unit (AMX: eight tiles of 16 rows of 64 bytes), to
the bits of a bfloat16, or to memory ahead of time. Tiles are told by their numbers, which must
be constants. Those of the matrix unit may be compiled only where there is one.

Imported only when a search begins, since numba takes a while to import.
"""

# ruff: noqa: ARG001 -- numba reads the arguments of an instruction off its signature

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

_declare: Any = cgutils.get_or_insert_function
_BYTE, _POINTER = ir.IntType(8), ir.IntType(8).as_pointer()


def _instruction(typed: Callable[..., Any]) -> Any:
    return intrinsic(prefer_literal=True)(typed)


@_instruction
def widen(_: Any, bits: Any) -> Any:
    """Give the float32 of one bfloat16, in compiled code."""

    def generate(_: Any, builder: Any, __: Any, args: Any) -> Any:
        whole = ir.IntType(32)
        upper = builder.shl(builder.zext(args[0], whole), ir.Constant(whole, 16))
        return builder.bitcast(upper, ir.FloatType())

    return types.float32(types.uint16), generate


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
def clear(_: Any, tile: Any) -> Any:
    """Fill a tile with zeros."""

    def generate(context: Any, builder: Any, _: Any, __: Any) -> Any:
        _emit(builder, "tilezero", (tile,))
        return context.get_dummy_value()

    return types.void(tile), generate


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
