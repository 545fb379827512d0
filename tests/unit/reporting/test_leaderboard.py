"""The leaderboard: every method once, ties where nothing is shown, claims where something is."""

import re

import numpy as np
import pandas as pd
import pytest
from angiovox.metrics.registry import METRICS
from angiovox.reporting.leaderboard import (
    OTSU,
    PRIMARY,
    REFERENCES,
    leaderboard,
    primary_views,
)
from angiovox.reporting.leaderboard_page import EMPTY_CELL, OTSU_TITLE, PAGE_METRICS, markdown, page
from angiovox.reporting.leaderboard_text import how_to_read

TITLES = {"dae": "Autoencoder", "hull": "Hull", "unet": "U-Net <3D>", "gan": "GAN"}
MEANS = {"dae": 0.5, "hull": 0.45, "unet": 0.56}
SEVERAL = 8  # patients, enough for marks


def measured(
    means=MEANS, views=(10, 2), seeds=(1,), patients=SEVERAL, metric="iou", spread=0.02, empty=()
):
    """Methods that differ less than patients do, but by nearly the same in each of them; with the
    count of reconstructions that are empty, of (method, patient)."""
    rng = np.random.default_rng(0)
    patient = rng.normal(0, 0.1, patients)
    rows = [
        (method, count, seed, f"p{k}", metric, mean + patient[k] + spread * rng.standard_normal())
        for method, mean in means.items()
        for count in views
        for seed in seeds
        for k in range(patients)
    ]
    table = pd.DataFrame(rows, columns=["method", "views", "seed", "patient", "metric", "value"])
    is_empty = [(row.method, row.patient) in empty for row in table.itertuples()]
    counts = table.assign(metric="empty", value=np.array(is_empty, dtype=float))
    return pd.concat([table, counts], ignore_index=True)


def board(*tables, masks=None):
    given = pd.concat(tables or [measured()], ignore_index=True)
    keys = ["method", "views", "seed", "patient", "metric"]
    return leaderboard(given.drop_duplicates(keys), masks)


# The long table


def test_each_method_stands_once_at_each_metric_and_view_count():
    table = board(measured(), measured(metric="cldice"))
    keys = table[["metric", "views", "method"]]
    assert len(keys) == 2 * 2 * 3 and not keys.duplicated().any()
    assert (table["patients"] == SEVERAL).all() and (table["seeds"] == 1).all()


def test_a_paired_difference_is_surer_than_the_means_apart():
    table = board().set_index(["views", "method"])
    better, paper = table.loc[(2, "unet")], table.loc[(2, "dae")]
    assert better["low"] < paper["high"]  # patients differ more than methods
    assert better["versus_dae_low"] > 0 and better["versus_dae_mark"] == "better"
    assert better["rank"] == better["rank_low"] == better["rank_high"] == 1
    assert paper["difference_mark"] == "worse"


def test_a_method_is_no_better_than_itself():
    table = board().set_index(["views", "method"])
    for reference in ("dae", "hull"):
        own = table.loc[(2, reference)]
        assert own[f"versus_{reference}"] == 0 and own[f"versus_{reference}_mark"] == "tie"


def test_methods_alike_are_ties_and_no_claim_is_made():
    table = board(measured({"dae": 0.5, "hull": 0.5}, spread=0.05)).set_index(["views", "method"])
    assert (table["difference_mark"] == "tie").all() and (table["difference_p"] > 0.05).all()
    assert table.loc[(2, "hull"), "versus_dae_low"] < 0 < table.loc[(2, "hull"), "versus_dae_high"]
    assert (table["rank_low"] == 1).all() and (table["rank_high"] == 2).all()


def test_lower_is_better_where_the_catalogue_says_so():
    table = board(measured(metric="hd95_mm")).query("views == 2").set_index("method")
    assert list(table.sort_values("rank").index) == ["hull", "dae", "unet"]
    assert table.loc["unet", "versus_dae_mark"] == "worse" and table.loc["unet", "versus_dae"] > 0


def test_what_only_describes_is_left_out():
    table = board(measured(), measured(metric="betti0"))
    assert set(table["metric"]) == {"iou"}


def test_a_single_view_is_not_the_primary_comparison():
    """One method alone is neither tested nor ranked against others; its mean has its column."""
    table = board(measured(), measured({"gan": 0.3}, views=(2, 1)))
    assert primary_views(table) == 2
    assert "at 2 views" in how_to_read(table)["Primary comparison"]
    alone = table[table["views"] == 1].set_index("method")
    assert [*alone.index] == ["gan"] and alone.loc["gan", "mean"] == pytest.approx(0.3, abs=0.1)
    text = markdown(table, TITLES, "note")
    assert "Primary comparison: IoU at 2 views" in text and "1 views" in text


def test_a_method_at_one_view_count_competes_there_only():
    table = board(measured(), measured({"gan": 0.3}, views=(2,)))
    assert set(table.loc[table["method"] == "gan", "views"]) == {2}
    assert (table[table["views"] == 10]["rank"] <= 3).all()


