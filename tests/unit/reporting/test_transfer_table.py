"""The table of a transfer: means of each group, and gaps that nothing pairs."""

import re

import numpy as np
import pandas as pd
import pytest
from angiovox.metrics.statistics import mean_interval, unpaired_difference
from angiovox.reporting.transfer import COLUMNS, COMPARED, markdown, transfer_table

TITLES = {"dae": "Autoencoder", "hull": "Visual hull"}
GROUPS = {
    "test": {"title": "test phantoms", "patients": [f"p{n}" for n in range(6)]},
    "trees": {"title": "traced trees", "patients": [f"t{n}" for n in range(9)]},
    "clinic": {"title": "clinic", "patients": ["c0", "c1"]},
}
MEANS = {"test": 0.7, "trees": 0.5, "clinic": 0.4}


def measured(seeds=(1,), views=(10, 2), empty=()):
    """Long form; patients of the clinic have no exact arteries."""
    rng = np.random.default_rng(0)
    rows = []
    for name, group in GROUPS.items():
        for patient in group["patients"]:
            for method in TITLES:
                for count in views:
                    for seed in seeds if method == "dae" else seeds[:1]:
                        run = (method, count, seed, patient)
                        metrics = [m for m in COMPARED if name != "clinic" or m != "iou_exact"]
                        rows += [
                            (*run, metric, MEANS[name] + rng.normal(0, 0.05)) for metric in metrics
                        ]
                        rows += [(*run, "empty", float(patient in empty)), (*run, "hd95_mm", 3.0)]
    names = ["method", "views", "seed", "patient", "metric", "value"]
    return pd.DataFrame(rows, columns=names)


def test_each_group_has_its_mean_and_all_but_the_first_a_gap():
    given = measured(empty=["t0", "t1"])
    table = transfer_table(given, GROUPS)
    assert list(table) == [*COLUMNS]
    assert not table.duplicated(["metric", "views", "method", "group"]).any()
    for row in table.itertuples():
        own = given.query("metric == @row.metric and views == @row.views and method == @row.method")
        values = {
            name: own[own["patient"].isin(group["patients"])]["value"].to_numpy()
            for name, group in GROUPS.items()
        }
        assert row.mean == pytest.approx(values[row.group].mean())
        assert row.patients == len(GROUPS[row.group]["patients"]) and row.seeds == 1
        assert row.empty == (2 if row.group == "trees" else 0)
        gap = unpaired_difference(values["test"], values[row.group])
        expected = (np.nan,) * 3 if row.group == "test" else gap
        np.testing.assert_allclose((row.gap, row.gap_low, row.gap_high), expected)
        if row.group != "test":
            assert row.gap_share == pytest.approx(gap[0] / values["test"].mean())
        low_high = mean_interval(values[row.group], "logit")[1:]
        np.testing.assert_allclose((row.low, row.high), low_high)


def test_what_a_group_has_not_has_no_row():
    table = transfer_table(measured(), GROUPS)
    assert set(table["metric"]) == {*COMPARED}
    assert set(table.query("metric == 'iou_exact'")["group"]) == {"test", "trees"}
    assert set(table.query("metric == 'iou'")["group"]) == {*GROUPS}


def test_few_patients_have_a_gap_without_an_interval():
    clinic = transfer_table(measured(), GROUPS).query("group == 'clinic'")
    assert clinic["gap"].notna().all() and clinic["gap_low"].isna().all()


def test_several_seeds_are_counted_where_a_method_has_them():
    table = transfer_table(measured(seeds=(1, 2, 3)), GROUPS)
    assert table.groupby("method")["seeds"].unique().map(list).to_dict() == {
        "dae": [3],
        "hull": [1],
    }
    assert "With 3 training seeds" in markdown(table, GROUPS, TITLES, "trained on phantoms")


def test_neither_the_order_of_rows_nor_a_further_group_changes_a_number():
    given = measured()
    expected = transfer_table(given, GROUPS)
    shuffled = transfer_table(given.sort_values("value", kind="stable"), GROUPS)
    keys = ["metric", "views", "method", "group"]
    pd.testing.assert_frame_equal(
        expected.set_index(keys).sort_index(), shuffled.set_index(keys).sort_index()
    )
    fewer = {name: GROUPS[name] for name in ("test", "trees")}
    rows = expected[expected["group"] != "clinic"].reset_index(drop=True)
    pd.testing.assert_frame_equal(rows, transfer_table(given, fewer))


def test_the_page_has_iou_at_all_views_and_the_others_at_the_fewest():
    table = transfer_table(measured(empty=["t0"]), GROUPS)
    text = markdown(table, GROUPS, TITLES, "trained on phantoms, 1 seed, 64³ voxels")
    heads = re.findall(r"^## (.*)$", text, re.M)
    assert heads == [
        *["IoU at 2 views", "IoU at 10 views", "Dice at 2 views"],
        *["clDice (own thinning) at 2 views", "IoU with the exact arteries at 2 views"],
    ]
    assert "Trained on phantoms, 1 seed, 64³ voxels." in text and "nan" not in text
    first = text.split("## IoU at 2 views")[1].split("##")[0]
    for words in (
        "test phantoms (n = 6)",
        "traced trees (n = 9)",
        "gap to traced trees",
        "1 empty",
    ):
        assert words in first
    row = table.query("metric == 'iou' and views == 2 and method == 'hull' and group == 'trees'")
    [row] = row.itertuples()
    shown = f"{row.gap:.3f} ({row.gap_low:.3f} to {row.gap_high:.3f}), {100 * row.gap_share:.0f} %"
    assert shown in first
    assert "clinic" not in text.split("exact arteries at 2 views")[1]


def test_nothing_found_anywhere_is_a_gap_of_nothing():
    given = measured()
    given.loc[given["metric"] != "empty", "value"] = 0.0
    table = transfer_table(given, GROUPS)
    gaps = table[table["group"] != "test"]
    assert (gaps["gap"] == 0).all() and gaps[["gap_low", "gap_share"]].isna().all(axis=None)
    assert "nan" not in markdown(table, GROUPS, TITLES, "trained on phantoms")
