"""Another study beside this one: the leaderboard alone is made, from measurements written here."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import TINY, tiny
from plans import PHANTOMS, planned

TITLE = "Maxima, parallel beam"
TABLES = Path("results/tables")
BOARD = [f"leaderboard.{kind}" for kind in ("csv", "md", "html")]
# Its input is there, and no probabilities are calibrated.
ALONE = ("results/tables/leaderboard.csv", "--allowed-rules", "leaderboard")
COHORT = {"cohort": TINY["cohort"] | {"calibration_patients": 0}}
OTHER = {"leaderboard": {"beside": {TITLE: "../other/results"}}}
BESIDE = COHORT | OTHER


def write_measurements(folder, draw, methods=("dae", "hull")):
    """Of four phantoms, as a study's own tables have them."""
    rng = np.random.default_rng(draw)
    rows = [
        (method, views, 1, patient, metric, rng.uniform(0.2, 0.8) if metric == "iou" else 0.0)
        for method in methods
        for views in TINY["view_counts"]
        for patient in PHANTOMS[:4]
        for metric in ("iou", "empty")
    ]
    names = ["method", "views", "seed", "patient", "metric", "value"]
    (folder / TABLES).mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows, columns=names).to_csv(folder / TABLES / "per_patient.csv", index=False)
    masks = pd.DataFrame({"patient": PHANTOMS[:4], "iou": 0.6, "dice": 0.7})
    masks.to_csv(folder / TABLES / "phantom_masks.csv", index=False)


@pytest.fixture
def measured(fresh):
    """A study whose methods have been measured, and whose tables have not been made."""
    write_measurements(fresh, 0)
    return fresh


def boards(folder):
    return [(folder / TABLES / name).read_bytes() for name in BOARD]


def test_a_study_that_was_not_run_is_left_out_with_one_warning(measured):
    without = tiny(measured, "-n", *ALONE, **COHORT)
    done = tiny(measured, "-n", *ALONE, **BESIDE)
    assert done.returncode == 0, done.stdout
    assert planned(done.stdout) == planned(without.stdout) == {"leaderboard": 1}
    [said] = [line for line in done.stdout.splitlines() if "is not there" in line]
    assert "../other/results/tables/per_patient.csv" in said and repr(TITLE) in said
    assert "is not there" not in without.stdout
    assert "is not there" not in tiny(measured, "-n", "inventory", **BESIDE).stdout


def test_the_leaderboard_is_made_anew_once_the_other_study_is_there(measured):
    done = tiny(measured, *ALONE, **BESIDE)
    assert done.returncode == 0, done.stdout
    alone = boards(measured)
    assert not [path for path in (measured / TABLES).iterdir() if "beside" in path.name]
    assert planned(tiny(measured, "-n", *ALONE, **BESIDE).stdout) == {}
    assert planned(tiny(measured, "-n", *ALONE, **COHORT).stdout) == {}  # as if none were named

    other = measured.parent / "other"
    write_measurements(other, 1, methods=("dae", "unet"))
    done = tiny(measured, *ALONE, **BESIDE)
    assert done.returncode == 0 and "is not there" not in done.stdout, done.stdout
    table = pd.read_csv(measured / TABLES / "leaderboard_beside.csv")
    assert set(table["beside"]) == {TITLE} and set(table["tested_in_both"]) == {4}
    compared = table[table["difference"].notna()]
    assert [*zip(compared["views"], compared["method"], strict=True)] == [(10, "dae"), (2, "dae")]
    both = [
        pd.read_csv(folder / TABLES / "per_patient.csv").query(
            "method == 'dae' and views == 2 and metric == 'iou'"
        )["value"]
        for folder in (measured, other)
    ]
    assert compared["difference"].iloc[1] == pytest.approx(both[0].mean() - both[1].mean())
    csv, *texts = boards(measured)
    assert csv == alone[0]
    assert all(f"IoU of this study beside: {TITLE}, n = 4".encode() in text for text in texts)
    assert planned(tiny(measured, "-n", *ALONE, **BESIDE).stdout) == {}

    write_measurements(other, 2)
    assert planned(tiny(measured, "-n", *ALONE, **BESIDE).stdout) == {"leaderboard": 1}
    shutil.rmtree(other)
    done = tiny(measured, *ALONE, **BESIDE)
    assert done.returncode == 0 and boards(measured) == alone, done.stdout


def test_a_table_that_is_none_of_a_study_ends_the_job_in_one_sentence(measured):
    path = measured.parent / "other" / TABLES / "per_patient.csv"
    path.parent.mkdir(parents=True)
    path.write_text("name,score\nDoe,1\n")
    done = tiny(measured, *ALONE, **BESIDE)
    assert done.returncode and "Traceback" not in done.stdout
    said = "leaderboard: ../other/results/tables/per_patient.csv: not a study's measurements"
    assert [line for line in done.stdout.splitlines() if line.startswith(said)], done.stdout
    assert "Doe" not in done.stdout


def test_a_study_beside_itself_is_refused_before_any_job(measured):
    itself = {"leaderboard": {"beside": {TITLE: "results"}}}
    done = tiny(measured, "-n", *ALONE, **COHORT | itself)
    assert done.returncode and "Traceback" not in done.stdout
    assert f"leaderboard.beside: {TITLE}: results holds this study's own" in done.stdout
