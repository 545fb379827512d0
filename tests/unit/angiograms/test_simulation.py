"""Simulated angiograms: they repeat themselves, and show the arteries that they are said to."""

import numpy as np
import pytest
from angiovox.angiograms import simulation
from angiovox.projectors.line_integral import line_integral
from scipy import ndimage


@pytest.fixture(scope="module")
def example():
    return simulation.simulate(3)


def test_the_same_seed_gives_the_same_example(example):
    again = simulation.simulate(3)
    assert (again.angiograms.line_integrals == example.angiograms.line_integrals).all()
    assert (again.mask == example.mask).all() and again.grid == example.grid


def test_arteries_are_where_the_views_show_contrast(example):
    angiograms = example.angiograms
    shadows = line_integral(example.mask.astype(np.float32), example.grid, angiograms.views)
    for shadow, image in zip(shadows, angiograms.line_integrals, strict=True):
        within = shadow > 1.5 * example.grid.voxel_size[0]
        assert image[within].mean() > 5 * abs(image[shadow == 0].mean())
        # Poses may be off by a millimetre.
        blurred = [ndimage.gaussian_filter(each, 3) for each in (shadow, image)]
        assert np.corrcoef(*(each.ravel() for each in blurred))[0, 1] > 0.6


def test_a_phase_has_as_much_contrast_in_every_view(example):
    angiograms = example.angiograms
    for image, noise, phases in zip(
        angiograms.line_integrals, angiograms.noise, angiograms.phases, strict=True
    ):
        near = ndimage.maximum_filter(ndimage.gaussian_filter(image, 1) > 2 * noise, 5)
        shares = phases[:, near].sum(axis=1) / phases[:, near].sum()
        assert shares == pytest.approx(np.full(3, 1 / 3), abs=0.08)


def test_noise_is_what_a_view_has_where_nothing_is(example):
    for image, noise in zip(
        example.angiograms.line_integrals, example.angiograms.noise, strict=True
    ):
        spread = 1.4826 * np.median(np.abs(image - np.median(image)))
        assert 0.3 * noise < spread < 3 * noise


@pytest.mark.parametrize("seed", range(40))
def test_views_are_within_reach_and_apart(seed):
    _, angles = simulation.draw_arms(np.random.default_rng(seed))
    assert (np.abs(angles) <= [simulation.PRIMARY, simulation.SECONDARY]).all()
    pairs = [(a, b) for k, a in enumerate(angles) for b in angles[:k]]
    assert min(simulation.apart(*pair) for pair in pairs) > simulation.LEAST_APART - 15


def test_poses_together_move_nothing():
    poses = simulation.draw_poses(4, np.random.default_rng(1))
    assert np.abs(poses).max() > 0
    np.testing.assert_allclose(poses.mean(axis=0), 0, atol=1e-12)


def test_one_line_of_sight_is_no_degree_from_itself_nor_from_behind():
    assert simulation.apart(np.array([30.0, 10.0]), np.array([30.0, 10.0])) < 1e-4
    assert simulation.apart(np.array([0.0, 0.0]), np.array([90.0, 0.0])) == pytest.approx(90)
    assert simulation.apart(np.array([0.0, 10.0]), np.array([180.0, -10.0])) < 1e-4
