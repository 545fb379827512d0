"""The sheet of angiograms: what it means, and what is refused before any job starts."""

import os

import pytest
from angiovox.errors import InputError
from angiovox_pipeline import angiograms
from angiovox_pipeline.angiograms import GivenRun, read_sheet


@pytest.fixture
def folder(tmp_path):
    """Runs of two patients: files, and the folder of a run whose frames are single files."""
    for name in ("anna/a.dcm", "anna/b.dcm", "ben/a.dcm", "ben/frames/1", "ben/frames/more/2"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    return tmp_path


def sheet(folder, *rows, columns="patient run masks contrast"):
    path = folder / "sheet.tsv"
    path.write_text("\n".join([columns, *rows]).replace(" ", "\t") + "\n")
    return str(path)


def test_runs_are_found_from_the_folder_of_the_sheet_wherever_one_works(folder, monkeypatch):
    rows = ["anna anna/a.dcm", "ben ben/frames", "anna anna/b.dcm", "ben ben/a.dcm"]
    given = read_sheet(sheet(folder, *rows))
    assert list(given) == ["anna", "ben"]
    assert [run.path for run in given["ben"]] == [f"{folder}/ben/frames", f"{folder}/ben/a.dcm"]
    monkeypatch.chdir(folder)
    assert [run.path for run in read_sheet("sheet.tsv")["anna"]] == ["anna/a.dcm", "anna/b.dcm"]


def test_frames_are_counted_from_1_in_the_sheet_and_from_0_behind_it(folder):
    rows = ["anna anna/a.dcm 1,3-4 6-8,10", "anna anna/b.dcm 2 "]
    first, second = read_sheet(sheet(folder, *rows))["anna"]
    assert first.options == {"masks": [0, 2, 3], "contrast": [5, 6, 7, 9]}
    assert second.options == {"masks": [1]}
    plain = read_sheet(sheet(folder, "anna anna/a.dcm", "anna anna/b.dcm", columns="patient run"))
    assert [run.options for run in plain["anna"]] == [{}, {}]


BOTH = ["anna anna/a.dcm", "anna anna/b.dcm"]
REFUSED = {
    "one run": (BOTH[:1], "patient anna has one run.*nothing of its depth.*another direction"),
    "missing": ([*BOTH, "ben ben/gone"], "line 4: patient ben: ben/gone: does not exist"),
    "id": (["a/b anna/a.dcm"], "line 2: patient: 'a/b' is not valid; expected letters"),
    "twice": ([*BOTH, "anna anna/../anna/a.dcm"], "line 4: .* is in line 2, too"),
    "two patients": ([*BOTH, "ben anna/b.dcm"], "line 4: patient ben: .* is in line 3, too"),
    "frame 0": (["anna anna/a.dcm 0-2"], "line 2: masks: '0-2' is not valid; expected frames"),
    "backwards": (["anna anna/a.dcm 4-2"], "line 2: 4-2: expected frames"),
    "endless": (["anna anna/a.dcm 1-99999999999"], "line 2: 1-99999999999: expected frames"),
    "contrast alone": (["anna anna/a.dcm  3"], "line 2: contrast without masks"),
    "wildcard": (["anna anna/{x}"], "expected a path without {name}"),
    "empty": ([], "no run in it"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_sheet_that_cannot_be_used_is_refused_naming_the_line(folder, case):
    rows, message = REFUSED[case]
    with pytest.raises(InputError, match=message):
        read_sheet(sheet(folder, *rows))


def test_other_columns_or_no_sheet_are_refused(folder):
    with pytest.raises(InputError, match="columns patient and run"):
        read_sheet(sheet(folder, "anna anna/a.dcm", columns="patient dicom"))
    with pytest.raises(InputError, match="'shift'"):
        read_sheet(sheet(folder, "anna anna/a.dcm 3", columns="patient run shift"))
    with pytest.raises(InputError, match=r"angiograms\.sheet: .*gone\.tsv does not exist"):
        read_sheet(str(folder / "gone.tsv"))
    assert read_sheet(None) == {}


def test_what_stands_for_a_run_changes_with_any_of_its_files(folder):
    runs = [GivenRun(f"{folder}/ben/frames"), GivenRun(f"{folder}/ben/a.dcm")]
    assert angiograms.folders_within(runs) == [f"{folder}/ben/frames/more"]
    before = angiograms.fingerprints(runs)
    angiograms.fingerprint.cache_clear()
    assert angiograms.fingerprints(runs) == before
    angiograms.fingerprint.cache_clear()
    os.utime(folder / "ben/frames/more/2", ns=(1, 1))
    after = angiograms.fingerprints(runs)
    assert after[0] != before[0] and after[1] == before[1]
    angiograms.fingerprint.cache_clear()
