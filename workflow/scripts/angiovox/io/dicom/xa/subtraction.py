"""Mask subtraction: which frames are the mask of which, and by how much the mask is shifted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np
from pydicom.dataset import Dataset

from ....errors import InputError
from ..elements import value_of
from .fields import FrameFields, numbers_of, sequence

OPERATIONS = ("AVG_SUB", "TID")
SHIFTS, ITEM = "FramePixelShiftSequence", "SubtractionItemID"
SAME_DIRECTION = 1.5  # degrees that sweeps of mask and contrast may differ by


@dataclass(frozen=True)
class Subtraction:
    """One operation. Frames are counted from 0.

    masks : frames whose mean is the mask; none where each frame's mask lies `offset` before it.
    ranges : first and last frames that it applies to; none for all that are no masks.
    shift : pixels (down, to the left) by which the mask is moved before it is subtracted, as
    MaskSubPixelShift has it. averaged : contrast frames from each on that are averaged.
    shifts : those of single frames in place of `shift`.
    """

    masks: tuple[int, ...] = ()
    ranges: tuple[tuple[int, int], ...] = ()
    shift: tuple[float, float] = (0.0, 0.0)
    offset: int = 0
    averaged: int = 1
    shifts: tuple[tuple[int, tuple[float, float]], ...] = ()

    def names(self, frame: int) -> bool:
        """Whether its ranges name a frame."""
        return any(first <= frame <= last for first, last in self.ranges)

    def masks_of(self, frame: int) -> tuple[int, ...]:
        return self.masks or (frame - self.offset,)

    def turned(self, turn: Callable[[tuple[float, float]], tuple[float, float]]) -> Subtraction:
        """The same in a turned image. turn : takes a vector (down, right) to that image."""

        def moved(shift: tuple[float, float]) -> tuple[float, float]:
            down, right = turn((shift[0], -shift[1]))
            return down, -right

        shifts = tuple((frame, moved(shift)) for frame, shift in self.shifts)
        return replace(self, shift=moved(self.shift), shifts=shifts)

    def by_shift(self) -> list[Subtraction]:
        """Operations of one shift each that do the same."""
        single = [
            replace(self, shift=shift, ranges=((frame, frame),), shifts=())
            for frame, shift in self.shifts
        ]
        return [*single, replace(self, shifts=())]

    def shift_of(self, frame: int) -> tuple[float, float]:
        return dict(self.shifts).get(frame, self.shift)


def chosen(
    masks: Sequence[int], contrast: Sequence[int], shift: tuple[float, float] = (0.0, 0.0)
) -> tuple[Subtraction, ...]:
    """Subtract the mean of chosen frames from others. Frames are counted from 0."""
    ranges = tuple((int(frame), int(frame)) for frame in contrast)
    return (Subtraction(tuple(map(int, masks)), ranges, shift),)


def operation_of(subtractions: Sequence[Subtraction], frame: int) -> Subtraction | None:
    """The operation that applies to a frame: one that names it before one for all."""
    if any(frame in one.masks for one in subtractions):
        return None
    named = (one for one in subtractions if one.names(frame))
    for_all = (one for one in subtractions if not one.ranges and frame - one.offset >= 0)
    return next(named, None) or next(for_all, None)


def contrast_frames(subtractions: Sequence[Subtraction], count: int) -> list[int]:
    """Frames of a run that a mask is subtracted from.

    Where no range says so, they end where there are still enough frames to be averaged.
    """
    pairs = [(frame, operation_of(subtractions, frame)) for frame in range(count)]
    return [frame for frame, one in pairs if one and (one.ranges or frame + one.averaged <= count)]


def check(subtractions: Sequence[Subtraction], angles: np.ndarray, name: str) -> None:
    """Refuse masks that are not there, are all there is, come after the contrast, or were seen
    from elsewhere.

    angles : (frames, 2) degrees. Raises InputError.
    """
    count = len(angles)
    if not subtractions:
        raise InputError(
            f"{name}: no MaskSubtractionSequence, which would say which frames were taken before "
            "the contrast came; name the mask frames"
        )
    named = [frame for one in subtractions for frame in (*one.masks, *chain(*one.ranges))]
    if beyond := [frame for frame in named if not 0 <= frame < count]:
        raise InputError(f"{name}: subtraction with frame {beyond[0] + 1}, of {count} frames")
    frames = contrast_frames(subtractions, count)
    if not frames:
        raise InputError(f"{name}: all {count} frames are masks, so none is left with contrast")
    for frame in frames:
        operation = operation_of(subtractions, frame)
        masks = operation.masks_of(frame)
        last = frame + operation.averaged - 1
        if last >= count:
            raise InputError(
                f"{name}: frame {frame + 1} is to be averaged with frame {last + 1}, of {count} "
                "frames (ContrastFrameAveraging)"
            )
        if min(masks) < 0:
            raise InputError(
                f"{name}: TIDOffset of {operation.offset} has no mask for frame {frame + 1}"
            )
        if max(masks) > frame:
            raise InputError(
                f"{name}: mask frame {max(masks) + 1} is later than contrast frame {frame + 1}, so "
                "contrast may be in it; name mask frames from before the contrast"
            )
        apart = np.abs(angles[list(masks)] - angles[frame]).max()
        if apart > SAME_DIRECTION:
            raise InputError(
                f"{name}: frame {frame + 1} was seen from {apart:.3g} degrees away from its mask; "
                "in a rotational run each frame needs a mask of its own direction"
            )


def read_subtractions(frames: Sequence[FrameFields]) -> tuple[Subtraction, ...]:
    """The operations of MaskSubtractionSequence; none where there is none.

    Raises InputError for an operation other than AVG_SUB and TID, or a broken one.
    """
    found = []
    for item in sequence(frames[0].header, "MaskSubtractionSequence"):
        operation = str(value_of(item, "MaskOperation", frames[0].name) or "")
        if operation == "NONE":
            continue
        if operation not in OPERATIONS:
            known = f" {operation}" if operation == "REV_TID" else ""
            raise InputError(
                f"{frames[0].name}: MaskOperation{known} is not read, AVG_SUB and TID are; name "
                "the mask frames"
            )
        found.append(_subtraction(item, operation, frames))
    return tuple(found)


def _subtraction(item: Dataset, operation: str, frames: Sequence[FrameFields]) -> Subtraction:
    name = frames[0].name

    def numbers(keyword: str) -> tuple[float, ...]:
        return numbers_of(value_of(item, keyword, name), keyword, name)

    edges = [int(number) - 1 for number in numbers("ApplicableFrameRange")]
    shift = _pair(numbers("MaskSubPixelShift"), name)
    averaged = int((numbers("ContrastFrameAveraging") or (1,))[0])
    if len(edges) % 2 or averaged < 1:
        raise InputError(f"{name}: broken header, ApplicableFrameRange has {len(edges)} numbers")
    found = Subtraction(
        tuple(int(number) - 1 for number in numbers("MaskFrameNumbers")),
        tuple(zip(edges[::2], edges[1::2], strict=True)),
        shift or (0.0, 0.0),
        averaged=averaged,
        shifts=_shifts(numbers(ITEM), frames),
    )
    if operation == "TID":
        offset = int((numbers("TIDOffset") or (1,))[0])
        return replace(found, masks=(), offset=offset)
    if not found.masks:
        raise InputError(
            f"{name}: no MaskFrameNumbers, which would say which frames were taken before the "
            "contrast came; name the mask frames"
        )
    return found


def _shifts(
    identity: tuple[float, ...], frames: Sequence[FrameFields]
) -> tuple[tuple[int, tuple[float, float]], ...]:
    """Shifts of single frames in Enhanced XA, for the operation of this identity."""
    keyword = "MaskSubPixelShift"
    shifts = []
    for place, frame in enumerate(frames):
        for item in frame.items(SHIFTS):
            of = numbers_of(value_of(item, ITEM, frame.name), ITEM, frame.name)
            shift = _pair(
                numbers_of(value_of(item, keyword, frame.name), keyword, frame.name), frame.name
            )
            if of == identity and shift:
                shifts.append((place, shift))
                break  # a frame's own goes before a shared one
    return tuple(shifts)


def _pair(values: tuple[float, ...], name: str) -> tuple[float, float] | None:
    if len(values) not in (0, 2):
        raise InputError(f"{name}: broken header, MaskSubPixelShift has {len(values)} numbers")
    return (values[0], values[1]) if values else None


def shifted(image: np.ndarray, shift: tuple[float, float]) -> np.ndarray:
    """Move an image (rows, columns) by pixels (down, to the left), linearly interpolated.

    NaN where nothing is known.
    """
    if not any(shift):
        return image
    from scipy import ndimage  # slow to import, and few runs need it

    return ndimage.shift(image, (shift[0], -shift[1]), order=1, cval=np.nan)
