"""A patient's folders as the input of a job."""

import os
import subprocess

import pytest
from angiovox_pipeline import patient_folders
from angiovox_pipeline.cohort import Patient
from angiovox_pipeline.patient_folders import FoldersWithin, fingerprint
from image_files import stored, write_metaimage, write_nrrd
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


# What tells that files changed


def print_of(path):
    fingerprint.cache_clear()  # of the process that asked before
    return fingerprint(str(path))


def older(path, seconds=1000):
    """Give a file another time, before its own."""
    then = path.stat().st_mtime - seconds
    os.utime(path, (then, then))


@pytest.fixture
def slices(tmp_path):
    folder = tmp_path / "scans/one/deep"
    folder.mkdir(parents=True)
    for number in range(3):
        (folder / f"IM{number}").write_bytes(bytes(100))
        older(folder / f"IM{number}", number)
    return folder


def rewrite(folder):
    (folder / "IM1").write_bytes(b"x" * 100)


def resize(folder):
    before = (folder / "IM1").stat().st_mtime
    (folder / "IM1").write_bytes(bytes(101))
    os.utime(folder / "IM1", (before, before))


CHANGES = {
    "rewritten": rewrite,
    "of another size": resize,
    "older": lambda folder: older(folder / "IM1"),
    "gone": lambda folder: (folder / "IM1").unlink(),
    "more": lambda folder: (folder / "IM9").touch(),
    "named otherwise": lambda folder: (folder / "IM1").rename(folder / "IM9"),
    "exchanged": lambda folder: (folder / "IM1").replace(folder / "IM2"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_any_change_of_a_file_deep_in_a_folder_is_noticed(slices, tmp_path, change):
    before = print_of(tmp_path / "scans")
    assert print_of(tmp_path / "scans") == before
    change(slices)
    assert print_of(tmp_path / "scans") != before


def test_a_folder_that_is_copied_with_its_times_is_the_same(slices, tmp_path):
    (slices / "link").symlink_to("IM2")
    before = print_of(tmp_path / "scans")
    subprocess.run(["cp", "-a", "scans", "moved"], cwd=tmp_path, check=True)
    assert print_of(tmp_path / "moved") == before


@pytest.mark.parametrize("place", ["scans", "scans/inside"])
def test_a_link_that_is_pointed_elsewhere_is_noticed(tmp_path, place):
    """Also to a file of the same size and time."""
    (tmp_path / "scans").mkdir(exist_ok=True)
    for name in ("first", "second"):
        (tmp_path / name).write_bytes(bytes(100))
        os.utime(tmp_path / name, (1e9, 1e9))
    path = tmp_path / "scans/v.nii"
    path.symlink_to(tmp_path / "first")
    looked_at = path if place == "scans" else path.parent
    before = print_of(looked_at)
    path.unlink()
    path.symlink_to(tmp_path / "second")
    assert print_of(looked_at) != before


def test_a_link_to_another_folder_of_the_same_files_is_noticed(tmp_path):
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "IM1").touch()
        os.utime(tmp_path / name / "IM1", (1e9, 1e9))
    (tmp_path / "scans").mkdir()
    for link in (tmp_path / "link", tmp_path / "scans/link"):
        link.symlink_to(tmp_path / "first")
        top = link if link.parent == tmp_path else link.parent
        before = print_of(top)
        link.unlink()
        link.symlink_to(tmp_path / "second")
        assert print_of(top) != before


def test_files_that_cannot_be_looked_at_are_no_error(tmp_path):
    (tmp_path / "scans").mkdir()
    (tmp_path / "scans/gone").symlink_to("nowhere")
    os.mkfifo(tmp_path / "scans/pipe")
    assert print_of(tmp_path / "scans") == print_of(tmp_path / "scans")
    assert print_of(tmp_path / "scans/pipe") == print_of(tmp_path / "nobody")


@pytest.mark.parametrize("write", [write_nrrd, write_metaimage])
def test_a_file_that_a_header_names_counts(tmp_path, write):
    (tmp_path / "voxels").mkdir()
    raw, other = tmp_path / "voxels/v.raw", tmp_path / "other.raw"
    for path in (raw, other):
        path.write_bytes(stored())
    if write is write_nrrd:
        header = write(tmp_path / "v.nhdr", b"", data_file="voxels/v.raw")
    else:
        header = write(tmp_path / "v.mhd", file="voxels/v.raw")
    before = print_of(header)
    older(other)
    assert print_of(header) == before
    older(raw)
    assert print_of(header) != before


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
