"""Reconstruction of patients from their runs, as Snakemake plans it."""

import os
import shutil

import pytest
import xa_cases
from conftest import tiny
from plans import planned

JOBS = {"reconstruct_angiograms": 1, "present_angiograms": 1, "angiograms": 1}
SHEET = {"sheet": "given/runs.tsv"}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A biplane pair, and a run whose frames are single files."""
    folder = tmp_path_factory.mktemp("runs")
    first, second = xa_cases.pair()
    xa_cases.write(folder / "a.dcm", first)
    xa_cases.write(folder / "b.dcm", second)
    xa_cases.single_frames(folder / "a.dcm", folder / "frames")
    return folder


@pytest.fixture
def given(fresh, runs):
    """A checkout with a sheet of one patient."""
    shutil.copytree(runs, fresh / "given")
    write_sheet(fresh, "anna a.dcm", "anna b.dcm")
    return fresh


def write_sheet(folder, *rows):
    lines = ["patient run masks", *rows]
    (folder / "given/runs.tsv").write_text("\n".join(lines).replace(" ", "\t") + "\n")


def plan(folder, *args, **settings):
    done = tiny(folder, "-n", "angiograms", *args, angiograms=SHEET | settings)
    assert done.returncode == 0, done.stdout
    return planned(done.stdout)


def with_quick_scripts(folder):
    """Let jobs write empty files: what is tested is when they run."""
    script = """from pathlib import Path

for path in snakemake.output:
    path = Path(path)
    path.mkdir() if path.name == "files" else path.write_text("")
"""
    for name in ("reconstruct_angiograms", "present_angiograms"):
        (folder / f"workflow/scripts/{name}.py").write_text(script)


def test_two_jobs_a_patient_and_nothing_of_the_study(given):
    shutil.copy(given / "given/b.dcm", given / "given/c.dcm")
    write_sheet(given, "anna a.dcm", "ben c.dcm", "anna b.dcm", "ben frames 1")
    assert plan(given) == {**dict.fromkeys(JOBS, 2), "angiograms": 1}


def test_what_is_made_stays_until_a_run_or_a_setting_changes(given):
    with_quick_scripts(given)
    write_sheet(given, "anna frames", "anna b.dcm")
    done = tiny(given, "angiograms", angiograms=SHEET)
    assert done.returncode == 0, done.stdout
    assert (given / "results/angiograms/anna/files").is_dir()
    assert plan(given) == {}
    assert plan(given, voxel_mm=0.7) == plan(given, calibrate=False) == JOBS
    assert plan(given, identify=True) == {"present_angiograms": 1, "angiograms": 1}
    frame = sorted((given / "given/frames").iterdir())[2]
    os.utime(frame, (1e9, 1e9))  # older than before
    assert plan(given) == JOBS


def test_other_masks_in_the_sheet_rerun_the_reconstruction(given):
    with_quick_scripts(given)
    assert tiny(given, "angiograms", angiograms=SHEET).returncode == 0
    write_sheet(given, "anna a.dcm", "anna b.dcm 1")
    assert plan(given) == JOBS


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["anna a.dcm"], "patient anna has one run, and a single direction of view shows"),
        (["anna a.dcm", "anna gone.dcm"], "line 3: patient anna: gone.dcm: does not exist"),
    ],
    ids=str,
)
def test_a_faulty_sheet_is_refused_before_any_job(given, rows, message):
    write_sheet(given, *rows)
    done = tiny(given, "angiograms", angiograms=SHEET)
    assert done.returncode and message in done.stdout and "Traceback" not in done.stdout
    assert not (given / "results").exists()


def test_without_a_sheet_the_target_says_what_to_do_and_the_study_goes_on(fresh):
    done = tiny(fresh, "-n", "angiograms")
    assert done.returncode and "angiograms.sheet: null; name the sheet of runs" in done.stdout
    assert tiny(fresh, "-n", "inventory").returncode == 0
