"""Projections from where nobody looked, and whether probabilities are to be believed."""

import numpy as np
import pytest
from angiovox.geometry.parallel_beam import projection_angles, view_indices
from angiovox.metrics.calibration import BINS, LEAST, expected_error, reliability
from angiovox.metrics.overlap import ratios
from angiovox.metrics.reprojection import held_out_angles, projection_dice
from angiovox.projectors.mip import project_max
from hypothesis import given, settings
from hypothesis import strategies as st

ANGLES = np.array([112.5, 135.0, 157.5])


def masks(seed=0, shape=(14, 14, 6)):
    return np.random.default_rng(seed).random((2, *shape)) < 0.01


# Held-out views


def test_the_papers_arc_leaves_the_other_quadrant():
    np.testing.assert_allclose(held_out_angles(projection_angles(90)), ANGLES)
    few = projection_angles(90)[view_indices(90, 2)]
    np.testing.assert_allclose(held_out_angles(few), [22.5, 45, 67.5])


@given(st.lists(st.floats(-400, 400), min_size=1, max_size=30), st.integers(1, 5))
@settings(max_examples=100, deadline=None)
def test_no_held_out_view_is_an_acquired_one_nor_seen_from_behind(acquired, count):
    held = held_out_angles(np.array(acquired), count)
    assert len(np.unique(held)) == count and ((held >= 0) & (held < 180)).all()
    apart = np.abs((held[:, None] - np.array(acquired) + 90) % 180 - 90).min()
    assert apart > 180 / len(acquired) / (count + 1) - 1e-6


def test_silhouettes_agree_as_their_projections_do():
    found, truth = masks()
    ours, theirs = (project_max(m.astype(np.float32), ANGLES) >= 0.5 for m in (found, truth))
    expected = np.mean([ratios(ours[view], theirs[view])["dice"] for view in range(3)])
    assert projection_dice(found, truth, ANGLES) == pytest.approx(expected)
    assert 0 < expected < 1
    assert projection_dice(truth, found, ANGLES) == pytest.approx(expected)


def test_a_fault_that_acquired_views_hide_is_seen():
    """Two pairs of vessels that look the same along both axes, and differ between."""
    found, truth = np.zeros((2, 15, 15, 4), dtype=bool)
    found[4, 4], found[10, 10], truth[4, 10], truth[10, 4] = True, True, True, True
    assert projection_dice(found, truth, np.array([0.0, 90.0])) == 1
    assert projection_dice(found, truth, ANGLES) < 0.5


@pytest.mark.parametrize(("ours", "theirs", "value"), [(0, 0, 1), (0, 1, 0), (1, 0, 0), (1, 1, 1)])
def test_empty_masks_have_stated_silhouettes(ours, theirs, value):
    given = [np.full((6, 6, 3), bool(filled)) for filled in (ours, theirs)]
    assert projection_dice(*given, ANGLES) == value


# Calibration


def test_probabilities_that_are_true_have_hardly_an_error():
    rng = np.random.default_rng(0)
    probability = rng.uniform(0.1, 1, (40, 40, 40)).astype(np.float32)
    truth = rng.random(probability.shape) < probability
    counts, means, shares = reliability(probability, truth)
    assert counts.sum() == probability.size
    np.testing.assert_allclose(means[1:], shares[1:], atol=0.02)
    assert expected_error(counts, means, shares) < 0.01
    too_sure = reliability(np.where(probability > 0.5, 1, 0.1), truth)
    assert expected_error(*too_sure) > 0.1


def test_the_curve_is_that_of_a_plain_loop():
    rng = np.random.default_rng(0)
    probability = (rng.random((9, 8, 7)) ** 4).astype(np.float32)
    probability.flat[:2] = 0, 1
    truth = rng.random(probability.shape) < probability
    judged = [
        (float(p), t) for p, t in zip(probability.flat, truth.flat, strict=True) if p >= LEAST or t
    ]
    total = 0
    curve = reliability(np.asfortranarray(probability), truth)
    for number, (count, mean, share) in enumerate(zip(*curve, strict=True)):
        low, high = number / BINS, (number + 1) / BINS if number < BINS - 1 else 2
        part = [(p, t) for p, t in judged if low <= p < high]
        assert count == len(part)
        if part:
            assert (mean, share) == pytest.approx(tuple(np.mean(part, axis=0)))
            total += len(part) * abs(mean - share)
    assert expected_error(*curve) == pytest.approx(total / len(judged))


def test_background_that_everybody_calls_background_does_not_count():
    rng = np.random.default_rng(0)
    probability = rng.random((5, 5, 5))
    truth = rng.random((5, 5, 5)) < 0.5
    around = [np.pad(probability, 10, constant_values=0.005), np.pad(truth, 10)]
    for first, second in zip(reliability(*around), reliability(probability, truth), strict=True):
        np.testing.assert_allclose(first, second)


def test_a_missed_vessel_counts_and_an_empty_volume_has_no_error():
    nothing, vessel = np.zeros((3, 3, 3)), np.ones((3, 3, 3), dtype=bool)
    assert expected_error(*reliability(nothing, vessel)) == 1
    assert expected_error(*reliability(nothing, ~vessel)) == 0
    assert expected_error(*reliability(nothing + 1, vessel)) == 0


def test_of_a_mask_the_calibration_error_is_one_less_the_iou():
    found, truth = np.random.default_rng(0).random((2, 6, 7, 8)) < 0.4
    error = expected_error(*reliability(found.astype(float), truth))
    assert error == pytest.approx(1 - ratios(found, truth)["iou"])
