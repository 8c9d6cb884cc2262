"""A type for compiled code: one row of a block of columns, held in vector registers.

Without this type, the compiler keeps the sums of a row in memory, which takes several times as
long as the arithmetic. Each function is an instruction that numba replaces by LLVM code.

This module must not know matrices or equations. It is imported late, since numba is.
"""

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core.datamodel import models
from numba.extending import intrinsic, overload, register_model

from voisin.propagation.matrices import WIDTH

instruction: Callable[[Callable[..., Any]], Callable[..., Any]] = (
    intrinsic  # numba's decorator, with types
)


class SimdVector(types.Type):
    """The type of a row: `WIDTH` numbers side by side."""

    def __init__(self, number_type: Any) -> None:
        self.number_type = number_type
        super().__init__(f"SimdVector({number_type})")


@register_model(SimdVector)
class _SimdVectorModel(models.PrimitiveModel):
    """Tells numba that LLVM stores a row as a vector of `WIDTH` numbers."""

    def __init__(self, manager: Any, vector: SimdVector) -> None:
        number = manager.lookup(vector.number_type).get_value_type()
        super().__init__(manager, vector, ir.VectorType(number, WIDTH))  # type: ignore[no-untyped-call]


def _pointer_to_row(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    """Return a pointer to a row; the first two arguments are the block and the row's index."""
    block, row = signature.args[:2]
    numbers = context.make_array(block)(context, builder, args[0]).data
    index = context.cast(builder, args[1], row, types.intp)
    first = builder.gep(numbers, [builder.mul(index, ir.Constant(index.type, WIDTH))])
    return builder.bitcast(first, context.get_value_type(SimdVector(block.dtype)).as_pointer())


@instruction
def load_vector(_: Any, block: Any, row: Any) -> tuple[Any, Callable[..., Any]]:
    """Load a row of a block into registers."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = _pointer_to_row(context, builder, signature, args)
        return builder.load(pointer, align=block.dtype.bitwidth // 8)

    return SimdVector(block.dtype)(block, row), generate


@instruction
def store_vector(_: Any, block: Any, row: Any, vector: Any) -> tuple[Any, Callable[..., Any]]:
    """Store a row from registers into a block."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = _pointer_to_row(context, builder, signature, args)
        builder.store(args[2], pointer, align=block.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.none(block, row, vector), generate


@instruction
def prefetch(_: Any, block: Any, row: Any) -> tuple[Any, Callable[..., Any]]:
    """Fetch a row that will be read soon into the cache."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        byte, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
        pointer = builder.bitcast(_pointer_to_row(context, builder, signature, args), byte)
        ask = builder.module.declare_intrinsic("llvm.prefetch.p0i8", fnty=kind)
        how = (ir.Constant(number, value) for value in (0, 3, 1))  # to read; keep close; data
        builder.call(ask, [pointer, *how])
        return context.get_dummy_value()

    return types.none(block, row), generate


@instruction
def fill(_: Any, block: Any, value: Any) -> tuple[Any, Callable[..., Any]]:
    """Make a row that repeats one value, in the precision of a block."""
    vector = SimdVector(block.dtype)

    def generate(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        number = context.cast(builder, args[1], value, block.dtype)
        return _broadcast(context, builder, number, vector)

    return vector(block, value), generate


def _broadcast(context: Any, builder: Any, number: Any, vector: SimdVector) -> Any:
    """Repeat one number `WIDTH` times."""
    undefined = ir.Constant(context.get_value_type(vector), ir.Undefined)
    first = builder.insert_element(undefined, number, ir.Constant(ir.IntType(32), 0))
    all_first = ir.Constant(ir.VectorType(ir.IntType(32), WIDTH), [0] * WIDTH)
    return builder.shuffle_vector(first, undefined, all_first)


@instruction
def to_float64(_: Any, vector: Any) -> tuple[Any, Callable[..., Any]]:
    """Convert a row to float64."""
    wide = SimdVector(types.float64)

    def generate(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        if vector == wide:
            return args[0]
        return builder.fpext(args[0], context.get_value_type(wide))

    return wide(vector), generate


def _define_operation(operation: Callable[..., Any], name: str) -> None:
    """Let compiled code combine two rows, or a number with a row, by an operation of LLVM."""

    @instruction
    def combine(_: Any, left: Any, right: Any) -> tuple[Any, Callable[..., Any]]:
        def generate(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
            first, second = args
            if not isinstance(left, SimdVector):
                number = context.cast(builder, first, left, right.number_type)
                first = _broadcast(context, builder, number, right)
            return getattr(builder, name)(first, second)

        return right(left, right), generate

    def combined(left: Any, right: Any) -> Any:
        return combine(left, right)

    @overload(operation)
    def choose_implementation(left: Any, right: Any) -> Any:
        if isinstance(right, SimdVector) and (left == right or isinstance(left, types.Float)):
            return combined
        return None


_define_operation(operator.add, "fadd")
_define_operation(operator.iadd, "fadd")
_define_operation(operator.sub, "fsub")
_define_operation(operator.mul, "fmul")
