"""Which methods are shown to be better: seldom if all are alike, else as often as theory says."""

from itertools import combinations, product

import numpy as np
import pandas as pd
import pytest
from angiovox.metrics.comparisons import (
    BETTER,
    EXACT_UP_TO,
    LEAST_PATIENTS,
    LEVEL,
    NOT_TESTED,
    TIE,
    WORSE,
    compare,
    largest_t_p_values,
    sign_flips,
)
from scipy import stats


def tables(values, names=None):
    """By method a table of patients by seeds, from (methods, patients) or with seeds."""
    values = np.reshape(values, (*np.shape(values)[:2], -1))
    names = names or [f"m{number}" for number in range(len(values))]
    return {name: pd.DataFrame(own) for name, own in zip(names, values, strict=True)}


def study(rng, methods=7, patients=10, lead=0.0):
    """Methods with patients' effects and residuals of standard deviation 1; the first leads."""
    values = 2 * rng.standard_normal(patients) + rng.standard_normal((methods, patients))
    values[0] += lead
    return values


def marks(values, higher=True):
    result = compare(values, higher)
    return {pair: result.mark(*pair) for pair in product(values, values)}


# The flips


def test_all_signs_stand_once_up_to_their_opposite():
    flips = sign_flips(5)
    assert flips.shape == (16, 5) and (flips[0] == 1).all()
    both = {tuple(row) for row in np.concatenate([flips, -flips])}
    assert both == {*product([1.0, -1.0], repeat=5)}


def test_many_patients_have_a_sample_of_signs_that_is_always_the_same():
    patients = EXACT_UP_TO + 1
    flips = sign_flips(patients)
    assert len(flips) < 2 ** (patients - 1) and (flips[0] == 1).all()
    assert abs(flips[1:].mean(axis=0)).max() < 0.05
    sign_flips.cache_clear()
    np.testing.assert_array_equal(sign_flips(patients), flips)


def test_p_is_that_of_a_plain_loop_over_signs_and_pairs():
    """By |t| itself, which the code never computes."""
    rng = np.random.default_rng(0)
    apart = rng.standard_normal((4, 7)) + [[0], [0.5], [1], [3]]

    def sizes(rows):
        return np.abs(stats.ttest_1samp(rows, 0, axis=1).statistic)

    largest = [max(sizes(apart * signs)) for signs in product([1, -1], repeat=7)]
    expected = [np.mean(np.array(largest) >= size - 1e-9) for size in sizes(apart)]
    np.testing.assert_allclose(largest_t_p_values(apart), expected)


def test_one_pair_agrees_with_scipys_permutation_test():
    first, second = np.random.default_rng(1).random((2, 8))
    expected = stats.permutation_test(
        (first, second),
        lambda x, y, axis: np.mean(x - y, axis=axis),
        permutation_type="samples",
        n_resamples=np.inf,
    )
    assert compare(tables([first, second]), True).p[0, 1] == pytest.approx(expected.pvalue)


# How often


def test_methods_alike_are_seldom_told_apart():
    """At most 1 table in 20, over all pairs and the best that the data chose."""
    rng = np.random.default_rng(0)
    results = [compare(tables(study(rng)), True) for _ in range(500)]
    assert 0.01 <= np.mean([(result.p <= LEVEL).any() for result in results]) <= 0.08


def test_unequal_residuals_make_no_difference_to_that():
    rng = np.random.default_rng(1)
    spread = np.array([0.2, 0.5, 1, 1, 1, 2, 4])[:, None]
    results = [compare(tables(study(rng) * spread), True) for _ in range(500)]
    assert np.mean([(result.p <= LEVEL).any() for result in results]) <= 0.08


def power_in_theory(methods, patients, lead, samples=20_000):
    """Share of studies in which one pair's |t| exceeds the 95th percentile of the largest |t| of
    all pairs of equal methods, both by simulation of normal residuals."""
    rng = np.random.default_rng(99)
    noise = rng.standard_normal((samples, methods, patients))

    def size(values, one, other):
        apart = values[:, one] - values[:, other]
        return abs(apart.mean(axis=1)) / (apart.std(axis=1, ddof=1) / np.sqrt(patients))

    largest = np.max([size(noise, *pair) for pair in combinations(range(methods), 2)], axis=0)
    leading = rng.standard_normal((samples, 2, patients)) + [[lead], [0]]
    return np.mean(size(leading, 0, 1) > np.quantile(largest, 1 - LEVEL))


@pytest.mark.parametrize(("methods", "lead"), [(2, 1), (7, 1), (7, 2)])
def test_a_true_lead_is_found_as_often_as_theory_says(methods, lead):
    """600 studies: standard error of the share at most 0.02."""
    rng = np.random.default_rng(2)
    given = (tables(study(rng, methods, 10, lead)) for _ in range(600))
    found = np.mean([compare(values, True).mark("m0", "m1") == BETTER for values in given])
    assert found == pytest.approx(power_in_theory(methods, 10, lead), abs=0.06)


def test_of_two_methods_the_theory_is_the_noncentral_t():
    shift = np.sqrt(10 / 2)
    critical = stats.t.ppf(1 - LEVEL / 2, 9)
    expected = stats.nct.sf(critical, 9, shift) + stats.nct.cdf(-critical, 9, shift)
    assert power_in_theory(2, 10, 1) == pytest.approx(expected, abs=0.02)


# What makes no difference


def test_a_mark_turned_round_is_the_opposite():
    found = marks(tables(study(np.random.default_rng(3), lead=4)))
    opposite = {BETTER: WORSE, WORSE: BETTER, TIE: TIE}
    assert {BETTER, WORSE, TIE} == {*found.values()}
    assert all(found[b, a] == opposite[found[a, b]] for a, b in found)
    assert all(found[a, a] == TIE for a, _ in found)


