"""All metrics of a patient together: none missing, none NaN, and what moves which."""

import numpy as np
import pandas as pd
import pytest
from angiovox.metrics.evaluate import Case, evaluate, profiles
from angiovox.metrics.image_quality import MAX_PSNR_DB
from angiovox.metrics.lesions import Sphere
from angiovox.metrics.registry import HIGHER, LOWER, METRICS, NEITHER
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

ANGLES = np.array([112.5, 135.0, 157.5])
VOXEL = np.array([0.75, 0.75, 0.75])
WITH_PLACE = ("radius_error_", "centreline_recall_", "lesion")
DISTANCES = ("hd95_mm", "assd_mm")
EXACT = ("iou_exact", "dice_exact")
IMAGES = ("slice_", "projection_")  # seen from a side, with all background
CENTRELINES = ("cldice", "topology_", *WITH_PLACE)  # a tie in thinning goes by the order of sides
CURVES = {
    "reliability",
    "recall_by_calibre",
    "false_discovery_by_calibre",
    "error_by_distance_to_centreline",
    "error_by_distance_to_middle",
}


def vessels(shape=(24, 24, 24)):
    """A thick, a medium and a thin artery, joined."""
    mask = np.zeros(shape, dtype=bool)
    mask[8:15, 8:15, 2:22] = True
    mask[10:13, 12:22, 10:13] = True
    mask[13:22, 11, 5] = True
    return mask


def blurred(seed=0):
    noise = np.random.default_rng(seed).normal(0, 0.15, (24, 24, 24))
    return np.clip(np.roll(vessels(), 1, 0) * 0.8 + 0.1 + noise, 0, 1).astype(np.float32)


def values(probability, truth, voxel_mm=VOXEL, planted=(), exact=None):
    return evaluate(Case(probability, truth, voxel_mm), ANGLES, planted, exact)


def test_every_metric_of_the_catalogue_is_given_and_no_other():
    planted = [Sphere((11.0, 11.0, 12.0), 3.0)]
    found = values(blurred(), vessels(), planted=planted, exact=blurred(1))
    assert list(found) == list(METRICS)
    assert all(type(value) is float for value in found.values())
    assert {metric.better for metric in METRICS.values()} == {HIGHER, LOWER, NEITHER}
    assert all(metric.unit == "mm" for name, metric in METRICS.items() if name.endswith("_mm"))


def test_nothing_is_better_than_the_truth():
    truth = vessels()
    planted = [Sphere((11.0, 11.0, 12.0), 3.0)]
    best = values(truth.astype(np.float32), truth, planted=planted, exact=truth)
    worse = values(blurred(), truth, planted=planted, exact=truth)
    for name, metric in METRICS.items():
        if metric.better == HIGHER:
            assert worse[name] <= best[name] == (MAX_PSNR_DB if metric.unit == "dB" else 1), name
        elif metric.better == LOWER:
            assert worse[name] >= best[name] == 0, name


@given(
    arrays.arrays(np.float32, (4, 5, 3), elements=st.sampled_from([0, 0.005, 0.3, 0.5, 1])),
    arrays.arrays(bool, (4, 5, 3), elements=st.sampled_from([False] * 5 + [True])),
)
@settings(max_examples=100, deadline=None)
def test_nothing_is_ever_nan(probability, truth):
    case = Case(probability, truth, VOXEL)
    found = evaluate(case, ANGLES, [Sphere((1.0, 2.0, 1.0), 1.0)])
    assert set(METRICS) >= set(found)
    optional = {n for n in METRICS if n.startswith(WITH_PLACE)} | {*EXACT}
    optional |= {*DISTANCES} if case.found.any() != truth.any() else set()
    assert not set(METRICS) - set(found) - optional
    assert np.isfinite(list(found.values())).all()
    rows = pd.DataFrame(profiles(case), columns=["profile", "bin", "count", "position", "value"])
    assert not rows.isna().any().any() and (rows["count"] > 0).all()
    assert rows["value"].between(0, 1).all()
    assert not rows.duplicated(["profile", "bin"]).any()


@pytest.mark.parametrize(("ours", "theirs"), [(0, 0), (0, 1), (1, 0)])
def test_empty_volumes_have_stated_values(ours, theirs):
    probability, truth = vessels() * np.float32(ours), vessels() & bool(theirs)
    found = values(probability, truth)
    agree = float(ours == theirs)
    errors = {"mse_probability", "mae_probability", "mse_binary", "mae_binary"}
    for name, value in found.items():
        if name.endswith(("_psnr_db", "_ssim")):  # of grey levels: background counts
            best = MAX_PSNR_DB if name.endswith("_db") else 1
            assert value == best if agree else 0 < value < best, name
        elif METRICS[name].better == HIGHER and name != "pixel_accuracy":
            assert value == agree, name
        elif name in DISTANCES:
            assert value == 0
        elif name in errors:
            assert value == pytest.approx((1 - agree) * vessels().mean())
    assert any(name.startswith("radius_error_") for name in found) == bool(theirs)
    assert all((name in found) == agree for name in DISTANCES)
    assert found["empty"] == 1 - ours


