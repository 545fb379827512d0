"""Parametric Maps of a study: values and places of voxels, and the series that they refer to."""

import shutil
import subprocess

import highdicom
import nibabel as nib
import numpy as np
import pydicom
import pytest
from angiovox.errors import InputError
from angiovox.geometry.affine import LPS_TO_RAS
from angiovox.io.dicom.probability_map import TOP, write_probability_map
from conftest import TINY, tiny
from dicom_sources import AXES, CLASSIC, ENHANCED, SHAPE, WHO, write_source
from plans import planned

STUDY = {"StudyDate": "20240229", "StudyTime": "101112", "StudyID": "9", "PatientSex": "F"}


@pytest.fixture
def probability():
    values = np.random.default_rng(0).uniform(0, 1, SHAPE).astype(np.float32)
    values[0, 0, 0], values[-1, -1, -1] = 0, 1
    return values


def exported(source, probability, path, method="unet", is_calibrated=True):
    affine = source.found.read()[1]
    write_probability_map(probability, affine, source.images, path, method, 2, is_calibrated)
    return pydicom.dcmread(path)


def values_in_patient(path, places):
    """What highdicom reads at places in mm of DICOM's patient system: probabilities."""
    volume = highdicom.imread(path).get_volume(apply_real_world_transform=True)
    indices = np.rint(np.linalg.solve(volume.affine, places.T)[:3].T).astype(int)
    return np.squeeze(volume.array)[tuple(indices.T)]


@pytest.mark.parametrize("axes", AXES)
def test_a_probability_is_read_back_where_the_sources_header_puts_its_voxel(
    tmp_path, probability, axes
):
    source = write_source(tmp_path / "source", axes)
    exported(source, probability, tmp_path / "map.dcm")
    indices = np.argwhere(np.ones(SHAPE, bool))
    affine = LPS_TO_RAS @ source.found.read()[1]
    places = np.column_stack([indices, np.ones(len(indices))]) @ affine.T
    found = values_in_patient(tmp_path / "map.dcm", places)
    np.testing.assert_allclose(found, probability[tuple(indices.T)], atol=0.51 / TOP)


@pytest.mark.parametrize("kind", [*CLASSIC, *ENHANCED])
def test_it_refers_to_every_image_of_the_source(tmp_path, probability, kind):
    source = write_source(tmp_path / "source", "oblique", kind)
    written = exported(source, probability, tmp_path / "map.dcm")
    headers = [pydicom.dcmread(path) for path in source.folder.iterdir()]
    (series,) = written.ReferencedSeriesSequence
    assert series.SeriesInstanceUID == headers[0].SeriesInstanceUID
    named = {r.ReferencedSOPInstanceUID for r in series.ReferencedInstanceSequence}
    assert named == {header.SOPInstanceUID for header in headers}
    assert written.FrameOfReferenceUID == headers[0].FrameOfReferenceUID
    assert written.StudyInstanceUID == headers[0].StudyInstanceUID
    assert written.SeriesInstanceUID != headers[0].SeriesInstanceUID


def test_it_is_filed_with_its_patient_and_says_what_it_is(tmp_path, probability):
    source = write_source(tmp_path / "source", **WHO, **STUDY)
    written = exported(source, probability, tmp_path / "map.dcm", "dae")
    for keyword in ("PatientName", "PatientID", "StudyDate", "AccessionNumber"):
        assert written[keyword].value == (WHO | STUDY)[keyword]
    assert written.SeriesDescription == "dae, 2 views, research"
    assert written.ContentDate == STUDY["StudyDate"]


def test_only_calibrated_probabilities_are_called_so(tmp_path, probability):
    source = write_source(tmp_path / "source")
    said = {
        is_calibrated: exported(
            source, probability, tmp_path / f"{is_calibrated}.dcm", is_calibrated=is_calibrated
        ).ContentDescription
        for is_calibrated in (True, False)
    }
    assert said[True].startswith("Calibrated probability") and "not diagnosis" in said[True]
    assert "alibrated" not in said[False] and "not for diagnosis" in said[False]


