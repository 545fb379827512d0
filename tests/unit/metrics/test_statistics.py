"""Intervals, paired differences and ranks: over patients, on the same resamples for all."""

import warnings

import numpy as np
import pandas as pd
import pytest
from angiovox.metrics.statistics import (
    by_patient,
    mean_interval,
    paired_difference,
    resamples_of,
    standings,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import bootstrap

PATIENTS = ["a", "b", "c", "d", "e"]


def table(*rows, patients=PATIENTS):
    return pd.DataFrame(rows, index=[f"m{number}" for number in range(len(rows))], columns=patients)


# One method


@given(st.lists(st.floats(0, 1), min_size=2, max_size=8), st.integers(0, 5))
@settings(max_examples=30, deadline=None)
def test_the_interval_holds_the_mean_and_stays_within_the_values(values, seed):
    mean, low, high = mean_interval(np.array(values), 300, seed)
    assert mean == pytest.approx(np.mean(values))
    assert min(values) - 1e-9 <= low <= mean + 1e-9
    assert mean - 1e-9 <= high <= max(values) + 1e-9


def test_the_interval_is_the_same_for_the_same_seed_only():
    values = np.random.default_rng(0).random(9)
    first = mean_interval(values, 200, 1)
    assert mean_interval(values, 200, 1) == first
    assert mean_interval(values, 200, 2) != first


def test_the_interval_is_about_two_standard_errors_either_side():
    values = np.random.default_rng(0).normal(0.5, 0.1, 400)
    _, low, high = mean_interval(values, 2000, 1)
    assert (high - low) / (2 * 1.96 * values.std() / 20) == pytest.approx(1, abs=0.1)


def test_the_interval_moves_and_grows_with_the_values():
    values = np.random.default_rng(0).random(9)
    first = np.array(mean_interval(values, 200, 1))
    np.testing.assert_allclose(mean_interval(3 * values + 2, 200, 1), 3 * first + 2)


def test_one_patient_has_no_interval():
    mean, low, high = mean_interval(np.array([0.4]), 200, 1)
    assert mean == 0.4
    assert np.isnan([low, high]).all()


def test_equal_values_have_an_interval_of_no_width():
    assert mean_interval(np.full(5, 0.25), 200, 1) == (0.25, 0.25, 0.25)


@pytest.mark.parametrize("patients", [2, 5, 40])
def test_scipys_bootstrap_gives_the_same_interval(patients):
    values = np.random.default_rng(0).gamma(2, size=patients)
    rng = np.random.default_rng(3)
    told = bootstrap((values,), np.mean, n_resamples=999, method="percentile", rng=rng)
    expected = told.confidence_interval
    np.testing.assert_allclose(mean_interval(values, 999, 3)[1:], (expected.low, expected.high))


def test_resamples_draw_from_all_patients_alike():
    index = resamples_of(4, 20_000, 0)
    assert index.shape == (20_000, 4)
    np.testing.assert_allclose(np.bincount(index.ravel()) / index.size, 0.25, atol=0.01)


# Two methods


def test_a_method_differs_from_itself_by_nothing():
    values = np.random.default_rng(0).random(7)
    assert paired_difference(values, values, 300, 1) == (0, 0, 0)


def test_a_paired_difference_sees_what_two_intervals_hide():
    """Patients differ far more than methods do, but each by the same method."""
    rng = np.random.default_rng(0)
    first = rng.random(12)
    second = first - 0.02 + rng.normal(0, 0.002, 12)
    mean, low, high = paired_difference(first, second, 1000, 1)
    assert 0 < low <= mean <= high
    assert mean_interval(first, 1000, 1)[1] < mean_interval(second, 1000, 1)[2]


def test_a_difference_turned_round_has_the_opposite_interval():
    first, second = np.random.default_rng(0).random((2, 6))
    mean, low, high = paired_difference(first, second, 500, 1)
    np.testing.assert_allclose(paired_difference(second, first, 500, 1), (-mean, -high, -low))


def test_values_of_other_patients_are_refused():
    with pytest.raises(ValueError, match=r"\(3,\).*\(4,\)"):
        paired_difference(np.zeros(3), np.zeros(4), 10, 1)


# Seeds and patients


def measured(seeds=(1, 2, 3)):
    rng = np.random.default_rng(0)
    rows = [
        (method, views, seed, patient, metric, rng.random())
        for method in ("unet", "hull")
        for views in (2, 5)
        for seed in (seeds if method == "unet" else seeds[:1])
        for patient in "cab"
        for metric in ("iou", "dice")
    ]
    return pd.DataFrame(rows, columns=["method", "views", "seed", "patient", "metric", "value"])


def test_seeds_are_averaged_within_a_patient():
    given = measured()
    wide = by_patient(given, "dice", 5)
    assert list(wide.index) == ["unet", "hull"] and list(wide.columns) == ["a", "b", "c"]
    chosen = given.query("method == 'unet' and views == 5 and metric == 'dice' and patient == 'b'")
    assert len(chosen) == 3
    assert wide.loc["unet", "b"] == pytest.approx(chosen["value"].mean())


def test_a_patient_without_a_value_of_each_method_is_left_out_for_all():
    given = measured()
    gone = given.query("method == 'hull' and patient == 'a' and metric == 'iou'").index
    assert list(by_patient(given.drop(gone), "iou", 2).columns) == ["b", "c"]


# All methods


def brute_ranks(values, higher):
    """1 + the number that are better + half of the others that are equal."""
    better = [[(b > a) if higher else (b < a) for b in values] for a in values]
    equal = [[a == b for b in values] for a in values]
    return [1 + sum(b) + (sum(e) - 1) / 2 for b, e in zip(better, equal, strict=True)]


@given(
    st.lists(st.lists(st.integers(0, 3), min_size=4, max_size=4), min_size=1, max_size=5),
    st.booleans(),
)
@settings(max_examples=30, deadline=None)
def test_ranks_are_those_of_a_plain_loop(rows, higher):
    values = np.array(rows, dtype=float)
    result = standings(table(*values, patients=PATIENTS[:4]), higher, 60, 5)
    assert list(result["rank"]) == brute_ranks(values.mean(axis=1), higher)
    drawn = [
        brute_ranks(values[:, chosen].mean(axis=1), higher) for chosen in resamples_of(4, 60, 5)
    ]
    low, high = np.percentile(drawn, [2.5, 97.5], axis=0)
    np.testing.assert_allclose(result["rank_low"], low)
    np.testing.assert_allclose(result["rank_high"], high)


def test_the_direction_decides_who_is_best():
    low, high = np.full(5, 0.1), np.full(5, 0.9)
    assert list(standings(table(low, high), True, 50, 1)["rank"]) == [2, 1]
    assert list(standings(table(low, high), False, 50, 1)["rank"]) == [1, 2]


def test_ties_are_those_whose_difference_to_the_best_does_not_exclude_zero():
    rng = np.random.default_rng(0)
    best = rng.random(30) + 1
    noise = rng.normal(0, 0.2, 30)
    close, far = (best - gap + noise - noise.mean() for gap in (0.01, 0.5))
    values = table(close, best, far, patients=range(30))
    for told, higher in ((values, True), (-values, False)):
        result = standings(told, higher, 500, 1)
        assert list(result["tied"]) == [True, True, False]
        alone = paired_difference(told.loc["m2"], told.loc["m1"], 500, 1)
        columns = ["difference", "difference_low", "difference_high"]
        assert (result.loc["m1", columns] == 0).all()
        assert tuple(result.loc["m2", columns]) == pytest.approx(alone)


def test_means_and_intervals_are_those_of_each_method_alone():
    values = table(*np.random.default_rng(0).random((3, 5)))
    result = standings(values, True, 200, 7)
    for name in values.index:
        alone = mean_interval(values.loc[name], 200, 7)
        assert tuple(result.loc[name, ["mean", "low", "high"]]) == pytest.approx(alone)


def test_one_patient_allows_no_claim():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = standings(table([0.1], [0.9], patients=["a"]), True, 100, 1)
    assert list(result["rank"]) == [2, 1]
    bounds = [name for name in result.columns if name.endswith(("low", "high"))]
    assert len(bounds) == 6 and result[bounds].isna().all().all()
    assert result["tied"].all()


@pytest.mark.parametrize("values", [table(), table([], [], patients=[])])
def test_nothing_to_compare_is_refused(values):
    with pytest.raises(ValueError, match="nothing to compare"):
        standings(values, True, 10, 1)
