"""angiovox inventory: runs in words, and nothing of who the patient is."""

import numpy as np
import pytest
import xa_cases
from angiovox.geometry.affine import isotropic_affine
from angiovox.io.dicom import writer
from angiovox_command.inventory import describe
from angiovox_command.program import main


@pytest.fixture
def folder(tmp_path):
    first, second = xa_cases.pair()
    xa_cases.write(tmp_path / "study/a.dcm", first)
    xa_cases.write(tmp_path / "study/b.dcm", second)
    xa_cases.edit(tmp_path / "study/a.dcm", PatientName="Mustermann^Max", PatientID="4711")
    xa_cases.single_frames(tmp_path / "study/b.dcm", tmp_path / "study/frames")
    return tmp_path / "study"


@pytest.fixture(autouse=True)
def study(tmp_path):
    (tmp_path / "study").mkdir()


def test_each_run_has_its_path_frames_direction_and_masks(folder):
    text = describe(folder)
    assert f"{folder}/a.dcm" in text and f"{folder}/frames\n" in text
    assert "frontal, CRA 15; mask: frame 1, contrast: frames 2 to 6" in text
    assert text.count("LAO 88, CAU 5") == 2 and "89 degrees apart" in text
    assert "Mustermann" not in text and "4711" not in text


def test_what_cannot_be_used_is_said_with_its_reason_and_volumes_are_listed(folder, tmp_path):
    xa_cases.edit(folder / "a.dcm", DistanceSourceToDetector=None)
    volume = np.random.default_rng(0).normal(size=(8, 8, 8))
    writer.write_series(volume, isotropic_affine(volume.shape, 1.0), folder / "ct", "Mustermann")
    text = describe(folder)
    assert "cannot be used: a.dcm" in text and "DistanceSourceToDetector" in text
    assert "Other series:\n  series" in text and "Mustermann" not in text.replace(str(folder), "")


def test_a_folder_without_runs_and_one_that_is_missing(tmp_path, capsys):
    assert main(["inventory", str(tmp_path / "study")]) == 0
    assert "No run of X-ray angiography" in capsys.readouterr().out
    assert main(["inventory", str(tmp_path / "gone")]) == 1
    assert capsys.readouterr().err.strip().endswith("gone: does not exist")
