"""Calibrated poses: found where views determine them, at the header where they do not."""

from dataclasses import replace

import numpy as np
import pytest
from angiovox.angiograms.calibration.anchor import anchored, rigid_motion, triangulate
from angiovox.angiograms.calibration.findings import inconsistency
from angiovox.angiograms.calibration.observability import PARAMETERS, c_arm_motion
from angiovox.angiograms.calibration.poses import calibrate
from angiovox.angiograms.measurement import Angiograms
from angiovox.geometry.cone_beam import CArm
from angiovox.geometry.grid import Grid
from angiovox.projectors.line_integral import line_integral
from scipy import ndimage
from scipy.spatial.transform import Rotation

GRID = Grid((80, 80, 80), (1.0, 1.0, 1.0))
ARM = CArm(1200, 750, (128, 128), (1.3, 1.3))
BIPLANE, THREE = ((0, 20), (90, 0)), ((0, 0), (90, 0), (-45, 20))
POINTS = np.random.default_rng(7).uniform(-25, 25, (40, 3))
WRONG = np.array([[0.02, -0.01, 0.02, 1.5, -1, 2], [-0.02, 0.03, -0.01, -1, 1.5, -2]])


def vessels(seed):
    """Contrast along some smooth curves."""
    rng = np.random.default_rng(seed)
    volume = np.zeros(GRID.shape, np.float32)
    for _ in range(7):
        steps = ndimage.gaussian_filter1d(rng.normal(size=(400, 3)), 40, axis=0)
        steps *= 0.25 / np.linalg.norm(steps, axis=1, keepdims=True)
        path = np.cumsum(steps, axis=0) + rng.uniform(25, 55, 3)
        inside = ((path > 8) & (path < 72)).all(axis=1)
        volume[tuple(np.rint(path[inside]).astype(int).T)] = rng.uniform(0.6, 1)
    return 0.3 * ndimage.gaussian_filter(volume, 0.9)


def angiograms(angles=BIPLANE, wrong=None, seed=1, noise=0.01):
    """Angiograms at the views of their header, and the true ones."""
    angles = np.array(angles, float)
    header = ARM.views(*angles.T)
    true = header if wrong is None else header.moved(wrong)
    seen = line_integral(vessels(seed), GRID, true)
    seen += np.random.default_rng(seed).normal(0, noise, seen.shape).astype(np.float32)
    names, count = tuple(f"view {k + 1}" for k in range(len(angles))), len(angles)
    measured = np.ones(seen.shape, bool)
    arms = (ARM,) * count
    return Angiograms(seen, measured, np.full(count, noise), header, angles, arms, names), true


def gap(true, views):
    """mm at the detector between points and where they are found again."""
    pixels = true.project(POINTS)
    again = views.project(triangulate(views, pixels))
    return np.linalg.norm(again - pixels, axis=2).mean() * ARM.pixel_size[0]


def distortion(true, views):
    """mm between points and where they are found again, after rigid alignment."""
    found = triangulate(views, true.project(POINTS))
    rotation, shift = rigid_motion(found, POINTS)
    return np.linalg.norm(found @ rotation.T + shift - POINTS, axis=1).mean()


def test_a_correct_header_is_kept():
    seen, true = angiograms()
    result = calibrate(seen, GRID)
    views = result.angiograms.views
    assert gap(true, views) < 0.15
    assert np.linalg.norm(triangulate(views, true.project(POINTS)) - POINTS, axis=1).mean() < 0.5
    assert not result.warnings


def test_rays_meet_after_calibration_and_residuals_fall():
    seen, true = angiograms(wrong=WRONG)
    result = calibrate(seen, GRID)
    assert gap(true, result.angiograms.views) < 0.15 * gap(true, seen.views)
    assert (result.residual_after < 0.5 * result.residual_before).all()
    np.testing.assert_array_equal(
        result.angiograms.views.source, seen.views.moved(result.poses).source
    )


