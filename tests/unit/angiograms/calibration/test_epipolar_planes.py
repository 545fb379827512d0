"""Planes through two sources: both views measure the same contrast in them."""

import numpy as np
import pytest
from angiovox.angiograms.calibration.epipolar import Pencil, plane_integrals, rays_of
from angiovox.geometry.cone_beam import CArm
from angiovox.geometry.grid import Grid
from angiovox.projectors.line_integral import line_integral
from scipy import ndimage

GRID = Grid((48, 40, 44), (1.5, 1.5, 1.5), (3.0, -4.0, 2.0))
ARM = CArm(1200, 750, (120, 120), (1.4, 1.4))
CENTRE, PLANES = np.array([1.0, 2.0, -1.0]), 161
PAIRS = ((0, 20), (90, 0)), ((-30, 0), (60, 25)), ((0, 0), (40, -10))


def blobs(seed=0):
    """Contrast in some round places away from the grid's edges."""
    volume = np.zeros(GRID.shape, np.float32)
    volume[tuple(np.random.default_rng(seed).integers(12, 28, (3, 12)))] = 1
    return ndimage.gaussian_filter(volume, 1.5)


def pencil_of(views):
    return Pencil.through(views.source[0, :3], views.source[1, :3], CENTRE)


def integrals(views, pencil, seen):
    everywhere = np.ones(views.detector, bool)
    rays = [rays_of(views[[k]], seen[k], everywhere) for k in range(2)]
    sums = [plane_integrals(one, np.eye(3), pencil, PLANES) for one in rays]
    return ndimage.gaussian_filter1d(np.stack(sums), 3, axis=1)


@pytest.mark.parametrize("angles", PAIRS)
def test_both_views_measure_the_same_in_each_plane(angles):
    views = ARM.views(*np.array(angles, float).T)
    seen = line_integral(blobs(), GRID, views)
    first, second = integrals(views, pencil_of(views), seen)
    assert first.max() > 0
    np.testing.assert_allclose(first, second, atol=0.01 * first.max())


def test_a_wrong_angle_breaks_the_agreement():
    true, header = ARM.views([0, 90], [20, 0]), ARM.views([0, 90], [23, 0])
    seen = line_integral(blobs(), GRID, true)
    right, wrong = (
        np.abs(np.subtract(*integrals(views, pencil_of(views), seen))).max()
        for views in (true, header)
    )
    assert wrong > 3 * right


def test_integrals_follow_the_contrast():
    """Linear in it, and moved by its shift across the planes."""
    views = ARM.views([0, 90])
    seen = line_integral(blobs(), GRID, views)
    pencil = pencil_of(views)
    once, thrice = integrals(views, pencil, seen), integrals(views, pencil, 3 * seen)
    np.testing.assert_allclose(thrice, 3 * once, rtol=1e-6)
    shifted = line_integral(np.roll(blobs(), 2, axis=2), GRID, views)
    middles = [
        (np.arange(PLANES) * one).sum() / one.sum()
        for one in (once[0], integrals(views, pencil, shifted)[0])
    ]
    across = np.sign(pencil.across[2, 1])
    assert (middles[1] - middles[0]) * across == pytest.approx(2 * 1.5 / 0.5, rel=0.05)


def test_integrals_do_not_change_where_all_moves_together():
    views = ARM.views([0, 90], [20, 0])
    seen = line_integral(blobs(), GRID, views)
    pose = np.array([0.1, -0.2, 0.05, 4.0, -3.0, 2.0])
    moved = views.moved(np.tile(pose, (2, 1)))
    place = ARM.views(0).moved(np.r_[pose[:3], 0, 0, 0][None])  # a rotation, to turn the centre by
    turn = np.stack([place.u[0] / 1.4, place.v[0] / 1.4])
    start = np.stack([ARM.views(0).u[0] / 1.4, ARM.views(0).v[0] / 1.4])
    third = [np.cross(*axes) for axes in (start, turn)]
    rotation = np.vstack([turn, third[1]]).T @ np.vstack([start, third[0]])
    centre = rotation @ CENTRE + pose[3:]
    pencil = Pencil.through(moved.source[0, :3], moved.source[1, :3], centre)
    np.testing.assert_allclose(
        integrals(moved, pencil, seen), integrals(views, pencil_of(views), seen), atol=1e-6
    )
