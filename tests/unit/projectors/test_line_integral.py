"""Line integrals against closed forms, as an adjoint pair, and their symmetries."""

import numpy as np
import pytest
from angiovox.errors import InputError
from angiovox.geometry.cone_beam import CArm, c_arm_rotation
from angiovox.geometry.grid import Grid
from angiovox.geometry.views import Views, parallel_views
from angiovox.projectors import line_integral as numba_projectors
from angiovox.projectors import mip
from angiovox.projectors.line_integral import line_integral, line_integral_adjoint, project_max
from blobs import blob_integrals, blob_volume
from hypothesis import given, settings
from hypothesis import strategies as st

ARM = CArm(1200, 750, (23, 19), (4.0, 4.5), (3, -2))
OBLIQUE = [0, 90, 35, -60, 130], [0, 0, 25, -40, 60]  # all three main axes, some in one view
SHAPES = [(13, 11, 9), (1, 8, 6), (8, 1, 6), (7, 6, 1)]


def random_array(shape, dtype=np.float64, seed=0):
    return np.random.default_rng(seed).normal(0.3, 1, shape).astype(dtype)


def around(shape):
    """A grid that the detector sees from edge to edge, off the isocentre."""
    return Grid(shape, (2.1, 1.9, 2.3), (2, -3, 1))


def fine(edge):
    return Grid((edge,) * 3, (48 / edge,) * 3, (1, 0, -1))


# Closed forms


def test_equals_closed_forms_and_converges_with_the_square_of_the_voxel():
    views = ARM.views(*OBLIQUE)
    exact = blob_integrals(*views.rays()).reshape(views.shape)
    errors = []
    for edge in (24, 48, 96):
        ours = line_integral(blob_volume(fine(edge)), fine(edge), views)
        errors.append(np.sqrt(((ours - exact) ** 2).mean()) / exact.max())
    assert errors[0] < 0.02 and errors[1] < errors[0] / 3 and errors[2] < errors[1] / 3


@pytest.mark.parametrize("primary, secondary", [(0, 0), (35, 25), (-60, -40), (100, 15)])
def test_a_balls_shadow_lies_where_analysis_puts_it(primary, secondary):
    """To 0.1 pixel: its centre, and in 12 sectors its outline by the half chords near it."""
    arm, centre, radius = CArm(1200, 750, (101, 93), (0.8, 0.8), (3, -2)), np.array([7, -5, 6]), 14
    p, s = np.radians([primary, secondary])
    beam = np.array([np.sin(p) * np.cos(s), -np.cos(p) * np.cos(s), np.sin(s)])
    u = np.array([np.cos(p), np.sin(p), 0])
    i, j = np.indices(arm.detector)
    pixels = 450 * beam + ((i - 50) * 0.8 + 3)[..., None] * u
    pixels = pixels + ((j - 46) * 0.8 - 2)[..., None] * np.cross(beam, u)
    along = pixels + 750 * beam
    along = along / np.linalg.norm(along, axis=-1, keepdims=True)
    distance = np.linalg.norm(np.cross(centre + 750 * beam, along), axis=-1)
    exact = 2 * np.sqrt(np.maximum(0, radius**2 - distance**2))

    grid = Grid((128,) * 3, (0.3,) * 3, (6, -4, 5))
    points = grid.to_mm(np.moveaxis(np.indices(grid.shape), 0, -1))
    ball = np.clip((radius - np.linalg.norm(points - centre, axis=-1)) / 0.3 + 0.5, 0, 1)
    ours = line_integral(ball, grid, arm.views(primary, secondary))[0]
    offsets = []
    for axis in (i, j):
        found, expected = ((axis * image).sum() / image.sum() for image in (ours, exact))
        offsets.append(found - expected)
    rim = (distance > 0.7 * radius) & (distance < 0.98 * radius)
    further = (np.sqrt(radius**2 - (ours[rim] / 2) ** 2) - distance[rim]) / (0.8 * 750 / 1200)
    sector = np.arctan2(
        (j - (j * exact).sum() / exact.sum())[rim], (i - (i * exact).sum() / exact.sum())[rim]
    )
    sector = np.floor((sector + np.pi) / (2 * np.pi) * 12).clip(0, 11).astype(int)
    offsets += list(np.bincount(sector, further) / np.bincount(sector))
    print(f"shadow: {max(map(abs, offsets)):.3f} pixels off")
    assert len(offsets) == 14 and max(map(abs, offsets)) < 0.1
    assert not ours[distance > radius + 0.6].any()


