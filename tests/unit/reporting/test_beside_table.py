"""Two studies side by side: the same patients, opposite signs, and what only one of them has."""

import re

import numpy as np
import pandas as pd
import pytest
from angiovox.errors import InputError
from angiovox.metrics.statistics import mean_interval, paired_difference
from angiovox.reporting.beside_page import sections
from angiovox.reporting.beside_table import (
    COLUMNS,
    DIFFERENCE,
    KEYS,
    OURS,
    THEIRS,
    beside_table,
    compare_studies,
)
from angiovox.reporting.leaderboard import leaderboard
from angiovox.reporting.leaderboard_page import EMPTY_CELL, markdown, page

TITLES = {"dae": "Autoencoder", "hull": "Hull", "sirt": "SIRT"}
MEANS = {"dae": 0.5, "hull": 0.45, "sirt": 0.6}
EIGHT = range(8)


def measured(methods=("dae", "hull"), views=(10, 2), patients=EIGHT, seeds=(1,), draw=0):
    """IoU and, as every table has them, other metrics; trained methods alone have all seeds."""
    rng = np.random.default_rng(draw)
    rows = []
    for method in methods:
        for count in views:
            for patient in patients:
                for seed in seeds if method == "dae" else seeds[:1]:
                    run = (method, count, seed, f"p{patient}")
                    rows.append((*run, "iou", MEANS[method] + rng.normal(0, 0.05)))
                    rows += [(*run, "hd95_mm", 3.0), (*run, "empty", 0.0)]
    return pd.DataFrame(rows, columns=[*KEYS, "value"])


def by_run(table):
    return table.set_index(["views", "method"])


# The long table


def test_a_study_beside_itself_differs_by_nothing():
    table = compare_studies(measured(seeds=(1, 2)), measured(seeds=(1, 2)))
    assert (table["difference"] == 0).all() and (table["paired"] == len(EIGHT)).all()
    assert table[["difference_low", "difference_high"]].isna().all(axis=None)
    np.testing.assert_array_equal(table[list(OURS)], table[list(THEIRS)])


def test_studies_that_change_places_change_the_sign():
    one, other = measured(), measured(draw=1)
    there, back = by_run(compare_studies(one, other)), by_run(compare_studies(other, one))
    low, high = there["difference_low"], there["difference_high"]
    assert (low < there["difference"]).all() and (there["difference"] < high).all()
    np.testing.assert_allclose(back["difference"], -there["difference"])
    np.testing.assert_allclose(back["difference_low"], -high)
    np.testing.assert_allclose(back["difference_high"], -low)
    np.testing.assert_array_equal(back[list(THEIRS)], there[list(OURS)])
    np.testing.assert_allclose(there["difference"], there["mean"] - there["other_mean"])


def test_rows_and_patients_in_another_order_change_nothing():
    one, other = measured(), measured(draw=1)
    turned = other[::-1].sample(frac=1, random_state=0)
    table = by_run(compare_studies(one, other))
    pd.testing.assert_frame_equal(by_run(compare_studies(one, turned)).loc[table.index], table)


def test_a_difference_is_over_the_patients_of_both_and_so_are_means():
    one, other = measured(patients=range(6)), measured(patients=range(2, 8), draw=1)
    row = by_run(compare_studies(one, other)).loc[(2, "hull")]
    assert (row["tested"], row["other_tested"], row["tested_in_both"]) == (6, 6, 4)
    names = [f"p{number}" for number in range(2, 6)]
    values = [
        table.query("method == 'hull' and views == 2 and metric == 'iou'")
        .set_index("patient")
        .loc[names, "value"]
        .to_numpy()
        for table in (one, other)
    ]
    assert row["patients"] == row["other_patients"] == row["paired"] == 4
    np.testing.assert_allclose(row[list(DIFFERENCE)].astype(float), paired_difference(*values))
    np.testing.assert_allclose(
        row[["mean", "low", "high"]].astype(float), mean_interval(values[0], "logit")
    )


def test_what_only_one_study_has_stands_alone():
    one = measured(methods=("dae", "sirt"), views=(10, 5))
    other = measured(methods=("dae", "hull"), views=(10, 2))
    table = compare_studies(one, other)
    keys = [*zip(table["views"], table["method"], strict=True)]
    expected = [(10, "dae"), (10, "sirt"), (10, "hull"), (5, "dae"), (5, "sirt")]
    assert keys == [*expected, (2, "dae"), (2, "hull")]
    table = by_run(table)
    for key in keys:
        has = (key[1] != "hull" and key[0] != 2), (key[1] != "sirt" and key[0] != 5)
        row = table.loc[key]
        assert (pd.notna(row["mean"]), pd.notna(row["other_mean"])) == has
        assert pd.notna(row["difference"]) == all(has) == (row["paired"] > 0)


