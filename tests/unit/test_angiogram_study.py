"""The study of angiograms resumes trial by trial, and its tables hold what was measured."""

import copy
import sys
from argparse import Namespace

import pandas as pd
import pytest
from conftest import ROOT

sys.path.append(str(ROOT / "benchmarks"))

import angiogram_study

SMALL = {"detector": 64, "pixel_mm": 4.0, "voxels": 36, "voxel_mm": 2.0}
SETTINGS = {
    "subjects": {"phantoms": [9001, 9002], "fit": [8001, 8001]},
    "lesions": {"aneurysm": {"share": 1, "size_mm": [6, 9]}},
    "reference": {"angles": [[0, 0], [90, 0]], **SMALL},
    "series": {
        "reference": {"axis": "", "points": {"biplane": {}}},
        "angle": {"axis": "Angle", "points": {60: {"angles": [[0, 0], [60, 0]]}, 90: {}}},
    },
}


def study_in(folder, settings=SETTINGS, methods=("hull",)):
    arguments = Namespace(model=None, methods=[*methods], threads=1, trees=None)
    return angiogram_study.Study(copy.deepcopy(settings), folder, arguments)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    study = study_in(tmp_path_factory.mktemp("study"))
    return study, angiogram_study.run_series(study, "reference")


@pytest.fixture
def simulated(monkeypatch):
    """Subjects whose angiograms are taken from now on."""
    taken, simulate = [], angiogram_study.simulate

    def counted(subject, *how):
        taken.append(subject.name)
        return simulate(subject, *how)

    monkeypatch.setattr(angiogram_study, "simulate", counted)
    return taken


def test_what_is_measured_is_not_repeated(finished, simulated):
    study, rows = finished
    assert angiogram_study.run_series(study_in(study.out), "reference") == rows
    assert simulated == []


def test_what_was_lost_alone_is_measured_again_and_is_the_same(finished, simulated):
    study, rows = finished
    (study.folder(study.condition({})) / "phantom-9002.json").unlink()
    trials, lesions = angiogram_study.run_series(study_in(study.out), "reference")
    assert simulated == ["phantom-9002"]
    for row in (*trials, *rows[0]):
        row.pop("seconds")
    assert (trials, lesions) == rows


def test_other_conditions_lesions_and_phantoms_are_other_trials(finished):
    study, _ = finished
    folders = {study.folder(study.condition(change)) for change in ({}, {"photons": 1e5})}
    for change in ({"lesions": {}}, {"subjects": {"phantoms": [9001, 9002], "fit": [1, 2]}}):
        other = study_in(study.out, SETTINGS | change)
        folders.add(other.folder(other.condition({})))
    assert len(folders) == 4


def test_tables_and_figures_hold_each_subject(finished):
    study, (trials, lesions) = finished
    means = angiogram_study.write_tables(study, pd.DataFrame(trials), pd.DataFrame(lesions))
    angiogram_study.draw(study, means)
    written = pd.read_csv(study.out / "trials.csv")
    assert list(written["subject"]) == ["phantom-9001", "phantom-9002"]
    assert written["dice"].between(0.01, 1).all()
    dice = means[means["metric"] == "dice"].iloc[0]
    assert dice["n"] == 2
    assert dice["mean"] == pytest.approx(written["dice"].mean())
    assert "| biplane | Visual hull | 2 |" in (study.out / "reference_phantoms.md").read_text()
    assert (study.out / "lesions_reference_biplane_phantoms.png").stat().st_size > 1000
