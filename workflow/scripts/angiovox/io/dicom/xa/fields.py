"""What an XA file says of each frame: in its header, or in the functional groups of Enhanced XA."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from ....errors import InputError
from ..elements import as_input_error, read_header, value_of
from ..images import Image, as_numbers

RUN_KINDS = {uid.XRayAngiographicImageStorage: "XA", uid.EnhancedXAImageStorage: "Enhanced XA"}
SHAPES = ("Shutter", "Collimator")
PLANES = {"BIPLANE A": "A", "BIPLANE B": "B", "PLANE A": "A", "PLANE B": "B"}
KEYWORDS = [
    "SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "InstanceNumber", "AcquisitionNumber",
    "PatientID", "PatientName", "PatientBirthDate", "PatientPosition", "PatientOrientation",
    "AcquisitionDateTime", "AcquisitionDate", "AcquisitionTime", "ContentDate", "ContentTime",
    "ReferencedImageSequence", "ReferencedOtherPlaneSequence",
    "FrameTime", "FrameTimeVector", "CineRate", "PixelPaddingValue", "PixelPaddingRangeLimit",
    "PixelRepresentation", "PixelIntensityRelationship", "PixelIntensityRelationshipSign",
    "ModalityLUTSequence", "MaskSubtractionSequence",
    "PositionerMotion", "PositionerPrimaryAngle", "PositionerSecondaryAngle",
    "PositionerPrimaryAngleIncrement", "PositionerSecondaryAngleIncrement",
    "DistanceSourceToDetector", "DistanceSourceToPatient", "ImagerPixelSpacing",
    "EstimatedRadiographicMagnificationFactor", "TableMotion", "TableVerticalIncrement",
    "TableLateralIncrement", "TableLongitudinalIncrement", "FieldOfViewRotation",
    "FieldOfViewHorizontalFlip", "FieldOfViewOrigin", "DetectorElementSpacing",
    "PositionOfIsocenterProjection", "PlaneIdentification", "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
    *(f"{shape}{what}" for shape in SHAPES for what in (
        "Shape", "LeftVerticalEdge", "RightVerticalEdge", "UpperHorizontalEdge",
        "LowerHorizontalEdge")),
    *(f"{what}Circular{shape}" for shape in SHAPES for what in ("CenterOf", "RadiusOf")),
    *(f"VerticesOfThePolygonal{shape}" for shape in SHAPES),
]  # fmt: skip
TAGS = [*map(Tag, KEYWORDS)]


@dataclass(frozen=True, eq=False)
class FrameFields:
    """One frame's elements.

    number : of the frame in its file, from 0. groups : its functional groups, and the shared ones
    after them; none in a classic file.
    """

    image: Image
    header: Dataset
    number: int
    groups: tuple[Dataset, ...]

    @property
    def name(self) -> str:
        return self.image.name

    def value(self, keyword: str, group: str = "") -> Any:
        """An element's value in a functional group, or else in the header; None where absent.

        Raises InputError for one that is no value of its kind.
        """
        for item in (*self.items(group), self.header):
            value = value_of(item, keyword, self.name)
            if value not in (None, ""):
                return value
        return None

    def items(self, group: str) -> list[Dataset]:
        """The items of a functional group, the frame's own before the shared ones."""
        return [item for groups in self.groups for item in sequence(groups, group)]

    def numbers(self, keyword: str, group: str = "") -> tuple[float, ...]:
        """An element's finite numbers; none where it is absent. Raises InputError for others."""
        return numbers_of(self.value(keyword, group), keyword, self.name)

    def word(self, keyword: str, group: str = "") -> str:
        """An element of defined terms, in capitals; empty where it is absent."""
        value = self.value(keyword, group)
        return value.strip().upper() if isinstance(value, str) else ""


def plane_of(header: Dataset, image: Image) -> str:
    """The plane, "A" or "B", of a biplane acquisition that a file belongs to, or empty."""
    told = str(header.get("PlaneIdentification") or "")
    words = [*image.image_type, told.strip()]
    return next((PLANES[word] for word in words if word in PLANES), "")


def frame_fields(images: Sequence[Image]) -> list[FrameFields]:
    """Each frame of the files of one run, in order.

    Raises InputError for a header that is broken or tells of another number of frames.
    """
    return [fields for image in images for fields in _of_file(image)]


def _of_file(image: Image) -> list[FrameFields]:
    with as_input_error(image.name, "broken header"):
        with open(image.path, "rb") as file:
            header = read_header(file, image.name, TAGS)
        shared = sequence(header, "SharedFunctionalGroupsSequence")[:1]
        each = sequence(header, "PerFrameFunctionalGroupsSequence")
        if each and len(each) != image.num_frames:
            raise InputError(
                f"{image.name}: {image.num_frames} frames, but geometry for {len(each)}"
            )
        return [
            FrameFields(image, header, number, (*each[number : number + 1], *shared))
            for number in range(image.num_frames)
        ]


def sequence(dataset: Dataset, keyword: str) -> list[Dataset]:
    """Items of a sequence; none where it is absent."""
    return list(dataset.get(keyword) or ())


def numbers_of(value: Any, keyword: str, name: str) -> tuple[float, ...]:
    """Finite numbers of a value. Raises InputError for others."""
    found = as_numbers(value, keyword, name)
    if not all(map(math.isfinite, found)):
        raise InputError(f"{name}: broken header, {keyword} is no number")
    return found


def agreed(values: Sequence[Any], what: str, name: str) -> Any:
    """The one value that all frames have. Raises InputError where they differ."""
    if any(value != values[0] for value in values):
        raise InputError(f"{name}: {what} differs between its frames; export runs of one each")
    return values[0]
