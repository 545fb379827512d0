"""Two neighbouring numbers of a flat array at once, and memory fetched ahead, for numba kernels.

LLVM joins neither two loads nor two additions by itself where it cannot know the places.
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.extending import intrinsic


@intrinsic
def copy_pair(typing, source, at, target, to):
    """Let target[to : to + 2] be source[at : at + 2]; arrays are flat and of one type."""

    def generate(context, builder, signature, args):
        number, align = _number(context, source)
        pair = builder.load(_pointer(context, builder, source, args[:2], number), align=align)
        builder.store(pair, _pointer(context, builder, target, args[2:], number), align=align)
        return context.get_dummy_value()

    return types.void(source, types.uint64, target, types.uint64), generate


@intrinsic
def add_pair(typing, source, at, target, to):
    """Add source[at : at + 2] to target[to : to + 2]."""

    def generate(context, builder, signature, args):
        number, align = _number(context, source)
        pair = builder.load(_pointer(context, builder, source, args[:2], number), align=align)
        place = _pointer(context, builder, target, args[2:], number)
        builder.store(builder.fadd(builder.load(place, align=align), pair), place, align=align)
        return context.get_dummy_value()

    return types.void(source, types.uint64, target, types.uint64), generate


@intrinsic
def prefetch(typing, array, at):
    """Ask for the cache line of array[at], which may lie beyond the array."""

    def generate(context, builder, signature, args):
        number, _ = _number(context, array)
        pointer = _pointer(context, builder, array, args, number)
        pointer = builder.bitcast(pointer, ir.IntType(8).as_pointer())
        kind = ir.IntType(32)
        arguments = [pointer, kind(0), kind(3), kind(1)]  # to read, near, data
        function = ir.FunctionType(ir.VoidType(), [argument.type for argument in arguments])
        builder.call(
            builder.module.declare_intrinsic("llvm.prefetch", [pointer.type], function), arguments
        )
        return context.get_dummy_value()

    return types.void(array, types.uint64), generate


def _number(context, array_type):
    return context.get_data_type(array_type.dtype), array_type.dtype.bitwidth // 8


def _pointer(context, builder, array_type, args, number):
    array = context.make_array(array_type)(context, builder, args[0])
    return builder.bitcast(
        builder.gep(array.data, [args[1]]), ir.VectorType(number, 2).as_pointer()
    )
