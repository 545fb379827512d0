"""Tables are read back with ids as they were written, and nothing else reads CSV with pandas."""

import re

import pandas as pd
import pytest
from angiovox.io import atomic
from angiovox.io.table_files import read_table, read_tables
from angiovox.reporting import leaderboard, tables, transfer
from conftest import ROOT

IDS = ["NA", "nan", "null", "None", "007", "7", "1e5", "True", "N-A", "inf"]
METHODS = ["dae", "NA", "nan", "True"]
VIEWS = (10, 2)
READER = ROOT / "workflow/scripts/angiovox/io/table_files.py"
TITLES = {"dae": "The network", "NA": "007", "nan": "nan", "True": "1e5"}


def rows(method, views, patients=IDS, seed=1):
    """Per-patient metrics as `evaluate` writes them; no two patients alike."""
    metrics = ["empty", "iou", "dice", *tables.METRICS[1:]]
    return [
        {"method": method, "views": views, "seed": seed, "patient": patient}
        | {"metric": metric, "value": 0.0 if metric == "empty" else (1 + number) / 20}
        for number, patient in enumerate(patients)
        for metric in metrics
    ]


@pytest.fixture
def measured(tmp_path):
    """Files of metrics, one for each method and view count."""
    files = []
    for method in METHODS:
        for views in VIEWS:
            files.append(tmp_path / f"{method}-{views}.csv")
            atomic.save_rows(files[-1], rows(method, views))
    return read_tables(files)


def test_ids_come_back_as_they_were_written(tmp_path, measured):
    assert list(measured["patient"].unique()) == IDS
    assert list(measured["method"].unique()) == METHODS
    measured.to_csv(tmp_path / "again.csv", index=False)
    pd.testing.assert_frame_equal(read_table(tmp_path / "again.csv"), measured)


def test_ids_alone_in_a_table_are_text_too(tmp_path):
    """Of a column of numbers pandas would make numbers."""
    atomic.save_rows(tmp_path / "one.csv", rows("dae", 2, ["007"]))
    assert set(read_table(tmp_path / "one.csv")["patient"]) == {"007"}


def test_an_empty_cell_of_numbers_is_missing(tmp_path):
    atomic.save_rows(tmp_path / "loss.csv", [{"loss": 1.5}, {"loss": float("nan")}])
    pd.DataFrame({"patient": ["NA", "b"], "iou": [0.5, None]}).to_csv(
        tmp_path / "iou.csv", index=False
    )
    assert read_table(tmp_path / "loss.csv")["loss"].isna().tolist() == [False, True]
    iou = read_table(tmp_path / "iou.csv")
    assert iou["iou"].isna().tolist() == [False, True] and iou["patient"].tolist() == ["NA", "b"]


def test_every_mean_is_over_all_patients(measured):
    summary = tables.summarise(measured)
    assert len(summary) == len(METHODS) * len(VIEWS) * measured["metric"].nunique()
    assert set(summary["patients"]) == {len(IDS)}
    expected = sum(1 + number for number in range(len(IDS))) / 20 / len(IDS)
    iou = summary.query("metric == 'iou'")["mean"]
    assert len(iou) and all(abs(mean - expected) < 1e-12 for mean in iou)


def test_the_leaderboard_counts_all_patients_methods_and_masks(tmp_path, measured):
    masks = pd.DataFrame({"patient": IDS, "iou": 0.5, "dice": 0.6})
    masks.to_csv(tmp_path / "masks.csv", index=False)
    exact = measured.query("metric == 'iou'").assign(metric="iou_exact")
    board = leaderboard.leaderboard(
        pd.concat([measured, exact], ignore_index=True), read_table(tmp_path / "masks.csv")
    )
    assert set(board["patients"]) == {len(IDS)}
    assert set(board["method"]) == {*METHODS, leaderboard.OTSU}


def test_the_transfer_counts_all_patients_of_each_group(tmp_path, measured):
    groups = {"test": {"patients": IDS[:5]}, "null": {"patients": IDS[5:]}}
    table = transfer.transfer_table(measured, groups)
    assert set(table["patients"]) == {5} and set(table["group"]) == {"test", "null"}
    table.to_csv(tmp_path / "transfer.csv", index=False)
    assert set(read_table(tmp_path / "transfer.csv")["group"]) == {"test", "null"}


def test_titles_stay_as_they_are_in_markdown(measured):
    text = tables.to_markdown(tables.iou_overview(tables.summarise(measured), TITLES))
    names = [line.strip("|").split("|")[0].strip() for line in text.splitlines()[2:]]
    assert set(names) == set(TITLES.values())


def test_pandas_reads_tables_in_one_place():
    folders = ("workflow", "tools", "benchmarks")
    folders = ("workflow", "tools", "benchmarks")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    pandas_reader = re.compile(
        r"\b(pd|pandas)\.read_(csv|table|fwf)|pandas import .*read_(csv|table|fwf)"
    )
    assert [path for path in files if pandas_reader.search(path.read_text())] == [READER]
