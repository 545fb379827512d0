"""Intervals of means and differences: what they hold, how often, and where there is none."""

import numpy as np
import pandas as pd
import pytest
from angiovox.metrics.registry import METRICS
from angiovox.metrics.scales import IDENTITY, LOG, LOGIT, bounds
from angiovox.metrics.statistics import (
    LEAST_PATIENTS,
    by_seed,
    common_patients,
    differences,
    mean_interval,
    paired_difference,
    standard_error,
    unpaired_difference,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

SCALES = (IDENTITY, LOGIT, LOG)


def coverage(draw, truth, samples=2000, scale=IDENTITY, seed=0):
    """Share of intervals that hold the truth."""
    rng = np.random.default_rng(seed)
    intervals = np.array([mean_interval(draw(rng), scale) for _ in range(samples)])
    return np.mean((intervals[:, 1] <= truth) & (truth <= intervals[:, 2]))


# One method


@given(
    st.lists(st.sampled_from([0, 1e-6, 0.2, 0.5, 0.9, 1]), min_size=3, max_size=8),
    st.sampled_from(SCALES),
)
@settings(max_examples=60, deadline=None)
def test_the_arithmetic_mean_lies_in_its_interval_and_that_in_the_scales_range(values, scale):
    mean, low, high = mean_interval(np.array(values), scale)
    assert mean == pytest.approx(np.mean(values))
    if np.ptp(values):
        assert low <= mean <= high and low < high
        assert scale == IDENTITY or low >= 0
        assert scale != LOGIT or high <= 1
    else:
        assert np.isnan([low, high]).all()


@pytest.mark.parametrize("patients", [3, 5, 20])
def test_scipys_t_gives_the_same_interval(patients):
    values = np.random.default_rng(0).gamma(2, size=patients)
    expected = stats.ttest_1samp(values, 0).confidence_interval()
    np.testing.assert_allclose(mean_interval(values)[1:], expected)


@pytest.mark.parametrize("patients", [5, 10])
def test_95_of_100_intervals_hold_the_mean_of_a_normal_distribution(patients):
    assert 0.93 <= coverage(lambda rng: rng.normal(0.6, 0.1, patients), 0.6) <= 0.97


@pytest.mark.parametrize("patients", [5, 10, 20])
@pytest.mark.parametrize(
    ("draw", "mean", "scale", "least"),
    [
        (lambda rng, n: rng.beta(16, 4, n), 0.8, LOGIT, 0.93),
        (lambda rng, n: rng.beta(9, 0.5, n), 9 / 9.5, LOGIT, 0.90),
        (lambda rng, n: rng.lognormal(0, 0.5, n), np.exp(0.125), LOG, 0.91),
        (lambda rng, n: rng.lognormal(0, 1, n), np.exp(0.5), LOG, 0.86),
        (lambda rng, n: rng.poisson(1, n) * 1.0, 1, LOG, 0.93),
    ],
    ids=["IoU-like", "near 1", "distance", "long tail", "counts"],
)
def test_the_scale_of_shares_and_distances_holds_their_means_more_often(
    patients, draw, mean, scale, least
):
    """Of skewed quantities t alone holds the mean in 82 to 91 %."""
    found = coverage(lambda rng: draw(rng, patients), mean, scale=scale)
    plain = coverage(lambda rng: draw(rng, patients), mean)
    assert least <= found <= 0.98
    assert found >= plain - 0.01


def test_most_skewed_quantities_gain_from_their_scale():
    for draw, mean, scale in (
        (lambda rng: rng.beta(9, 0.5, 5), 9 / 9.5, LOGIT),
        (lambda rng: rng.lognormal(0, 1, 5), np.exp(0.5), LOG),
    ):
        assert coverage(draw, mean, scale=scale) > coverage(draw, mean) + 0.05


def test_far_from_the_ends_the_scale_does_not_matter():
    values = 0.5 + 1e-4 * np.random.default_rng(0).standard_normal(6)
    plain = mean_interval(values)
    for scale in (LOGIT, LOG):
        np.testing.assert_allclose(mean_interval(values, scale), plain, atol=1e-7)


def test_a_share_and_what_is_missing_to_1_have_mirrored_intervals():
    values = np.random.default_rng(0).beta(9, 0.5, 6)
    mean, low, high = mean_interval(values, LOGIT)
    np.testing.assert_allclose(mean_interval(1 - values, LOGIT), (1 - mean, 1 - high, 1 - low))


def test_other_units_give_the_same_interval_of_a_distance():
    values = np.random.default_rng(0).lognormal(size=6)
    np.testing.assert_allclose(
        mean_interval(10 * values, LOG), 10 * np.array(mean_interval(values, LOG))
    )


@pytest.mark.parametrize(
    ("mean", "scale"), [(0, LOG), (-1, LOG), (0, LOGIT), (1, LOGIT), (1.2, LOGIT), (0.5, "sqrt")]
)
def test_a_mean_outside_its_scale_is_refused(mean, scale):
    with pytest.raises(ValueError, match=rf"{mean}|{scale}"):
        bounds(mean, 0.1, scale)


@pytest.mark.parametrize("patients", range(1, LEAST_PATIENTS))
@pytest.mark.parametrize("seeds", [1, 3])
def test_few_patients_have_no_interval(patients, seeds):
    values = np.random.default_rng(0).random((patients, seeds))
    mean, low, high = mean_interval(values, LOGIT)
    assert mean == pytest.approx(values.mean())
    assert np.isnan([low, high]).all()


@pytest.mark.parametrize("value", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("scale", SCALES)
def test_equal_values_have_no_interval(value, scale):
    values = np.full(5, value)
    values[2] = np.nextafter(value, 0.5)
    mean, low, high = mean_interval(values if value else np.zeros(5), scale)
    assert mean == pytest.approx(value) and np.isnan([low, high]).all()


def test_every_metric_has_a_scale_that_fits_it():
    for name, metric in METRICS.items():
        unbounded = (
            metric.unit or name.startswith(("betti", "shells")) or name == "calibration_error"
        )
        assert metric.scale == (LOG if unbounded else LOGIT), name


# Two methods


def test_a_method_differs_from_itself_by_nothing():
    values = np.random.default_rng(0).random(7)
    mean, low, high = paired_difference(values, np.nextafter(values, 1))
    assert mean == 0 and np.isnan([low, high]).all()


def test_a_paired_difference_sees_what_two_intervals_hide():
    """Patients differ far more than methods do, but each by the same method."""
    rng = np.random.default_rng(0)
    first = rng.random(12)
    second = first - 0.02 + rng.normal(0, 0.002, 12)
    mean, low, high = paired_difference(first, second)
    assert 0 < low <= mean <= high
    assert mean_interval(first)[1] < mean_interval(second)[2]


def test_a_difference_turned_round_has_the_opposite_interval():
    first, second = np.random.default_rng(0).random((2, 6))
    mean, low, high = paired_difference(first, second)
    np.testing.assert_allclose(paired_difference(second, first), (-mean, -high, -low))


def test_values_of_other_patients_or_seeds_are_refused():
    with pytest.raises(ValueError, match=r"patients: 3 and 4"):
        differences(np.zeros(3), np.zeros(4))
    with pytest.raises(ValueError, match=r"seeds: 3 and 2"):
        differences(np.zeros((5, 3)), np.zeros((5, 2)))


def test_a_method_without_anything_random_is_the_same_at_every_seed():
    rng = np.random.default_rng(0)
    trained, fixed = rng.random((5, 3)), rng.random((5, 1))
    np.testing.assert_array_equal(
        differences(trained, fixed), differences(trained, np.repeat(fixed, 3, axis=1))
    )


# Seeds and patients


@pytest.mark.parametrize("patients", [5, 10])
@pytest.mark.parametrize("seeds", [3, 5])
@pytest.mark.parametrize("of_seeds", [0, 0.5, 1])
def test_intervals_over_patients_and_seeds_hold_the_mean(patients, seeds, of_seeds):
    """of_seeds : standard deviation between trainings, in those between patients."""

    def draw(rng):
        effects = rng.standard_normal((patients, 1)) + of_seeds * rng.standard_normal((1, seeds))
        return effects + 0.5 * rng.standard_normal((patients, seeds))

    assert 0.925 <= coverage(draw, 0) <= 0.98


def test_over_patients_alone_seeds_would_be_taken_for_certain():
    def draw(rng):
        effects = rng.standard_normal((10, 1)) + rng.standard_normal((1, 3))
        return (effects + 0.5 * rng.standard_normal((10, 3))).mean(axis=1)

    assert coverage(draw, 0) < 0.75


def test_the_variance_of_crossed_factors_is_unbiased():
    """Where neither floor is reached: 1 / P + s^2 / S + e^2 / (P S)."""
    rng = np.random.default_rng(0)
    patients, seeds = 8, 6
    squared = [
        standard_error(
            rng.standard_normal((patients, 1))
            + rng.standard_normal((1, seeds))
            + 0.3 * rng.standard_normal((patients, seeds))
        )[0]
        ** 2
        for _ in range(4000)
    ]
    expected = 1 / patients + 1 / seeds + 0.09 / (patients * seeds)
    assert np.mean(squared) == pytest.approx(expected, rel=0.03)


def test_equal_seeds_make_nothing_surer():
    values = np.random.default_rng(0).random(6)
    thrice = mean_interval(np.repeat(values[:, None], 3, axis=1))
    np.testing.assert_allclose(thrice, mean_interval(values))


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


def test_values_stand_by_patient_and_seed():
    rows = measured()
    tables = by_seed(rows)
    assert [*tables] == [
        (metric, views, method)
        for method in ("unet", "hull")
        for views in (2, 5)
        for metric in ("iou", "dice")
    ]
    assert tables["iou", 2, "unet"].shape == (3, 3) and tables["iou", 2, "hull"].shape == (3, 1)
    for row in rows.itertuples():
        assert tables[row.metric, row.views, row.method].loc[row.patient, row.seed] == row.value


def test_a_patient_without_a_value_at_each_seed_is_left_out():
    rows = measured()
    gone = rows.query("method == 'unet' and seed == 2 and patient == 'a' and metric == 'iou'")
    tables = by_seed(rows.drop(gone.index))
    assert list(tables["iou", 2, "unet"].index) == ["b", "c"]
    assert list(tables["iou", 2, "hull"].index) == ["a", "b", "c"]
    first, second = common_patients(tables["iou", 2, "unet"], tables["iou", 2, "hull"])
    np.testing.assert_array_equal(second, tables["iou", 2, "hull"].loc[["b", "c"]])
    assert first.shape == (2, 3)


# Other patients


def welch_coverage(draw, truth, samples=2000):
    rng = np.random.default_rng(0)
    intervals = np.array([unpaired_difference(*draw(rng)) for _ in range(samples)])
    return np.mean((intervals[:, 1] <= truth) & (truth <= intervals[:, 2]))


def test_scipys_welch_gives_the_same_interval():
    rng = np.random.default_rng(0)
    first, second = rng.normal(0.6, 0.05, 10), rng.normal(0.4, 0.2, 23)
    expected = stats.ttest_ind(first, second, equal_var=False).confidence_interval()
    apart, low, high = unpaired_difference(first, second)
    assert apart == pytest.approx(first.mean() - second.mean())
    np.testing.assert_allclose((low, high), expected)
    np.testing.assert_allclose(unpaired_difference(second, first), (-apart, -high, -low))


@pytest.mark.parametrize("counts", [(5, 5), (10, 20), (20, 4)])
@pytest.mark.parametrize("spreads", [(0.1, 0.1), (0.05, 0.2)])
def test_95_of_100_intervals_hold_a_difference_of_other_patients(counts, spreads):
    """Groups of other sizes and spreads."""

    def draw(rng):
        return rng.normal(0.6, spreads[0], counts[0]), rng.normal(0.4, spreads[1], counts[1])

    assert 0.925 <= welch_coverage(draw, 0.2) <= 0.98


@pytest.mark.parametrize("of_seeds", [0, 0.05, 0.2])
def test_what_seeds_differ_by_between_groups_is_in_the_interval(of_seeds):
    """Trainings that are good on one group and bad on the other, and such as are good on both."""

    def draw(rng):
        shared = rng.normal(0, 0.3, 3)
        return [
            rng.normal(mean, 0.1, (count, 1))
            + shared
            + rng.normal(0, of_seeds, 3)
            + rng.normal(0, 0.05, (count, 3))
            for mean, count in ((0.6, 10), (0.4, 12))
        ]

    assert 0.915 <= welch_coverage(draw, 0.2) <= 0.99


def test_seeds_that_are_as_good_on_both_sides_widen_nothing():
    rng = np.random.default_rng(0)
    first, second = rng.random((8, 1)), rng.random((9, 1))
    seeds = np.array([0, 5, -3])
    expected = unpaired_difference(first, second)
    np.testing.assert_allclose(unpaired_difference(first + seeds, second + seeds), expected)


@pytest.mark.parametrize("counts", [(LEAST_PATIENTS - 1, 9), (9, 1)])
def test_few_patients_on_either_side_have_a_difference_without_an_interval(counts):
    first, second = (np.random.default_rng(0).random(count) for count in counts)
    apart, low, high = unpaired_difference(first, second)
    assert apart == pytest.approx(first.mean() - second.mean()) and np.isnan([low, high]).all()


def test_equal_values_on_both_sides_have_no_interval_and_other_seeds_are_refused():
    assert np.isnan(unpaired_difference(np.full(5, 0.3), np.full(7, 0.1))[1:]).all()
    one_sided = unpaired_difference(np.full(5, 0.3), np.random.default_rng(0).random(7))
    assert one_sided[1] < one_sided[0] < one_sided[2]
    with pytest.raises(ValueError, match=r"seeds: 3 and 2"):
        unpaired_difference(np.zeros((5, 3)), np.zeros((5, 2)))
