"""Images and their frames, as DICOM headers describe them: sizes, types, where each slice lies.

Only geometry and technique are kept; what names a person is never looked at.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import UID, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from ...errors import InputError
from .elements import as_input_error

TECHNIQUE = [  # groups of multi-frame files, and keywords in them; other files have no groups
    ("CTXRayDetailsSequence", "KVP"),
    ("CTReconstructionSequence", "ConvolutionKernel"),
    ("MREchoSequence", "EffectiveEchoTime"),
    ("MREchoSequence", "EchoTime"),
]
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
                value = item.get(keyword)
                if value is not None:
                    return value
            return None

        values = "PixelValueTransformationSequence"
        slope, intercept = of(values, "RescaleSlope"), of(values, "RescaleIntercept")
        units = str(of(values, "RescaleType") or "")
        given = [value not in (None, "") for value in (slope, intercept)]
        return Frame(
            self,
            number,
            _numbers(of("PlanePositionSequence", "ImagePositionPatient")),
            _numbers(of("PlaneOrientationSequence", "ImageOrientationPatient")),
            _numbers(of("PixelMeasuresSequence", "PixelSpacing")),
            sum(map(abs, _numbers(of("PixelMeasuresSequence", "SpacingBetweenSlices")))),
            float(slope) if given[0] else 1.0,
            float(intercept) if given[1] else 0.0,
            all(given),
            units == "HU" or (self.modality == "CT" and not units and given[0]),
            tuple(str(of(*where) or "") for where in TECHNIQUE),
        )


def _first(dataset: Dataset, sequence: str) -> Dataset:
    return (dataset.get(sequence) or [NOTHING])[0]


def _numbers(value: Any) -> tuple[float, ...]:
    return tuple(np.array([] if value is None else value, dtype=float).ravel().tolist())