def test_right_angles_of_the_parallel_beam_are_sums_along_axes():
    grid = Grid((7, 7, 5), (1.5, 1.5, 2.0))
    volume = random_array(grid.shape)
    along_y, along_x = line_integral(volume, grid, parallel_views([0, 90], grid))
    np.testing.assert_allclose(along_y, volume.sum(axis=1) * 1.5)
    np.testing.assert_allclose(along_x, volume.sum(axis=0)[::-1] * 1.5)


def test_a_ray_ends_at_the_detector_and_begins_at_the_source():
    grid, volume = Grid((5, 5, 5), (1.0,) * 3), np.ones((5, 5, 5))
    rays = Views.of_rays([[0, 9, 0], [0, 0.5, 0], [0, 9, 0]], [[0, -9, 0], [0, -9, 0], [0, 4, 0]])
    np.testing.assert_allclose(line_integral(volume, grid, rays).ravel(), [5, 3, 0])


def test_a_pixel_in_the_source_has_no_ray_and_its_neighbours_have_theirs():
    grid, volume = Grid((5, 5, 5), (1.0,) * 3), np.ones((5, 5, 5))
    views = Views([[0, -9, 0, 1]], [[0, -9, 0]], [[0, 18, 0]], [[1, 0, 0]], (2, 1))
    np.testing.assert_allclose(line_integral(volume, grid, views).ravel(), [0, 5])
    assert line_integral_adjoint(np.ones((1, 2, 1)), grid, views).sum() == pytest.approx(5)


# Relations


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("threads", [1, 3])
def test_adjoint(shape, threads):
    """<A x, y> = <x, A' y> to rounding in float64."""
    grid, views = around(shape), ARM.views(*OBLIQUE)
    volume, values = random_array(shape), random_array(views.shape, seed=1)
    left = (line_integral(volume, grid, views, threads) * values).sum()
    right = (volume * line_integral_adjoint(values, grid, views, threads)).sum()
    scale = (line_integral(abs(volume), grid, views) * abs(values)).sum()
    assert scale > 0 and abs(left - right) <= 1e-14 * scale


@settings(max_examples=30, deadline=None)
@given(
    st.tuples(*[st.integers(1, 9)] * 3),
    st.floats(-180, 180),
    st.floats(-90, 90),
    st.integers(0, 99),
)
def test_adjoint_at_any_angles(shape, primary, secondary, seed):
    grid, views = around(shape), ARM.views(primary, secondary)
    volume, values = random_array(shape, seed=seed), random_array(views.shape, seed=seed + 100)
    left = (line_integral(volume, grid, views) * values).sum()
    right = (volume * line_integral_adjoint(values, grid, views)).sum()
    scale = (line_integral(abs(volume), grid, views) * abs(values)).sum()
    assert abs(left - right) <= 1e-13 * scale


def test_linearity():
    grid, views = around(SHAPES[0]), ARM.views(*OBLIQUE)
    first, second = random_array(grid.shape), random_array(grid.shape, seed=1)
    together = line_integral(2 * first - 3 * second, grid, views)
    apart = 2 * line_integral(first, grid, views) - 3 * line_integral(second, grid, views)
    np.testing.assert_allclose(together, apart, atol=1e-12 * abs(apart).max())


def test_turning_patient_and_gantry_together_changes_no_image():
    """The same views of a turned patient, up to interpolation."""
    still = line_integral(blob_volume(fine(96)), fine(96), ARM.views(0, 0))
    for primary, secondary in ((40, 25), (-70, -35), (90, 0)):
        turn = c_arm_rotation([primary], [secondary])[0]
        turned = line_integral(blob_volume(fine(96), turn), fine(96), ARM.views(primary, secondary))
        assert abs(turned[0] - still[0]).max() < 0.01 * still.max()
        other = line_integral(blob_volume(fine(96), turn), fine(96), ARM.views(0, 0))
        assert abs(other[0] - still[0]).max() > 0.2 * still.max()


def test_a_quarter_turn_is_exact():
    grid = Grid((9, 9, 7), (2.0, 2.0, 2.5))
    volume = random_array(grid.shape)
    turned = np.rot90(volume, 1, axes=(0, 1))  # x to y: with the gantry, to LAO
    ours = line_integral(turned, grid, ARM.views([110, 65], 20))
    expected = line_integral(volume, grid, ARM.views([20, -25], 20))
    np.testing.assert_allclose(ours, expected, atol=1e-9)


