"""The leaderboard: every method once, ties where nothing is shown, claims where something is."""

import re

import numpy as np
import pandas as pd
import pytest
from angiovox.metrics.registry import METRICS
from angiovox.reporting.leaderboard import REFERENCES, leaderboard
from angiovox.reporting.leaderboard_page import EMPTY_CELL, PAGE_METRICS, markdown, page

TITLES = {"dae": "Autoencoder", "hull": "Hull", "unet": "U-Net <3D>", "gan": "GAN"}
MEANS = {"dae": 0.5, "hull": 0.45, "unet": 0.56}


def measured(means=MEANS, views=(10, 2), seeds=(1,), patients=6, metric="iou", spread=0.02):
    """Methods that differ less than patients do, but by nearly the same in each of them: every
    other patient suits every other method."""
    patient = np.random.default_rng(0).normal(0, 0.1, patients)
    rows = [
        (method, count, seed, f"p{k}", metric, mean + patient[k] + spread * (-1) ** (k + place))
        for place, (method, mean) in enumerate(means.items())
        for count in views
        for seed in seeds
        for k in range(patients)
    ]
    return pd.DataFrame(rows, columns=["method", "views", "seed", "patient", "metric", "value"])


def board(*tables):
    return leaderboard(pd.concat(tables or [measured()], ignore_index=True), 500, 1)


# The long table


def test_each_method_stands_once_at_each_metric_and_view_count():
    table = board(measured(), measured(metric="cldice"))
    keys = table[["metric", "views", "method"]]
    assert len(keys) == 2 * 2 * 3 and not keys.duplicated().any()
    assert (table["patients"] == 6).all() and (table["seeds"] == 1).all()


def test_a_paired_difference_is_surer_than_the_means_apart():
    table = board().set_index(["views", "method"])
    better, paper = table.loc[(2, "unet")], table.loc[(2, "dae")]
    assert better["low"] < paper["high"]  # patients differ more than methods
    assert better["versus_dae_low"] > 0
    assert better["rank"] == better["rank_low"] == better["rank_high"] == 1


def test_a_method_is_no_better_than_itself():
    table = board().set_index(["views", "method"])
    for reference in REFERENCES:
        own = table.loc[(2, reference), [f"versus_{reference}{b}" for b in ("", "_low", "_high")]]
        assert (own == 0).all()


def test_methods_alike_are_ties_and_no_claim_is_made():
    table = board(measured({"dae": 0.5, "hull": 0.5}, spread=0.05)).set_index(["views", "method"])
    assert table["tied"].all()
    assert table.loc[(2, "hull"), "versus_dae_low"] < 0 < table.loc[(2, "hull"), "versus_dae_high"]


def test_lower_is_better_where_the_catalogue_says_so():
    table = board(measured(metric="hd95_mm")).query("views == 2").set_index("method")
    assert list(table.sort_values("rank").index) == ["hull", "dae", "unet"]


def test_what_only_describes_is_left_out():
    table = board(measured(), measured(metric="betti0"))
    assert set(table["metric"]) == {"iou"}


def test_a_method_at_one_view_count_competes_there_only():
    table = board(measured(), measured({"gan": 0.3}, views=(2,)))
    assert set(table.loc[table["method"] == "gan", "views"]) == {2}
    assert (table[table["views"] == 10]["rank"] <= 3).all()


def test_patients_without_a_value_are_left_out_for_all_methods():
    table = measured()
    table = board(table[(table["method"] != "hull") | (table["patient"] != "p0")])
    assert (table["patients"] == 5).all()


def test_without_a_reference_its_columns_are_empty():
    table = board(measured({"unet": 0.7, "gan": 0.3}))
    assert table[[f"versus_{reference}" for reference in REFERENCES]].isna().all(axis=None)


def test_one_patient_gives_means_and_no_claims():
    table = board(measured(patients=1))
    assert table[["low", "high", "rank_low", "versus_dae_low"]].isna().all(axis=None)
    assert table["tied"].all()
    assert "nan" not in markdown(table, TITLES, "note")


def test_seeds_are_told_and_averaged():
    table = board(measured(seeds=(1, 2, 3)))
    assert (table["seeds"] == 3).all() and (table["patients"] == 6).all()


# For people


def rows_of(text, heading):
    """Cells by method of the table below a heading."""
    below = text.split(f"## {heading}")[1].split("\n## ")[0]
    lines = [line for line in below.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {name: dict(zip(cells[0][1:], rest, strict=True)) for name, *rest in cells[2:]}


def test_the_best_is_bold_and_the_methods_stand_best_first():
    rows = rows_of(markdown(board(), TITLES, "note"), "IoU (")
    assert list(rows) == ["U-Net <3D>", "Autoencoder", "Hull"]
    assert list(rows["Hull"]) == ["10 views", "2 views"]
    bold = [name for name, cells in rows.items() if any("**" in cell for cell in cells.values())]
    assert bold == ["U-Net <3D>"]


def test_a_tie_is_marked_and_a_gain_only_where_its_interval_excludes_zero():
    table = board(measured({"dae": 0.5, "hull": 0.5, "unet": 0.7}, spread=0.05))
    rows = rows_of(markdown(table, TITLES, "note"), "IoU less that of: Autoencoder")
    assert "Autoencoder" not in rows
    assert all(cell.endswith("▲") and cell.startswith("+") for cell in rows["U-Net <3D>"].values())
    assert not any(re.search("[▲▼]", cell) for cell in rows["Hull"].values())
    alike = board(measured({"dae": 0.5, "hull": 0.5}, spread=0.05))
    tied = rows_of(markdown(alike, TITLES, "note"), "IoU (")
    assert all(("=" in cell) != ("**" in cell) for row in tied.values() for cell in row.values())


def test_less_is_a_gain_where_lower_is_better():
    table = board(measured(metric="hd95_mm"), measured())
    assert "lower is better" in markdown(table, TITLES, "note")


def test_where_a_method_does_not_run_there_is_a_dash():
    table = board(measured(), measured({"gan": 0.3}, views=(2,)))
    rows = rows_of(markdown(table, TITLES, "note"), "IoU (")
    assert rows["GAN"]["10 views"] == EMPTY_CELL and rows["GAN"]["2 views"] != EMPTY_CELL


def test_the_page_says_the_same_and_escapes_what_it_shows():
    table = board()
    text = page(table, TITLES, "on phantoms & more")
    assert "U-Net &lt;3D&gt;" in text and "on phantoms &amp; more" in text
    figures = re.findall(r"\d\.\d{3} \(", markdown(table, TITLES, "note"))
    assert figures and all(figure in text for figure in figures)
    assert text.count('class="best"') == 2


@pytest.mark.parametrize("name", PAGE_METRICS)
def test_what_is_shown_is_in_the_catalogue_with_a_direction(name):
    assert METRICS[name].better
