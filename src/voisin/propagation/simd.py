"""Rows of a block of columns as single values of compiled code, in vector registers.

Left to itself, the compiler keeps the sums of a row in memory, which takes several times as
long as the arithmetic. They know no matrices; the width of all is that of `columns`.
"""

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core.datamodel import models
from numba.extending import intrinsic, overload, register_model

from voisin.propagation.columns import WIDTH

instruction: Callable[[Callable[..., Any]], Callable[..., Any]] = intrinsic


class SimdVector(types.Type):
    """The type of a row: `WIDTH` numbers side by side."""

    def __init__(self, real: Any) -> None:
        self.real = real
        super().__init__(f"Lanes({real})")


@register_model(SimdVector)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, lanes: SimdVector) -> None:
        number = manager.lookup(lanes.real).get_value_type()
        super().__init__(manager, lanes, ir.VectorType(number, WIDTH))  # type: ignore[no-untyped-call]


def _place(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    """Point at a row of a block; the first two arguments are the block and the row."""
    block, row = signature.args[:2]
    numbers = context.make_array(block)(context, builder, args[0]).data
    at = context.cast(builder, args[1], row, types.intp)
    first = builder.gep(numbers, [builder.mul(at, ir.Constant(at.type, WIDTH))])
    return builder.bitcast(first, context.get_value_type(SimdVector(block.dtype)).as_pointer())


@instruction
def load_vector(_: Any, block: Any, row: Any) -> tuple[Any, Callable[..., Any]]:
    """Read a row."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = _place(context, builder, signature, args)
        return builder.load(place, align=block.dtype.bitwidth // 8)

    return SimdVector(block.dtype)(block, row), generate


@instruction
def store_vector(_: Any, block: Any, row: Any, lanes: Any) -> tuple[Any, Callable[..., Any]]:
    """Write a row."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = _place(context, builder, signature, args)
        builder.store(args[2], place, align=block.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.none(block, row, lanes), generate


@instruction
def prefetch(_: Any, block: Any, row: Any) -> tuple[Any, Callable[..., Any]]:
    """Ask for a row that is soon read."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        byte, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
        place = builder.bitcast(_place(context, builder, signature, args), byte)
        ask = builder.module.declare_intrinsic("llvm.prefetch.p0i8", fnty=kind)
        builder.call(ask, [place, *(ir.Constant(number, n) for n in (0, 3, 1))])  # to read, to keep
        return context.get_dummy_value()

    return types.none(block, row), generate


@instruction
def fill(_: Any, block: Any, value: Any) -> tuple[Any, Callable[..., Any]]:
    """Make a row of one value, in the precision of a block."""
    lanes = SimdVector(block.dtype)

    def generate(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        number = context.cast(builder, args[1], value, block.dtype)
        return _spread(context, builder, number, lanes)

    return lanes(block, value), generate


def _spread(context: Any, builder: Any, number: Any, lanes: SimdVector) -> Any:
    anything = ir.Constant(context.get_value_type(lanes), ir.Undefined)
    first = builder.insert_element(anything, number, ir.Constant(ir.IntType(32), 0))
    everywhere = ir.Constant(ir.VectorType(ir.IntType(32), WIDTH), [0] * WIDTH)
    return builder.shuffle_vector(first, anything, everywhere)


@instruction
def to_float64(_: Any, lanes: Any) -> tuple[Any, Callable[..., Any]]:
    """Turn a row into float64."""
    wide = SimdVector(types.float64)

    def generate(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        if lanes == wide:
            return args[0]
        return builder.fpext(args[0], context.get_value_type(wide))

    return wide(lanes), generate


def _define(operation: Callable[..., Any], name: str) -> None:
    """Let rows be combined with each other, or a number with a row."""

    @instruction
    def combine(_: Any, left: Any, right: Any) -> tuple[Any, Callable[..., Any]]:
        def generate(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
            first, second = args
            if not isinstance(left, SimdVector):
                number = context.cast(builder, first, left, right.real)
                first = _spread(context, builder, number, right)
            return getattr(builder, name)(first, second)

        return right(left, right), generate

    @overload(operation)
    def typed(left: Any, right: Any) -> Any:
        if isinstance(right, SimdVector) and (left == right or isinstance(left, types.Float)):
            return combined
        return None

    def combined(left: Any, right: Any) -> Any:
        return combine(left, right)


_define(operator.add, "fadd")
_define(operator.iadd, "fadd")
_define(operator.sub, "fsub")
_define(operator.mul, "fmul")
