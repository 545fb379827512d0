"""Whether probabilities are right: the reliability curve, its error, and what temperatures mend."""

import numpy as np
import pytest
from angiovox.metrics.calibration import BINS, calibrate, expected_error, reliability
from angiovox.training.temperature import Temperatures


def drawn(seed=0, shape=(30, 30, 30)):
    """Probabilities that are true: a mask drawn from them."""
    rng = np.random.default_rng(seed)
    probability = (rng.random(shape) ** 4).astype(np.float32)
    return probability, rng.random(shape) < probability


def error(probability, truth):
    return expected_error(*reliability(probability, truth))


def test_probabilities_that_are_true_have_hardly_an_error():
    probability, truth = drawn()
    counts, means, shares = reliability(probability, truth)
    assert counts.sum() == probability.size
    np.testing.assert_allclose(means, shares, atol=0.05)
    assert expected_error(counts, means, shares) < 0.03
    assert error(np.where(probability > 0.5, 1, probability), truth) > 0.1


def test_the_curve_is_that_of_a_plain_loop():
    probability, truth = drawn(shape=(9, 8, 7))
    probability.flat[:2] = 0, 1
    total = 0
    curve = reliability(np.asfortranarray(probability), truth)
    for number, (count, mean, share) in enumerate(zip(*curve, strict=True)):
        low, high = number / BINS, (number + 1) / BINS if number < BINS - 1 else 2
        voxels = zip(probability.ravel().tolist(), truth.flat, strict=True)
        part = [(p, t) for p, t in voxels if low <= p < high]
        assert count == len(part)
        if part:
            assert (mean, share) == pytest.approx(tuple(np.mean(part, axis=0)))
            total += abs(sum(p for p, _ in part) - sum(t for _, t in part))
    assert expected_error(*curve) == pytest.approx(total / truth.sum())


def test_background_that_is_known_for_sure_does_not_count():
    probability, truth = drawn(shape=(5, 5, 5))
    around = np.pad(probability, 10), np.pad(truth, 10)
    assert error(*around) == pytest.approx(error(probability, truth))


def test_a_faint_haze_is_weighed_by_what_it_adds_up_to():
    """100 voxels of 0.005 promise half a voxel of vessel, however many others are empty."""
    truth = np.zeros((20, 20, 20), dtype=bool)
    truth[0, 0, :10] = True
    probability = truth.astype(np.float32)
    probability[5, :5, :] = 0.005
    assert error(probability, truth) == pytest.approx(100 * 0.005 / 10)


def test_a_missed_vessel_counts_and_an_empty_volume_has_no_error():
    nothing, vessel = np.zeros((3, 3, 3)), np.ones((3, 3, 3), dtype=bool)
    assert error(nothing, vessel) == 1
    assert error(nothing, ~vessel) == 0
    assert error(nothing + 1, vessel) == 0


def test_of_a_mask_the_calibration_error_counts_wrong_voxels():
    found, truth = np.random.default_rng(0).random((2, 6, 7, 8)) < 0.4
    assert error(found.astype(float), truth) == pytest.approx((found != truth).sum() / truth.sum())


def test_temperatures_of_other_patients_mend_what_is_off_alike():
    too_sure = Temperatures(0.4, 0.6)
    examples = [(too_sure.calibrated(p), truth) for p, truth in map(drawn, range(3))]
    found = calibrate(examples)
    assert found["patients"] == 3
    assert found["vessel"] == pytest.approx(1 / 0.4, rel=0.1)
    assert found["background"] == pytest.approx(1 / 0.6, rel=0.1)
    assert found["error_calibrated"] < found["error"] / 3


def test_an_error_is_of_patients_that_temperatures_were_not_fitted_on():
    one = calibrate([drawn(0)])
    assert one["error"] is not None and one["error_calibrated"] is None
