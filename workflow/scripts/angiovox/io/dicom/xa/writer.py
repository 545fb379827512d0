"""A run to XA DICOM, as an angiography system would have written it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from pydicom import uid
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import UID, generate_uid

from ...atomic import atomic_file
from .enhanced import add_enhanced, coded, decimal, lookup_table, set_rectangle
from .run import Run
from .subtraction import Subtraction

IMAGE_TYPES = {"": "SINGLE PLANE", "A": "BIPLANE A", "B": "BIPLANE B"}
OTHER_PLANE = ("121314", "DCM", "Other image of biplane pair")
AXES = ("TableLongitudinalIncrement", "TableVerticalIncrement", "TableLateralIncrement")
FRAME_TIME, FRAME_TIME_VECTOR = 0x00181063, 0x00181065
KVP = 80


def write_run(
    run: Run,
    path: str | Path,
    name: str,
    enhanced: bool = False,
    syntax: UID = uid.ExplicitVRLittleEndian,
    partner: Run | None = None,
    number: int = 1,
) -> None:
    """Write a run as one file of X-Ray Angiographic or Enhanced XA Image Storage.

    Parameters
    ----------
    run : of unsigned frames of at most 16 bits.
    path : appears whole or not at all.
    name : of the patient. UIDs follow from it and the run: the same call, the same bytes.
    syntax : transfer syntax; pixels are compressed where it does that.
    partner : the run of the other plane of a biplane acquisition, of the same patient.
    number : of the series.

    Raises
    ------
    ValueError : numbers that the run's bits do not hold, a partner that is no other plane, or what
        classic XA cannot say: distances that change, an isocentre off the image's middle.
    """
    if int(run.frames.max()) > run.grey.top:
        raise ValueError(
            f"frames have numbers above {run.grey.top}, what {run.grey.bits} bits hold"
        )
    if partner is not None and {run.plane, partner.plane} != {"A", "B"}:
        raise ValueError("a biplane pair has a plane A and a plane B")
    if not enhanced and (any(run.offset) or np.ptp(run.distances, axis=0).any()):
        raise ValueError("classic XA has one distance, and the isocentre in the image's middle")
    dataset = _common(run, name, enhanced, number)
    _add_partner(dataset, partner, name, enhanced)
    if enhanced:
        add_enhanced(dataset, run)
    else:
        _add_classic(dataset, run)
    if run.subtractions:
        dataset.RecommendedViewingMode = "SUB"
        items = enumerate((part for one in run.subtractions for part in one.by_shift()), start=1)
        dataset.MaskSubtractionSequence = [_operation(one, k, enhanced) for k, one in items]
    dataset.PixelData = run.frames.astype("<u2").tobytes()
    dataset["PixelData"].VR = "OW"
    if syntax.is_compressed and not syntax.is_deflated:
        dataset.compress(syntax, generate_instance_uid=False)
    dataset.file_meta.TransferSyntaxUID = syntax
    with atomic_file(path) as temporary:
        dataset.save_as(temporary, enforce_file_format=True)


def write_pair(
    first: Run,
    second: Run,
    folder: str | Path,
    name: str,
    enhanced: bool = False,
    syntax: UID = uid.ExplicitVRLittleEndian,
) -> tuple[Path, Path]:
    """Write plane A and B of one acquisition as plane-a.dcm and plane-b.dcm, each naming the other.

    Raises ValueError as `write_run`.
    """
    paths = tuple(Path(folder) / f"plane-{run.plane.lower()}.dcm" for run in (first, second))
    write_run(first, paths[0], name, enhanced, syntax, second, 1)
    write_run(second, paths[1], name, enhanced, syntax, first, 2)
    return paths


def instance_uid(run: Run, name: str, enhanced: bool) -> UID:
    """The instance UID that follows from a run and its patient's name."""
    digest = hashlib.sha256(np.ascontiguousarray(run.frames))
    for part in (run.angles, run.distances, run.table, np.array(run.pixel_mm), run.times):
        digest.update(b"" if part is None else np.ascontiguousarray(part))
    described = repr((run.grey.relationship, run.grey.bits, run.subtractions, run.offset))
    return generate_uid(
        entropy_srcs=[name, digest.hexdigest(), described, run.plane, f"enhanced {enhanced}"]
    )