def test_a_source_far_away_gives_the_parallel_beam():
    grid, angles = Grid((48,) * 3, (1.0,) * 3), np.array([0.0, 30.0, 75.0])
    far = CArm(1e7 + 100, 1e7, (48, 48), (1.0, 1.0)).views(-angles)
    parallel = line_integral(blob_volume(grid), grid, parallel_views(angles, grid))
    ours = line_integral(blob_volume(grid), grid, far)
    assert abs(ours - parallel).max() < 1e-4 * parallel.max()


def test_maxima_of_the_parallel_beam_are_those_of_the_study_at_right_angles():
    grid, angles = Grid((8, 8, 5), (1.0,) * 3), [0.0, 90.0, 180.0, 270.0]
    volume = abs(random_array(grid.shape, np.float32))
    ours = project_max(volume, grid, parallel_views(angles, grid))
    np.testing.assert_allclose(ours, mip.project_max(volume, angles), rtol=1e-6)


def test_a_maximum_is_a_sample_and_never_below_nothing():
    grid, views = around(SHAPES[0]), ARM.views(*OBLIQUE)
    volume = random_array(grid.shape)
    images = project_max(volume, grid, views)
    assert images.max() <= volume.max() and images.min() == 0 and (images > 0).mean() > 0.1
    assert (project_max(volume + 1, grid, views) >= images).all()
    assert not project_max(-abs(volume), grid, views).any()


def test_no_value_exceeds_a_line_integral_over_the_shortest_edge():
    """Of a ray through the voxel's centre, where no value is negative."""
    grid = around((9, 8, 7))
    volume = abs(random_array(grid.shape))
    centres = grid.to_mm(np.indices(grid.shape).reshape(3, -1).T)
    for source in ARM.views(*OBLIQUE).source[:, :3]:
        rays = Views.of_rays(np.broadcast_to(source, centres.shape), 2 * centres - source)
        bound = line_integral(volume, grid, rays).reshape(grid.shape) / min(grid.voxel_size)
        assert (volume <= bound * (1 + 1e-9)).all()


# What must not matter


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_threads_and_blocks_and_order_do_not_change_a_bit(dtype, monkeypatch):
    grid, views = around((34, 11, 19)), ARM.views(*OBLIQUE)
    volume, values = random_array(grid.shape, dtype), random_array(views.shape, dtype, 1)
    calls = [(line_integral, volume), (project_max, volume), (line_integral_adjoint, values)]
    expected = [call(array, grid, views) for call, array in calls]
    assert all(result.dtype == dtype for result in expected)
    for threads in (2, 5):
        for (call, array), result in zip(calls, expected, strict=True):
            np.testing.assert_array_equal(call(array, grid, views, threads), result)
            other = call(np.asfortranarray(array), grid, views, threads)
            np.testing.assert_array_equal(other, result)
    monkeypatch.setattr(numba_projectors, "RAYS_AT_ONCE", 100)
    for (call, array), result in zip(calls[:2], expected[:2], strict=True):
        np.testing.assert_array_equal(call(array, grid, views, 2), result)


def test_views_do_not_mix():
    grid, views = around(SHAPES[0]), ARM.views(*OBLIQUE)
    volume = random_array(grid.shape)
    apart = [line_integral(volume, grid, views[k : k + 1])[0] for k in range(len(views))]
    np.testing.assert_array_equal(line_integral(volume, grid, views), apart)


def test_a_list_of_rays_is_the_views_they_belong_to():
    grid, views = around(SHAPES[0]), ARM.views(*OBLIQUE)
    volume = random_array(grid.shape)
    images = line_integral(volume, grid, Views.of_rays(*views.rays()))
    np.testing.assert_array_equal(images.reshape(views.shape), line_integral(volume, grid, views))


def test_masks_and_codes_are_taken():
    grid, views = around(SHAPES[0]), ARM.views(*OBLIQUE)
    volume = random_array(grid.shape) > 0
    for kind in (bool, np.uint16):
        images = line_integral(volume.astype(kind), grid, views)
        assert images.dtype == np.float32
        np.testing.assert_array_equal(images, line_integral(volume.astype("f4"), grid, views))


def test_what_cannot_be_projected_is_refused():
    grid, views = around((3, 4, 5)), ARM.views(0)
    with pytest.raises(ValueError, match=r"\(3, 4, 6\) on a grid of \(3, 4, 5\)"):
        line_integral(np.zeros((3, 4, 6)), grid, views)
    with pytest.raises(ValueError, match=r"\(2, 23, 19\), views have \(1, 23, 19\)"):
        line_integral_adjoint(np.zeros((2, 23, 19)), grid, views)
    for wrong in (np.nan, np.inf):
        with pytest.raises(InputError, match="NaN or infinity"):
            project_max(np.full((3, 4, 5), wrong), grid, views)
