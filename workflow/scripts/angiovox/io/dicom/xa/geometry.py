"""Where source and detector stood at each frame of an XA run, from its header.

Sources: DICOM PS3.3 C.8.7.4 and C.8.7.5 (table, positioner), C.8.19.6 (groups of Enhanced XA).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ....errors import InputError
from .fields import FrameFields, agreed

POSITIONER, TABLE = "PositionerPositionSequence", "TablePositionSequence"
GEOMETRY, PROPERTIES = "XRayGeometrySequence", "FramePixelDataPropertiesSequence"
DETECTOR, FIELD = "FrameDetectorParametersSequence", "FieldOfViewSequence"
ANGLES = ("PositionerPrimaryAngle", "PositionerSecondaryAngle")
LARGEST = (270.0, 90.0)  # degrees of either angle; sweeps may pass 180
TABLE_TOP = (  # position, increment and the patient's axis, head first supine
    ("TableTopLongitudinalPosition", "TableLongitudinalIncrement", (1, 0, 0)),
    ("TableTopVerticalPosition", "TableVerticalIncrement", (0, 1, 0)),
    ("TableTopLateralPosition", "TableLateralIncrement", (0, 0, 1)),
)
TABLE_ANGLES = ("TableHorizontalRotationAngle", "TableHeadTiltAngle", "TableCradleTiltAngle")
DISTANCES_MM = (200.0, 3000.0)
PIXEL_MM = (0.01, 5.0)
STEADY = 0.1  # degrees or mm within which a run stands still
TURNED = 1.0  # degrees that angles of two accounts may differ by
MOST_ENLARGED = 0.1  # of the magnification that the header's own may differ by


def read_angles(frames: Sequence[FrameFields]) -> np.ndarray:
    """Primary and secondary angle (frames, 2) in degrees, LAO and cranial positive.

    Raises InputError for angles that are missing, impossible, or contradict PositionerMotion.
    """
    angles = np.stack([_along_run(frames, keyword, POSITIONER) for keyword in ANGLES], axis=1)
    name = frames[0].name
    for angle, keyword, largest in zip(angles.T, ANGLES, LARGEST, strict=True):
        if np.abs(angle).max() > largest:
            worst = angle[np.abs(angle).argmax()]
            raise InputError(f"{name}: {keyword} of {worst:g} degrees is impossible")
    moved = float(np.ptp(angles, axis=0).max())
    motion = {frame.word("PositionerMotion") for frame in frames}
    if motion == {"STATIC"} and moved > STEADY:
        raise InputError(
            f"{name}: PositionerMotion is STATIC, but its angles change by {moved:.3g} degrees"
        )
    if "DYNAMIC" in motion and moved <= STEADY:
        raise InputError(
            f"{name}: PositionerMotion is DYNAMIC, a rotational run, but its angles do not change; "
            "PositionerPrimaryAngleIncrement would say where each frame was seen from"
        )
    _check_isocentre_angles(frames, angles)
    return angles


def _along_run(frames: Sequence[FrameFields], keyword: str, group: str) -> np.ndarray:
    """An angle of each frame: its own, or the file's with the frame's increment."""
    values = []
    for frame in frames:
        start = frame.numbers(keyword, group)
        if len(start) != 1:
            raise InputError(
                f"{frame.name}: no {keyword}, which would say from where frame {frame.number + 1} "
                "was seen; without it no reconstruction is possible"
            )
        steps = () if frame.items(group) else frame.numbers(f"{keyword}Increment")
        values.append(start[0] + _step(steps, frame, f"{keyword}Increment"))
    return np.array(values)


def _step(steps: tuple[float, ...], frame: FrameFields, keyword: str) -> float:
    """What a frame adds: the increment so many times, or its own offset from the first frame."""
    if len(steps) <= 1:
        return sum(steps) * frame.number
    if len(steps) != frame.image.num_frames:
        raise InputError(
            f"{frame.name}: {keyword} has {len(steps)} numbers for {frame.image.num_frames} frames"
        )
    return steps[frame.number]


def _check_isocentre_angles(frames: Sequence[FrameFields], angles: np.ndarray) -> None:
    """Refuse angles about the patient that are not those about the machine, where the table is
    straight, and a detector that is turned about the central ray."""
    group = "IsocenterReferenceSystemSequence"
    for frame, of_patient in zip(frames, angles, strict=True):
        turned = frame.numbers("PositionerIsocenterDetectorRotationAngle", group)
        if turned and abs(turned[0]) > TURNED:
            raise InputError(
                f"{frame.name}: its detector is turned by {turned[0]:g} degrees about the central "
                "ray (PositionerIsocenterDetectorRotationAngle), which is not read; export the "
                "image upright"
            )
        of_table = [frame.numbers(keyword, group) or (0.0,) for keyword in TABLE_ANGLES]
        of_machine = [frame.numbers(f"PositionerIsocenter{k[10:]}", group) for k in ANGLES]
        if not all(of_machine) or np.abs(of_table).max() > STEADY:
            continue
        apart = np.abs(np.abs(np.ravel(of_machine)) - np.abs(of_patient)).max()
        if apart > TURNED:
            raise InputError(
                f"{frame.name}: PositionerPrimaryAngle and PositionerIsocenterPrimaryAngle differ "
                f"by {apart:.3g} degrees with a straight table, so one of them is wrong"
            )


def read_distances(frames: Sequence[FrameFields]) -> np.ndarray:
    """Source to detector and source to isocentre (frames, 2) in mm.

    Raises InputError for distances that are missing or impossible.
    """
    found = []
    for frame in frames:
        to_detector = frame.numbers("DistanceSourceToDetector", GEOMETRY)
        to_isocentre = frame.numbers("DistanceSourceToIsocenter", GEOMETRY) or frame.numbers(
            "DistanceSourceToPatient", GEOMETRY
        )
        for distance, keyword in (
            (to_detector, "DistanceSourceToDetector"),
            (to_isocentre, "DistanceSourceToPatient"),
        ):
            if not distance or not distance[0]:  # 0 where a maker does not know it
                raise InputError(
                    f"{frame.name}: no {keyword}, which would say how much the image is enlarged"
                )
        pair = to_detector[0], to_isocentre[0]
        low, high = DISTANCES_MM
        if not low <= pair[1] < pair[0] <= high:
            raise InputError(
                f"{frame.name}: {pair[0]:g} mm from source to detector and {pair[1]:g} mm to the "
                "patient are impossible"
            )
        found.append(pair)
    return np.array(found)


def magnification_notes(frames: Sequence[FrameFields], distances: np.ndarray) -> list[str]:
    """A note where the header's magnification is another than that of its distances."""
    told = frames[0].numbers("EstimatedRadiographicMagnificationFactor", GEOMETRY)
    computed = float(distances[0, 0] / distances[0, 1])
    if told and abs(told[0] / computed - 1) > MOST_ENLARGED:
        return [f"enlarged {told[0]:.3g} times by its header, {computed:.3g} by its distances"]
    return []


