"""When each frame of an XA run was taken, and in which order."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np

from ....errors import InputError
from .fields import FrameFields

CONTENT = "FrameContentSequence"
MOMENT = re.compile(r"(\d{14})(\.\d{1,6})?")  # of DICOM's date and time, whose zone may follow
NO_TIMES = "no FrameTime, FrameTimeVector or CineRate, so frames have an order and no times"


def frame_order(frames: Sequence[FrameFields]) -> list[FrameFields]:
    """Frames of one file as they come; files of one frame by their instance numbers.

    Raises InputError for numbers that are missing or there twice.
    """
    if len({frame.image.name for frame in frames}) == 1:
        return list(frames)
    numbered: dict[float, FrameFields] = {}
    for frame in frames:
        number = frame.numbers("InstanceNumber")
        if not number:
            raise InputError(
                f"{frame.name}: no InstanceNumber, which would say which frame of the run it is"
            )
        if other := numbered.get(number[0]):
            raise InputError(
                f"{frame.name} and {other.name}: two frames of InstanceNumber {number[0]:g} in one "
                "series; repeated files, or several runs in one"
            )
        numbered[number[0]] = frame
    return [numbered[number] for number in sorted(numbered)]


def read_times(frames: Sequence[FrameFields]) -> tuple[np.ndarray | None, list[str]]:
    """Seconds (frames,) since the first frame, or None, and notes.

    Raises InputError for times that run backwards or are of another number of frames.
    """
    name = frames[0].name
    times = _moments(frames)
    if times is None and len({frame.image.name for frame in frames}) == 1:
        times = _steps(frames)
    if times is None:
        return None, [] if len(frames) == 1 else [NO_TIMES]
    if np.diff(times).min(initial=0) < 0:
        raise InputError(f"{name}: the times of its frames run backwards")
    return times, []


def _moments(frames: Sequence[FrameFields]) -> np.ndarray | None:
    """From dates and times of the frames; None where not all have one, or all have the same."""
    moments = []
    for frame in frames:
        found = MOMENT.match(_moment(frame))
        if not found:
            return None
        try:
            second = datetime.strptime(found[1], "%Y%m%d%H%M%S")
        except ValueError:
            return None
        moments.append(second + timedelta(seconds=float(found[2] or 0)))
    seconds = np.array([(moment - moments[0]).total_seconds() for moment in moments])
    return seconds if seconds.any() or len(seconds) == 1 else None


def _moment(frame: FrameFields) -> str:
    """A frame's date and time: its own in Enhanced XA, its file's where that has one frame."""
    if items := frame.items(CONTENT):
        keywords = ("FrameAcquisitionDateTime", "FrameReferenceDateTime")
        return next((str(item.get(k)) for item in items for k in keywords if item.get(k)), "")
    if frame.image.num_frames > 1:
        return ""
    whole = frame.header.get("AcquisitionDateTime")
    for part in ("Acquisition", "Content"):
        day, time = (frame.header.get(f"{part}{what}") for what in ("Date", "Time"))
        whole = whole or (f"{day}{time}" if day and time else "")
    return str(whole)


def _steps(frames: Sequence[FrameFields]) -> np.ndarray | None:
    """From what a file says of the time between frames."""
    first = frames[0]
    vector = first.numbers("FrameTimeVector")
    if vector and len(vector) != len(frames):
        raise InputError(
            f"{first.name}: FrameTimeVector has {len(vector)} numbers for {len(frames)} frames"
        )
    if vector:
        return (np.cumsum(vector) - vector[0]) / 1000
    step, rate = first.numbers("FrameTime"), first.numbers("CineRate")
    if step and step[0] > 0:
        return np.arange(len(frames)) * step[0] / 1000
    return np.arange(len(frames)) / rate[0] if rate and rate[0] > 0 else None
