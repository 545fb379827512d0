"""A patient's folders as the input of a job."""

import os

import pytest
from angiovox_pipeline import patient_folders
from angiovox_pipeline.cohort import Patient
from angiovox_pipeline.patient_folders import FoldersWithin
from snakemake.exceptions import WorkflowError
from snakemake.io import get_flag_value


def within(folder, warn=pytest.fail, name="anna", owners=None):
    owners = {} if owners is None else owners
    return FoldersWithin(Patient(name, "test", dicom=str(folder)), "sheet.tsv", warn, owners)


@pytest.fixture
def scans(tmp_path, monkeypatch):
    for name in ("one/deep", "two", "{three}"):
        (tmp_path / "scans" / name).mkdir(parents=True)
    monkeypatch.setattr(patient_folders, "check_images", lambda *_: None)
    return tmp_path / "scans"


def test_folders_below_are_listed_but_for_wildcards(scans):
    found = [*within(scans)]
    assert found == [str(scans / name) for name in ("one", "one/deep", "two")]
    assert all(get_flag_value(path, "local") for path in found)  # no prefix of a module


def test_a_file_has_no_folders(scans):
    (scans / "volume.nii").touch()
    assert [*within(scans / "volume.nii")] == []


def test_nothing_is_looked_at_before_the_folders_are_needed(tmp_path):
    folders = within(tmp_path / "gone")
    with pytest.raises(WorkflowError, match=r"sheet\.tsv: patient anna: .*gone: does not exist"):
        list(folders)


def test_a_missing_package_is_a_warning(scans, monkeypatch):
    def check(*_):
        raise ModuleNotFoundError(name="pydicom")

    said = []
    monkeypatch.setattr(patient_folders, "check_images", check)
    assert len([*within(scans, said.append)]) == 3
    [sentence] = said
    assert "sheet.tsv" in sentence and "pydicom is not installed" in sentence


@pytest.mark.parametrize("kind", ["link to a folder", "hard link to a file"])
def test_what_another_patient_has_too_is_refused_with_both_ids(scans, tmp_path, kind):
    own = scans
    copy = tmp_path / "copy"
    if kind == "link to a folder":
        copy.mkdir()
        (copy / "series").symlink_to(scans / "one")
    else:
        own = scans / "volume.nii"
        own.touch()
        copy.hardlink_to(own)
    owners = {}
    before = [*within(own, owners=owners)]
    assert [*within(own, owners=owners)] == before  # asked again
    with pytest.raises(WorkflowError, match=r"sheet\.tsv: patients anna and bert share .*copy"):
        list(within(copy, name="bert", owners=owners))


def test_a_folder_whose_name_is_not_utf_8_is_refused_when_planning(scans):
    (scans / os.fsdecode(b"one/d\xe9")).mkdir()
    with pytest.raises(WorkflowError) as refused:
        list(within(scans))
    message = str(refused.value)
    assert message.startswith("sheet.tsv: patient anna: ") and r"one/d\xe9: not UTF-8" in message
    message.encode("utf-8")