def test_a_method_that_lacks_a_patient_takes_none_from_the_others():
    rows = measured(metric="hd95_mm", empty=[("hull", "p0")])
    gone = (rows["method"] == "hull") & (rows["patient"] == "p0") & (rows["metric"] == "hd95_mm")
    table = board(rows[~gone]).set_index(["views", "method"])
    alone = board(rows[rows["method"] != "hull"]).set_index(["views", "method"])
    lacking = table.loc[(2, "hull")]
    assert lacking["patients"] == SEVERAL - 1 and lacking["empty"] == 1
    assert np.isnan(lacking["rank"]) and lacking["versus_dae_mark"] == ""
    assert lacking["versus_dae_low"] < lacking["versus_dae"] < lacking["versus_dae_high"]
    columns = ["patients", "empty", "mean", "low", "high", "rank", "rank_low", "rank_high"]
    others = table.loc[alone.index]
    pd.testing.assert_frame_equal(others[columns], alone[columns])
    pd.testing.assert_series_equal(others["versus_dae_p"], alone["versus_dae_p"])


def test_metrics_that_few_patients_have_say_so():
    lesions = measured(metric="lesion_recall", patients=3)
    table = board(measured(), lesions[lesions["metric"] == "lesion_recall"])
    few = table[table["metric"] == "lesion_recall"]
    assert (few["patients"] == 3).all() and (few["difference_mark"] == "").all()
    text = markdown(table, TITLES, "note").split("## Recall of lesions")[1]
    assert text.startswith(" (higher is better), n = 3\n\nn is below 6: no marks.")


def test_without_a_reference_its_columns_are_empty():
    table = board(measured({"unet": 0.7, "gan": 0.3}))
    assert table[[f"versus_{reference}" for reference in REFERENCES]].isna().all(axis=None)
    assert (table[[f"versus_{reference}_mark" for reference in REFERENCES]] == "").all(axis=None)


@pytest.mark.parametrize("patients", [1, 2])
def test_one_or_two_patients_give_means_alone(patients):
    table = board(measured(patients=patients))
    assert table[["low", "high", "rank_low", "versus_dae_low"]].isna().all(axis=None)
    assert "nan" not in markdown(table, TITLES, "note").lower()
    assert "nan" not in page(table, TITLES, "note").lower()


def test_seeds_are_a_second_reason_to_be_unsure():
    rows = measured(seeds=(1, 2, 3))
    rows["value"] += (
        rows["method"].eq("unet") * 0.05 * (rows["seed"] - 2) * rows["metric"].eq("iou")
    )
    table = board(rows).set_index(["views", "method"])
    averaged = rows.groupby(["method", "views", "patient", "metric"], sort=False)["value"].mean()
    averaged = board(averaged.reset_index().assign(seed=1)).set_index(["views", "method"])
    assert (table["seeds"] == 3).all() and (table["patients"] == SEVERAL).all()
    pd.testing.assert_series_equal(table["mean"], averaged["mean"])
    width, without = (
        each["versus_dae_high"] - each["versus_dae_low"] for each in (table, averaged)
    )
    assert width[2, "unet"] > 2 * without[2, "unet"]
    assert averaged.loc[(2, "unet"), "versus_dae_mark"] == "better"
    assert table.loc[(2, "unet"), "versus_dae_mark"] == "tie"


def test_a_method_with_one_seed_stands_beside_others_with_several():
    rows = pd.concat([measured(), measured({"gan": 0.3}, seeds=(1, 2, 3))])
    table = board(rows).query("views == 2").set_index("method")
    assert dict(table["seeds"]) == {"dae": 1, "hull": 1, "unet": 1, "gan": 3}
    assert table.loc["gan", "versus_dae_mark"] == "worse"


# Exact arteries


def masks(iou=0.6, patients=SEVERAL):
    rng = np.random.default_rng(0)
    others = pd.DataFrame({"patient": ["train"], "iou": [0.0], "dice": [0.0]})
    names = [f"p{k}" for k in range(patients)]
    values = iou + rng.normal(0, 0.1, patients)
    return pd.concat([pd.DataFrame({"patient": names, "iou": values, "dice": values}), others])


def test_the_otsu_mask_has_a_row_where_the_arteries_are_the_truth():
    table = board(measured(), measured(metric="iou_exact"), masks=masks(0.53))
    own = table[table["method"] == OTSU]
    assert set(own["metric"]) == {"iou_exact", "dice_exact"} and set(own["views"]) == {10, 2}
    assert (own["patients"] == SEVERAL).all() and own["empty"].isna().all()
    rows = table[(table["metric"] == "iou_exact") & (table["views"] == 2)].set_index("method")
    assert rows.loc["unet", f"versus_{OTSU}_mark"] == "better"
    assert rows.loc["hull", f"versus_{OTSU}_mark"] == "worse"
    text = markdown(table, TITLES, "note")
    assert OTSU_TITLE in rows_of(text, "IoU with the exact arteries (")
    assert OTSU_TITLE not in rows_of(text, "IoU (")
    marks = rows_of(text, f"IoU with the exact arteries less that of: {OTSU_TITLE}")
    assert marks["U-Net <3D>"]["2 views"].endswith("▲") and marks["Hull"]["2 views"].endswith("▼")


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


