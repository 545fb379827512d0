"""Squares of numbers turned in registers: what transposing an array gives."""

import numpy as np
import pytest
from angiovox.projectors.kernels.jit import njit
from angiovox.projectors.kernels.transpose import (
    CACHE_LINE,
    SIDE,
    aligned_empty,
    is_cache_line_aligned,
    transpose_tile,
)


@njit
def turned(source, start, pitch, target, target_start, target_pitch):
    transpose_tile(source, start, pitch, target, target_start, target_pitch)


@pytest.mark.parametrize(
    "read, written",
    [(np.uint16, np.uint16), (np.uint16, np.float32), (np.float32, np.float32)],
)
@pytest.mark.parametrize("start", [0, 5])
def test_a_square_is_transposed_and_nothing_else_written(read, written, start):
    side = CACHE_LINE // np.dtype(read).itemsize
    rng = np.random.default_rng(0)
    source = rng.integers(0, 65536, (side, side + 9)).astype(read)
    target = aligned_empty((side + 1, 4 * SIDE), written)
    target[:] = 7
    turned(source, start, side + 9, target, SIDE, 4 * SIDE)
    expected = np.full_like(target, 7)
    expected[:side, SIDE : SIDE + side] = source[:, start : start + side].T
    np.testing.assert_array_equal(target, expected)


@pytest.mark.parametrize("kind", [np.uint16, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(1,), (3, 5), (2, 3, 4)])
def test_an_aligned_array_begins_a_cache_line(shape, kind):
    array = aligned_empty(shape, kind)
    assert array.shape == shape and array.dtype == kind and array.flags.c_contiguous
    assert array.ctypes.data % CACHE_LINE == 0


@pytest.mark.parametrize(
    "offset, length, whole",
    [(0, SIDE, True), (0, 3 * SIDE, True), (0, SIDE + 1, False), (1, SIDE, False)],
)
def test_rows_are_in_whole_lines_where_each_begins_and_ends_with_one(offset, length, whole):
    memory = aligned_empty((4 * length + offset,), np.uint16)
    assert is_cache_line_aligned(memory[offset:].reshape(4, length)) is whole
