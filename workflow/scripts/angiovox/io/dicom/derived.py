"""What this project's multi-frame DICOM files share: order of voxels, identity, UIDs."""

from __future__ import annotations

import hashlib
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any

import numpy as np
from highdicom import Volume
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from ...geometry.affine import LPS_TO_RAS

VERSION = "0.1.0"  # not in `angiovox`, where a release would have every rule run anew
BYTE = 8  # pixels
NO_DATE, NO_TIME = "19000101", "000000"
MAY_LACK = [
    "PatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID",
    "StudyDate", "StudyTime", "ReferringPhysicianName",
]  # fmt: skip


def volume_of(voxels: np.ndarray, affine: np.ndarray) -> Volume:
    """Voxels (x, y, z) as DICOM orders them: planes of z, rows along y, columns along x.

    Columns of a mask are filled up, at their far end, until every plane has whole bytes: GDCM, and
    so ITK, misreads planes of bits that begin within one.
    """
    whole = voxels.dtype != bool or voxels.shape[0] * voxels.shape[1] % BYTE == 0
    rest = 0 if whole else -voxels.shape[0] % BYTE
    planes = np.pad(voxels.transpose(2, 1, 0), [(0, 0), (0, 0), (0, rest)])
    return Volume(planes, (LPS_TO_RAS @ affine)[:, [2, 1, 0, 3]], "PATIENT")


def stand_in(header: Dataset, frame_of_reference: str, modality: str, volume: Volume) -> Dataset:
    """What highdicom is given for the source: an image in the volume's own place.

    It takes classic XA for multi-frame, wants a frame of reference and one orientation of all
    frames, and puts the source's spacing and orientation where they nearly are the volume's.
    """
    source = Dataset()
    source.SOPClassUID, source.SOPInstanceUID = CTImageStorage, header.SOPInstanceUID
    source.StudyInstanceUID = header.StudyInstanceUID
    source.SeriesInstanceUID = header.SeriesInstanceUID
    source.FrameOfReferenceUID, source.Modality = frame_of_reference, modality
    for keyword in MAY_LACK:
        setattr(source, keyword, None)
    source.Rows, source.Columns = volume.spatial_shape[1:]
    source.PixelSpacing = list(volume.pixel_spacing)
    source.SliceThickness = source.SpacingBetweenSlices = volume.spacing_between_slices
    source.ImageOrientationPatient = volume.get_plane_orientation()[0].ImageOrientationPatient
    source.ImagePositionPatient = volume.get_plane_positions()[0][0].ImagePositionPatient
    return source


def making(source: Dataset) -> dict[str, Any]:
    """Arguments that highdicom asks for of every image: what made it, and numbers of its own.

    source : as `stand_in` makes it, whose UIDs stand until `encoded` gives the image its own.
    """
    return {
        "source_images": [source],
        "series_instance_uid": source.SeriesInstanceUID,
        "sop_instance_uid": source.SOPInstanceUID,
        "instance_number": 1,
        "manufacturer": "angiovox",
        "manufacturer_model_name": "angiovox",
        "software_versions": VERSION,
        "device_serial_number": "0",
        "transfer_syntax_uid": ExplicitVRLittleEndian,
    }


def identify(image: Dataset, header: Dataset) -> None:
    """Patient and study, word for word; the study's date for the content's, and no clock's."""
    if header.get("SpecificCharacterSet"):
        image.SpecificCharacterSet = header.SpecificCharacterSet
    image.copy_patient_and_study_information(header)
    date, time = (str(header.get(f"Study{what}") or "") for what in ("Date", "Time"))
    image.ContentDate = date if re.fullmatch(r"\d{8}", date) else NO_DATE
    image.ContentTime = time if re.fullmatch(r"\d{6}(\.\d{1,6})?", time) else NO_TIME
    del image.InstanceCreationDate, image.InstanceCreationTime
    for equipment in image.ContributingEquipmentSequence:
        del equipment.ContributionDateTime


def encoded(image: Dataset) -> bytes:
    """The file, with UIDs that follow from all else in it."""

    def bytes_with(entropy: str) -> bytes:
        instance, series, axes = (
            generate_uid(entropy_srcs=[entropy, level]) for level in ("image", "series", "axes")
        )
        image.SOPInstanceUID = instance
        image.file_meta.MediaStorageSOPInstanceUID = instance
        image.SeriesInstanceUID = series
        dimensions = image.DimensionIndexSequence
        for item in (*image.DimensionOrganizationSequence, *dimensions):
            item.DimensionOrganizationUID = axes
        buffer = BytesIO()
        image.save_as(buffer, enforce_file_format=True)
        return buffer.getvalue()

    return bytes_with(hashlib.sha256(bytes_with("")).hexdigest())


@contextmanager
def silence() -> Iterator[None]:
    """No warnings: those of pydicom and highdicom quote the header."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
