"""Back-projection by voxels against scipy, as an upper bound, and its scaling."""

import numpy as np
import pytest
from angiovox.geometry.cone_beam import CArm
from angiovox.geometry.grid import Grid
from angiovox.geometry.views import parallel_views
from angiovox.projectors import backprojection
from angiovox.projectors.line_integral import line_integral, project_max
from angiovox.projectors.voxel_backprojection import COMBINATIONS, back_project
from blobs import blob_volume
from scipy import ndimage

GRID = Grid((13, 11, 9), (2.1, 1.9, 2.3), (2, -3, 1))
VIEWS = CArm(1200, 750, (17, 15), (2.5, 3.0), (3, -2)).views([0, 45, 100, -30], [0, 20, -10, 60])


def random_images(views=VIEWS, seed=0):
    return np.random.default_rng(seed).normal(10, 30, views.shape)


def by_scipy(images, grid, views):
    """Samples (views, x, y, z), NaN where a view does not see the voxel."""
    places = views.project(grid.to_mm(np.indices(grid.shape).reshape(3, -1).T))
    samples = [
        ndimage.map_coordinates(image, place.T, order=1, mode="constant", cval=np.nan)
        for image, place in zip(images, places, strict=True)
    ]
    return np.reshape(samples, (len(views), *grid.shape))


def test_equals_scipys_samples():
    images = random_images()
    samples = by_scipy(images, GRID, VIEWS)
    seen = np.isfinite(samples)
    assert set(np.unique(seen.sum(axis=0))) >= {1, 2, 3, 4}
    total = np.nansum(samples, axis=0)
    expected = {
        "sum": total,
        "mean": total / np.maximum(1, seen.sum(axis=0)),
        "minimum": np.where(seen.any(axis=0), np.where(seen, samples, np.inf).min(axis=0), 1e9),
    }
    expected["minimum"][~seen.any(axis=0)] = images.max()
    for combine in COMBINATIONS:
        ours = back_project(images, GRID, VIEWS, combine)
        np.testing.assert_allclose(ours, expected[combine], atol=1e-9)


def test_what_no_view_sees_takes_nothing_or_the_greatest():
    images = random_images()
    away = Grid((2, 2, 2), (1.0,) * 3, (300, 0, 0))
    behind = Grid((2, 2, 2), (1.0,) * 3, (0, 1400, 0))
    for grid, views in ((away, VIEWS), (behind, VIEWS[:1])):
        given = images[: len(views)]
        assert not back_project(given, grid, views, "sum").any()
        assert not back_project(given, grid, views, "mean").any()
        assert (back_project(given, grid, views, "minimum") == given.max()).all()


def test_a_voxel_in_the_source_is_not_seen():
    views = CArm(1200, 750, (5, 5), (2.0, 2.0)).views(0)
    grid = Grid((1, 1, 3), (1.0,) * 3, (0, 750, 0))
    for combine, expected in (("sum", 0), ("minimum", 7)):
        volume = back_project(np.full(views.shape, 7.0), grid, views, combine)
        np.testing.assert_array_equal(volume, np.full(grid.shape, expected))


def test_the_parallel_beam_is_the_one_of_the_study():
    """But for the corners of its square: there the study's views see nothing."""
    grid, angles = Grid((9, 9, 5), (1.5,) * 3), np.array([0.0, 90.0, 33.0])
    views = parallel_views(angles, grid)
    images = random_images(views)
    total, least = backprojection.back_project(images, angles, 9)
    inside = np.hypot(*(np.indices((9, 9)) - 4)) <= 4
    ours = (back_project(images, grid, views, combine) for combine in ("sum", "minimum"))
    for volume, expected in zip(ours, (total, least), strict=True):
        tolerance = 1e-5 * abs(images).max()
        np.testing.assert_allclose(volume[inside], expected[inside], atol=tolerance)


def test_minimum_bounds_what_is_not_negative():
    """Maxima bound it; so do line integrals divided by the shortest edge, far less closely."""
    grid = Grid((40,) * 3, (1.2,) * 3)
    volume = blob_volume(grid)
    views = CArm(1200, 750, (120, 120), (0.8, 0.8)).views([0, 90, 40], [0, 0, 30])
    hull = back_project(project_max(volume, grid, views), grid, views, "minimum")
    integrals = back_project(line_integral(volume, grid, views), grid, views, "minimum")
    assert (volume <= hull + 0.03 * volume.max()).all()
    assert (volume <= integrals / 1.2 + 0.03 * volume.max()).all()
    assert (hull < 0.05).mean() > 0.8


def test_more_views_never_raise_the_minimum_where_they_see():
    images = random_images()
    all_views = back_project(images, GRID, VIEWS, "minimum")
    for view, samples in enumerate(by_scipy(images, GRID, VIEWS)):
        seen = np.isfinite(samples)
        one = back_project(images[view : view + 1], GRID, VIEWS[view : view + 1], "minimum")
        assert seen.any() and (all_views[seen] <= one[seen] + 1e-9).all()


@pytest.mark.parametrize("combine", COMBINATIONS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_threads_do_not_change_a_bit(combine, dtype):
    images = random_images().astype(dtype)
    one = back_project(images, GRID, VIEWS, combine)
    assert one.dtype == dtype
    np.testing.assert_array_equal(back_project(images, GRID, VIEWS, combine, threads=3), one)


def test_detectors_and_grids_of_one_pixel_or_voxel_are_taken():
    views = CArm(1200, 750, (1, 1), (1e9, 1e9)).views(0)
    grid = Grid((1, 1, 1), (1.0,) * 3)
    assert back_project(np.full((1, 1, 1), 7.0), grid, views, "minimum") == 7


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"\(3, 17, 15\), views have \(4, 17, 15\)"):
        back_project(random_images()[:3], GRID, VIEWS, "sum")
    with pytest.raises(ValueError, match=r"'median'; there are sum, mean, minimum"):
        back_project(random_images(), GRID, VIEWS, "median")
