"""The functional groups and acquisition of Enhanced XA, for `writer`."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from .geometry import TABLE_ANGLES
from .grey import Grey
from .run import Run

START = datetime(2023, 1, 1, 12)
TABLE_AXES = (
    "TableTopLongitudinalPosition", "TableTopVerticalPosition", "TableTopLateralPosition",
)  # fmt: skip
ISOCENTRE_AXES = tuple(f"Table{axis}PositionToIsocenter" for axis in "XYZ")
HEAD = ("69536005", "SCT", "Head")
FRAME_TYPE = ["ORIGINAL", "PRIMARY", "ANGIO", "NONE"]
PULSE_MS, CURRENT_MA = 5.0, 300.0


def decimal(value: float) -> str:
    """A number as a DICOM decimal string, at most 16 characters."""
    return f"{float(value) + 0.0:.8g}"


def lookup_table(grey: Grey) -> Dataset:
    """An item of a look-up table that leads from LOG back to intensity."""
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [len(grey.table) % 2**16, grey.first, 16])
    item.add_new("LUTData", "OW", grey.table.astype("<u2").tobytes())
    return item


def set_rectangle(dataset: Dataset, shape: str, exposed: np.ndarray, always: bool = False) -> None:
    """Describe the rectangle around exposed pixels, where that is not all of the image.

    shape : "Shutter" or "Collimator". exposed : (rows, columns) bool. always : of all as well.
    """
    if exposed.all() and not always:
        return
    rows, columns = ((np.flatnonzero(exposed.any(axis=axis)) + 1).tolist() for axis in (1, 0))
    edges = {"UpperHorizontal": rows[0], "LowerHorizontal": rows[-1]}
    edges |= {"LeftVertical": columns[0], "RightVertical": columns[-1]}
    setattr(dataset, f"{shape}Shape", "RECTANGULAR")
    for edge, place in edges.items():
        setattr(dataset, f"{shape}{edge}Edge", place)
    if shape == "Shutter":
        dataset.ShutterPresentationValue = 0


def add_enhanced(dataset: Dataset, run: Run) -> None:
    """What Enhanced XA Image Storage says beyond the patient, the pixels and the mask."""
    dataset.ManufacturerModelName, dataset.DeviceSerialNumber = "phantom", "1"
    dataset.SoftwareVersions = "1"
    dataset.ImageType = FRAME_TYPE
    dataset.ContentQualification, dataset.PresentationLUTShape = "RESEARCH", "IDENTITY"
    dataset.PlanesInAcquisition = "BIPLANE" if run.plane else "SINGLE PLANE"
    dataset.PlaneIdentification = f"PLANE {run.plane}" if run.plane else "MONOPLANE"
    dataset.BurnedInAnnotation, dataset.AcquisitionContextSequence = "NO", []
    dataset.AveragePulseWidth, dataset.RadiationSetting, dataset.RadiationMode = (
        PULSE_MS,
        "GR",
        "PULSED",
    )
    dataset.PositionerType, dataset.CArmPositionerTabletopRelationship = "CARM", "NO"
    dataset.ExposureInmAs = PULSE_MS * len(run) * CURRENT_MA / 1000
    dataset.AcquisitionDuration = float(run.times[-1]) if run.times is not None else 0.0
    dataset.XRayReceptorType, dataset.DetectorType = "DIGITAL_DETECTOR", "DIRECT"
    dataset.DistanceReceptorPlaneToDetectorHousing = None
    dataset.AcquiredImageAreaDoseProduct = None
    rows, columns = run.frames.shape[1:]
    size = np.array([rows, columns]) * run.pixel_mm
    dataset.PhysicalDetectorSize = size.tolist()
    dataset.DetectorElementSpacing = [decimal(edge) for edge in run.pixel_mm]
    if any(run.offset):
        right, up = run.offset
        elements = np.array([-up, right]) / run.pixel_mm  # down and right to the image's centre
        isocentre = np.array([rows, columns]) / 2 - elements
        dataset.PositionOfIsocenterProjection = isocentre.tolist()
    dataset.SharedFunctionalGroupsSequence = [_shared(run)]
    frames = range(len(run))
    dataset.PerFrameFunctionalGroupsSequence = [_per_frame(run, frame) for frame in frames]


def _item(**values: Any) -> list[Dataset]:
    item = Dataset()
    for keyword, value in values.items():
        setattr(item, keyword, value)
    return [item]


def coded(code: tuple[str, str, str]) -> list[Dataset]:
    """A sequence of one code: its value, its scheme, its meaning."""
    return _item(CodeValue=code[0], CodingSchemeDesignator=code[1], CodeMeaning=code[2])


def _shared(run: Run) -> Dataset:
    groups = Dataset()
    groups.FramePixelDataPropertiesSequence = _item(
        FrameType=FRAME_TYPE,
        ImagerPixelSpacing=[decimal(edge) for edge in run.pixel_mm],
        PixelIntensityRelationship=run.grey.relationship,
        PixelIntensityRelationshipSign=run.grey.sign,
        GeometricalProperties="UNIFORM",
        ImageProcessingApplied="NONE",
    )
    if run.grey.table is not None:
        table = lookup_table(run.grey)
        table.LUTFunction = "TO_LINEAR"
        groups.PixelIntensityRelationshipLUTSequence = [table]
    groups.FieldOfViewSequence = _item(
        FieldOfViewShape="RECTANGLE",
        FieldOfViewDimensionsInFloat=(np.array(run.frames.shape[1:]) * run.pixel_mm).tolist(),
        FieldOfViewOrigin=["0", "0"],
        FieldOfViewRotation="0",
        FieldOfViewHorizontalFlip="NO",
    )
    groups.FrameDetectorParametersSequence = _item(DetectorActiveTime=decimal(PULSE_MS))
    collimator = Dataset()
    set_rectangle(collimator, "Collimator", run.exposed, always=True)
    groups.CollimatorShapeSequence = [collimator]
    groups.FrameAnatomySequence = _item(AnatomicRegionSequence=coded(HEAD), FrameLaterality="U")
    groups.IrradiationEventIdentificationSequence = _item(
        IrradiationEventUID=generate_uid(entropy_srcs=[run.name, "irradiation"])
    )
    groups.FrameAcquisitionSequence = _item(KVP="80", XRayTubeCurrentInmA=CURRENT_MA)
    groups.FrameVOILUTSequence = _item(
        WindowCenter=decimal(run.grey.top / 2), WindowWidth=decimal(run.grey.top)
    )
    return groups


def _per_frame(run: Run, frame: int) -> Dataset:
    groups = Dataset()
    content = Dataset()
    if run.times is not None:
        moment = START + timedelta(seconds=float(run.times[frame]))
        content.FrameAcquisitionDateTime = content.FrameReferenceDateTime = moment.strftime(
            "%Y%m%d%H%M%S.%f"
        )
        content.FrameAcquisitionDuration = PULSE_MS
    groups.FrameContentSequence = [content]
    primary, secondary = run.angles[frame]
    groups.PositionerPositionSequence = _item(
        PositionerPrimaryAngle=decimal(primary), PositionerSecondaryAngle=decimal(secondary)
    )
    to_detector, to_isocentre = run.distances[frame]
    groups.XRayGeometrySequence = _item(
        DistanceSourceToDetector=decimal(to_detector),
        DistanceSourceToIsocenter=float(to_isocentre),
    )
    groups.TablePositionSequence = _item(
        **dict.fromkeys(TABLE_ANGLES, 0.0),
        **{keyword: decimal(v) for keyword, v in zip(TABLE_AXES, run.table[frame], strict=True)},
    )
    if any(run.offset):  # only with it may a file say where the isocentre is projected
        groups.IsocenterReferenceSystemSequence = _item(
            PositionerIsocenterPrimaryAngle=float(primary),
            PositionerIsocenterSecondaryAngle=float(secondary),
            PositionerIsocenterDetectorRotationAngle=0.0,
            **dict(zip(ISOCENTRE_AXES, map(float, run.table[frame]), strict=True)),
            **dict.fromkeys(TABLE_ANGLES, 0.0),
        )
    return groups