def test_exact_arteries_are_another_truth_than_the_mask():
    found, mask = vessels(), np.roll(vessels(), 1, 0)
    share = np.where(found, np.float32(0.5), np.float32(0.49))
    scores = values(found.astype(np.float32), mask, exact=share)
    assert scores["iou_exact"] == scores["dice_exact"] == 1 > scores["iou"]
    without = values(found.astype(np.float32), mask)
    assert {*scores} - {*without} == {*EXACT}
    assert without == {name: scores[name] for name in without}


def test_more_background_changes_no_metric_that_does_not_count_it():
    probability, truth = blurred(), vessels()
    probability[probability < 0.5] = 0
    first = values(probability, truth)
    padded = values(np.pad(probability, 4), np.pad(truth, 4))
    counting = {"pixel_accuracy", *(n for n in METRICS if n.startswith(("mse", "mae")))}
    counting |= {n for n in METRICS if n.startswith(IMAGES)}  # a wider detector sees the corners
    assert {n: v for n, v in padded.items() if n not in counting} == pytest.approx(
        {n: v for n, v in first.items() if n not in counting}
    )
    assert padded["pixel_accuracy"] > first["pixel_accuracy"]


@pytest.mark.parametrize(("axes", "flipped"), [((0, 1, 2), 0), ((1, 0, 2), 2), ((2, 0, 1), 1)])
def test_turning_and_mirroring_changes_nothing_but_ties_of_the_thinning(axes, flipped):
    for probability, exact in ((blurred(), False), (np.roll(vessels(), 1, 0), True)):
        given = probability.astype(np.float32), vessels()
        first = values(*given)
        turned = values(*(np.flip(part.transpose(axes), flipped) for part in given))
        for name, value in first.items():
            if name.startswith(CENTRELINES):
                assert turned[name] == pytest.approx(value, abs=0.1) or not exact, name
            elif not name.startswith(IMAGES):  # seen from elsewhere
                assert turned[name] == pytest.approx(value), name


def test_the_order_in_memory_changes_nothing():
    probability, truth = blurred(), vessels()
    other = values(np.asfortranarray(probability), np.asfortranarray(truth))
    assert other == pytest.approx(values(probability, truth))


def test_larger_voxels_scale_what_is_told_in_millimetres():
    probability, truth = vessels().astype(np.float32), vessels()
    probability[:, :, 18:] = 0
    first, scaled = (values(probability, truth, edge * VOXEL) for edge in (1, 10))
    for name in DISTANCES:
        assert scaled[name] == pytest.approx(10 * first[name]) and first[name] > 0
    assert scaled["nsd_1mm"] < first["nsd_1mm"]
    assert scaled["iou"] == first["iou"]


def test_shapes_that_differ_are_refused_with_both():
    with pytest.raises(ValueError, match=r"\(2, 3, 4\).*\(2, 3, 1\)"):
        Case(np.zeros((2, 3, 4)), np.zeros((2, 3, 1), dtype=bool), VOXEL)


# Where errors sit


def curves(probability, truth):
    case = Case(probability, truth, VOXEL)
    return pd.DataFrame(profiles(case)).groupby("profile"), case


def test_profiles_add_up_to_the_metrics_of_the_patient():
    grouped, case = curves(blurred(), vessels())
    assert set(grouped.groups) == CURVES
    whole = evaluate(case, ANGLES)
    share = {name: np.average(rows["value"], weights=rows["count"]) for name, rows in grouped}
    assert share["recall_by_calibre"] == pytest.approx(whole["topology_sensitivity"])
    assert share["false_discovery_by_calibre"] == pytest.approx(1 - whole["topology_precision"])
    for name in ("error_by_distance_to_centreline", "error_by_distance_to_middle"):
        assert share[name] == pytest.approx(1 - whole["iou"])
    rows = grouped.get_group("reliability")
    gaps = rows["count"] @ abs(rows["position"] - rows["value"])
    vessels_there = rows["count"] @ rows["value"]
    assert gaps / vessels_there == pytest.approx(whole["calibration_error"])


def test_positions_rise_with_the_bins():
    grouped, _ = curves(blurred(), vessels())
    for name, rows in grouped:
        assert rows["bin"].is_monotonic_increasing, name
        assert rows["position"].is_monotonic_increasing, name


def test_a_missing_thin_artery_shows_at_its_calibre_and_far_from_the_middle():
    probability = vessels().astype(np.float32)
    probability[16:, 11, 5] = 0
    grouped, _ = curves(probability, vessels())
    recall = grouped.get_group("recall_by_calibre").set_index("bin")["value"]
    assert recall.iloc[0] < 1 and (recall.iloc[1:] == 1).all()
    outwards = grouped.get_group("error_by_distance_to_middle")
    assert outwards["value"].iloc[0] == 0 < outwards["value"].iloc[-1]


def test_a_blur_shows_far_from_the_centreline_only():
    probability = vessels().astype(np.float32)
    probability[7:16, 7:16, 2:22] = 1
    grouped, _ = curves(probability, vessels())
    apart = grouped.get_group("error_by_distance_to_centreline")["value"]
    assert apart.iloc[0] == 0 < apart.iloc[-1]
