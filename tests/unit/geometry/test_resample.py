"""The study's grid: what fits is left alone, and everything else stays where it was in space."""

import numpy as np
import pytest
from angiovox.geometry.affine import LPS_TO_RAS, isotropic_affine, voxel_sizes
from angiovox.geometry.resample import onto_grid, to_study_grid


def affine_of(sizes, origin):
    affine = np.diag([*sizes, 1.0])
    affine[:3, 3] = origin
    return LPS_TO_RAS @ affine


def world(affine, shape):
    """RAS coordinates in mm of every voxel centre, (x, y, z, 3)."""
    indices = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1)
    return indices @ affine[:3, :3].T + affine[:3, 3]


def blob(affine, shape, centre, width=2.5):
    """A smooth spot of this standard deviation in mm, over a background of -100."""
    distance = ((world(affine, shape) - centre) ** 2).sum(axis=-1)
    return (-100 + 200 * np.exp(-distance / (2 * width**2))).astype(np.float32)


def centroid(volume, affine):
    weight = volume - volume.min()
    return (world(affine, volume.shape) * weight[..., None]).sum(axis=(0, 1, 2)) / weight.sum()


def random_volume(shape, seed=0):
    return np.random.default_rng(seed).normal(10, 30, shape).astype(np.float32)


@pytest.mark.parametrize("voxel_size", [0.625, None])
def test_a_volume_on_the_grid_comes_back_bit_for_bit(voxel_size):
    volume, affine = random_volume((12, 12, 12)), isotropic_affine((12, 12, 12), 0.625)
    result, placed = to_study_grid(volume, affine, 12, voxel_size)
    np.testing.assert_array_equal(result, volume)
    np.testing.assert_array_equal(placed, affine)


def test_a_header_rounded_to_decimals_is_no_reason_to_resample():
    volume, affine = random_volume((8, 8, 8)), isotropic_affine((8, 8, 8), 0.30001)
    np.testing.assert_array_equal(to_study_grid(volume, affine, 8, 0.3)[0], volume)