def test_other_patients_have_means_and_no_difference():
    one, other = measured(patients=range(4)), measured(patients=range(4, 9))
    table = compare_studies(one, other)
    assert table[["mean", "other_mean"]].notna().all(axis=None)
    assert (table["patients"] == 4).all() and (table["other_patients"] == 5).all()
    assert table["difference"].isna().all() and (table["paired"] == 0).all()


def test_trainings_of_other_number_are_averaged_and_of_the_same_number_crossed():
    one, other = measured(seeds=(1, 2, 3)), measured(seeds=(1, 2), draw=1)
    row = by_run(compare_studies(one, other)).loc[(2, "dae")]
    assert (row["seeds"], row["other_seeds"]) == (3, 2)
    averaged = [
        table.groupby(["method", "views", "patient", "metric"], as_index=False)["value"]
        .mean()
        .assign(seed=1)
        for table in (one, other)
    ]
    alone = by_run(compare_studies(*averaged)).loc[(2, "dae")]
    columns = [*DIFFERENCE, "mean", "other_mean"]
    np.testing.assert_allclose(row[columns].astype(float), alone[columns].astype(float))
    crossed = by_run(compare_studies(one, measured(seeds=(4, 5, 6), draw=1))).loc[(2, "dae")]
    assert crossed["difference_low"] < crossed["difference"] < crossed["difference_high"]


# Files of other studies


@pytest.fixture
def written(tmp_path):
    """Write a table as another study's, and give its path."""

    def write(table):
        path = tmp_path / "per_patient.csv"
        path.write_text(table if isinstance(table, str) else table.to_csv(index=False))
        return str(path)

    return write


def refusal(path):
    with pytest.raises(InputError) as refused:
        beside_table(measured(), {"Other": path})
    assert path in str(refused.value)
    return str(refused.value)


def test_each_other_study_has_its_rows_under_its_title(written):
    path = written(measured(draw=1))
    table = beside_table(measured(), {"One": path, "Two": path})
    assert list(table) == [*COLUMNS]
    parts = [part.drop(columns="beside") for _, part in table.groupby("beside", sort=False)]
    assert list(dict.fromkeys(table["beside"])) == ["One", "Two"]
    np.testing.assert_array_equal(parts[0]["difference"], parts[1]["difference"])
    assert beside_table(measured(), {}).empty


def test_a_table_of_something_else_is_refused_with_what_is_missing(written):
    message = refusal(written(measured().rename(columns={"seed": "training"})))
    assert "expected the columns method, views, seed, patient, metric, value" in message


@pytest.mark.parametrize("text", ["", "method,views\n1,2,3\n4\n"], ids=["empty", "broken"])
def test_a_broken_table_is_refused(written, text):
    assert re.search("broken", refusal(written(text)))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda table: table[table["metric"] != "iou"], "no row of the metric iou"),
        (lambda table: pd.concat([table, table]), "a patient twice"),
        (lambda table: table.assign(views=2.5), "whole numbers"),
        (lambda table: table.assign(seed="first"), "whole numbers"),
        (lambda table: table.assign(value="Doe, Jane"), "value has to be a number"),
    ],
    ids=["no IoU", "twice", "views", "seed", "value"],
)
def test_rows_that_cannot_be_compared_are_refused(written, change, words):
    message = refusal(written(change(measured())))
    assert words in message and "Doe" not in message


def test_a_study_with_neither_patients_nor_methods_in_common_is_refused(written):
    path = written(measured(methods=("sirt",), patients=range(20, 24)))
    assert "leaderboard.beside" in refusal(path)


@pytest.mark.parametrize("other", [{"methods": ("sirt",)}, {"patients": range(20, 24)}])
def test_either_of_them_is_enough(written, other):
    table = beside_table(measured(), {"Other": written(measured(**other))})
    assert table["difference"].isna().all() and table["other_mean"].notna().any()


# For people


def shown(ours, theirs, written, title="Maxima, parallel beam"):
    """The leaderboard of a study beside another one, in Markdown and as a page."""
    board = leaderboard(ours)
    beside = sections(beside_table(ours, {title: written(theirs)}), board, TITLES)
    return [make(board, TITLES, "note", None, beside) for make in (markdown, page)]