def test_a_third_view_tells_of_the_turn_that_two_cannot():
    wrong = np.zeros((3, 6))
    wrong[:2, 2] = 0.035, -0.035
    seen, true = angiograms(THREE, wrong)
    three, two = calibrate(seen, GRID), calibrate(seen[[0, 1]], GRID)
    assert distortion(true, three.angiograms.views) < distortion(true, seen.views)
    primary = PARAMETERS.index("primary_deg")
    assert three.determined[:2, primary].min() > 5 * two.determined[:, primary].max()


def test_two_views_leave_the_turn_about_their_normal_to_the_header():
    result = calibrate(angiograms(((0, 0), (90, 0)))[0], GRID)
    shares = dict(zip(PARAMETERS, result.determined.T, strict=True))
    assert (shares["primary_deg"] < 0.5).all()
    assert (shares["roll_deg"] > 0.8).all() and (shares["shift_v_mm"] > 0.8).all()
    assert all("primary_deg" in row["unobservable"] for row in result.rows())


def test_filling_of_a_view_does_not_matter():
    seen, _ = angiograms(wrong=WRONG)
    brighter = seen.line_integrals * np.array([1, 2.5], np.float32)[:, None, None]
    other = replace(seen, line_integrals=brighter)
    expected = calibrate(seen, GRID).poses
    np.testing.assert_allclose(calibrate(other, GRID, threads=2).poses, expected, atol=1e-4)


@pytest.mark.parametrize(
    ("angles", "empty", "words"),
    [
        (((0, 0), (4, 3)), False, "5 degrees apart"),
        (((0, 0), (178, 0)), False, "178 degrees apart"),
        (BIPLANE, True, "view 2 shows no contrast"),
    ],
)
def test_poses_stay_where_views_cannot_be_compared(angles, empty, words):
    seen, _ = angiograms(angles)
    if empty:
        blank = seen.line_integrals.copy()
        blank[1] = 0
        seen = replace(seen, line_integrals=blank)
    result = calibrate(seen, GRID)
    assert not result.poses.any() and not result.determined.any()
    assert any(words in warning for warning in result.angiograms.warnings)
    assert np.isnan(result.residual_after).all()


def test_one_view_stays():
    result = calibrate(angiograms(((0, 0),))[0], GRID)
    assert not result.poses.any() and len(result.rows()) == 1


def test_other_contrast_is_reported():
    seen, _ = angiograms()
    strange = seen.line_integrals.copy()
    strange[1] = angiograms(seed=5)[0].line_integrals[1]
    right, wrong = inconsistency(seen)[0], inconsistency(replace(seen, line_integrals=strange))[0]
    assert wrong.agreement < right.agreement
    assert min(wrong.unmatched) > max(right.unmatched)
    result = calibrate(replace(seen, line_integrals=strange), GRID)
    assert any("disagree after calibration" in warning for warning in result.warnings)


def test_a_pose_out_of_reach_is_reported():
    wrong = np.zeros((2, 6))
    wrong[1, 5] = 30
    result = calibrate(angiograms(wrong=wrong)[0], GRID)
    assert result.warnings


def test_motion_is_told_in_angles_of_the_c_arm():
    before, after = ARM.views([10, 80], [20, -5]), ARM.views([10.4, 80], [20, -5.3])
    poses = np.zeros((2, 6))
    for view in range(2):
        frames = [np.stack([one.u[view], one.v[view]]) / 1.3 for one in (before, after)]
        frames = [np.vstack([axes, np.cross(*axes)]) for axes in frames]
        poses[view, :3] = Rotation.from_matrix(frames[1].T @ frames[0]).as_rotvec()
    motion = c_arm_motion(before, poses, np.zeros(3))
    np.testing.assert_allclose(motion[:, :2], [[0.4, 0], [0, -0.3]], atol=0.01)
    np.testing.assert_allclose(motion[:, 2:], 0, atol=0.01)


def test_motion_of_all_views_together_is_none():
    views = ARM.views([0, 90], [20, 0])
    together = np.tile([0.03, -0.02, 0.01, 4, -2, 1], (2, 1))
    np.testing.assert_allclose(anchored(views, together, GRID), 0, atol=1e-9)
