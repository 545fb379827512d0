"""Reconstructions as DICOM: places and values of voxels, whose they are, and what they refer to."""

import shutil
import subprocess

import highdicom
import numpy as np
import pydicom
import pytest
import xa_cases
from angiovox.errors import InputError
from angiovox.geometry.grid import Grid
from angiovox.io.dicom.reconstruction import write_reconstruction

GRID = Grid((9, 7, 5), (0.5, 0.7, 1.1), (3.0, -2.0, 1.0))
BOTH = ("probability.dcm", "artery.seg.dcm")
NAME = "Surname^Given"


@pytest.fixture(scope="module")
def probability():
    values = np.random.default_rng(0).uniform(0, 1, GRID.shape).astype(np.float32)
    values[0, 0, 0], values[-1, -1, -1] = 0, 1
    return values


@pytest.fixture(scope="module")
def anonymous(probability, tmp_path_factory):
    folder = tmp_path_factory.mktemp("anonymous")
    assert write_reconstruction(folder, probability, GRID.affine, "network", 2) == BOTH
    return folder


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    path = xa_cases.write(tmp_path_factory.mktemp("source") / "run.dcm")
    return xa_cases.edit(path, PatientName=NAME, PatientID="4711", StudyDate="20240229")


@pytest.fixture(scope="module")
def identified(probability, source, tmp_path_factory):
    folder = tmp_path_factory.mktemp("identified")
    write_reconstruction(folder, probability, GRID.affine, "network", 2, source)
    return folder


def volume_of(path):
    """Voxels and the affine to LPS of a file, by another library's reading."""
    volume = highdicom.imread(path).get_volume(apply_real_world_transform=False)
    return volume.array, volume.affine


@pytest.mark.parametrize("name", BOTH)
def test_a_voxel_lies_where_the_grid_has_it(anonymous, probability, name):
    voxels, affine = volume_of(anonymous / name)
    voxels = voxels[..., 0] if voxels.ndim == 4 else voxels
    expected = probability * 65535 if name == BOTH[0] else probability >= 0.5
    for index in ((0, 0, 0), (8, 6, 4), (2, 5, 1)):
        place = np.append(GRID.to_mm(index), 1)
        found = np.rint(np.linalg.solve(affine, place)[:3]).astype(int)
        np.testing.assert_allclose(affine @ np.append(found, 1), place, atol=1e-4)
        assert voxels[tuple(found)] == pytest.approx(float(expected[index]), abs=0.51)


def test_the_map_gives_back_probabilities(anonymous, probability):
    image = pydicom.dcmread(anonymous / BOTH[0])
    mapping = image.SharedFunctionalGroupsSequence[0].RealWorldValueMappingSequence[0]
    values = image.pixel_array * mapping.RealWorldValueSlope + mapping.RealWorldValueIntercept
    np.testing.assert_allclose(np.sort(values.ravel()), np.sort(probability.ravel()), atol=1e-5)


def test_both_share_a_frame_and_the_segmentation_refers_to_the_map(anonymous):
    image, segments = (pydicom.dcmread(anonymous / name) for name in BOTH)
    assert image.FrameOfReferenceUID == segments.FrameOfReferenceUID
    assert image.StudyInstanceUID == segments.StudyInstanceUID
    assert image.SeriesInstanceUID != segments.SeriesInstanceUID
    (series,) = segments.ReferencedSeriesSequence
    assert series.SeriesInstanceUID == image.SeriesInstanceUID
    (reference,) = series.ReferencedInstanceSequence
    assert reference.ReferencedSOPInstanceUID == image.SOPInstanceUID
    assert "ReferencedSeriesSequence" not in image


def test_an_anonymous_file_says_nobody(anonymous, source):
    header = pydicom.dcmread(source)
    uids = {str(e.value) for e in header.iterall() if e.VR == "UI"} - {str(header.SOPClassUID)}
    for name in BOTH:
        image = pydicom.dcmread(anonymous / name)
        assert image.PatientIdentityRemoved == "YES"
        assert str(image.PatientName) == "Anonymous^" and image.StudyDate == "19000101"
        assert not uids & {str(e.value) for e in image.iterall() if e.VR == "UI"}


def test_an_identified_file_is_filed_with_its_source(identified, source):
    header = pydicom.dcmread(source)
    for name in BOTH:
        image = pydicom.dcmread(identified / name)
        for word in ("PatientName", "PatientID", "StudyInstanceUID", "StudyDate"):
            assert image[word].value == header[word].value
        assert "PatientIdentityRemoved" not in image
        assert image.SOPInstanceUID != header.SOPInstanceUID
    image = pydicom.dcmread(identified / BOTH[0])
    (reference,) = image.ReferencedSeriesSequence[0].ReferencedInstanceSequence
    assert reference.ReferencedSOPInstanceUID == header.SOPInstanceUID
    assert reference.ReferencedSOPClassUID == header.SOPClassUID


def test_the_same_call_writes_the_same_bytes(anonymous, probability, tmp_path):
    write_reconstruction(tmp_path, probability, GRID.affine, "network", 2)
    for name in BOTH:
        assert (tmp_path / name).read_bytes() == (anonymous / name).read_bytes()


def test_nothing_to_segment_leaves_the_map(tmp_path):
    none = np.full(GRID.shape, 0.3, np.float32)
    assert write_reconstruction(tmp_path, none, GRID.affine, "network", 2) == BOTH[:1]
    assert [path.name for path in tmp_path.iterdir()] == [BOTH[0]]


def test_a_source_that_is_no_image_is_rejected(tmp_path, probability):
    path = tmp_path / "no.dcm"
    path.write_bytes(b"nothing of DICOM")
    with pytest.raises(InputError, match=r"no\.dcm"):
        write_reconstruction(tmp_path, probability, GRID.affine, "network", 2, path)


@pytest.mark.skipif(
    shutil.which("dciodvfy") is None,
    reason="not run: dciodvfy of Debian's dicom3tools is not installed",
)
@pytest.mark.parametrize("kind", ["anonymous", "identified"])
@pytest.mark.parametrize("name", BOTH)
def test_a_validator_finds_no_fault(request, kind, name, tmp_path):
    path = request.getfixturevalue(kind) / name
    assert faults(path) == []
    image = pydicom.dcmread(path)
    del image.ContentLabel
    image.save_as(tmp_path / name)
    assert any("ContentLabel" in fault for fault in faults(tmp_path / name))


def faults(path):
    found = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True)
    lines = (found.stdout + found.stderr).splitlines()
    return [line for line in lines if "Error" in line or "Warning" in line]
