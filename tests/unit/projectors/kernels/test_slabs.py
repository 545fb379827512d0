"""Slabs of z: every level once, whatever the threads and the order of axes in memory."""

import numpy as np
import pytest
from angiovox.projectors.kernels.simd import WIDTH
from angiovox.projectors.kernels.slabs import for_each_slab, gather_z_slab


@pytest.mark.parametrize("threads", [0, 1, 3, 1000])
@pytest.mark.parametrize("num_levels", [1, WIDTH - 1, WIDTH, WIDTH + 1, 3 * WIDTH])
def test_every_level_is_in_one_slab(threads, num_levels):
    seen = []
    for_each_slab(lambda start, stop: seen.extend(range(start, stop)), num_levels, threads)
    assert sorted(seen) == list(range(num_levels))


def test_an_error_in_a_slab_is_raised():
    def work(start, stop):
        raise MemoryError("no room")

    with pytest.raises(MemoryError, match="no room"):
        for_each_slab(work, 10, 2)


@pytest.mark.parametrize("kind", [np.float32, np.uint16])
@pytest.mark.parametrize(
    "shape", [(5, 4, 3), (33, 2, 70), (64, 3, WIDTH), (32, 2, 2 * WIDTH + 3), (1, 1, 1)]
)
@pytest.mark.parametrize("order", ["C", "F", "strided"])
def test_columns_hold_the_levels_and_the_last_fills_up(shape, kind, order):
    volume = np.random.default_rng(0).integers(0, 30_000, shape).astype(kind)
    given = np.repeat(volume, 2, axis=1)[:, ::2] if order == "strided" else volume.copy(order=order)
    for start in range(0, shape[2], WIDTH):
        slab = gather_z_slab(given, start).reshape(*shape[:2], WIDTH)
        levels = np.minimum(np.arange(start, start + WIDTH), shape[2] - 1)
        assert slab.dtype == np.float32
        np.testing.assert_array_equal(slab, volume[:, :, levels])


@pytest.mark.parametrize("axes", [(0, 1, 2), (1, 0, 2), (2, 0, 1), (2, 1, 0), (0, 2, 1), (1, 2, 0)])
@pytest.mark.parametrize("shape", [(32, 64, 96), (7, 64, 64)])
def test_any_order_of_axes_in_memory_gives_the_same_columns(shape, axes):
    volume = np.random.default_rng(0).integers(0, 65536, shape).astype(np.uint16)
    given = volume.transpose(axes).copy().transpose(np.argsort(axes))
    np.testing.assert_array_equal(given, volume)
    for start in range(0, shape[2], WIDTH):
        expected = gather_z_slab(volume.astype(np.float32), start)
        np.testing.assert_array_equal(gather_z_slab(given, start), expected)


def test_a_file_that_is_no_multiple_of_its_numbers_is_read():
    """Strides of odd bytes, as in a table of records."""
    records = np.zeros((64, 2, 32), dtype=[("number", np.uint16), ("flag", np.uint8)])
    records["number"] = np.random.default_rng(0).integers(0, 65536, records.shape)
    given = records["number"].transpose(2, 1, 0)
    expected = gather_z_slab(given.astype(np.float32), 0)
    np.testing.assert_array_equal(gather_z_slab(given, 0), expected)


def test_a_mapped_file_is_read(tmp_path):
    volume = np.random.default_rng(0).integers(0, 30_000, (5, 4, 3)).astype(np.uint16)
    volume.tofile(tmp_path / "volume")
    mapped = np.memmap(tmp_path / "volume", np.uint16, mode="r", shape=volume.shape)
    slab = gather_z_slab(np.asarray(mapped), 0)
    np.testing.assert_array_equal(slab.reshape(5, 4, WIDTH)[..., :3], volume)
