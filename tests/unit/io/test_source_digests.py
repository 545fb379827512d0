"""A copy of a patient has the same digests, and no UID can be read from them."""

import numpy as np
import pydicom
import pytest
from angiovox.geometry import resample
from angiovox.geometry.affine import isotropic_affine
from angiovox.io import nifti, patient_source
from angiovox.io.dicom import writer
from angiovox.io.quantization import quantize
from angiovox.io.source_digests import source_digests
from pydicom.uid import RLELossless, generate_uid

SHAPE = (20, 18, 16)


def digests(path):
    """As the workflow has them of a patient's entry."""
    found = patient_source.find(path)
    volume, _ = resample.to_study_grid(*found.read(), 16, 0.7)
    return source_digests(found, quantize(volume).codes)


@pytest.fixture
def anna(tmp_path):
    volume = np.random.default_rng(1).integers(0, 1000, SHAPE).astype(float)
    writer.write_series(volume, isotropic_affine(SHAPE, 0.5), tmp_path / "anna", "anna")
    return tmp_path / "anna"


def rewritten(folder, to, change):
    """The series with each slice changed and another name."""
    to.mkdir()
    for number, path in enumerate(sorted(folder.iterdir(), reverse=True)):
        dataset = pydicom.dcmread(path)
        change(dataset)
        dataset.save_as(to / f"image{number}")
    return to


def test_pixels_stored_otherwise_under_another_uid_give_the_same_volume(anna, tmp_path):
    uid = generate_uid()

    def change(dataset):
        dataset.compress(RLELossless)
        dataset.SeriesInstanceUID, dataset.PatientID = uid, "bert"
        place = dataset.ImagePositionPatient
        dataset.ImagePositionPatient = [place[0] + 100, place[1], place[2]]

    own, copy = digests(anna), digests(rewritten(anna, tmp_path / "bert", change))
    assert copy["volume"] == own["volume"] and copy["series"] != own["series"]


def test_another_part_of_a_series_is_of_the_same_series(anna, tmp_path):
    own = digests(anna)
    copy = rewritten(anna, tmp_path / "bert", lambda dataset: None)
    (copy / "image0").unlink()
    part = digests(copy)
    assert part["series"] == own["series"] and part["volume"] != own["volume"]


def test_a_file_of_the_volume_is_the_same_and_has_no_series(anna, tmp_path):
    nifti.save_volume(tmp_path / "anna.nii.gz", *patient_source.find(anna).read())
    assert digests(tmp_path / "anna.nii.gz") == {"volume": digests(anna)["volume"]}


def test_another_volume_differs(anna, tmp_path):
    volume = np.random.default_rng(2).integers(0, 1000, SHAPE).astype(float)
    writer.write_series(volume, isotropic_affine(SHAPE, 0.5), tmp_path / "bert", "bert")
    own, other = digests(anna), digests(tmp_path / "bert")
    assert own["volume"] != other["volume"] and own["series"] != other["series"]


def test_no_uid_is_in_it(anna):
    uid = pydicom.dcmread(next(anna.iterdir())).SeriesInstanceUID
    own = digests(anna)
    assert uid not in str(own) and set(map(len, own.values())) == {64}
