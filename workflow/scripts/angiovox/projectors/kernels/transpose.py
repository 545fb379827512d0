"""Between the order of axes that files have, x innermost, and that of the kernels, z innermost.

Number by number that takes as long as a walk itself: reads or writes fall far apart, and each
write first fetches the cache line that it then overwrites. Squares as wide as a cache line are
turned in registers here, and what is written goes past the caches in whole lines.
"""

from __future__ import annotations

import math

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .jit import njit

CACHE_LINE = 64  # bytes
SIDE = 32  # numbers of 16 bits in a cache line


def aligned_empty(shape: tuple[int, ...], kind: type = np.float32) -> np.ndarray:
    """Array whose first number begins a cache line.

    From numpy because it asks for huge pages, which numba's own arrays do without: first touching
    their pages was half of a slab's packing. Vectors that straddle two lines cost the walks half
    as much again.
    """
    size, width = math.prod(shape), np.dtype(kind).itemsize
    memory = np.empty(size + CACHE_LINE // width, dtype=kind)
    start = -memory.ctypes.data % CACHE_LINE // width
    return memory[start : start + size].reshape(shape)


@njit(nogil=True, cache=True)
def is_cache_line_aligned(array):
    """Whether rows along the last axis, one after the other, begin and end with a cache line."""
    return (
        array.ctypes.data % CACHE_LINE == 0 and array.shape[-1] * array.itemsize % CACHE_LINE == 0
    )


@intrinsic
def transpose_tile(typing, source, start, pitch, target, target_start, target_pitch):
    """Write a square of numbers transposed: of uint16 to uint16 or float32, or of float32.

    Rows of `source` are a cache line long. They begin at `start` in its memory and every `pitch`
    numbers from there; in `target` likewise, where each must begin a cache line.
    """

    def generate(context, builder, signature, args):
        source_type, target_type = signature.args[0], signature.args[3]
        side = CACHE_LINE * 8 // source_type.dtype.bitwidth
        line = ir.VectorType(context.get_value_type(source_type.dtype), side)
        written = ir.VectorType(context.get_value_type(target_type.dtype), side)
        rows = []
        for row in range(side):
            place = builder.add(args[1], builder.mul(args[2], _integer(row)))
            pointer = _pointer(context, builder, source_type, args[0], place, line)
            rows.append(builder.load(pointer, align=2))
        for row, numbers in enumerate(_transposed(builder, rows)):
            place = builder.add(args[4], builder.mul(args[5], _integer(row)))
            pointer = _pointer(context, builder, target_type, args[3], place, written)
            same = source_type.dtype == target_type.dtype
            _stream(builder, numbers if same else builder.uitofp(numbers, written), pointer)
        return context.get_dummy_value()

    return types.void(source, types.intp, types.intp, target, types.intp, types.intp), generate


def _transposed(builder, rows):
    """Swap the squares beside the diagonal, each half as long as the one before."""
    rows, side = list(rows), len(rows)
    step = side // 2
    while step:
        lower = [lane if not lane & step else side + lane - step for lane in range(side)]
        upper = [lane + step if not lane & step else side + lane for lane in range(side)]
        for row in range(side):
            if not row & step:
                pair = rows[row], rows[row + step]
                rows[row] = builder.shuffle_vector(*pair, _lanes(lower))
                rows[row + step] = builder.shuffle_vector(*pair, _lanes(upper))
        step //= 2
    return rows


def _stream(builder, value, pointer):
    written = builder.store(value, pointer, align=CACHE_LINE)
    once = builder.module.add_metadata([ir.Constant(ir.IntType(32), 1)])
    written.set_metadata("nontemporal", once)


def _pointer(context, builder, array_type, array, place, kind):
    data = context.make_array(array_type)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [place]), kind.as_pointer())


def _integer(number):
    return ir.Constant(ir.IntType(64), number)


def _lanes(numbers):
    return ir.Constant(ir.VectorType(ir.IntType(32), len(numbers)), numbers)
