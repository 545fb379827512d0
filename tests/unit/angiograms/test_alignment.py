"""The rigid motion that no angiogram can tell, and the truth after it."""

from dataclasses import replace

import numpy as np
import pytest
from angiovox.angiograms.alignment import moved, points_within, shared_motion, truth
from angiovox.angiograms.trials import Condition, Subject, simulate
from angiovox.geometry.cone_beam import CArm
from angiovox.geometry.grid import Grid

LESIONS = {"aneurysm": {"share": 1, "size_mm": [6, 9]}}
COARSE = Condition(detector=96, pixel_mm=3.2, voxels=48, voxel_mm=1.5)
ARM = CArm(1195, 810, (96, 96), (3.2, 3.2))
VIEWS = ARM.views([0.0, 90.0, 40.0], [0.0, 0.0, 20.0])
MOTION = np.array([0.03, -0.02, 0.05, 2.0, -1.0, 3.0])
RNG = np.random.default_rng(5)
POINTS = RNG.uniform(-40, 40, (60, 3))


@pytest.fixture(scope="module")
def trial():
    return simulate(Subject(9003), COARSE, LESIONS)


def test_the_same_views_share_no_motion():
    np.testing.assert_allclose(shared_motion(POINTS, VIEWS, VIEWS), 0, atol=1e-9)


def test_a_motion_of_all_views_is_found_again():
    """Points that go along with the C-arm are seen where they were."""
    views = VIEWS.moved(np.tile(MOTION, (len(VIEWS), 1)))
    found = shared_motion(POINTS, VIEWS, views)
    np.testing.assert_allclose(found, MOTION, atol=1e-5)
    np.testing.assert_allclose(
        views.project(moved(POINTS, found)), VIEWS.project(POINTS), atol=1e-4
    )


def test_views_that_move_apart_leave_a_mismatch_that_is_least():
    poses = np.zeros((3, 6))
    poses[0, 3:], poses[1, 4] = [0.0, 0.0, 4.0], 2.0
    views = VIEWS.moved(poses)

    def mismatch(motion):
        return np.square(views.project(moved(POINTS, motion)) - VIEWS.project(POINTS)).sum()

    best = shared_motion(POINTS, VIEWS, views)
    assert 0 < mismatch(best) < mismatch(np.zeros(6))
    steps = np.concatenate([np.eye(6), -np.eye(6)]) * np.array([1e-3] * 3 + [0.05] * 3)
    assert all(mismatch(best) < mismatch(best + step) for step in steps)


def test_truth_follows_views_that_move_together(trial):
    still = truth(trial)
    shift = np.array([0.0, 0.0, 0.0, 3.0, 0.0, -1.5])  # whole voxels
    views = trial.angiograms.views.moved(np.tile(shift, (2, 1)))
    followed = truth(trial, views)
    np.testing.assert_allclose(followed.motion, shift, atol=1e-4)
    inner = np.roll(still.share, (2, 0, -1), axis=(0, 1, 2))[4:-4, 4:-4, 4:-4]
    np.testing.assert_allclose(followed.share[4:-4, 4:-4, 4:-4], inner, atol=0.05)
    (before,), (after,) = still.spheres, followed.spheres
    np.testing.assert_allclose(np.subtract(after.centre, before.centre), [2, 0, -1], atol=1e-3)
    assert after.radius_mm == before.radius_mm


def test_an_aneurysm_lies_in_the_truth(trial):
    exact = truth(trial)
    (sphere,) = exact.spheres
    assert exact.mask[tuple(np.rint(sphere.centre).astype(int))]


def test_a_pose_error_moves_the_truth_by_what_views_have_in_common():
    trial = simulate(
        Subject(9003), replace(COARSE, angle_error_degrees=1.0, isocentre_error_mm=2.0), LESIONS
    )
    assert 0.2 < np.linalg.norm(truth(trial).motion[3:]) < 20
    np.testing.assert_allclose(truth(trial, trial.true_views).motion, 0, atol=1e-9)


def test_points_are_those_of_the_grid_and_not_too_many():
    grid = Grid((10, 10, 10), (2.0, 2.0, 2.0))
    points = RNG.uniform(-30, 30, (5000, 3))
    chosen = points_within(points, grid, most=20)
    assert 10 < len(chosen) <= 20
    assert np.abs(chosen).max() <= 9
    assert len(points_within(points + 1000, grid)) == 0
