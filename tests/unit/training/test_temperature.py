"""Temperatures: what they change, what they leave, and that the likeliest are found."""

import json

import numpy as np
import pytest
from angiovox.training.temperature import (
    Temperatures,
    fit_temperatures,
    load_temperatures,
    logit_counts,
)
from scipy.special import expit, logit

SHAPE = (40, 30, 20)


def drawn(vessel=1.0, background=1.0, seed=0):
    """Probabilities, and masks drawn from them once they are scaled by temperatures."""
    rng = np.random.default_rng(seed)
    probability = expit(rng.normal(-1, 2, SHAPE)).astype(np.float32)
    true = Temperatures(vessel, background).calibrated(probability)
    return probability, rng.random(SHAPE) < true


def fitted(*examples):
    return fit_temperatures(sum(logit_counts(*example) for example in examples))


def test_no_voxel_crosses_one_half_and_none_overtakes_another():
    probability = np.linspace(0, 1, 10001, dtype=np.float32)
    scaled = Temperatures(vessel=4.0, background=0.3).calibrated(probability)
    assert np.array_equal(scaled >= 0.5, probability >= 0.5)
    assert (np.diff(scaled) >= 0).all()
    assert scaled[[0, 5000, 10000]].tolist() == [0, 0.5, 1]


def test_what_is_as_good_as_ruled_out_stays_so_at_any_temperature():
    """A network rules out what is outside the hull by a logit, which is not a degree of doubt."""
    sure = np.array([0, 1e-9, 1 - 1e-7, 1], dtype=np.float32)
    assert np.array_equal(Temperatures(20.0, 20.0).calibrated(sure), sure)
    background = np.zeros(SHAPE, dtype=bool)
    outside = np.full(SHAPE, 1e-9, dtype=np.float32)
    assert fitted(drawn(1, 2), (outside, background)) == fitted(drawn(1, 2))


def test_a_temperature_of_one_changes_nothing():
    probability, _ = drawn()
    np.testing.assert_allclose(Temperatures().calibrated(probability), probability, rtol=1e-6)


def test_each_side_is_scaled_by_its_own_temperature():
    scaled = Temperatures(vessel=2.0, background=0.5).calibrated(np.array([0.9, 0.1]))
    np.testing.assert_allclose(logit(scaled), [logit(0.9) / 2, logit(0.1) * 2], rtol=1e-5)


@pytest.mark.parametrize(("vessel", "background"), [(1, 1), (3, 0.6), (0.5, 2)])
def test_the_temperatures_that_a_mask_was_drawn_with_are_found(vessel, background):
    found = fitted(*(drawn(vessel, background, seed) for seed in range(3)))
    assert found.vessel == pytest.approx(vessel, rel=0.1)
    assert found.background == pytest.approx(background, rel=0.05)


def test_the_order_of_axes_in_memory_makes_no_difference():
    probability, mask = drawn()
    assert fitted((np.asfortranarray(probability), mask)) == fitted((probability, mask))


def test_masks_for_probabilities_leave_temperatures_at_one():
    mask = drawn()[1]
    assert fitted((mask.astype(np.float32), mask)) == Temperatures()


def test_temperatures_are_read_by_the_count_of_views(tmp_path):
    found = {count: {"vessel": count, "background": 1, "patients": 2} for count in (2, 10)}
    (tmp_path / "calibration.json").write_text(json.dumps(found))
    assert load_temperatures(tmp_path / "calibration.json", 10) == Temperatures(10, 1)
