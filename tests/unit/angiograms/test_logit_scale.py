"""A scale of logits that makes probabilities right on average."""

import json

import numpy as np
import pytest
from angiovox.angiograms.reliability import LogitScale, fit_scale, load_scale
from scipy.special import expit, logit


def example(slope, offset, seed, count=60_000):
    """Probabilities whose truth follows a line through their logits."""
    rng = np.random.default_rng(seed)
    score = rng.normal(-1, 2, count)
    return expit(score), rng.random(count) < expit(slope * score + offset)


@pytest.mark.parametrize(("slope", "offset"), [(1, 0), (0.5, -1), (2, 0.7)])
def test_the_scale_that_made_the_truth_is_found(slope, offset):
    scale = fit_scale([example(slope, offset, seed) for seed in range(2)])
    assert scale.slope == pytest.approx(slope, rel=0.05)
    assert scale.offset == pytest.approx(offset, abs=0.05)


def test_calibrated_probabilities_are_right_in_every_bin():
    probability, vessel = example(0.6, -0.8, 3)
    calibrated = fit_scale([(probability, vessel)]).applied(probability)
    number = (calibrated * 10).astype(int)
    for part in range(10):
        if (number == part).sum() > 500:
            gap = calibrated[number == part].mean() - vessel[number == part].mean()
            assert abs(gap) < 0.05


def test_order_and_ends_are_kept():
    probability = np.linspace(0, 1, 101)
    scaled = LogitScale(0.7, 1.3).applied(probability)
    assert (np.diff(scaled) > 0).all() and scaled[0] == 0 and scaled[-1] == 1


def test_one_undoes_another():
    probability = np.linspace(0.02, 0.98, 49)
    there = LogitScale(2.0, 0.5).applied(probability)
    np.testing.assert_allclose(LogitScale(0.5, -0.25).applied(there), probability, rtol=1e-4)
    np.testing.assert_allclose(logit(there), 2 * logit(probability) + 0.5, rtol=1e-3, atol=1e-3)


def test_files_hold_a_scale_for_each_view_count(tmp_path):
    path, scales = tmp_path / "scale.json", {2: LogitScale(0.5, -1.0), 5: LogitScale(1.5, 0.2)}
    text = json.dumps({str(count): scale.as_dict() for count, scale in scales.items()})
    path.write_text(text, encoding="utf-8")
    assert load_scale(path, 2) == scales[2] == load_scale(path, 3)
    assert load_scale(path, 8) == scales[5]


def test_one_class_alone_and_slopes_that_reverse_are_refused():
    with pytest.raises(ValueError, match="background"):
        fit_scale([(np.full(5, 0.5), np.ones(5, bool))])
    with pytest.raises(ValueError, match="slope"):
        LogitScale(-1.0)
