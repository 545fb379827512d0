"""Hull and SIRT of angiograms, and the threshold that makes vessels of their scores."""

from dataclasses import replace

import numpy as np
import pytest
from angiovox.angiograms.alignment import truth
from angiovox.angiograms.baselines import best_threshold, hull, iterated, support
from angiovox.angiograms.trials import Condition, Subject, simulate
from angiovox.metrics.overlap import ratios
from angiovox.projectors.attenuation import CONTRAST

FIVE = tuple((float(angle), 0.0) for angle in (0, 36, 72, 108, 144))
COARSE = Condition(FIVE, detector=96, pixel_mm=2.4, voxels=64, voxel_mm=1.2, photons=1e7)


@pytest.fixture(scope="module")
def trial():
    return simulate(Subject(9001), COARSE)


@pytest.fixture(scope="module")
def exact(trial):
    return truth(trial).mask


def dice(found, exact):
    return ratios(found, exact)["dice"]


def best(score, exact):
    return max(dice(score >= level, exact) for level in np.linspace(0.05, 1, 20) * score.max())


def test_the_hull_is_the_least_line_integral_and_only_falls_with_more_views(trial):
    few, all_of_them = (
        hull(trial.angiograms[which], trial.grid) for which in ([0, 1], [*range(5)])
    )
    assert (all_of_them <= few).all()
    assert few.max() <= trial.angiograms.line_integrals.max() / CONTRAST * (1 + 1e-6)
    assert few.min() >= 0


def test_more_views_are_better(trial, exact):
    views = [0, 2], [*range(5)]
    for score in (hull, iterated):
        two, five = (best(score(trial.angiograms[which], trial.grid), exact) for which in views)
        assert five > two + 0.05


def test_iterations_stay_within_box_and_support(trial):
    found = iterated(trial.angiograms, trial.grid, iterations=5)
    assert found.min() >= 0
    assert found.max() <= 1 + 1e-6
    assert not found[~support(trial.angiograms, trial.grid)].any()


def test_the_support_holds_arteries_and_grows_where_noise_is_less(trial, exact):
    held = support(trial.angiograms, trial.grid)
    assert held[exact].mean() > 0.8
    assert held.mean() < 0.2
    noisier = replace(trial.angiograms, noise=trial.angiograms.noise * 10)
    assert not (support(noisier, trial.grid) & ~held).any()


def test_poses_that_are_wrong_cost_both_baselines(trial, exact):
    wrong = replace(COARSE, angle_error_degrees=4.0, isocentre_error_mm=6.0)
    other = simulate(Subject(9001), wrong)
    for score in (hull, iterated):
        right = best(score(trial.angiograms, trial.grid), exact)
        assert best(score(other.angiograms, other.grid), truth(other).mask) < right - 0.05


def test_no_threshold_is_better_than_the_chosen_one():
    rng = np.random.default_rng(2)
    masks = [rng.random((20, 20, 20)) < 0.1 for _ in range(3)]
    scored = [
        (np.clip(mask * 0.4 + rng.normal(0.3, 0.1, mask.shape), 0, None), mask) for mask in masks
    ]
    chosen = best_threshold(scored, 1.0)
    assert 0.4 < chosen < 0.7

    def mean(level):
        return np.mean([dice(score >= level, mask) for score, mask in scored])

    assert all(mean(chosen) >= mean(level) for level in np.linspace(0.005, 1, 200))
