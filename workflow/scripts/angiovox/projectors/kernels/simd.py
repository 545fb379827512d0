"""Vectors of z levels for numba kernels: `WIDTH` float32 numbers that live in registers.

The levels of a column (x, y) share their weights when a volume is rotated about z. LLVM does not
keep such a loop's results in registers from one column to the next by itself; spelt out as vectors
it does, whatever the processor's own vectors measure (16 numbers with AVX-512, 8 with AVX2).
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.extending import intrinsic, models, register_model

WIDTH = 64  # 4 registers of AVX-512 for each vector; of 16, 32 and 64 the fastest at 384^3
VECTOR = ir.VectorType(ir.FloatType(), WIDTH)
FLOAT_BYTES = 4
FLAGS = ("contract", "nnan", "nsz")  # not "reassoc": sums keep their order


class LanesType(types.Type):
    """numba's type of a vector of levels."""

    def __init__(self) -> None:
        super().__init__(name=f"Lanes{WIDTH}")


LANES = LanesType()


@register_model(LanesType)
class LanesModel(models.PrimitiveModel):
    """LLVM's vector, held by value."""

    def __init__(self, manager, kind) -> None:
        super().__init__(manager, kind, VECTOR)


@intrinsic
def load(typing, array, offset):
    """The levels that a flat float32 array holds from an offset on."""

    def generate(context, builder, signature, args):
        pointer = _pointer(context, builder, signature.args[0], args)
        return builder.load(pointer, align=FLOAT_BYTES)

    return LANES(array, types.intp), generate


@intrinsic
def store(typing, array, offset, value):
    """Write levels to a flat float32 array from an offset on."""

    def generate(context, builder, signature, args):
        pointer = _pointer(context, builder, signature.args[0], args)
        builder.store(args[2], pointer, align=FLOAT_BYTES)
        return context.get_dummy_value()

    return types.void(array, types.intp, LANES), generate


@intrinsic
def broadcast(typing, number):
    """One float32 number in all levels."""
    return LANES(types.float32), lambda context, builder, signature, args: _broadcast(
        builder, args[0]
    )


@intrinsic
def mul(typing, weight, value):
    """weight * value, the weight a float32 number."""

    def generate(context, builder, signature, args):
        return builder.fmul(_broadcast(builder, args[0]), args[1], flags=FLAGS)

    return LANES(types.float32, LANES), generate


@intrinsic
def add(typing, first, second):
    """first + second; with `mul`, a fused multiply-add where there is one."""

    def generate(context, builder, signature, args):
        return builder.fadd(*args, flags=FLAGS)

    return LANES(LANES, LANES), generate


@intrinsic
def maximum(typing, first, second):
    """The maximum of each level."""
    return LANES(LANES, LANES), _choose(">")


@intrinsic
def minimum(typing, first, second):
    """The minimum of each level."""
    return LANES(LANES, LANES), _choose("<")


def _choose(comparison: str):
    def generate(context, builder, signature, args):
        return builder.select(builder.fcmp_ordered(comparison, *args, flags=FLAGS), *args)

    return generate


def _broadcast(builder, number):
    undefined = ir.Constant(VECTOR, ir.Undefined)
    first = builder.insert_element(undefined, number, ir.Constant(ir.IntType(32), 0))
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), WIDTH), [0] * WIDTH)
    return builder.shuffle_vector(first, undefined, zeros)


def _pointer(context, builder, array_type, args):
    array = context.make_array(array_type)(context, builder, args[0])
    return builder.bitcast(builder.gep(array.data, [args[1]]), VECTOR.as_pointer())
