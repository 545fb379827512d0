"""A reconstructed mask to a DICOM SEG that refers to the series it came from.

It is filed with the patient's other images, and so the one output that carries the patient's
identity: name, numbers, dates and whatever else of patient and study the source says. It is made on
request only, and nothing of that reaches a log, an error or a file's name.
"""

from __future__ import annotations

import hashlib
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
from highdicom import AlgorithmIdentificationSequence, Volume
from highdicom.seg import Segmentation, SegmentDescription
from pydicom.dataset import Dataset, FileDataset
from pydicom.sr.codedict import codes
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from ...errors import InputError
from ...geometry.affine import LPS_TO_RAS
from ..atomic import atomic_file
from .elements import as_input_error
from .images import Image

VERSION = "0.1.0"  # not in `angiovox`, where a release would have every rule run anew
SERIES_NUMBER = 9001  # far from a scanner's
LOSSY = ["LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod"]
BYTE = 8  # pixels
NO_DATE, NO_TIME = "19000101", "000000"
NEEDED = ["SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID"]
SHARED = ["SeriesInstanceUID", "StudyInstanceUID", "PatientID", "PatientName"]
MAY_LACK = [
    "PatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID",
    "StudyDate", "StudyTime", "ReferringPhysicianName",
]  # fmt: skip


def write_segmentation(
    mask: np.ndarray,
    affine: np.ndarray,
    images: Sequence[Image],
    path: str | Path,
    method: str,
    views: int,
    learned: bool = True,
) -> None:
    """Write a mask as a DICOM SEG in its source's frame of reference and study.

    The same call writes the same bytes: UIDs follow from the rest of the file, and the dates are
    the study's, not those of the export.

    Parameters
    ----------
    mask : (x, y, z), vessel where it is not zero. Every plane is written, empty ones too, so that a
        reader gets this grid.
    affine : (4, 4) RAS affine in mm, of any grid with right angles: the source's or another.
    images : of the source series, all of them; they are what the SEG refers to.
    path : of the file, which appears whole or not at all.
    method, views : what the mask was reconstructed by and from; the segment's description says so.
    learned : whether the method is a network, or a threshold.

    Raises
    ------
    InputError : a mask without a vessel, for a blank overlay looks like a finding; or headers that
        say not where to file it, or the images of several patients, with the file but not what it
        says.
    ValueError : the mask is not three-dimensional.
    """
    if mask.ndim != 3:
        raise ValueError(f"a mask has 3 axes (x, y, z), this array has shape {mask.shape}")
    if not np.any(mask):
        raise InputError("no vessel in the reconstruction, so nothing to export")
    first, references = _source(images)
    with as_input_error("source series", "its headers make no segmentation"), _silence():
        volume = _volume(mask, affine)
        stand_in = _stand_in(first, images[0], volume)
        segmentation = _segmentation(volume, stand_in, _segment(method, views, learned))
        segmentation.SeriesDescription = f"{method}, {views} views, research"[:64]
        segmentation.SourceImageSequence = references
        segmentation.ReferencedSeriesSequence[0].ReferencedInstanceSequence = references
        _identify(segmentation, first)
        content = _encoded(segmentation)
    with atomic_file(path) as temporary:
        temporary.write_bytes(content)


def _source(images: Sequence[Image]) -> tuple[FileDataset, list[Dataset]]:
    """Header of the first image, and a reference to each.

    Raises InputError for images that lack what a SEG refers to, or are of different patients.
    """
    first, references = None, []
    for image in images:
        tags = [*NEEDED, *SHARED] if references else None  # all of the first
        with as_input_error(image.name, "broken header"), _silence():
            header = pydicom.dcmread(
                image.path, stop_before_pixels=True, force=True, specific_tags=tags
            )
            first = first or header
            lacking = [word for word in NEEDED if not header.get(word)]
            other = [word for word in SHARED if str(header.get(word)) != str(first.get(word))]
            reference = Dataset()
            reference.ReferencedSOPClassUID = header.get("SOPClassUID")
            reference.ReferencedSOPInstanceUID = header.get("SOPInstanceUID")
        if lacking:
            raise InputError(f"{image.name}: no {lacking[0]}, so no segmentation can refer to it")
        if other:
            raise InputError(
                f"{image.name}: another {other[0]} than {images[0].name}, so it is unclear whose "
                "segmentation it would be"
            )
        references.append(reference)
    return first, references


def _volume(mask: np.ndarray, affine: np.ndarray) -> Volume:
    """The mask as DICOM orders it: planes of z, rows along y, columns along x.

    Columns are filled up, at their far end, until every plane has whole bytes: GDCM, and so ITK,
    misreads planes of bits that begin within one.
    """
    rest = -mask.shape[0] % BYTE if mask.shape[0] * mask.shape[1] % BYTE else 0
    planes = np.pad(mask.transpose(2, 1, 0) != 0, [(0, 0), (0, 0), (0, rest)])
    return Volume(planes, (LPS_TO_RAS @ affine)[:, [2, 1, 0, 3]], "PATIENT")