def _common(run: Run, name: str, enhanced: bool, number: int) -> FileDataset:
    """Patient, study, series, equipment and what both kinds say of pixels."""
    kind = uid.EnhancedXAImageStorage if enhanced else uid.XRayAngiographicImageStorage
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = kind
    meta.MediaStorageSOPInstanceUID = instance_uid(run, name, enhanced)
    meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    dataset = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SOPClassUID, dataset.SOPInstanceUID = kind, meta.MediaStorageSOPInstanceUID
    dataset.StudyInstanceUID = generate_uid(entropy_srcs=[name, "XA study"])
    dataset.SeriesInstanceUID = generate_uid(entropy_srcs=[dataset.SOPInstanceUID, "series"])
    dataset.PatientName, dataset.PatientID = f"Phantom^{name}", name
    dataset.PatientBirthDate, dataset.PatientSex, dataset.PatientPosition = "", "O", "HFS"
    dataset.StudyDate, dataset.StudyTime, dataset.AccessionNumber = "20230101", "120000", ""
    dataset.ContentDate, dataset.ContentTime = "20230101", "120000"
    dataset.AcquisitionDateTime = "20230101120000.000000"
    dataset.StudyID, dataset.ReferringPhysicianName, dataset.BodyPartExamined = "1", "", "HEAD"
    dataset.SeriesNumber, dataset.InstanceNumber, dataset.AcquisitionNumber = number, 1, 1
    dataset.Modality, dataset.Manufacturer = "XA", "angiovox phantom"
    dataset.NumberOfFrames, dataset.Rows, dataset.Columns = run.frames.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = (
        16,
        run.grey.bits,
        run.grey.bits - 1,
    )
    dataset.PixelRepresentation, dataset.LossyImageCompression = 0, "00"
    dataset.KVP = KVP
    return dataset


def _add_classic(dataset: Dataset, run: Run) -> None:
    """What X-Ray Angiographic Image Storage says of geometry, times and grey."""
    dataset.ImageType = ["ORIGINAL", "PRIMARY", IMAGE_TYPES[run.plane]]
    dataset.PatientOrientation = ""
    set_rectangle(dataset, "Shutter", run.exposed)
    dataset.PixelIntensityRelationship = run.grey.relationship
    if run.grey.sign < 0:
        dataset.PixelIntensityRelationshipSign = run.grey.sign
    dataset.RadiationSetting, dataset.ExposureTime, dataset.XRayTubeCurrent = "GR", "", ""
    if run.grey.table is not None:
        dataset.ModalityLUTSequence = [lookup_table(run.grey)]
        dataset.ModalityLUTSequence[0].ModalityLUTType = "US"
    if run.times is not None and len(run) > 1:
        _add_times(dataset, run.times)
    to_detector, to_patient = run.distances[0]
    dataset.DistanceSourceToDetector = decimal(to_detector)
    dataset.DistanceSourceToPatient = decimal(to_patient)
    dataset.EstimatedRadiographicMagnificationFactor = decimal(to_detector / to_patient)
    dataset.ImagerPixelSpacing = [decimal(edge) for edge in run.pixel_mm]
    dataset.PositionerMotion = "DYNAMIC" if run.is_rotational else "STATIC"
    for angle, which in zip(run.angles.T, ("Primary", "Secondary"), strict=True):
        setattr(dataset, f"Positioner{which}Angle", decimal(angle[0]))
        if run.is_rotational:
            steps = [decimal(step) for step in angle - angle[0]]
            setattr(dataset, f"Positioner{which}AngleIncrement", steps)
    moves = bool(np.ptp(run.table, axis=0).any())
    dataset.TableMotion = "DYNAMIC" if moves else "STATIC"
    for keyword, along in zip(AXES, run.table.T, strict=True):
        if moves:
            setattr(dataset, keyword, [decimal(step) for step in along - along[0]])


def _add_times(dataset: Dataset, times: np.ndarray) -> None:
    steps = np.diff(times) * 1000
    if np.ptp(steps) < 1e-6:
        dataset.FrameTime, dataset.FrameIncrementPointer = decimal(steps[0]), FRAME_TIME
    else:
        dataset.FrameTimeVector = ["0", *(decimal(step) for step in steps)]
        dataset.FrameIncrementPointer = FRAME_TIME_VECTOR


def _add_partner(dataset: Dataset, partner: Run | None, name: str, enhanced: bool) -> None:
    if partner is None:
        return
    item = Dataset()
    item.ReferencedSOPClassUID = dataset.SOPClassUID
    item.ReferencedSOPInstanceUID = instance_uid(partner, name, enhanced)
    if enhanced:
        dataset.ReferencedOtherPlaneSequence = [item]
    else:
        item.PurposeOfReferenceCodeSequence = coded(OTHER_PLANE)
        dataset.ReferencedImageSequence = [item]


def _operation(one: Subtraction, number: int, enhanced: bool) -> Dataset:
    item = Dataset()
    item.MaskOperation = "AVG_SUB" if one.masks else "TID"
    if one.ranges:
        item.ApplicableFrameRange = [edge + 1 for pair in _joined(one.ranges) for edge in pair]
    if one.masks:
        item.MaskFrameNumbers = [mask + 1 for mask in one.masks]
    else:
        item.TIDOffset = one.offset
    item.ContrastFrameAveraging = one.averaged
    item.MaskSubPixelShift = list(map(float, one.shift))
    if enhanced:
        item.SubtractionItemID = number
    return item


def _joined(ranges: tuple[tuple[int, int], ...]) -> list[tuple[int, int]]:
    """The same frames in as few ranges as possible."""
    joined: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(last, joined[-1][1]))
        else:
            joined.append((first, last))
    return joined