def test_the_same_call_writes_the_same_bytes_and_another_method_another_series(
    tmp_path, probability
):
    source = write_source(tmp_path / "source")
    first = exported(source, probability, tmp_path / "a.dcm")
    exported(source, probability, tmp_path / "b.dcm")
    other = exported(source, probability, tmp_path / "c.dcm", "dae")
    assert (tmp_path / "a.dcm").read_bytes() == (tmp_path / "b.dcm").read_bytes()
    assert first.SeriesInstanceUID != other.SeriesInstanceUID


def test_images_of_two_patients_are_rejected(tmp_path, probability):
    source = write_source(tmp_path / "source", **WHO)
    path = source.folder / "5.dcm"
    image = pydicom.dcmread(path)
    image.PatientID = "another"
    image.save_as(path)
    with pytest.raises(InputError, match=r"5\.dcm: another PatientID"):
        exported(source, probability, tmp_path / "map.dcm")
    assert not (tmp_path / "map.dcm").exists()


def test_a_plane_is_no_volume(tmp_path):
    source = write_source(tmp_path / "source")
    with pytest.raises(ValueError, match="3 axes"):
        exported(source, np.ones((4, 4)), tmp_path / "map.dcm")


@pytest.mark.skipif(
    shutil.which("dciodvfy") is None,
    reason="not run: dciodvfy of Debian's dicom3tools is not installed",
)
@pytest.mark.parametrize("kind", [*CLASSIC, *ENHANCED])
def test_a_validator_finds_no_fault(tmp_path, probability, kind):
    source = write_source(tmp_path / "source", "oblique", kind, **WHO, **STUDY)
    written = exported(source, probability, tmp_path / "map.dcm")
    assert faults(tmp_path / "map.dcm") == []
    del written.ContentLabel
    written.save_as(tmp_path / "lacking.dcm")
    assert any("ContentLabel" in fault for fault in faults(tmp_path / "lacking.dcm"))


def faults(path):
    found = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True)
    lines = (found.stdout + found.stderr).splitlines()
    return [line for line in lines if "Error" in line or "Warning" in line]


# The rule


def test_the_rule_exports_on_request_and_its_log_names_nobody(fresh):
    """One job, of a patient whose reconstruction is there."""
    source = write_source(fresh / "dicom/anna", **WHO)
    (fresh / "sheet.tsv").write_text("patient\tdicom\tsplit\nanna\tdicom/anna\ttest\n")
    volume, affine = source.found.read()
    made = fresh / "results/reconstructions/unet/views-2/seed-1/anna.nii.gz"
    made.parent.mkdir(parents=True)
    nib.save(nib.Nifti1Image((volume / 1000).astype(np.float32), affine), made)
    cohort = TINY["cohort"] | {"sheet": "sheet.tsv"}
    target = "results/probability_maps/unet/views-2/anna.dcm"
    done = tiny(fresh, target, "--allowed-rules", "export_probability_map", cohort=cohort)
    assert done.returncode == 0, done.stdout
    written = pydicom.dcmread(fresh / target)
    assert written.PatientName == WHO["PatientName"]
    assert "Calibrated" in written.ContentDescription
    assert written.pixel_array.max() == TOP and written.pixel_array.min() == 0
    log = (fresh / "logs/export_probability_map/unet/views-2/anna.log").read_text()
    assert not [value for value in WHO.values() if value in log + done.stdout]


def test_probabilities_are_asked_for_where_a_method_gives_them(fresh):
    wanted = planned(tiny(fresh, "segmentations", "--dry-run").stdout)
    methods = ("dae", "unet", "consistent", "cgan")  # not the thresholds: a mask has no degrees
    assert wanted["export_probability_map"] == len(methods) * TINY["cohort"]["test_patients"]