def rows_of(text):
    """(method, study) and cells by number of views, of the table of the studies."""
    below = text.split("## IoU of this study beside: ")[1].split("\n## ")[0]
    lines = [line for line in below.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    rows, method = {}, ""
    for name, kind, *values in cells[2:]:
        method = name or method
        rows[method, kind] = dict(zip(cells[0][2:], values, strict=True))
    return rows


def test_both_studies_and_their_difference_stand_one_below_the_other(written):
    ours, theirs = measured(), measured(draw=1)
    text, _ = shown(ours, theirs, written)
    rows = rows_of(text)
    studies = ["this study", "Maxima, parallel beam", "difference"]
    assert [*rows] == [(name, kind) for name in ("Autoencoder", "Hull") for kind in studies]
    table = by_run(compare_studies(ours, theirs)).loc[(2, "hull")]
    for kind, columns, sign in zip(
        studies, (OURS[2:], THEIRS[2:], DIFFERENCE), ("", "", "+"), strict=True
    ):
        value, low, high = table[list(columns)]
        expected = f"{value:{sign}.3f} ({low:{sign}.3f} to {high:{sign}.3f})"
        assert rows["Hull", kind]["2 views"] == expected


def test_the_section_follows_those_of_iou_and_its_heading_names_both(written):
    text, html = shown(measured(), measured(draw=1), written, title="Maxima <old>")
    headings = re.findall(r"^## (.*)", text, re.M)
    at = headings.index("IoU of this study beside: Maxima <old>, n = 8")
    assert [heading.split(" ")[0] for heading in headings[1:at]] == ["IoU"] * (at - 1)
    assert not headings[at + 1].startswith("IoU")
    assert "<h2>IoU of this study beside: Maxima &lt;old&gt;, n = 8</h2>" in html
    figures = re.findall(r"[\d.+-]+ to [\d.+-]+", text.split(headings[at])[1].split("\n## ")[0])
    assert len(figures) == 12 and all(figure in html for figure in figures)


def test_methods_and_view_counts_of_one_study_stand_beside_those_of_the_other(written):
    ours = measured(methods=("dae", "sirt"), views=(10, 5))
    text, _ = shown(ours, measured(views=(10, 2)), written)
    rows = rows_of(text)
    assert [*dict.fromkeys(name for name, _ in rows)] == ["SIRT", "Autoencoder", "Hull"]
    assert ("SIRT", "difference") not in rows and ("Hull", "this study") not in rows
    assert ("SIRT", "Maxima, parallel beam") not in rows
    filled = {
        key: [views for views, cell in cells.items() if cell != EMPTY_CELL]
        for key, cells in rows.items()
    }
    assert filled["SIRT", "this study"] == ["10 views", "5 views"]
    assert filled["Hull", "Maxima, parallel beam"] == ["10 views", "2 views"]
    assert filled["Autoencoder", "difference"] == ["10 views"]
    assert "stands alone" in text


def test_a_method_that_only_the_other_study_has_goes_by_its_entry(written):
    text, _ = shown(measured(), measured(methods=("dae", "sirt")), written)
    assert ("SIRT", "Maxima, parallel beam") in rows_of(text)
    board, table = leaderboard(measured()), measured(methods=("dae", "sirt"))
    beside = beside_table(measured(), {"Other": written(table)})
    named = [name for name, _ in sections(beside, board, {"dae": "A", "hull": "H"})[0].rows]
    assert named[-1] == "sirt"


SAID = {
    "the same ids": "Patients are matched by id",
    "left out": "left out: 2 whom only this study has, 1 whom only the other has",
    "other patients": "no test patient in common",
    "seeds": "trained with more seeds in one study",
    "alone": "stands alone",
}


@pytest.mark.parametrize(
    ("ours", "theirs", "said"),
    [
        ({}, {}, []),
        ({}, {"patients": range(2, 9)}, ["left out"]),
        ({}, {"patients": range(20, 24)}, ["other patients"]),
        ({"seeds": (1, 2)}, {}, ["seeds"]),
        ({}, {"views": (10,)}, ["alone"]),
    ],
    ids=["alike", "some patients", "other patients", "seeds", "views"],
)
def test_what_is_said_depends_on_what_the_studies_share(written, ours, theirs, said):
    for text in shown(measured(**ours), measured(**theirs), written):
        part = re.split("IoU of this study beside", text)[1]
        found = [name for name, words in SAID.items() if re.search(words, part)]
        assert found == ["the same ids", *said]
        assert "nan" not in part.lower()


def test_a_cell_says_where_it_is_over_fewer_patients_than_the_heading(written):
    ours = measured()
    lacking = (ours["method"] == "hull") & (ours["patient"] == "p0") & (ours["views"] == 2)
    text, _ = shown(ours[~lacking], measured(draw=1), written)
    rows = rows_of(text)
    of_few = {key for key, cells in rows.items() if cells["2 views"].endswith(", n = 7")}
    assert of_few == {("Hull", "this study"), ("Hull", "difference")}


def test_a_study_with_nothing_beside_it_has_the_page_of_before():
    board = leaderboard(measured())
    none = sections(beside_table(measured(), {}), board, TITLES)
    for make in (markdown, page):
        assert make(board, TITLES, "note", None, none) == make(board, TITLES, "note")
