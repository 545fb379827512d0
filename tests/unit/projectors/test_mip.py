"""Maximum projections against exact right angles, scipy, and their own symmetries."""

import numpy as np
import pytest
from angiovox.projectors.mip import project_max
from scipy import ndimage

ANGLES = np.random.default_rng(7).uniform(-180, 360, 6)
# Where the lengths of x and y are both even or both odd, right angles meet voxel centres.
SAME_PARITY = [(8, 8, 5), (9, 5, 4), (5, 9, 4), (12, 6, 3), (6, 12, 3)]
ANY_SHAPE = [(9, 6, 5), (6, 9, 5), (12, 12, 3), (11, 4, 7)]


def random_volume(shape, seed=0):
    return np.random.default_rng(seed).normal(10, 30, shape).astype(np.float32)


def centred(volume, nx, ny):
    """Crop or pad the plane about its centre, with the volume's minimum."""
    result = np.full((nx, ny, volume.shape[2]), volume.min(), dtype=volume.dtype)
    across = [(min(a, b), (a - b) // 2) for a, b in zip(volume.shape, (nx, ny), strict=False)]
    (kx, dx), (ky, dy) = across
    target = result[max(0, -dx) :][:kx, max(0, -dy) :][:, :ky]
    target[:] = volume[max(0, dx) :][:kx, max(0, dy) :][:, :ky]
    return result


def view_at_right_angle(volume, quarter):
    """What the detector, as long as x, sees: along y, along x from +y, and both from behind."""
    nx, ny, _ = volume.shape
    image = centred(volume, ny, nx).max(axis=0) if quarter % 2 else volume.max(axis=1)
    return image[::-1] if quarter in (1, 2) else image


def rotate_then_max(volume, angle):
    """The paper's text, word for word."""
    turned = ndimage.rotate(
        volume.astype(np.float64),
        angle,
        axes=(0, 1),
        reshape=False,
        order=1,
        mode="constant",
        cval=float(volume.min()),
    )
    return turned.max(axis=1)


@pytest.mark.parametrize("shape", SAME_PARITY)
@pytest.mark.parametrize("quarter", range(4))
def test_right_angles_are_exact(shape, quarter):
    volume = random_volume(shape)
    (image,) = project_max(volume, [90.0 * quarter])
    np.testing.assert_array_equal(image, view_at_right_angle(volume, quarter))


@pytest.mark.parametrize("shape", SAME_PARITY + ANY_SHAPE)
def test_zero_degrees_is_the_maximum_along_the_second_axis(shape):
    volume = random_volume(shape)
    np.testing.assert_array_equal(project_max(volume, [0.0])[0], volume.max(axis=1))


def test_one_bright_voxel_tells_the_sense_of_rotation():
    """At 90 degrees the detector runs against y: a voxel at the back (large y) is seen first."""
    volume = np.zeros((9, 9, 2), dtype=np.float32)
    volume[6, 7, 1] = 1
    images = project_max(volume, [0.0, 90.0, 180.0, 270.0])
    assert [tuple(np.argwhere(image)[0]) for image in images] == [(6, 1), (1, 1), (2, 1), (7, 1)]


@pytest.mark.parametrize("shape", SAME_PARITY + ANY_SHAPE)
def test_equals_rotation_by_scipy_then_maximum(shape):
    volume = random_volume(shape)
    expected = [rotate_then_max(volume, angle) for angle in ANGLES]
    np.testing.assert_allclose(project_max(volume, ANGLES), expected, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("quarter", [1, 2, 3])
def test_turning_the_patient_is_turning_the_gantry(quarter):
    volume = random_volume((10, 10, 4))
    turned = np.rot90(volume, -quarter, axes=(0, 1))
    np.testing.assert_allclose(
        project_max(turned, ANGLES), project_max(volume, ANGLES - 90 * quarter), rtol=1e-5
    )


def test_half_a_turn_mirrors_the_detector():
    volume = random_volume((9, 6, 5))
    np.testing.assert_allclose(
        project_max(volume, ANGLES + 180), project_max(volume, ANGLES)[:, ::-1], rtol=1e-5
    )


def test_more_contrast_anywhere_never_darkens_a_projection():
    volume = random_volume((9, 7, 6))
    more = volume + np.random.default_rng(1).exponential(20, volume.shape).astype(np.float32)
    assert (project_max(more, ANGLES) >= project_max(volume, ANGLES)).all()


def test_projection_stays_within_the_volume_and_its_axis():
    """Levels of z do not mix, and nothing is brighter or darker than the volume."""
    volume = random_volume((8, 9, 6))
    images = project_max(volume, ANGLES)
    assert (images >= volume.min() - 1e-4).all()
    assert (images <= volume.max(axis=(0, 1)) + 1e-4).all()


def test_scale_and_offset_pass_through():
    volume = random_volume((8, 7, 3))
    np.testing.assert_allclose(
        project_max(volume * 2 - 50, ANGLES), project_max(volume, ANGLES) * 2 - 50, atol=1e-3
    )


def test_corners_from_outside_are_the_minimum():
    """A constant volume shows no edge at any angle, whatever its value."""
    for value in (-1000.0, 0.0, 7.0):
        images = project_max(np.full((8, 5, 3), value, dtype=np.float32), ANGLES)
        np.testing.assert_allclose(images, value, rtol=1e-6)


@pytest.mark.parametrize("num_levels", [1, 64, 150])
def test_threads_and_slabs_do_not_change_a_bit(num_levels):
    volume = random_volume((12, 9, num_levels))
    images = project_max(volume, ANGLES, threads=1)
    np.testing.assert_array_equal(project_max(volume, ANGLES, threads=3), images)


def test_levels_of_one_patient_are_projected_alike():
    """The same plane at every level gives the same row at every level, across slab borders."""
    volume = np.repeat(random_volume((12, 9, 1)), 150, axis=2)
    images = project_max(volume, ANGLES)
    np.testing.assert_allclose(images, np.repeat(images[:, :, :1], 150, axis=2), rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.int16, np.uint8, np.float64])
def test_integer_and_double_volumes_give_the_same_float32(dtype):
    volume = np.random.default_rng(0).integers(0, 255, (9, 7, 5)).astype(dtype)
    images = project_max(volume, ANGLES)
    assert images.dtype == np.float32
    np.testing.assert_array_equal(images, project_max(volume.astype(np.float32), ANGLES))


def test_strided_volumes_are_read_as_they_look():
    volume = random_volume((5, 14, 8))
    view = volume.transpose(2, 0, 1)[::-1, :, ::2]
    np.testing.assert_array_equal(
        project_max(view, ANGLES), project_max(np.ascontiguousarray(view), ANGLES)
    )


@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 6, 7)])
def test_an_array_that_is_no_volume_is_refused_with_its_shape(shape):
    with pytest.raises(ValueError, match=str(shape).replace("(", r"\(").replace(")", r"\)")):
        project_max(np.zeros(shape), [0.0])
