"""Back-projection against scipy, as an upper bound, and its scaling."""

from itertools import pairwise

import numpy as np
import pytest
from angiovox.geometry.parallel_beam import projection_angles, view_indices
from angiovox.projectors.backprojection import (
    angular_harmonics,
    back_project,
    network_input_slabs,
    network_inputs,
)
from angiovox.projectors.mip import project_max
from scipy import ndimage

ANGLES = np.random.default_rng(8).uniform(-180, 360, 5)
RIGHT_ANGLES = np.array([0.0, 90.0, 180.0, 270.0])


def random_array(shape, seed=0):
    return np.random.default_rng(seed).normal(10, 30, shape).astype(np.float32)


def repeat_then_rotate(image, depth, angle, outside):
    """The paper's text, word for word, for one view."""
    block = np.repeat(image[:, None, :].astype(np.float64), depth, axis=1)
    options = dict(axes=(0, 1), reshape=False, order=1, mode="constant", cval=outside)
    return ndimage.rotate(block, -angle, **options)


@pytest.mark.parametrize("detector, depth", [(8, 8), (9, 6), (6, 9), (5, 12)])
def test_total_equals_repeat_rotate_and_sum_by_scipy(detector, depth):
    projections = random_array((len(ANGLES), detector, 4))
    expected = sum(
        repeat_then_rotate(image, depth, angle, 0.0)
        for image, angle in zip(projections, ANGLES, strict=True)
    )
    total, _ = back_project(projections, ANGLES, depth)
    assert total.shape == (detector, depth, 4) and total.dtype == np.float32
    np.testing.assert_allclose(total, expected, rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("detector, depth", [(8, 8), (9, 6), (6, 9), (5, 12)])
def test_bound_equals_the_least_view_by_scipy(detector, depth):
    projections = random_array((len(ANGLES), detector, 4))
    views = [
        repeat_then_rotate(image, depth, angle, np.inf)
        for image, angle in zip(projections, ANGLES, strict=True)
    ]
    least = np.min([np.where(np.isnan(view), np.inf, view) for view in views], axis=0)
    expected = np.where(np.isinf(least), projections.max(), least)
    _, bound = back_project(projections, ANGLES, depth)
    assert bound.shape == (detector, depth, 4) and bound.dtype == np.float32
    np.testing.assert_allclose(bound, expected, rtol=1e-5, atol=1e-4)


def test_harmonics_weigh_each_view_by_its_angle():
    projections = random_array((len(ANGLES), 9, 4))
    found = angular_harmonics(projections, ANGLES, 7, 2)
    assert found.shape == (2, 9, 7, 4) and found.dtype == np.float32
    alone = [
        back_project(image[None], [angle], 7)[0]
        for image, angle in zip(projections, ANGLES, strict=True)
    ]
    for k, harmonic in enumerate(found, start=1):
        weights = np.cos(2 * k * np.deg2rad(ANGLES))
        expected = np.mean([w * v for w, v in zip(weights, alone, strict=True)], axis=0)
        np.testing.assert_allclose(harmonic, expected, rtol=1e-4, atol=1e-3)


def test_no_harmonics_are_no_volumes():
    assert angular_harmonics(random_array((len(ANGLES), 9, 4)), ANGLES, 7, 0).shape[0] == 0


def test_bound_is_below_each_view_alone():
    projections = random_array((len(ANGLES), 9, 4))
    _, bound = back_project(projections, ANGLES, 7)
    for image, angle in zip(projections, ANGLES, strict=True):
        alone, _ = back_project(image[None], [angle], 7)
        seen = back_project(np.ones_like(image[None]), [angle], 7)[0] > 0.5
        assert seen.any() and (bound[seen] <= alone[seen]).all()


def test_more_views_never_raise_the_bound():
    projections = random_array((len(ANGLES), 9, 4))
    projections[0, 0, 0] = projections.max() + 1  # what an unseen voxel takes is in every subset
    bounds = [back_project(projections[:n], ANGLES[:n], 7)[1] for n in range(1, len(ANGLES) + 1)]
    for fewer, more in pairwise(bounds):
        assert (more <= fewer).all()


def test_a_voxel_that_no_view_sees_takes_the_brightest_projection():
    projections = random_array((1, 8, 3))
    total, bound = back_project(projections, [45.0], 8)
    for corner in ((0, 0), (0, -1), (-1, 0), (-1, -1)):
        assert (bound[corner] == projections.max()).all()
        assert (total[corner] == 0).all()


@pytest.mark.parametrize("shape", [(8, 8, 5), (9, 5, 4), (5, 9, 4), (12, 6, 3), (6, 12, 3)])
def test_hull_bounds_the_volume_exactly_at_right_angles(shape):
    """Interpolation plays no part there, so not one voxel may stick out."""
    volume = random_array(shape)
    _, bound = back_project(project_max(volume, RIGHT_ANGLES), RIGHT_ANGLES, shape[1])
    assert (bound >= volume).all()


def test_hull_of_one_voxel_is_that_voxel_at_right_angles():
    volume = np.zeros((9, 9, 3), dtype=np.float32)
    volume[2, 5, 1] = 4
    _, bound = back_project(project_max(volume, [0.0, 90.0]), [0.0, 90.0], 9)
    np.testing.assert_array_equal(bound, volume)


@pytest.mark.parametrize("angle", ANGLES)
def test_hull_encloses_a_ball_at_any_angle(angle):
    """Linear steps flatten a peak of curvature c by c / 8 at most: two across the plane, one along
    the ray (half a step misses the top by as much), one back. By no more may it stick out.
    """
    curvature = 0.1
    grid = np.indices((24, 20, 16)) - np.array([13.0, 9.0, 8.0]).reshape(3, 1, 1, 1)
    ball = np.exp(-(grid**2).sum(axis=0) * curvature / 2).astype(np.float32)
    views = angle + np.array([0.0, 35.0, 70.0])
    _, bound = back_project(project_max(ball, views), views, 20)
    assert (ball - bound).max() < 4 * curvature / 8
    seen = np.hypot(grid[0] + 1.5, grid[1] - 0.5) <= 9.5  # by all views
    assert (bound > 0.5)[seen].sum() < 2 * (ball > 0.5).sum()


@pytest.mark.parametrize("copies", [2, 4])
def test_total_of_copies_of_a_view_is_a_multiple(copies):
    image = random_array((1, 9, 5))
    one, bound = back_project(image, [33.0], 6)
    many, same = back_project(np.repeat(image, copies, axis=0), [33.0] * copies, 6)
    np.testing.assert_array_equal(many, copies * one)
    np.testing.assert_array_equal(same, bound)


def test_the_order_of_views_does_not_matter():
    projections = random_array((len(ANGLES), 9, 5))
    total, bound = back_project(projections, ANGLES, 6)
    total2, bound2 = back_project(projections[::-1], ANGLES[::-1], 6)
    np.testing.assert_allclose(total2, total, rtol=1e-5, atol=1e-4)
    np.testing.assert_array_equal(bound2, bound)


@pytest.mark.parametrize("detector", [9, 32, 48])
@pytest.mark.parametrize("num_levels", [1, 64, 150])
def test_threads_and_slabs_do_not_change_a_bit(num_levels, detector):
    projections = random_array((len(ANGLES), detector, num_levels))
    total, bound = back_project(projections, ANGLES, 7, threads=1)
    total3, bound3 = back_project(projections, ANGLES, 7, threads=3)
    np.testing.assert_array_equal(total3, total)
    np.testing.assert_array_equal(bound3, bound)


@pytest.mark.parametrize("shape", [(16, 5, 16), (48, 17, 83), (32, 3, 64), (80, 4, 100)])
def test_each_level_is_what_it_is_alone(shape):
    """Whether or not it is written in whole cache lines."""
    detector, depth, num_levels = shape
    projections = random_array((len(ANGLES), detector, num_levels))
    projections[0, 0] = 1e3  # the brightest, which unseen voxels take, is in every level
    together = back_project(projections, ANGLES, depth, threads=2)
    for level in range(0, num_levels, 7):
        alone = back_project(projections[:, :, level : level + 1], ANGLES, depth)
        for volume, plane in zip(together, alone, strict=True):
            np.testing.assert_array_equal(volume[:, :, level], plane[:, :, 0])


def test_levels_do_not_mix_across_slab_borders():
    projections = np.repeat(random_array((len(ANGLES), 9, 1)), 150, axis=2)
    projections += np.arange(150, dtype=np.float32)
    total, bound = back_project(projections, ANGLES, 7)
    seen = (back_project(np.ones_like(projections), ANGLES, 7)[0])[..., :1]
    np.testing.assert_allclose(total - total[..., :1], seen * np.arange(150), atol=1e-2)
    inside = seen[..., 0] > 0.5
    np.testing.assert_allclose(np.diff(bound[inside], axis=1), 1, atol=1e-3)


def test_integer_projections_are_taken():
    projections = np.random.default_rng(0).integers(0, 255, (len(ANGLES), 9, 5), dtype=np.uint8)
    for ours, expected in zip(
        back_project(projections, ANGLES, 7),
        back_project(projections.astype(np.float32), ANGLES, 7),
        strict=True,
    ):
        np.testing.assert_array_equal(ours, expected)


def test_mismatch_of_angles_is_refused_with_both_numbers():
    with pytest.raises(ValueError, match="3 projections but 2 angles"):
        back_project(np.zeros((3, 4, 5)), [0.0, 90.0], 4)


# What networks see: codes of the sum and the minimum, for all view counts in one walk

COUNTS = [10, 5, 3, 2]


def acquisition(shape=(12, 12, 6), count=10, seed=5):
    volume = np.random.default_rng(seed).random(shape, dtype=np.float32)
    angles = projection_angles(count)
    return project_max(volume, angles), angles


def subsets(count=10, counts=COUNTS):
    return [view_indices(count, views) for views in counts]


def unit_range(volume):
    low, high = float(volume.min()), float(volume.max())
    return (volume.astype(np.float64) - low) / (high - low)


@pytest.mark.parametrize(
    "shape", [(12, 12, 6), (9, 14, 70), (33, 10, 65), (32, 10, 65), (64, 17, 96), (8, 40, 1)]
)
def test_inputs_are_sum_and_minimum_scaled_by_their_extremes(shape):
    projections, angles = acquisition(shape)
    above_air = projections - projections.min()
    made = network_inputs(projections, angles, subsets(), shape[1])
    for k, chosen in enumerate(subsets()):
        pair = back_project(above_air[chosen], angles[chosen], shape[1])
        for volume, exact, views in zip(made, pair, (len(chosen), 1), strict=True):
            assert volume[k].shape == shape and volume[k].dtype == np.uint16
            # Each view's value is rounded by half a code of the acquisition's range; so are the
            # extremes that scale the volume; then by half a code of its own range.
            coarser = 4 * views * np.ptp(projections) / np.ptp(exact)
            error = np.abs(volume[k] / 65535 - unit_range(exact)).max()
            assert error <= (1 + coarser) * 0.51 / 65535


def test_coarse_projections_are_interpolated_finely():
    """Of two grey values, views at odd angles see all that lies between."""
    projections = np.random.default_rng(0).integers(0, 2, (3, 12, 4)).astype(np.uint8)
    angles = np.array([0.0, 33.0, 77.0])
    total, _ = back_project(projections, angles, 12)
    sums, _ = network_inputs(projections, angles, [np.arange(3)], 12)
    assert np.abs(sums[0] / 65535 - unit_range(total)).max() < 1e-4


@pytest.mark.parametrize("count", [10, 90, 300])
def test_other_subsets_do_not_change_a_bit(count):
    projections, angles = acquisition((9, 11, 5), count)
    all_of_them = subsets(count, [count, *COUNTS])
    together = network_inputs(projections, angles, all_of_them, 11)
    for k, chosen in enumerate(all_of_them):
        alone = network_inputs(projections, angles, [chosen], 11)
        for one, many in zip(alone, together, strict=True):
            np.testing.assert_array_equal(one[0], many[k])


@pytest.mark.parametrize("num_columns", [9, 64])
@pytest.mark.parametrize("num_levels", [1, 64, 150])
def test_threads_do_not_change_a_bit_of_an_input(num_levels, num_columns):
    projections, angles = acquisition((num_columns, 11, num_levels))
    one = network_inputs(projections, angles, subsets(), 11, threads=1)
    for threads in (2, 500):
        many = network_inputs(projections, angles, subsets(), 11, threads)
        np.testing.assert_array_equal(one, many)


@pytest.mark.parametrize("num_columns", [9, 64])
@pytest.mark.parametrize("num_levels", [1, 64, 150])
def test_slabs_make_up_the_volumes(num_levels, num_columns):
    projections, angles = acquisition((num_columns, 11, num_levels))
    made = np.full((2 * len(subsets()), num_levels, 11, num_columns), 12345, dtype=np.uint16)

    def receive(z_start, codes):
        made[:, z_start : z_start + codes.shape[1]] = codes

    network_input_slabs(projections, angles, subsets(), 11, receive, threads=2)
    sums, minima = network_inputs(projections, angles, subsets(), 11)
    np.testing.assert_array_equal(made[0::2], sums.transpose(0, 3, 2, 1))
    np.testing.assert_array_equal(made[1::2], minima.transpose(0, 3, 2, 1))


def test_an_error_of_who_receives_slabs_is_raised():
    projections, angles = acquisition()

    def receive(z_start, codes):
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        network_input_slabs(projections, angles, subsets(), 12, receive)


def test_the_order_of_a_subset_does_not_matter():
    projections, angles = acquisition()
    plain = network_inputs(projections, angles, [np.array([0, 4, 9])], 12)
    turned = network_inputs(projections, angles, [np.array([9, 0, 4])], 12)
    np.testing.assert_array_equal(plain, turned)


@pytest.mark.parametrize("value", [-3.0, 0.0, 1e6])
def test_constant_projections_give_zeros(value):
    """At right angles: at others, corners that fewer views see have smaller sums."""
    projections = np.full((2, 6, 3), value, dtype=np.float32)
    for volumes in network_inputs(projections, np.array([0.0, 90.0]), [np.array([0, 1])], 6):
        assert not volumes.any()


@pytest.mark.parametrize("offset", [-1000.0, 1000.0])
def test_an_offset_of_the_intensities_changes_no_network_input(offset):
    volume = np.random.default_rng(5).random((12, 12, 6), dtype=np.float32)
    angles = projection_angles(10)
    plain = network_inputs(project_max(volume, angles), angles, subsets(), 12)
    moved = network_inputs(project_max(volume + offset, angles), angles, subsets(), 12)
    for before, after in zip(plain, moved, strict=True):
        # float32 at 1000 has steps of 6e-5
        np.testing.assert_allclose(after / 65535, before / 65535, atol=2e-3)
        assert (before.min(), before.max()) == (0, 65535)
