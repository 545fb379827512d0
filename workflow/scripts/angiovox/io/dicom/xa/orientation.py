"""Which way an XA image stands: flips and quarter turns that were applied to it, and are undone.

The unflipped image is seen from the detector, the patient's head up and left at the right.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ....errors import InputError
from ....geometry.cone_beam import c_arm_rotation
from .fields import FrameFields, agreed

FIELD, IN_FRAME = "FieldOfViewSequence", "PatientOrientationInFrameSequence"
DIRECTIONS = {
    "L": (1, 0, 0), "R": (-1, 0, 0), "P": (0, 1, 0), "A": (0, -1, 0), "H": (0, 0, 1),
    "F": (0, 0, -1),
}  # fmt: skip
SUPINE = "HFS"
OTHER_POSITIONS = ("HFP", "HFDR", "HFDL", "FFS", "FFP", "FFDR", "FFDL")
ALIKE = 0.3  # cosine: letters name the nearest axes of an oblique view


@dataclass(frozen=True)
class Orientation:
    """What was done to an image: clockwise quarter turns, and a horizontal flip after them."""

    turns: int = 0
    flipped: bool = False

    def undo(self, images: np.ndarray) -> np.ndarray:
        """Images (..., rows, columns) as before."""
        return np.rot90(images[..., ::-1] if self.flipped else images, self.turns, axes=(-2, -1))

    def undo_vector(self, vector: Sequence[float]) -> tuple[float, float]:
        """A vector (down, right) in the image as before."""
        down, right = vector
        right = -right if self.flipped else right
        for _ in range(self.turns):
            down, right = -right, down
        return down, right

    def apply_vector(self, vector: Sequence[float]) -> tuple[float, float]:
        """A vector (down, right) of the image as before, in the image as it is."""
        down, right = vector
        for _ in range(self.turns):
            down, right = right, -down
        return down, (-right if self.flipped else right)

    def undo_spacing(self, spacing: tuple[float, float]) -> tuple[float, float]:
        """Spacing between rows and between columns as before."""
        return spacing[::-1] if self.turns % 2 else spacing


UPRIGHT = Orientation()


def read_orientation(
    frames: Sequence[FrameFields], angles: np.ndarray
) -> tuple[Orientation, Orientation, list[str]]:
    """What to undo in the images, what was applied to the detector's, and notes.

    The two differ where PatientOrientation says that the image stands as it should.

    Raises InputError for a patient who does not lie head first supine, for turns other than
    quarters, and where PatientOrientation contradicts the angles either way.
    """
    name = frames[0].name
    position = frames[0].word("PatientPosition")
    if position not in ("", SUPINE):
        known = position if position in OTHER_POSITIONS else "another"
        raise InputError(
            f"{name}: PatientPosition {known}, where directions in the image are known for a "
            "patient who lies head first supine (HFS)"
        )
    notes = [] if position else ["no PatientPosition; taken to lie head first supine"]
    applied = _applied(frames)
    shown = _directions(frames[0])
    if shown is None:
        return applied, applied, [*notes, *_undone(applied)]
    for undone in dict.fromkeys((UPRIGHT, applied)):
        if _agrees(undone, shown, angles[0]):
            return undone, applied, [*notes, *_undone(undone)]
    letters = "\\".join(_letters(frames[0]))
    raise InputError(
        f"{name}: PatientOrientation {letters} contradicts the angles {angles[0, 0]:g} and "
        f"{angles[0, 1]:g} degrees; one of them is wrong, or the image was mirrored"
    )


def _undone(orientation: Orientation) -> list[str]:
    turned = [f"a turn by {90 * orientation.turns} degrees"] if orientation.turns else []
    flipped = ["a horizontal flip"] if orientation.flipped else []
    done = " and ".join([*turned, *flipped])
    return [f"{done} of the field of view undone"] if done else []


def _applied(frames: Sequence[FrameFields]) -> Orientation:
    name = frames[0].name
    turns = [frame.numbers("FieldOfViewRotation", FIELD) for frame in frames]
    flips = [frame.word("FieldOfViewHorizontalFlip", FIELD) for frame in frames]
    degrees = sum(agreed(turns, "FieldOfViewRotation", name))
    if degrees % 90:
        raise InputError(f"{name}: FieldOfViewRotation of {degrees:g} degrees is no quarter turn")
    flipped = agreed(flips, "FieldOfViewHorizontalFlip", name) in ("YES", "Y")
    return Orientation(int(degrees // 90) % 4, flipped)


def _letters(frame: FrameFields) -> list[str]:
    value = frame.value("PatientOrientation", IN_FRAME)
    words = [] if value is None or isinstance(value, str) else [str(word) for word in value]
    known = [word for word in words if re.fullmatch("[LRAPHF]{1,3}", word)]
    return known if len(known) == len(words) == 2 else []


def _directions(frame: FrameFields) -> np.ndarray | None:
    """Where rows and columns run to in the patient, (2, 3) unit vectors; None where it is not
    told."""
    letters = _letters(frame)
    if not letters:
        return None
    sums = np.array([np.sum([DIRECTIONS[letter] for letter in word], axis=0) for word in letters])
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    return sums / lengths if lengths.min() > 0 else None


def _agrees(applied: Orientation, shown: np.ndarray, angles: np.ndarray) -> bool:
    """Whether rows and columns run roughly where they do at these angles, once turned."""
    u, _, v = c_arm_rotation(angles[:1], angles[1:])[0].T
    rows, columns = (np.dot(applied.undo_vector(axis), [-v, u]) for axis in ((0, 1), (1, 0)))
    return bool(rows @ shown[0] >= ALIKE and columns @ shown[1] >= ALIKE)