CASES = {
    "resampled": ((40, 40, 40), (1.0, 1.0, 1.0), 50, 0.8),
    "shrunk": ((80, 80, 80), (0.5, 0.5, 0.5), 40, 1.0),
    "padded": ((40, 40, 40), (1.0, 1.0, 1.0), 48, 1.0),
    "padded by an odd number": ((40, 40, 40), (1.0, 1.0, 1.0), 47, 1.0),
    "cropped": ((40, 40, 40), (1.0, 1.0, 1.0), 32, 1.0),
    "cropped by an odd number": ((40, 40, 40), (1.0, 1.0, 1.0), 33, 1.0),
    "both": ((60, 30, 41), (1.0, 1.0, 1.0), 40, 1.0),
    "anisotropic": ((50, 40, 20), (0.8, 1.0, 2.0), 40, 1.0),
    "anisotropic, own finest voxels": ((50, 40, 20), (0.8, 1.0, 2.0), 50, None),
    "anisotropic and cropped": ((50, 40, 20), (0.8, 1.0, 2.0), 31, 0.9),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_spot_stays_at_its_place_in_the_patient(case):
    shape, sizes, edge, voxel_size = case
    affine = affine_of(sizes, [-17.0, 5.0, 300.0])
    middle = world(affine, shape).mean(axis=(0, 1, 2))
    centre = middle + [2.0, -3.0, 1.5]
    result, placed = to_study_grid(blob(affine, shape, centre), affine, edge, voxel_size)
    expected_size = voxel_size or min(sizes)
    assert result.shape == (edge,) * 3
    assert result.dtype == np.float32
    np.testing.assert_allclose(voxel_sizes(placed), expected_size, rtol=1e-6)
    np.testing.assert_allclose(centroid(result, placed), centre, atol=0.25 * expected_size)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_middle_of_the_grid_is_the_middle_of_the_volume(case):
    shape, sizes, edge, voxel_size = case
    affine = affine_of(sizes, [-17.0, 5.0, 300.0])
    result, placed = to_study_grid(random_volume(shape), affine, edge, voxel_size)
    before = world(affine, shape).mean(axis=(0, 1, 2))
    after = world(placed, result.shape).mean(axis=(0, 1, 2))
    assert np.abs(after - before).max() <= voxel_sizes(placed).max() / 2 + 1e-9


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_axes_keep_their_directions(case):
    shape, sizes, edge, voxel_size = case
    affine = affine_of(sizes, [0.0, 0.0, 0.0])
    _, placed = to_study_grid(random_volume(shape), affine, edge, voxel_size)
    np.testing.assert_allclose(
        placed[:3, :3] / voxel_sizes(placed), affine[:3, :3] / voxel_sizes(affine), atol=1e-12
    )


def test_padding_is_the_volumes_own_minimum_and_the_rest_is_untouched():
    volume = random_volume((5, 8, 11))
    affine = isotropic_affine(volume.shape, 1.0)
    result, placed = to_study_grid(volume, affine, 12, 1.0)
    start = np.rint(np.linalg.solve(placed, affine @ [0, 0, 0, 1])[:3]).astype(int)
    inside = tuple(slice(s, s + n) for s, n in zip(start, volume.shape, strict=True))
    np.testing.assert_array_equal(result[inside], volume)
    around = np.ones(result.shape, dtype=bool)
    around[inside] = False
    assert (result[around] == volume.min()).all()


def test_cropping_keeps_each_voxel_where_it_was():
    volume = random_volume((9, 14, 12))
    affine = isotropic_affine(volume.shape, 1.0)
    result, placed = to_study_grid(volume, affine, 8, 1.0)
    start = np.rint(np.linalg.solve(affine, placed @ [0, 0, 0, 1])[:3]).astype(int)
    assert (start >= 0).all()
    inside = tuple(slice(s, s + 8) for s in start)
    np.testing.assert_array_equal(result, volume[inside])


def test_resampling_adds_no_value_that_was_not_there():
    volume = random_volume((10, 14, 20))
    affine = affine_of((1.3, 0.9, 0.6), [0, 0, 0])
    result, _ = to_study_grid(volume, affine, 16, 0.8)
    assert volume.min() - 1e-4 <= result.min()
    assert result.max() <= volume.max() + 1e-4


def test_a_constant_volume_stays_constant():
    volume = np.full((10, 14, 20), -1000, dtype=np.float32)
    affine = affine_of((1.3, 0.9, 0.6), [0, 0, 0])
    result, _ = to_study_grid(volume, affine, 16, 0.8)
    np.testing.assert_allclose(result, -1000, rtol=1e-6)


def test_shrinking_smooths_first():
    """Noise finer than the new voxels must not survive as noise of the same strength."""
    volume = random_volume((64, 64, 64))
    result, _ = to_study_grid(volume, isotropic_affine(volume.shape, 0.25), 16, 1.0)
    assert result.std() < 0.5 * volume.std()


def test_the_input_is_left_alone():
    volume, affine = random_volume((9, 14, 12)), isotropic_affine((9, 14, 12), 1.0)
    before = volume.copy(), affine.copy()
    to_study_grid(volume, affine, 8, 0.7)
    np.testing.assert_array_equal(volume, before[0])
    np.testing.assert_array_equal(affine, before[1])


def test_of_large_voxels_no_more_is_computed_than_the_cube():
    """In full it would be 200 billion voxels."""
    volume, affine = random_volume((10, 12, 8)), isotropic_affine((10, 12, 8), 100.0)
    result, placed = to_study_grid(volume, affine, 16, 0.16)
    assert result.shape == (16, 16, 16)
    before = world(affine, volume.shape).mean(axis=(0, 1, 2))
    after = world(placed, result.shape).mean(axis=(0, 1, 2))
    assert np.abs(after - before).max() <= 0.081


def test_another_grid_shows_the_same_place():
    """An earlier volume of other voxels and another field, on the grid of the present one."""
    centre = np.array([1.5, -2.0, 3.0])
    source, target = affine_of((0.5, 0.5, 1.0), (-10, -9, -8)), affine_of((0.8,) * 3, (-8, -7, -9))
    volume = blob(source, (44, 44, 24), LPS_TO_RAS[:3, :3] @ centre)
    found = onto_grid(volume, source, (20, 22, 24), target)
    assert found.shape == (20, 22, 24)
    np.testing.assert_allclose(centroid(found, target), LPS_TO_RAS[:3, :3] @ centre, atol=0.1)


def test_what_the_earlier_field_lacks_is_its_minimum():
    volume, affine = random_volume((6, 6, 6)), affine_of((1.0,) * 3, (0, 0, 0))
    found = onto_grid(volume, affine, (6, 6, 12), affine)
    np.testing.assert_allclose(found[:, :, :6], volume, atol=1e-4)
    assert (found[:, :, 6:] == volume.min()).all()
