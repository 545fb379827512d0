"""What a user reads when the config, the sheet or the images cannot be used."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pydicom
import pytest
import yaml
from angiovox.errors import InputError
from angiovox.geometry.affine import isotropic_affine
from angiovox.io.dicom import writer
from angiovox_pipeline import config as study
from angiovox_pipeline.cohort import check_images, read_cohort
from conftest import ONE_TESTED, ROOT, TINY, tiny
from plans import merged, planned

SHAPE, VOXEL_MM = (16, 16, 16), 2.5
DATE = b"20230101"  # of the series that `write_series` writes
SECRET = b"SECRET"  # stands for what a header may hold and nobody else may read


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    """A folder of small series, one per patient a to f, and a folder `text` without any."""
    folder = tmp_path_factory.mktemp("scans")
    affine = isotropic_affine(SHAPE, VOXEL_MM)
    for seed, patient in enumerate("abcdef"):
        volume = np.random.default_rng(seed).normal(10, 3, SHAPE)
        volume[6:9, 5 : 8 + seed % 3, :] = 300
        writer.write_series(volume, affine, folder / patient, patient)
    (folder / "text").mkdir()
    (folder / "text/letter.txt").write_text("no image")
    return folder


def sheet(folder: Path, scans: Path, rows: list[str]) -> dict:
    """Write rows `patient folder split` as the sheet; the config that names it."""
    lines = ["patient\tdicom\tsplit"]
    for row in rows:
        patient, series, split = row.split("|")
        lines.append(f"{patient}\t{scans / series}\t{split}")
    (folder / "sheet.tsv").write_text("\n".join(lines) + "\n")
    return {"phantoms": {"count": 0}, "sheet": "sheet.tsv"} | ONE_TESTED


def assert_refused(done: subprocess.CompletedProcess, folder: Path, words: list[str]) -> None:
    """One message that names what is wrong, no trace of ours, and nothing written."""
    assert done.returncode != 0
    said = done.stdout.split("WorkflowError")[1]
    assert [line for line in said.splitlines() if all(word in line for word in words)], done.stdout
    assert "Traceback" not in done.stdout and "jsonschema" not in done.stdout
    assert not (folder / "results").exists() and not (folder / "logs").exists()


CONFIGS = {
    "unknown key": ({"view_count": [3]}, ["'view_count'", "did you mean 'view_counts'?"]),
    "unknown inner key": ({"volume": {"shapes": 16}}, ["'volume.shapes'", "'volume.shape'"]),
    "views above projections": ({"view_counts": [2, 11]}, ["view_counts", "11", "10 projections"]),
    "shape 15": ({"volume": {"shape": 15}}, ["volume.shape", "15", "at least 16"]),
    "unknown method": ({"methods": {"dua": {}}}, ["'dua'", "hull"]),
    "unknown setting": ({"methods": {"dae": {"epoch": 3}}}, ["methods.dae.epoch", "epochs"]),
    "no test patient": ({"cohort": {"test_patients": 0}}, ["test_patients"]),
    "one training patient": (
        {"cohort": {"test_patients": 3}},
        ["at least 2 training patients", "there are 1"],
    ),
    "more tests than patients": ({"cohort": {"test_patients": 9}}, ["test_patients", "9", "5"]),
    "lesion larger than the field": (
        {"cohort": {"phantoms": {"lesions": {"aneurysm": {"share": 1, "size_mm": [3, 50]}}}}},
        ["cohort.phantoms.lesions.aneurysm.size_mm", "[3, 50]", "40 mm", "room for 36 mm"],
    ),
    "no voxel shows an artery": ({"volume": {"voxel_mm": 5.0}}, ["volume.voxel_mm", "5 mm"]),
    "centrelines of one carotid": (
        {"cohort": {"phantoms": {"centrelines": "trees"}}},
        ["cohort.phantoms.injection", "'carotid'", "all"],
    ),
    "no centrelines": (
        {"cohort": {"phantoms": {"centrelines": "trees", "injection": "all"}}},
        ["cohort.phantoms.centrelines", "trees"],
    ),
    "nobody of that id to leave out": (
        {"cohort": {"leave_out": ["phantom-005", "phantom-006", "ct-7"]}},
        ["cohort.leave_out: ct-7, phantom-006: no such patient"],
    ),
    "window upside down": ({"masks": {"window": [600, -100]}}, ["masks.window: [600, -100]"]),
    "no such sheet": ({"cohort": {"sheet": "nowhere.tsv"}}, ["cohort.sheet", "nowhere.tsv"]),
}


def refusal(folder: Path, monkeypatch: pytest.MonkeyPatch, changes: dict) -> str:
    """What the workflow refuses the tiny study with some changes with, without Snakemake."""
    monkeypatch.chdir(folder)
    default = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    config = merged(merged(default, TINY), changes)
    with pytest.raises(InputError) as refused:
        study.check_config(config)
        for patient in read_cohort(config):
            check_images(patient, config["cohort"]["sheet"])
    return str(refused.value)


@pytest.mark.parametrize("case", CONFIGS)
def test_a_config_that_cannot_run_is_refused(tmp_path, monkeypatch, case):
    changes, words = CONFIGS[case]
    message = refusal(tmp_path, monkeypatch, changes)
    assert all(word in message for word in words), message


@pytest.mark.parametrize("case", ["unknown key", "unknown method", "no such sheet"])
def test_a_refused_config_ends_snakemake_before_any_job(fresh, case):
    changes, words = CONFIGS[case]
    assert_refused(tiny(fresh, "-n", **changes), fresh, words)


def test_a_broken_swc_file_is_refused_with_its_line(fresh):
    (fresh / "trees").mkdir()
    for name in "abcde":
        radius = -0.5 if name == "c" else 0.5
        (fresh / f"trees/{name}.swc").write_text(f"# tree\n1 0 0 0 0 3 -1\n2 0 0 0 5 {radius} 1\n")
    phantoms = {"centrelines": "trees", "injection": "all"}
    words = ["trees/c.swc line 3", "radius -0.5 mm"]
    assert_refused(tiny(fresh, "-n", cohort={"phantoms": phantoms}), fresh, words)


OTHERS = ["one|a|train", "two|b|train", "three|c|test"]
SHEETS = {
    "empty sheet": ([], ["sheet.tsv", "no patient"]),
    "patient twice": ([*OTHERS, "one|d|train"], ["one", "twice"]),
    "both sides of the split": ([*OTHERS, "one|d|test"], ["one", "both sides"]),
    "folder twice": ([*OTHERS, "four|a|test"], ["one", "four", "share the folder"]),
    "missing folder": ([*OTHERS, "four|gone|train"], ["four", "gone", "does not exist"]),
    "folder without an image": ([*OTHERS, "four|text|train"], ["four", "text", "no DICOM image"]),
    "one training patient": (OTHERS[1:], ["at least 2 training patients", "there are 1"]),
    "unknown split": (
        [*OTHERS, "four|d|valid"],
        ["line 5", "'valid'", "'calibration', 'test'"],
    ),
    "id that leaves the folder": ([*OTHERS, "../x|d|train"], ["line 5", "'../x'", "letters"]),
    "folder with a wildcard": ([*OTHERS, "four|{d}|train"], ["line 5", "{d}", "wildcard"]),
    "id with a space": ([*OTHERS, "a b|d|train"], ["line 5", "'a b'", "letters"]),
    "id with a slash": ([*OTHERS, "a/b|d|train"], ["line 5", "'a/b'", "letters"]),
}


@pytest.mark.parametrize("case", SHEETS)
def test_a_sheet_that_cannot_be_used_is_refused(tmp_path, monkeypatch, scans, case):
    rows, words = SHEETS[case]
    message = refusal(tmp_path, monkeypatch, {"cohort": sheet(tmp_path, scans, rows)})
    assert all(word in message for word in words), message


@pytest.mark.parametrize("case", ["both sides of the split", "folder without an image"])
def test_a_refused_sheet_ends_snakemake_before_any_job(fresh, scans, case):
    rows, words = SHEETS[case]
    assert_refused(tiny(fresh, "-n", cohort=sheet(fresh, scans, rows)), fresh, words)


def test_a_python_that_snakemake_cannot_start_is_refused(fresh):
    """It writes the interpreter's path into a shell command without quotes."""
    spaced = "import sys; sys.executable = '/my study/python'; "
    program = spaced + "from snakemake.cli import main; main(['-n', '--configfile', 'tiny.yaml'])"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=fresh, text=True, capture_output=True
    )
    assert done.returncode != 0
    assert (
        "/my study/python: Snakemake starts no Python in a path with spaces"
        in done.stdout + done.stderr
    )


