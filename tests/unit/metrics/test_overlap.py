"""Overlap and errors against cases counted by hand, and what holds between them."""

import numpy as np
import pytest
import torch
from angiovox.metrics.overlap import binary, ratios, scores
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from monai.metrics import compute_confusion_matrix_metric, compute_iou, get_confusion_matrix

SHAPES = arrays.array_shapes(min_dims=3, max_dims=3, max_side=5)


@st.composite
def cases(draw):
    shape = draw(SHAPES)
    probability = draw(arrays.arrays(np.float32, shape, elements=st.floats(0, 1, width=32)))
    return probability, draw(arrays.arrays(bool, shape))


def volume(values):
    return np.array(values, dtype=np.float32).reshape(1, 1, -1)


def truth(values):
    return np.array(values, dtype=bool).reshape(1, 1, -1)


def test_a_case_counted_by_hand():
    """Two hits, one miss, one false alarm, four true negatives."""
    result = scores(volume([1, 0.9, 0.4, 0.6, 0, 0.1, 0, 0]), truth([1, 1, 1, 0, 0, 0, 0, 0]))
    assert result["iou"] == 2 / 4
    assert result["dice"] == 4 / 6
    assert result["pixel_accuracy"] == 6 / 8
    assert result["mse_binary"] == result["mae_binary"] == 2 / 8
    assert result["mse_probability"] == pytest.approx((0.01 + 0.36 + 0.36 + 0.01) / 8)
    assert result["mae_probability"] == pytest.approx((0.1 + 0.6 + 0.6 + 0.1) / 8)


@pytest.mark.parametrize("seed", range(5))
def test_monai_agrees(seed):
    rng = np.random.default_rng(seed)
    probability, truth = rng.random((6, 7, 8)), rng.random((6, 7, 8)) < rng.uniform(0.1, 0.9)
    found = scores(probability, truth)
    masks = [
        torch.tensor(mask, dtype=torch.float32)[None, None] for mask in (binary(probability), truth)
    ]
    assert found["iou"] == pytest.approx(float(compute_iou(*masks)), rel=1e-6)
    counts = get_confusion_matrix(*masks)
    names = {"dice": "f1 score", "precision": "precision", "recall": "sensitivity"}
    for name, theirs in (names | {"pixel_accuracy": "accuracy"}).items():
        value = compute_confusion_matrix_metric(theirs, counts)
        assert found[name] == pytest.approx(float(value), rel=1e-6)


def test_a_perfect_reconstruction():
    mask = np.random.default_rng(0).random((4, 5, 6)) < 0.3
    result = scores(mask.astype(np.float32), mask)
    assert result["iou"] == result["dice"] == result["pixel_accuracy"] == 1
    assert {value for name, value in result.items() if name[:3] in ("mse", "mae")} == {0}


def test_the_opposite_of_the_truth():
    mask = np.random.default_rng(0).random((4, 5, 6)) < 0.3
    result = scores(1 - mask.astype(np.float32), mask)
    assert result["iou"] == result["dice"] == result["pixel_accuracy"] == 0
    assert result["mse_probability"] == result["mae_binary"] == 1


def test_two_empty_volumes_agree():
    result = scores(volume([0, 0.2]), truth([0, 0]))
    assert result["iou"] == result["dice"] == result["pixel_accuracy"] == 1


@pytest.mark.parametrize(("guess", "mask"), [([0, 0, 0], [1, 0, 0]), ([1, 0, 0], [0, 0, 0])])
def test_one_empty_volume_scores_nothing(guess, mask):
    result = scores(volume(guess), truth(mask))
    assert result["iou"] == result["dice"] == 0
    assert result["pixel_accuracy"] == pytest.approx(2 / 3)


def test_a_probability_of_one_half_is_vessel_and_the_next_below_is_not():
    below = np.nextafter(np.float32(0.5), np.float32(0))
    assert scores(volume([0.5]), truth([1]))["iou"] == 1
    assert scores(volume([below]), truth([1]))["iou"] == 0


def test_mse_and_mae_differ_on_probabilities_as_the_paper_prints_them():
    result = scores(volume([0.2, 0.9]), truth([0, 1]))
    assert result["mse_probability"] < result["mae_probability"]


