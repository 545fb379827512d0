"""Where metrics rank methods alike, and which prefer a result that has lost vessels."""

import numpy as np
import pandas as pd
import pytest
from angiovox.metrics import agreement
from angiovox.metrics.agreement import COMPARED, FOUND, LEAST_LOSS, REAL
from angiovox.metrics.registry import LOWER, METRICS

METHODS = ("a", "b", "c")
PATIENTS = tuple(f"P{number}" for number in range(4))


def measured(changes=None, methods=METHODS, seeds=(1,), views=2, metrics=COMPARED):
    """A metric's value is 0.1, 0.2 and 0.3 of the methods, for every patient, or as changed.

    changes : by (metric, patient, method), any None for all, another value.
    """
    rows = [
        (method, views, seed, patient, metric, 0.1 * (1 + number))
        for number, method in enumerate(methods)
        for seed in seeds
        for patient in PATIENTS
        for metric in metrics
    ]
    table = pd.DataFrame(rows, columns=["method", "views", "seed", "patient", "metric", "value"])
    for (metric, patient, method), value in (changes or {}).items():
        chosen = (table["metric"] == metric) & (table["method"] == method)
        chosen &= (table["patient"] == patient) | (patient is None)
        table.loc[chosen, "value"] = value
    return table


def values(changes=None, **options):
    return agreement.oriented(measured(changes, **options), METHODS, 2)


def test_every_compared_metric_is_in_the_catalogue_and_has_a_better_way():
    assert len(set(COMPARED)) == len(COMPARED)
    assert all(METRICS[name].better for name in COMPARED)


def test_higher_is_better_in_all_that_is_compared():
    table = values()
    for name in COMPARED:
        sign = -1 if METRICS[name].better == LOWER else 1
        assert (sign * table.loc[name]["c"] > 0).all(), name
    assert list(table.index.unique("metric")) == list(COMPARED)
    assert list(table.columns) == list(METHODS)


def test_only_the_views_the_methods_and_patients_of_all_are_compared():
    table = measured()
    others = [measured(views=90), table.assign(method="d"), table]
    assert agreement.oriented(pd.concat(others), METHODS, 2).equals(values())
    lacking = table[~((table["patient"] == "P1") & (table["method"] == "b"))]
    assert set(agreement.oriented(lacking, METHODS, 2).index.unique("patient")) == {
        "P0",
        "P2",
        "P3",
    }
    without = table[table["metric"] != "lesion_recall"]
    found = agreement.oriented(without, METHODS, 2)
    assert "lesion_recall" not in found.index.unique("metric") and len(found) > 0


def test_seeds_are_averaged():
    table = measured(seeds=(1, 2))
    table.loc[(table["seed"] == 2) & (table["metric"] == "iou"), "value"] += 0.2
    found = agreement.oriented(table, METHODS, 2)
    np.testing.assert_allclose(found.loc["iou"], values().loc["iou"] + 0.1)


def test_the_best_mean_has_rank_1_and_equal_means_share():
    ranked = agreement.ranks(values({("iou", None, "b"): 0.3}))
    assert ranked.loc["cldice"].tolist() == [3, 2, 1]
    assert ranked.loc["slice_gmsd"].tolist() == [1, 2, 3]  # lower is better
    assert ranked.loc["iou"].tolist() == [3, 1.5, 1.5]


def test_kendalls_tau_is_1_with_itself_and_minus_1_with_the_reverse():
    taus = agreement.kendall(agreement.ranks(values()))
    np.testing.assert_allclose(np.diag(taus), 1)
    assert taus.equals(taus.T)
    assert taus.loc["iou", "cldice"] == pytest.approx(1)
    assert taus.loc["iou", "slice_gmsd"] == pytest.approx(-1)
    swapped = agreement.ranks(values({("iou", None, "a"): 0.25}))
    assert agreement.kendall(swapped).loc["iou", "cldice"] == pytest.approx(1 / 3)


def test_kendalls_tau_of_a_metric_that_has_all_methods_equal_is_none():
    table = values({("iou", None, name): 0.5 for name in METHODS})
    taus = agreement.kendall(agreement.ranks(table))
    assert np.isnan(taus.loc["iou", "cldice"]) and not np.isnan(taus.loc["cldice", "nsd_1mm"])