def test_the_primary_comparison_is_named_and_comes_first():
    text = markdown(board(measured(metric="cldice"), measured()), TITLES, "note")
    assert (
        re.findall(r"^## (.*)", text, re.M)[0]
        == f"Primary comparison: IoU at 2 views, n = {SEVERAL}"
    )
    assert text.index("**Primary comparison.** IoU at 2 views, named beforehand") < text.index(
        "## "
    )
    rows = rows_of(text, "Primary comparison")
    assert rows["U-Net <3D>"]["rank"] == "1 (1 to 1)"
    assert rows["U-Net <3D>"]["difference to the best"] == rows["U-Net <3D>"]["p"] == EMPTY_CELL
    assert rows["Hull"]["difference to the best"].endswith("▼")
    assert rows["Hull"]["p"] == f"{2 / 2**SEVERAL:.3f}"


def test_a_tie_is_marked_and_a_gain_only_where_it_was_shown():
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


@pytest.mark.parametrize("patients", [3, 5])
def test_below_six_patients_there_is_no_mark_and_a_sentence_says_why(patients):
    """However clear the difference."""
    table = board(measured({"dae": 0.2, "hull": 0.4, "unet": 0.6}, patients=patients))
    for text in (markdown(table, TITLES, "note"), page(table, TITLES, "note")):
        assert f"{patients} test patients are too few" in text
        assert f"p = {2 / 2**patients:g}" in text
        assert not re.search(r"[▲▼]|\d =", text) and 'class="tied"' not in text
    rows = rows_of(markdown(table, TITLES, "note"), "Primary comparison")
    assert {name: row["rank"] for name, row in rows.items()} == {
        "U-Net <3D>": "1",
        "Hull": "2",
        "Autoencoder": "3",
    }
    assert all("p" not in row for row in rows.values())


def test_from_six_patients_on_the_page_says_what_marks_mean():
    text = markdown(board(measured(patients=6)), TITLES, "note")
    assert "too few" not in text and "all 64 choices of signs" in text
    assert "**Not corrected for.** The number of metrics" in text
    many = markdown(board(measured(patients=20)), TITLES, "note")
    assert "10,000 choices of signs, drawn with a fixed seed" in many


@pytest.mark.parametrize(
    ("seeds", "words"), [((1,), "this trained network"), ((1, 2, 3), "new trainings")]
)
def test_the_page_says_of_which_trainings_it_speaks(seeds, words):
    others = {"this trained network", "new trainings"} - {words}
    text = " ".join(how_to_read(board(measured(seeds=seeds))).values())
    assert words in text and not any(other in text for other in others)


def test_empty_reconstructions_are_counted_on_the_page():
    clean = markdown(board(), TITLES, "note")
    assert "**Empty.** No reconstruction." in clean and "## Empty" not in clean
    text = markdown(board(measured(empty=[("hull", "p1"), ("hull", "p3")])), TITLES, "note")
    assert rows_of(text, "Empty reconstructions") == {
        "Hull": {"10 views": f"2 of {SEVERAL}", "2 views": f"2 of {SEVERAL}"}
    }
    assert f"4 of {3 * 2 * SEVERAL} reconstructions are empty" in text


def test_n_stands_in_every_heading_and_in_cells_that_differ():
    rows = measured(metric="hd95_mm")
    gone = (rows["method"] == "hull") & (rows["patient"] == "p0") & (rows["metric"] == "hd95_mm")
    text = markdown(board(rows[~gone], measured()), TITLES, "note")
    headings = re.findall(r"^## (.*)", text, re.M)
    assert len(headings) == 5 and all(heading.endswith(f"n = {SEVERAL}") for heading in headings)
    cells = rows_of(text, "HD95")
    assert all(cell.endswith(f"n = {SEVERAL - 1}") for cell in cells["Hull"].values())
    assert not any("n =" in cell for cell in cells["Autoencoder"].values())


def test_the_page_says_the_same_and_escapes_what_it_shows():
    table = board()
    text = page(table, TITLES, "on phantoms & more")
    assert "U-Net &lt;3D&gt;" in text and "on phantoms &amp; more" in text
    written = markdown(table, TITLES, "note")
    figures = re.findall(r"[\d.+-]+ to [\d.+-]+", written)
    assert len(figures) > 20 and all(figure in text for figure in figures)
    assert text.count("▲") == written.count("▲") and text.count("▼") == written.count("▼")
    assert text.count('class="best"') == 3  # the primary comparison, and two view counts


@pytest.mark.parametrize("name", PAGE_METRICS)
def test_what_is_shown_is_in_the_catalogue_with_a_direction(name):
    assert METRICS[name].better


def test_the_primary_metric_is_the_first_of_the_page():
    assert PAGE_METRICS[0] == PRIMARY