def _stand_in(header: Dataset, image: Image, volume: Volume) -> Dataset:
    """What highdicom is given for the source: an image in the mask's own place.

    It takes classic XA for multi-frame, wants a frame of reference and one orientation of all
    frames, and puts the source's spacing and orientation where they nearly are the mask's.
    """
    # A source without a frame of reference shares it with nothing else: its series gives one.
    made = generate_uid(entropy_srcs=[image.series, "FrameOfReference"])
    source = Dataset()
    source.SOPClassUID, source.SOPInstanceUID = CTImageStorage, header.SOPInstanceUID
    source.StudyInstanceUID = header.StudyInstanceUID
    source.SeriesInstanceUID = header.SeriesInstanceUID
    source.FrameOfReferenceUID = image.frame_of_reference or made
    source.Modality = image.modality
    for keyword in MAY_LACK:
        setattr(source, keyword, None)
    for keyword in filter(header.__contains__, LOSSY):
        setattr(source, keyword, header[keyword].value)
    source.Rows, source.Columns = volume.spatial_shape[1:]
    source.PixelSpacing = list(volume.pixel_spacing)
    source.SliceThickness = source.SpacingBetweenSlices = volume.spacing_between_slices
    source.ImageOrientationPatient = volume.get_plane_orientation()[0].ImageOrientationPatient
    source.ImagePositionPatient = volume.get_plane_positions()[0][0].ImagePositionPatient
    return source


def _segment(method: str, views: int, learned: bool) -> SegmentDescription:
    family = codes.cid7162.ArtificialIntelligence if learned else codes.cid7162.HistogramAnalysis
    name = f"angiovox {method}"[:64]
    segment = SegmentDescription(
        segment_number=1,
        segment_label="Artery",
        segmented_property_category=codes.SCT.AnatomicalStructure,
        segmented_property_type=codes.SCT.Artery,
        algorithm_type="AUTOMATIC",
        algorithm_identification=AlgorithmIdentificationSequence(name, family, VERSION),
    )
    words = f"reconstructed from {views} views by {name} {VERSION}; for research, not for diagnosis"
    segment.SegmentDescription = words
    return segment


def _segmentation(volume: Volume, source: Dataset, segment: SegmentDescription) -> Segmentation:
    return Segmentation(
        source_images=[source],
        pixel_array=volume,
        segmentation_type="BINARY",
        segment_descriptions=[segment],
        series_instance_uid=source.SeriesInstanceUID,  # until `_encoded` gives its own
        series_number=SERIES_NUMBER,
        sop_instance_uid=source.SOPInstanceUID,
        instance_number=1,
        manufacturer="angiovox",
        manufacturer_model_name="angiovox",
        software_versions=VERSION,
        device_serial_number="0",
        transfer_syntax_uid=ExplicitVRLittleEndian,
        omit_empty_frames=False,  # or ITK, which sees even spacing only, puts the rest elsewhere
        content_label="ARTERIES",
    )


def _identify(segmentation: Segmentation, header: Dataset) -> None:
    """Patient and study, word for word; the study's date for the content's, and no clock's."""
    if header.get("SpecificCharacterSet"):
        segmentation.SpecificCharacterSet = header.SpecificCharacterSet
    segmentation.copy_patient_and_study_information(header)
    date, time = (str(header.get(f"Study{what}") or "") for what in ("Date", "Time"))
    segmentation.ContentDate = date if re.fullmatch(r"\d{8}", date) else NO_DATE
    segmentation.ContentTime = time if re.fullmatch(r"\d{6}(\.\d{1,6})?", time) else NO_TIME
    del segmentation.InstanceCreationDate, segmentation.InstanceCreationTime
    for equipment in segmentation.ContributingEquipmentSequence:
        del equipment.ContributionDateTime


def _encoded(segmentation: Segmentation) -> bytes:
    """The file, with UIDs that follow from all else in it."""

    def bytes_with(entropy: str) -> bytes:
        image, series, axes = (
            generate_uid(entropy_srcs=[entropy, level]) for level in ("image", "series", "axes")
        )
        segmentation.SOPInstanceUID = image
        segmentation.file_meta.MediaStorageSOPInstanceUID = image
        segmentation.SeriesInstanceUID = series
        dimensions = segmentation.DimensionIndexSequence
        for item in (*segmentation.DimensionOrganizationSequence, *dimensions):
            item.DimensionOrganizationUID = axes
        buffer = BytesIO()
        segmentation.save_as(buffer, enforce_file_format=True)
        return buffer.getvalue()

    return bytes_with(hashlib.sha256(bytes_with("")).hexdigest())


@contextmanager
def _silence() -> Iterator[None]:
    """No warnings: those of pydicom and highdicom quote the header."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
