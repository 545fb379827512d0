"""Images and their frames, as DICOM headers describe them: sizes, types, where each slice lies.

Only geometry and technique are kept; what names a person is never looked at.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.uid import UID, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from ...errors import InputError
from .elements import as_input_error, holds_value, not_numbers, value_of
from .frame_kinds import frame_shows

TECHNIQUE = [  # groups of multi-frame files, and keywords in them; other files have no groups
    ("CTXRayDetailsSequence", "KVP"),
    ("CTReconstructionSequence", "ConvolutionKernel"),
    ("MREchoSequence", "EffectiveEchoTime"),
    ("MREchoSequence", "EchoTime"),
]
KERNEL = 1  # its place among them
VALUES = "PixelValueTransformationSequence"
RESCALE = ("RescaleSlope", "RescaleIntercept")
PLACES = ("ImagePositionPatient", "ImageOrientationPatient", "PerFrameFunctionalGroupsSequence")
TIMES = ("FrameTime", "FrameTimeVector", "CineRate")
MAX_VOXELS = 2**31  # of a file or a series: 1,290 along each edge of a cube
PLAIN = (ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian)
NOTHING = Dataset()


@dataclass(frozen=True, eq=False)
class Frame:
    """One slice: where it lies, and how its stored numbers become values.

    position, orientation, spacing : as DICOM gives them, in mm; none where the file has none.
    number : of the frame within its file, from 0.
    apart : mm from slice to slice as the header says, whatever the sign; 0 where it does not say.
    rescaled : whether the file gives slope and intercept, or they are 1 and 0. hounsfield : whether
    that makes Hounsfield units. technique : what differs between energies, echoes and kernels.
    shows : what it is in place of a slice; empty for a slice.
    """

    image: Image
    number: int
    position: tuple[float, ...]
    orientation: tuple[float, ...]
    spacing: tuple[float, ...]
    apart: float
    slope: float
    intercept: float
    rescaled: bool
    hounsfield: bool
    technique: tuple[str, ...]
    shows: str

    @property
    def kernel(self) -> tuple[str, ...]:
        """Names of the reconstruction kernel; none where it is not said."""
        return tuple(filter(None, self.technique[KERNEL].split("\\")))

    @property
    def name(self) -> str:
        frame = f" frame {self.number + 1}" if self.image.num_frames > 1 else ""
        return self.image.name + frame


@dataclass(frozen=True, eq=False)
class Image:
    """One DICOM file with an image. `name` is its path below the patient's folder."""

    path: Path
    name: str
    series: str
    number: str
    frame_of_reference: str
    kind: UID
    modality: str
    image_type: tuple[str, ...]
    shows: str  # what all its frames are in place of slices
    syntax: UID
    num_frames: int
    size: tuple[int, int]  # rows, columns
    samples: int
    photometric: str
    bits: int
    bits_stored: int
    high_bit: int
    signed: bool
    padding: tuple[int, int] | None
    in_acquisition: int
    pixel_start: int  # of uncompressed pixels within the file; 0 where it is not told
    pixel_bytes: int
    sound_end: bool  # nothing but DICOM or zeros behind the pixels
    header: Dataset

    @property
    def is_plain(self) -> bool:
        """Whether each pixel takes its own bytes of the file."""
        return self.syntax in PLAIN

    @property
    def bytes_needed(self) -> int:
        """Of its pixels, uncompressed."""
        rows, columns = self.size
        return math.ceil(rows * columns * self.num_frames * self.samples * self.bits / 8)

    @property
    def has_place(self) -> bool:
        """Whether it says where it lies, if only in part."""
        return any(holds_value(self.header, keyword) for keyword in PLACES)

    @property
    def has_frame_places(self) -> bool:
        """Whether it describes each of its frames."""
        return holds_value(self.header, "PerFrameFunctionalGroupsSequence")

    @property
    def is_timed(self) -> bool:
        """Whether its frames follow each other in time."""
        return any(holds_value(self.header, keyword) for keyword in TIMES)

    @property
    def has_modality_lut(self) -> bool:
        """Whether a table makes its values; that of XA leads back to the beam's intensities."""
        is_xa = self.kind == uid.XRayAngiographicImageStorage
        return "ModalityLUTSequence" in self.header and not is_xa

    def frames(self) -> Iterator[Frame]:
        """Each frame and its place.

        Raises InputError where the place is no sequence of numbers.
        """
        with as_input_error(self.name, "broken header"):
            shared = _first(self.header, "SharedFunctionalGroupsSequence")
            each = self.header.get("PerFrameFunctionalGroupsSequence") or []
            if each and len(each) != self.num_frames:
                raise InputError(
                    f"{self.name}: {self.num_frames} frames, but places for {len(each)}"
                )
            for number in range(self.num_frames):
                groups = [each[number]] if each else []
                yield self._frame(number, [group for group in (*groups, shared) if group])

    def _frame(self, number: int, groups: Sequence[Dataset]) -> Frame:
        def of(group: str, keyword: str) -> Any:
            for item in (*(_first(g, group) for g in groups), self.header):
                value = value_of(item, keyword, self.name)
                if value is not None:
                    return value
            return None

        def in_group(group: str, keyword: str) -> Any:
            values = (value_of(_first(g, group), keyword, self.name) for g in groups)
            return next((value for value in values if value is not None), None)

        def numbers(group: str, keyword: str) -> tuple[float, ...]:
            return as_numbers(of(group, keyword), keyword, self.name)

        slope, intercept = self._rescaling(groups, in_group)
        units = str(of(VALUES, "RescaleType") or "")
        return Frame(
            self,
            number,
            numbers("PlanePositionSequence", "ImagePositionPatient"),
            numbers("PlaneOrientationSequence", "ImageOrientationPatient"),
            numbers("PixelMeasuresSequence", "PixelSpacing"),
            sum(map(abs, numbers("PixelMeasuresSequence", "SpacingBetweenSlices"))),
            slope[0] if slope else 1.0,
            intercept[0] if intercept else 0.0,
            bool(slope and intercept),
            units == "HU" or (self.modality == "CT" and not units and bool(slope)),
            tuple(_alike(of(*where)) for where in TECHNIQUE),
            self.shows or frame_shows(in_group, self.header, self.modality),
        )

    def _rescaling(
        self, groups: Sequence[Dataset], in_group: Callable[[str, str], Any]
    ) -> list[tuple[float, ...]]:
        """Slope and intercept of a frame, from the one place that has them; none where none has.

        Philips has those of X-ray 3D with the reconstruction that the frame comes from.
        """

        def of(item: Dataset) -> list[tuple[float, ...]]:
            return [as_numbers(value_of(item, k, self.name), k, self.name) for k in RESCALE]

        for found in map(of, (*(_first(group, VALUES) for group in groups), self.header)):
            if any(found):
                return found
        every = [of(item) for item in self.header.get("XRay3DReconstructionSequence") or ()]
        number = in_group("XRay3DFrameTypeSequence", "ReconstructionIndex")
        own = every[slice(int(number) - 1, int(number)) if number else slice(None)]
        if len({tuple(found) for found in own}) > 1 or (every and not own):
            raise InputError(
                f"{self.name}: frames of {len(every)} reconstructions, and not said which is whose"
            )
        return own[0] if own else [(), ()]


def _first(dataset: Dataset, sequence: str) -> Dataset:
    return (dataset.get(sequence) or [NOTHING])[0]


def as_numbers(value: Any, keyword: str, name: str) -> tuple[float, ...]:
    """An element's numbers; none where it is absent or empty.

    Raises InputError for what is no number.
    """
    if value is None or value == "":
        return ()
    try:
        return tuple(np.array(value, dtype=float).ravel().tolist())
    except (TypeError, ValueError):
        raise not_numbers(name, keyword, value) from None


def _alike(value: Any) -> str:
    """One text for one value, however its number is written."""
    try:
        return f"{float(value):.6g}"
    except (TypeError, ValueError):
        return "\\".join([value] if isinstance(value, str) else map(str, value or ()))


def normal_of(orientation: Sequence[float]) -> np.ndarray:
    """The direction of slices, of length 1, from those of their rows and columns; NaN for none."""
    row, column = np.reshape(orientation if len(orientation) == 6 else [np.nan] * 6, (2, 3))
    normal = np.cross(row, column)
    return normal / np.linalg.norm(normal)