def read_pixel_mm(frames: Sequence[FrameFields]) -> tuple[float, float]:
    """Spacing (between rows, between columns) at the detector in mm.

    Raises InputError where it is missing, differs between frames or is impossible.
    """
    name = frames[0].name
    each = [frame.numbers("ImagerPixelSpacing", PROPERTIES) for frame in frames]
    spacing = agreed(each, "ImagerPixelSpacing", name)
    if not spacing:
        raise InputError(
            f"{name}: no ImagerPixelSpacing, which would say how large a pixel is at the detector; "
            "PixelSpacing, in some plane of the patient, does not replace it"
        )
    if len(spacing) != 2 or not PIXEL_MM[0] <= min(spacing) <= max(spacing) <= PIXEL_MM[1]:
        shown = " x ".join(f"{edge:g}" for edge in spacing)
        raise InputError(f"{name}: ImagerPixelSpacing of {shown} mm is impossible")
    return spacing


def read_table(frames: Sequence[FrameFields]) -> np.ndarray:
    """Position of the table (frames, 3) in mm along the patient's axes.

    From an origin of the equipment's own where the file tells positions, else from that of the
    first frame. Makers call longitudinal what runs to the patient's left, and lateral what runs to
    the head, as an operator beside the table sees them.

    Raises InputError for a table that turns, or that contradicts TableMotion.
    """
    name = frames[0].name
    tilts = [frame.numbers(keyword, TABLE) for frame in frames for keyword in TABLE_ANGLES]
    if any(tilt and abs(tilt[0]) > TURNED for tilt in tilts):
        raise InputError(
            f"{name}: its table is turned or tilted (TableHorizontalRotationAngle and others), "
            "so that angles do not follow the patient's axes"
        )
    table = np.zeros((len(frames), 3))
    for row, frame in zip(table, frames, strict=True):
        for position, increment, axis in TABLE_TOP:
            absolute = frame.numbers(position, TABLE) if frame.items(TABLE) else ()
            steps = () if absolute else frame.numbers(increment)
            row += np.array(axis) * (sum(absolute[:1]) + _step(steps, frame, increment))
    moved = float(np.ptp(table, axis=0).max())
    motion = {frame.word("TableMotion") for frame in frames}
    if motion == {"STATIC"} and moved > STEADY:
        raise InputError(f"{name}: TableMotion is STATIC, but its table moves by {moved:.3g} mm")
    return table


def read_offset(
    frames: Sequence[FrameFields], size: Sequence[int], pixel_mm: tuple[float, float]
) -> np.ndarray:
    """From where the central ray meets the detector to the image's centre, mm (down, right).

    size, pixel_mm : rows and columns, and their spacing, of the image as the detector saw it.
    (0, 0) where the file does not say: the standard lets XA images have it in their middle.
    """
    first = frames[0]
    isocentre = first.numbers("PositionOfIsocenterProjection", DETECTOR)
    origin = first.numbers("FieldOfViewOrigin", FIELD)
    element = first.numbers("DetectorElementSpacing", DETECTOR)
    if not len(isocentre) == len(origin) == len(element) == 2:
        return np.zeros(2)
    field = np.multiply(size, pixel_mm)
    return (np.array(origin) - isocentre) * element + field / 2
