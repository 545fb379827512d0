"""The cone beam of the study: it stands at the study's angles and sees the whole volume."""

import numpy as np
import pytest
from angiovox.geometry.cone_beam import study_views
from angiovox.geometry.grid import Grid
from angiovox.geometry.views import parallel_views

GRID = Grid((20, 16, 24), (0.8, 0.8, 0.8))
ANGLES = np.array([0.0, 30.0, 90.0])


def corners():
    half = np.multiply(GRID.shape, GRID.voxel_size) / 2
    signs = np.array(np.meshgrid([-1, 1], [-1, 1], [-1, 1])).reshape(3, -1).T
    return signs * half


@pytest.mark.parametrize("isocentre", [785, 40])
def test_the_detector_just_sees_the_whole_volume_at_every_angle(isocentre):
    views = study_views(np.linspace(0, 180, 181), GRID, 1200, isocentre)
    seen = views.project(corners())
    low, high = seen.min(axis=(0, 1)) + 0.5, np.array(views.detector) - 0.5 - seen.max(axis=(0, 1))
    assert (low >= 0).all() and (high >= 0).all()
    assert (low < 1.01).all()  # no row and no column too many


def test_a_pixel_is_a_voxel_wide_in_the_isocentre():
    views = study_views(ANGLES, GRID, 1200, 785)
    apart = views.project(np.array([[0, 0, 0], [0, 0, 0.8]]))
    np.testing.assert_allclose(apart[:, 1] - apart[:, 0], [[0, 1]] * 3, atol=1e-9)


def test_from_far_away_it_is_the_studys_parallel_beam():
    """Up to where pixel (0, 0) is, since the parallel detector is as wide as the grid."""
    points = np.random.default_rng(0).uniform(-5, 5, (10, 3))
    far = study_views(ANGLES, GRID, 2e7, 1e7).project(points)
    parallel = parallel_views(ANGLES, GRID).project(points)
    shift = far - parallel
    np.testing.assert_allclose(shift, np.broadcast_to(shift[:1, :1], shift.shape), atol=1e-4)


def test_a_source_within_the_volume_is_refused():
    with pytest.raises(ValueError, match=r"10 mm from the isocentre, the volume reaches 10.2"):
        study_views(ANGLES, GRID, 1200, 10)