def test_the_sheet_alone_is_not_at_fault(fresh, scans):
    """The other sheets above are refused for what they add to this one."""
    done = tiny(fresh, "-n", cohort=sheet(fresh, scans, OTHERS))
    assert done.returncode == 0, done.stdout


# Images that turn out to be broken once a job reads them

BROKEN = {  # stage that refuses it, and what its line says besides the patient
    "truncated": ("convert", "slice-0007.dcm"),
    "gap": ("convert", "missing slices between"),
    "mixed": ("convert", "2 series may be the volume"),
    "unplaced": ("convert", "slice-0003.dcm"),
    "constant": ("mask", "every voxel has the value"),
}
GOOD = ["good-1", "good-2"]


def break_series(folder: Path, scans: Path) -> None:
    """Copied series, the last five broken in the way its name says."""
    series = dict(zip([*GOOD, *BROKEN], "abcdefa", strict=True))
    for patient, source in series.items():
        shutil.copytree(scans / source, folder / patient)
    for path in (folder / "good-1").iterdir():  # a date that is none: not our concern
        path.write_bytes(path.read_bytes().replace(DATE, SECRET.ljust(len(DATE))))
    cut = folder / "truncated/slice-0007.dcm"
    cut.write_bytes(cut.read_bytes()[:-100])
    (folder / "gap/slice-0008.dcm").unlink()
    shutil.copytree(scans / "b", folder / "mixed/other")
    path = folder / "unplaced/slice-0003.dcm"
    place = str(pydicom.dcmread(path).ImagePositionPatient[0]).encode()
    path.write_bytes(path.read_bytes().replace(place, SECRET[: len(place)], 1))
    for path in (folder / "constant").iterdir():
        header, pixels = path.read_bytes()[:-512], bytes(512)  # 16 x 16 of 16 bits come last
        path.write_bytes(header + pixels)


