"""Which pixels of an XA run saw the beam: shutters, collimators, dark borders, saturation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ....errors import InputError
from ..headers import padding_of
from .fields import SHAPES, FrameFields
from .grey import Grey

GROUPS = {"Shutter": "FrameDisplayShutterSequence", "Collimator": "CollimatorShapeSequence"}
LARGEST_SHARE = 0.05  # of a frame's pixels within the shutters that may be saturated
LEAST_EXPOSED = 0.05  # of an image


def open_field(frames: Sequence[FrameFields]) -> np.ndarray:
    """Pixels (rows, columns) within the shutters and collimators of every frame.

    Raises InputError for shapes whose edges are missing.
    """
    exposed = np.ones(frames[0].image.size, dtype=bool)
    for shape in SHAPES:
        for edges in {_edges(frame, shape) for frame in frames}:
            exposed &= _within(exposed.shape, *edges)
    return exposed


def _edges(frame: FrameFields, shape: str) -> tuple[tuple[float, ...], ...]:
    """Numbers of a rectangle, a circle and a polygon; none of what there is not."""
    group = GROUPS[shape]
    value = frame.value(f"{shape}Shape", group)
    words = [value] if isinstance(value, str) else list(value or ())

    def numbers(kind: str, *keywords: str) -> tuple[float, ...]:
        found: tuple[float, ...] = ()
        for keyword in keywords if kind in words else ():
            each = frame.numbers(keyword, group)
            if not each:
                raise InputError(
                    f"{frame.name}: no {keyword}, which would say which pixels were exposed"
                )
            found += each
        return found

    sides = ("LeftVertical", "RightVertical", "UpperHorizontal", "LowerHorizontal")
    return (
        numbers("RECTANGULAR", *(f"{shape}{side}Edge" for side in sides)),
        numbers("CIRCULAR", f"CenterOfCircular{shape}", f"RadiusOfCircular{shape}"),
        numbers("POLYGONAL", f"VerticesOfThePolygonal{shape}"),
    )


def _within(
    size: tuple[int, ...],
    rectangle: tuple[float, ...],
    circle: tuple[float, ...],
    polygon: tuple[float, ...],
) -> np.ndarray:
    """Pixels (rows, columns), which DICOM counts from 1, within all of the shapes."""
    row, column = np.indices(size) + 1
    inside = np.ones(size, dtype=bool)
    if rectangle:
        left, right, upper, lower = rectangle
        inside &= (column >= left) & (column <= right) & (row >= upper) & (row <= lower)
    if circle:
        middle_row, middle_column, radius = circle
        inside &= (row - middle_row) ** 2 + (column - middle_column) ** 2 <= radius**2
    if polygon:
        inside &= _in_polygon(np.reshape(polygon, (-1, 2)), row, column)
    return inside


def _in_polygon(corners: np.ndarray, row: np.ndarray, column: np.ndarray) -> np.ndarray:
    """Pixels from which a ray along the row crosses an odd number of edges."""
    inside = np.zeros(row.shape, dtype=bool)
    for (r0, c0), (r1, c1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if r0 != r1:
            crossing = c0 + (row - r0) * (c1 - c0) / (r1 - r0)
            inside ^= ((r0 > row) != (r1 > row)) & (column < crossing)
    return inside


def exposed_pixels(
    stored: np.ndarray, used: Sequence[int], grey: Grey, frames: Sequence[FrameFields]
) -> tuple[np.ndarray, list[str]]:
    """Pixels that saw the beam, and notes about others.

    Parameters
    ----------
    stored : (frames, rows, columns) stored numbers. used : frames that are subtracted.

    Returns
    -------
    exposed : (rows, columns) bool. notes : what is masked, in sentences.

    Raises
    ------
    InputError : nearly nothing was exposed, or too much of a frame is saturated.
    """
    name = frames[0].name
    opened = open_field(frames)
    padding = padding_of(frames[0].header, name, frames[0].image.bits)
    if padding:
        opened &= ~((stored >= padding[0]) & (stored <= padding[1])).all(axis=0)
    dark = np.ones(opened.shape, dtype=bool)
    for frame in used:
        dark &= grey.saturated(stored[frame]) | (stored[frame] == 0)
    border = _touching_edge(dark | ~opened) & opened
    opened &= ~border
    if opened.mean() < LEAST_EXPOSED:
        raise InputError(
            f"{name}: {100 * opened.mean():.0f} % of its pixels were exposed, the others are "
            "shuttered or saturated"
        )
    notes = []
    if closed := int((~opened).sum()):
        unnamed = " or a border without beam" if border.any() else ""
        notes.append(f"{closed} pixels behind a shutter{unnamed} are masked")
    return opened, [*notes, *_saturation(stored, used, grey, opened, name)]


def _saturation(
    stored: np.ndarray, used: Sequence[int], grey: Grey, opened: np.ndarray, name: str
) -> list[str]:
    """A note about saturated pixels. Raises InputError for a frame with too many."""
    counts = [int((grey.saturated(stored[frame]) & opened).sum()) for frame in used]
    worst = int(np.argmax(counts))
    share = counts[worst] / opened.sum()
    if share > LARGEST_SHARE:
        raise InputError(
            f"{name}: {100 * share:.0f} % of the pixels of frame {used[worst] + 1} hold the "
            f"lowest or highest number ({grey.top}), over- or underexposed, so that their "
            "attenuation is unknown; choose other frames"
        )
    if not any(counts):
        return []
    return [f"up to {max(counts)} over- or underexposed pixels in a frame are masked"]


def _touching_edge(pixels: np.ndarray) -> np.ndarray:
    """Those that are connected with the image's edge."""
    from scipy import ndimage  # slow to import

    parts, _ = ndimage.label(np.pad(pixels, 1, constant_values=True))
    return (parts == parts[0, 0])[1:-1, 1:-1]