def test_a_metric_is_misled_where_it_prefers_what_lost_vessels():
    table = values({("iou", "P0", "a"): 0.9})  # over b and c, both of which found more
    found = agreement.misled(table)
    assert found.loc["iou", ["patients", "pairs", "wrong"]].tolist() == [4, 12, 2]
    assert found.loc["iou", "share"] == pytest.approx((2 / 3 + 0 + 0 + 0) / 4)
    assert 0 < found.loc["iou", "low"] < found.loc["iou", "share"] < found.loc["iou", "high"] < 1
    assert found.loc["slice_gmsd", "share"] == 1  # of a, the lowest and best


def test_what_vessels_are_lost_by_is_never_misled():
    rng = np.random.default_rng(0)
    noise = {
        (metric, patient, method): rng.random()
        for metric in (FOUND, REAL)
        for patient in PATIENTS
        for method in METHODS
    }
    harmonic = {
        ("cldice", patient, method): 2 / (1 / noise[FOUND, patient, method] + 1 / share)
        for (metric, patient, method), share in noise.items()
        if metric == REAL
    }
    found = agreement.misled(values(noise | harmonic))
    assert found.loc["cldice", "pairs"] > 0
    assert (found.loc[["cldice", FOUND, REAL], "wrong"] == 0).all()


@pytest.mark.parametrize(
    ("changes", "pairs"),
    [
        ({}, 12),
        ({(REAL, None, "c"): 0.0}, 4),  # c invents the most: it is better than neither
        ({(FOUND, None, "b"): 0.1 + 0.9 * LEAST_LOSS}, 8),  # b has lost about as much as a
        ({(REAL, None, name): 0.5 for name in METHODS}, 12),
        ({(FOUND, None, name): 0.5 for name in METHODS}, 0),
    ],
)
def test_vessels_are_lost_where_less_is_found_and_no_less_is_invented(changes, pairs):
    found = agreement.misled(values(changes))
    assert (found["pairs"] == pairs).all()
    assert found["share"].isna().all() == (pairs == 0)


def test_a_patient_without_a_metric_does_not_count_in_its_share():
    table = measured()
    table = table[~((table["metric"] == "lesion_recall") & (table["patient"] == "P0"))]
    found = agreement.misled(agreement.oriented(table, METHODS, 2))
    assert found.loc["lesion_recall", ["patients", "pairs"]].tolist() == [3, 9]


def test_the_pair_with_the_largest_loss_of_those_that_psnr_and_ssim_prefer_is_chosen():
    preferred = {
        (metric, patient, "a"): 0.9 for metric in agreement.TRADITIONAL for patient in ("P1", "P2")
    }
    larger = {(FOUND, "P2", "c"): 0.8}
    chosen = agreement.worst_pair(values(preferred | larger))
    assert chosen == agreement.MisleadingPair("P2", preferred="a", better="c")
    by_psnr_alone = {key: value for key, value in preferred.items() if "psnr" in key[0]}
    assert agreement.worst_pair(values(by_psnr_alone)) is None


def test_there_is_no_pair_where_metrics_agree_or_centrelines_are_not_measured():
    assert agreement.worst_pair(values()) is None
    without = values(metrics=[name for name in COMPARED if name != FOUND])
    assert agreement.worst_pair(without) is None
    assert (agreement.misled(without)["pairs"] == 0).all()


def test_the_summary_has_a_row_per_metric_and_the_values_of_a_patient_are_as_measured():
    table = values()
    found = agreement.summary(table).set_index("metric")
    assert list(found.index) == list(COMPARED)
    assert (found["methods"] == 3).all() and (found["patients"] == 4).all()
    assert found.loc["iou", "tau_slice_gmsd"] == pytest.approx(-1)
    assert found.loc["iou", "title"] == METRICS["iou"].title
    own = agreement.of_patient(table, "P3")
    np.testing.assert_allclose(own, np.tile([0.1, 0.2, 0.3], (len(COMPARED), 1)))


def test_one_method_and_one_patient_are_enough_for_a_summary():
    table = measured(methods=("a",))
    found = agreement.summary(agreement.oriented(table[table["patient"] == "P0"], ("a",), 2))
    assert found["share"].isna().all() and (found["pairs"] == 0).all()