@pytest.fixture(scope="module")
def outcome(clone, scans, tmp_path_factory):
    """What is left of a run over good and broken patients: its folder, and what it printed."""
    folder = tmp_path_factory.mktemp("broken") / "run"
    shutil.copytree(clone, folder)
    break_series(folder / "scans", scans)
    rows = [f"{patient}|{patient}|train" for patient in (GOOD[0], *BROKEN)]
    cohort = sheet(folder, folder / "scans", [*rows, f"{GOOD[1]}|{GOOD[1]}|test"])
    return folder, tiny(folder, "preprocess", cohort=cohort)


def test_a_broken_patient_does_not_stop_the_others(outcome):
    folder, done = outcome
    assert done.returncode != 0
    made = {path.name for path in (folder / "results/backprojections/views-10").glob("*.nii")}
    assert {f"{patient}.{kind}.nii" for patient in GOOD for kind in ("sum", "min")} <= made
    assert {path.stem for path in (folder / "results/masks").glob("*.json")} == set(GOOD)


@pytest.mark.parametrize("patient", BROKEN)
def test_a_broken_patient_gets_one_clear_line(outcome, patient):
    folder, done = outcome
    stage, words = BROKEN[patient]
    lines = [line for line in done.stdout.splitlines() if line.startswith(f"{stage}: ")]
    [line] = [line for line in lines if f"patient {patient}:" in line]
    assert words in line
    log = (folder / f"logs/{stage}/{patient}.log").read_text().splitlines()
    assert "machine: " in log.pop(0)
    assert [line for line in log if "ERROR" in line and words in line and patient in line] == log


def test_the_terminal_ends_with_the_missing_patients(outcome):
    _, done = outcome
    summary = done.stdout.split("Patients with failed jobs:\n")[1].splitlines()
    named = [match[1] for match in map(re.compile(r"  (\S+): ").match, summary) if match]
    assert sorted(named) == sorted(BROKEN)
    for patient, line in zip(named, summary, strict=False):
        assert BROKEN[patient][1] in line
    assert "Traceback" not in done.stdout


def test_no_product_of_a_broken_patient_is_left(outcome):
    folder, _ = outcome
    products = [path for path in (folder / "results").rglob("*") if path.is_file()]
    unread = [patient for patient, (stage, _) in BROKEN.items() if stage == "convert"]
    assert not [path for path in products if any(patient in path.name for patient in unread)]
    assert not list((folder / "results/masks").glob("constant*"))
    assert not [path for path in products if path.name.startswith(".") or "part" in path.suffixes]


def test_no_header_value_is_printed_or_logged(outcome):
    folder, done = outcome
    assert not [value for value in (SECRET, b"Phantom^", DATE) if value.decode() in done.stdout]
    for log in (path for path in (folder / "logs").rglob("*") if path.is_file()):
        assert not [value for value in (SECRET, b"Phantom^", DATE) if value in log.read_bytes()]


def test_the_failures_stay_in_one_file_once_each(outcome):
    folder, done = outcome
    text = (folder / "logs/failures.txt").read_text()
    assert text in done.stdout
    for patient, (stage, words) in BROKEN.items():
        [line] = [line for line in text.splitlines() if line.startswith(f"  {patient}: ")]
        assert line.count(words) == 1
        assert line.endswith(f"(logs/{stage}/{patient}.log)")


@pytest.mark.thorough
def test_a_rerun_after_mending_makes_what_is_missing_and_no_more(fresh, scans):
    series = {"whole": "a", "gap": "b", "test": "c"}
    for patient, source in series.items():
        shutil.copytree(scans / source, fresh / "scans" / patient)
    lost = fresh / "scans/gap/slice-0008.dcm"
    content = lost.read_bytes()
    lost.unlink()
    rows = ["whole|whole|train", "gap|gap|train", "test|test|test"]
    cohort = sheet(fresh, fresh / "scans", rows)
    assert tiny(fresh, "preprocess", cohort=cohort).returncode != 0
    assert (fresh / "logs/failures.txt").exists()
    made = {path: path.stat().st_mtime_ns for path in (fresh / "results").rglob("*.nii*")}
    assert made and not [path for path in made if "gap" in path.name]
    lost.write_bytes(content)
    done = tiny(fresh, "preprocess", cohort=cohort)
    assert done.returncode == 0, done.stdout
    of_one = dict.fromkeys(["convert", "mask", "project", "back_project"], 1)
    assert planned(done.stdout) == of_one | {"mask_quality": 1, "preprocess": 1}
    assert all(path.stat().st_mtime_ns == time for path, time in made.items())
    assert not (fresh / "logs/failures.txt").exists()
