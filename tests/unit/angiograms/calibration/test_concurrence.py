"""What pairs of coplanar views leave open is found from where all views show contrast."""

from dataclasses import replace

import numpy as np
import pytest
from angiovox.angiograms.calibration.concurrence import concurred
from angiovox.angiograms.calibration.poses import calibrate
from angiovox.angiograms.calibration.refinement import Prior
from test_pose_calibration import ARM, BIPLANE, GRID, angiograms, gap

COPLANAR = ((0, 0), (90, 0), (45, 0))
ALONG_U = 2.0  # mm by which the third view is off, within the plane of all three
PRIOR, NOTHING_KNOWN = Prior(), np.zeros((18, 18))


def shifted(mm):
    """Poses (3, 6) of which the third is shifted along its detector's u."""
    u = ARM.views(*np.array(COPLANAR, float).T).u[2]
    poses = np.zeros((3, 6))
    poses[2, 3:] = mm * u / np.linalg.norm(u)
    return poses


@pytest.fixture(scope="module")
def off():
    return angiograms(COPLANAR, shifted(ALONG_U))


@pytest.fixture(scope="module")
def calibrated(off):
    return calibrate(off[0], GRID)


def test_a_shift_that_no_two_views_see_is_found(off, calibrated):
    seen, true = off
    assert gap(true, seen.views) > 0.8
    assert gap(true, calibrated.angiograms.views) < 0.5 * gap(true, seen.views)


def test_correct_poses_are_kept():
    seen, true = angiograms(COPLANAR)
    assert gap(true, calibrate(seen, GRID).angiograms.views) < ARM.pixel_size[0] / 2


def test_what_is_found_counts_as_determined(off, calibrated):
    _, hessian = concurred(off[0], np.zeros((3, 6)), NOTHING_KNOWN, PRIOR, GRID)
    assert np.linalg.eigvalsh(hessian).min() > -1e-6
    assert np.trace(hessian) > 10
    assert calibrated.determined[2, 3] > 0.5  # the shift along u


def test_directions_that_pairs_determine_are_left_alone(off):
    known = 1e6 * np.eye(18)
    poses, hessian = concurred(off[0], shifted(0.5), known, PRIOR, GRID)
    np.testing.assert_array_equal(poses, shifted(0.5))
    np.testing.assert_array_equal(hessian, known)


def test_two_views_are_left_to_pairs():
    seen, _ = angiograms(BIPLANE)
    hessian = np.zeros((12, 12))
    poses, again = concurred(seen, np.ones((2, 6)), hessian, PRIOR, GRID)
    np.testing.assert_array_equal(poses, np.ones((2, 6)))
    assert again is hessian


def test_filling_of_a_view_does_not_matter_to_three(off):
    seen, true = off
    brighter = seen.line_integrals * np.array([1, 2.5, 0.7], np.float32)[:, None, None]
    found = calibrate(replace(seen, line_integrals=brighter), GRID).angiograms.views
    assert gap(true, found) < 0.5 * gap(true, seen.views)


def test_nothing_is_found_where_a_view_shows_nothing(off):
    seen = off[0]
    empty = seen.line_integrals.copy()
    empty[2] = 0
    poses, _ = concurred(
        replace(seen, line_integrals=empty), shifted(0.5), NOTHING_KNOWN, PRIOR, GRID
    )
    assert np.isfinite(poses).all()