def test_names_and_order_change_no_mark():
    values = study(np.random.default_rng(3), lead=4)
    names = [f"m{number}" for number in range(7)]
    first = marks(tables(values, names))
    order = np.random.default_rng(0).permutation(7)
    assert marks(tables(values[order], [names[k] for k in order])) == first
    renamed = {(f"m{6 - int(a[1])}", f"m{6 - int(b[1])}"): mark for (a, b), mark in first.items()}
    assert marks(tables(values, names[::-1])) == renamed


@pytest.mark.parametrize("change", [lambda x: x + 5, lambda x: x - 0.3, lambda x: 40 * x])
def test_other_units_change_no_mark(change):
    values = study(np.random.default_rng(3), lead=4)
    first, changed = compare(tables(values), True), compare(tables(change(values)), True)
    np.testing.assert_array_equal(changed.p, first.p)
    pd.testing.assert_frame_equal(changed.ranks(), first.ranks())


def test_where_lower_is_better_marks_are_those_of_the_values_turned_round():
    values = study(np.random.default_rng(3), lead=4)
    assert marks(tables(-values), higher=False) == marks(tables(values))


def test_a_difference_in_the_last_bit_is_a_tie():
    values = np.random.default_rng(0).random(10)
    for other in (np.nextafter(values, 1), (values + values + values) / 3):
        result = compare(tables([values, other]), True)
        assert result.mark("m0", "m1") == TIE and result.p[0, 1] == 1
        assert list(result.ranks()["rank"]) == [1.5, 1.5]


def test_equal_methods_beside_others_cost_nothing():
    values = study(np.random.default_rng(3), methods=4, lead=4)
    doubled = np.concatenate([values, values[-1:]])
    np.testing.assert_array_equal(
        compare(tables(doubled), True).p[:4, :4], compare(tables(values), True).p
    )


# Few patients, missing values


@pytest.mark.parametrize("patients", range(1, LEAST_PATIENTS))
def test_few_patients_have_no_mark_however_clear(patients):
    values = np.stack([np.full(patients, k) + 0.01 * np.arange(patients) for k in (3.0, 2.0, 1.0)])
    result = compare(tables(values), True)
    assert {*marks(tables(values)).values()} == {NOT_TESTED}
    assert list(result.ranks()["rank"]) == [1, 2, 3]
    assert result.ranks()[["rank_low", "rank_high"]].isna().all(axis=None)


def test_six_patients_of_one_sign_have_one():
    values = np.stack([np.arange(6) + 1.0, np.arange(6) * 1.0])
    result = compare(tables(values), True)
    assert result.mark("m0", "m1") == BETTER and result.p[0, 1] == 1 / 32


def test_a_method_without_a_value_of_each_patient_is_not_compared():
    values = tables(study(np.random.default_rng(3), methods=4, lead=4))
    alone = compare({name: own for name, own in values.items() if name != "m2"}, True)
    result = compare(values | {"m2": values["m2"].drop(0)}, True)
    assert list(result.methods) == ["m0", "m1", "m3"]
    np.testing.assert_array_equal(result.p, alone.p)
    assert result.mark("m0", "m2") == NOT_TESTED and np.isnan(result.p_value("m2", "m0"))
    assert "m2" not in result.ranks().index


def test_no_method_with_every_patient_is_no_comparison():
    values = tables(study(np.random.default_rng(3), methods=2))
    result = compare({"m0": values["m0"].drop(0), "m1": values["m1"].drop(1)}, True)
    assert len(result.methods) == 0 and result.ranks().empty


# Ranks


def test_ranks_are_bounded_by_what_was_shown():
    rng = np.random.default_rng(4)
    gaps = np.array([0, 0, 3, 3, 6])[:, None]
    values = tables(0.3 * rng.standard_normal((5, 12)) - gaps)
    table = compare(values, True).ranks()
    assert list(table["rank_low"]) == [1, 1, 3, 3, 5]
    assert list(table["rank_high"]) == [2, 2, 4, 4, 5]
    assert table["rank"].between(table["rank_low"], table["rank_high"]).all()


def test_rank_bounds_hold_all_true_ranks_in_19_of_20_studies():
    rng = np.random.default_rng(5)
    means, true = 0.5 * np.arange(6)[::-1, None], np.arange(1, 7)
    held = 0
    for _ in range(300):
        table = compare(tables(study(rng, methods=6) + means), True).ranks()
        held += ((table["rank_low"] <= true) & (true <= table["rank_high"])).all()
    assert held / 300 >= 0.92


# Seeds


def test_trainings_that_differ_are_not_taken_for_methods_that_do():
    """Patients alone would tell nearly all such methods apart."""
    rng = np.random.default_rng(6)
    denied, patients_alone = 0, 0
    for _ in range(200):
        seeds = rng.standard_normal((4, 1, 3))
        values = study(rng, methods=4)[:, :, None] + seeds + 0.5 * rng.standard_normal((4, 10, 3))
        denied += (compare(tables(values), True).p <= LEVEL).any()
        patients_alone += (compare(tables(values.mean(axis=2)), True).p <= LEVEL).any()
    assert denied / 200 <= 0.1 < 0.2 < patients_alone / 200


def test_a_lead_far_above_what_trainings_differ_by_is_found():
    rng = np.random.default_rng(7)
    values = study(rng, methods=3, lead=6)[:, :, None] + 0.1 * rng.standard_normal((3, 10, 3))
    mixed = tables(values) | {"fixed": tables(values)["m2"][[0]]}
    result = compare(mixed, True)
    assert [result.mark("m0", name) for name in ("m1", "m2", "fixed")] == [BETTER] * 3