@given(cases())
@settings(max_examples=100, deadline=None)
def test_what_holds_between_the_metrics(case):
    result = scores(*case)
    assert all(0 <= value <= 1 for value in result.values())
    assert result["dice"] == pytest.approx(2 * result["iou"] / (1 + result["iou"]))
    assert result["mse_binary"] == result["mae_binary"]
    assert result["mae_binary"] == pytest.approx(1 - result["pixel_accuracy"])
    assert result["iou"] <= result["dice"]
    assert result["mse_probability"] <= result["mae_probability"] + 1e-12


@given(cases())
@settings(max_examples=50, deadline=None)
def test_the_ratios_of_the_masks_are_those_of_the_probabilities(case):
    probability, mask = case
    both = scores(probability, mask)
    assert ratios(probability >= 0.5, mask) == {name: both[name] for name in list(both)[:4]}
    precision, recall, dice = (both[name] for name in ("precision", "recall", "dice"))
    if precision + recall:
        assert dice == pytest.approx(2 * precision * recall / (precision + recall))


@given(cases(), st.permutations([0, 1, 2]), st.integers(0, 2))
@settings(max_examples=50, deadline=None)
def test_turning_and_mirroring_both_volumes_changes_nothing(case, axes, flipped):
    turned = [np.flip(part.transpose(axes), flipped) for part in case]
    assert scores(*turned) == pytest.approx(scores(*case), rel=1e-12, abs=1e-15)


@given(cases())
@settings(max_examples=50, deadline=None)
def test_thresholding_first_changes_no_binary_metric(case):
    probability, mask = case
    binary = scores((probability >= 0.5).astype(np.float32), mask)
    result = scores(probability, mask)
    for name in ("iou", "dice", "pixel_accuracy", "mse_binary", "mae_binary"):
        assert binary[name] == result[name]
    assert binary["mse_probability"] == pytest.approx(binary["mse_binary"])


def test_neither_the_order_in_memory_nor_the_number_of_voxels_matters(monkeypatch):
    rng = np.random.default_rng(0)
    probability, mask = rng.random((9, 10, 11), dtype=np.float32), rng.random((9, 10, 11)) < 0.2
    expected = scores(probability, mask)
    assert expected["mse_probability"] == pytest.approx(((probability - mask) ** 2).mean(), 1e-6)
    monkeypatch.setattr("angiovox.metrics.overlap.CHUNK", 7)
    assert scores(probability, mask) == pytest.approx(expected, rel=1e-12)
    assert scores(np.asfortranarray(probability), mask) == pytest.approx(expected, rel=1e-12)


def test_one_more_hit_never_lowers_a_score():
    mask = np.ones((1, 1, 20), dtype=bool)
    ious = [scores(volume([1] * n + [0] * (20 - n)), mask)["iou"] for n in range(21)]
    assert ious == sorted(ious)
    assert ious[-1] == 1


def test_shapes_that_differ_are_refused_with_both():
    with pytest.raises(ValueError, match=r"\(2, 3, 4\).*\(2, 3, 1\)"):
        scores(np.zeros((2, 3, 4)), np.zeros((2, 3, 1), dtype=bool))


def test_overlap_tells_missed_from_wrong():
    truth, mask = np.zeros((2, 3, 4), dtype=bool), np.zeros((2, 3, 4), dtype=bool)
    truth[0], mask[0, :, :2], mask[1, 0, :2] = True, True, True  # 12 wanted, 6 of them and 2 found
    found = ratios(mask, truth)
    assert found == pytest.approx(
        {"iou": 6 / 14, "dice": 12 / 20, "precision": 6 / 8, "recall": 0.5}
    )
    swapped = ratios(truth, mask)
    assert (swapped["precision"], swapped["recall"]) == (found["recall"], found["precision"])


@pytest.mark.parametrize(
    ("mask", "truth", "expected"),
    [(0, 0, (1, 1, 1, 1)), (0, 1, (0, 0, 0, 0)), (1, 0, (0, 0, 0, 0)), (1, 1, (1, 1, 1, 1))],
)
def test_ratios_of_empty_and_full_volumes_has_stated_values(mask, truth, expected):
    volumes = [np.full((2, 2, 2), bool(value)) for value in (mask, truth)]
    assert tuple(ratios(*volumes).values()) == expected


def test_ratios_of_two_shapes_is_refused_with_both():
    with pytest.raises(ValueError, match=r"\(1, 2, 3\).*\(3, 2, 1\)"):
        ratios(np.zeros((1, 2, 3), dtype=bool), np.zeros((3, 2, 1), dtype=bool))
