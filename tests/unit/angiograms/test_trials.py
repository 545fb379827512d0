"""Trials: angiograms as a reader gives them, and the truth behind them."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from angiovox.angiograms.trials import Condition, Subject, simulate
from angiovox.phantoms.acquisition import fill
from angiovox.projectors.attenuation import CONTRAST
from angiovox.projectors.line_integral import line_integral
from angiovox.vessels.voxelize import occupancy

LESIONS = {"aneurysm": {"share": 1, "size_mm": [5, 8]}}
COARSE = Condition(detector=96, pixel_mm=3.2, voxels=48, voxel_mm=1.5)
SUBJECT = Subject(9001)


@cache
def taken(**changes):
    return simulate(SUBJECT, replace(COARSE, **changes), LESIONS)


@pytest.fixture
def trial():
    return taken()


@pytest.fixture
def disturbed():
    return taken(angle_error_degrees=2.0, isocentre_error_mm=3.0)


def sources(views):
    return views.source[:, :3]


def test_a_trial_repeats_itself(disturbed):
    wrong = replace(COARSE, angle_error_degrees=2.0, isocentre_error_mm=3.0)
    again = simulate(SUBJECT, wrong, LESIONS)
    np.testing.assert_array_equal(
        again.angiograms.line_integrals, disturbed.angiograms.line_integrals
    )
    assert again.true_views.as_dict() == disturbed.true_views.as_dict()
    assert again.lesions == disturbed.lesions


def test_without_pose_errors_the_header_says_where_the_c_arm_stood(trial):
    for name in ("source", "origin", "u", "v"):
        np.testing.assert_allclose(
            getattr(trial.angiograms.views, name), getattr(trial.true_views, name), atol=1e-9
        )


def test_pose_errors_move_the_c_arm_and_not_what_its_header_says(trial, disturbed):
    np.testing.assert_array_equal(
        sources(disturbed.angiograms.views), sources(trial.angiograms.views)
    )
    apart = np.linalg.norm(sources(disturbed.true_views) - sources(trial.true_views), axis=1)
    assert (apart > 1).all()
    assert (apart < 200).all()


def test_motion_between_mask_and_contrast_is_in_the_true_views(trial):
    apart = sources(taken(motion_mm=2.0).true_views) - sources(trial.true_views)
    np.testing.assert_allclose(apart[0], apart[1], atol=1e-9)  # one head before both planes
    assert np.linalg.norm(apart[0]) > 0.2


def test_line_integrals_are_those_of_the_arteries_from_the_true_views(trial):
    """Of rays that see nothing beyond the grid, at more than the noise, most agree."""
    wide = replace(COARSE, voxels=140).grid
    share, contrast = occupancy(trial.arteries, wide.shape, 1.5)
    expected = line_integral(share * contrast * np.float32(CONTRAST), wide, trial.true_views)
    seen = trial.angiograms.line_integrals
    vessels = expected > 0.03
    assert vessels.sum() > 100
    assert np.corrcoef(seen[vessels], expected[vessels])[0, 1] > 0.8
    # Arteries are not full in all frames that are averaged.
    assert 0.6 < seen[vessels].mean() / expected[vessels].mean() < 1.1


def test_fewer_photons_are_more_noise(trial):
    dim = taken(photons=COARSE.photons / 4)
    ratio = dim.angiograms.noise / trial.angiograms.noise
    assert ratio == pytest.approx(2.0, rel=0.2)


def contrast_ratios(trial, other):
    """Median over vessels of what a view shows in another trial, by what it shows in the first."""
    pairs = zip(trial.angiograms.line_integrals, other.angiograms.line_integrals, strict=True)
    return [float(np.median(b[a > 0.1] / a[a > 0.1])) for a, b in pairs]


def test_unequal_injections_scale_the_contrast_of_views():
    equal, unequal = taken(biplane=False), taken(biplane=False, imbalance=0.5)
    first, second = contrast_ratios(equal, unequal)
    assert abs(np.log(first / second)) > 0.1


def test_a_biplane_pair_shares_its_injection(trial):
    first, second = contrast_ratios(trial, taken(imbalance=1.5))
    assert first == pytest.approx(second, rel=0.05)
    assert abs(np.log(first)) > 0.1


def test_views_are_in_the_order_of_the_angles():
    angles = ((10.0, 5.0), (-80.0, 0.0), (40.0, -20.0))
    found = taken(angles=angles).angiograms
    np.testing.assert_allclose(found.angles, angles)
    assert found.labels == ("LAO 10, CRA 5", "RAO 80, CRA 0", "LAO 40, CAU 20")
    assert not any(str(SUBJECT.seed) in label for label in found.labels)


def test_a_traced_tree_takes_the_phantoms_place(tmp_path):
    path = tmp_path / "fork.swc"
    path.write_text(
        "1 2 0 0 -30 2.0 -1\n2 2 0 0 0 2.0 1\n3 2 20 0 15 1.2 2\n4 4 -20 5 15 1.2 2\n",
        encoding="utf-8",
    )
    subject = Subject(7, path)
    assert subject.name == "fork"
    assert Subject(7, path, (2, 3)).name == "fork-2-3"
    trial = simulate(subject, COARSE)
    lengths = fill(7, 72.0, centreline=str(path), random_pose=True).arteries.lengths.sum()
    assert trial.arteries.lengths.sum() == pytest.approx(lengths)
    assert trial.lesions == ()
