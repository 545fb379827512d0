"""Between the order of axes that files have, x innermost, and that of the kernels, z innermost.

Number by number that takes as long as a walk itself: reads or writes fall far apart, and each
write first fetches the cache line that it then overwrites. Squares of `SIDE` numbers are turned in
registers here, and what is written goes past the caches in whole lines.
"""

from __future__ import annotations

import math

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .compiled import njit

CACHE_LINE = 64  # bytes
SIDE = 32  # numbers of 16 bits in a cache line
LINE = ir.VectorType(ir.IntType(16), SIDE)


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
def in_whole_lines(array):
    """Whether each row along the last axis begins a cache line and fills its last."""
    return (
        array.ctypes.data % CACHE_LINE == 0 and array.shape[-1] * array.itemsize % CACHE_LINE == 0
    )


@intrinsic
def turn(typing, source, start, pitch, target, target_start, target_pitch):
    """Write a square of uint16 numbers transposed, to an array of uint16 or of float32.

    Rows of `SIDE` numbers begin at `start` in the memory of `source` and every `pitch` numbers from
    there; in `target` likewise, where each must begin a cache line.
    """

    def generate(context, builder, signature, args):
        rows = []
        for row in range(SIDE):
            place = builder.add(args[1], builder.mul(args[2], _integer(row)))
            pointer = _pointer(context, builder, signature.args[0], args[0], place, LINE)
            rows.append(builder.load(pointer, align=2))
        is_float = signature.args[3].dtype == types.float32
        kind = ir.VectorType(ir.FloatType(), SIDE) if is_float else LINE
        for row, line in enumerate(_transposed(builder, rows)):
            place = builder.add(args[4], builder.mul(args[5], _integer(row)))
            pointer = _pointer(context, builder, signature.args[3], args[3], place, kind)
            _stream(builder, builder.uitofp(line, kind) if is_float else line, pointer)
        return context.get_dummy_value()

    return types.void(source, types.intp, types.intp, target, types.intp, types.intp), generate


def _transposed(builder, rows):
    """Swap the squares beside the diagonal, each half as long as the one before."""
    rows, step = list(rows), SIDE // 2
    while step:
        lower = [lane if not lane & step else SIDE + lane - step for lane in range(SIDE)]
        upper = [lane + step if not lane & step else SIDE + lane for lane in range(SIDE)]
        for row in range(SIDE):
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
    return ir.Constant(ir.VectorType(ir.IntType(32), SIDE), numbers)
