"""Phases of the filling: what arrives in each, from frames at any rate."""

import numpy as np
import pytest
from angiovox.angiograms.phases import PHASES, phase_weights

TOTALS = np.array([0.0, 0.1, 0.5, 1.0, 0.9])


def test_phases_have_equal_shares_of_the_contrast():
    assert phase_weights(TOTALS) @ TOTALS == pytest.approx(np.full(PHASES, 1 / PHASES))


def test_phases_add_up_to_the_fullest_frame():
    assert phase_weights(TOTALS).sum(axis=0) == pytest.approx([0, 0, 0, 1, 0])


def test_phases_do_not_depend_on_the_unit_of_contrast():
    np.testing.assert_allclose(phase_weights(7 * TOTALS), phase_weights(TOTALS))


def test_phases_do_not_depend_on_the_frame_rate():
    """Three vessels, one after the other, each filling evenly for 1 s, seen at two rates."""

    def arrived(times: np.ndarray) -> np.ndarray:
        vessels = np.clip(times[:, None] - np.arange(3), 0, 1)
        return phase_weights(vessels.sum(axis=1)) @ vessels

    slow, fast = arrived(np.arange(1, 5.0)), arrived(np.arange(0, 4.01, 0.25))
    np.testing.assert_allclose(slow, fast, atol=1e-12)
    np.testing.assert_allclose(fast, np.eye(3), atol=1e-12)


def test_noise_that_takes_contrast_back_is_no_phase():
    totals = np.array([0.2, 0.45, 0.4, 0.9, 1.0])
    weights = phase_weights(totals)
    assert np.isfinite(weights).all()
    assert (np.cumsum(weights, axis=0) @ totals > 0).all()


@pytest.mark.parametrize("totals", ([0.9, 1.0], [1.0], [0.0, 0.0], [-1.0, -2.0]))
def test_frames_that_do_not_show_how_contrast_came_have_no_phases(totals):
    assert phase_weights(np.array(totals)) is None
