"""Slices to a stack: in order along their normal, evenly spaced, and none missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...errors import InputError
from .headers import check_pixels
from .images import MAX_VOXELS, Frame
from .series import TURNED, why_undecodable

PLACE = {"ImagePositionPatient": 3, "ImageOrientationPatient": 6, "PixelSpacing": 2}
SAME_PLACE = 1e-3  # mm
SAME_SLICE = 0.1  # of the spacing that slices lie apart which should lie in one place
UNEVEN = 0.1  # of the spacing that a slice may lie off its even place
SIDEWAYS = 0.25  # of a pixel that a slice may lie off the line through all of them
MM = (1e-3, 20.0)  # of a voxel: from a micrometre to two centimetres
WIDEST_GAP = 10  # spacings that may be interpolated at all
STEEPEST = 45.0  # degrees of gantry tilt


@dataclass(frozen=True, eq=False)
class Stack:
    """Slices in order on an even grid along their normal.

    frames : from the lowest along the normal up. levels : of each, its place in the grid; those
    without a slice are interpolated. affine : (4, 4) LPS in mm of voxel (column, row, level).
    shear : pixels by which a level lies off along columns and rows, for each level upwards.
    notes : what was done beyond reading, in sentences.
    """

    frames: tuple[Frame, ...]
    levels: np.ndarray
    affine: np.ndarray
    shear: tuple[float, float]
    notes: tuple[str, ...]

    @property
    def shape(self) -> tuple[int, int, int]:
        rows, columns = self.frames[0].image.size
        return columns, rows, int(self.levels[-1]) + 1

    @property
    def voxel_mm(self) -> np.ndarray:
        return np.linalg.norm(self.affine[:3, :3], axis=0)


def stack(frames: Sequence[Frame], largest_gap: int = 1) -> Stack:
    """Put the slices of a series in order.

    largest_gap : in spacings, that slices may lie apart; from 2 on, missing ones are
    interpolated.

    Raises InputError for slices that differ, lie twice in one place, unevenly or sideways, are
    missing, or have impossible sizes, with the files or the positions in mm.
    """
    _check_alike(frames)
    _check_amount(frames)
    axes = _axes(frames[0])
    positions = np.array([frame.position for frame in frames])
    along = positions @ axes[:, 2]
    order = np.argsort(along, kind="stable")
    frames, positions, along = [frames[i] for i in order], positions[order], along[order]
    levels, spacing = _levels(frames, along)
    notes = _check_gaps(along, levels, spacing, largest_gap)
    pixel = np.array(frames[0].spacing[::-1])  # along columns' index, along rows' index
    drift = _drift(frames, (positions - positions[0]) @ axes[:, :2], levels, pixel)
    shear = drift / pixel
    if np.abs(shear * levels[-1]).max() <= SIDEWAYS:
        shear = np.zeros(2)
    else:
        degrees = float(np.degrees(np.arctan(np.hypot(*drift) / spacing)))
        if degrees > STEEPEST:
            raise InputError(f"its slices lie along {degrees:.0f} degrees to their normal")
        notes += [f"gantry tilt of {degrees:.1f} degrees straightened"]
    if _has_own_frames_of_reference(frames):
        notes += ["a frame of reference of its own in every slice; taken for one"]
    declared = max(frame.image.in_acquisition for frame in frames)
    if declared > len(frames):
        notes += [f"{len(frames)} slices of an acquisition that had {declared}"]
    apart = frames[0].apart
    if apart and abs(spacing - apart) > UNEVEN * apart:
        notes += [f"slices {spacing:.4g} mm apart, where the header says {apart:.4g}"]
    affine = np.eye(4)
    affine[:3, :3] = axes * [*pixel, spacing]
    affine[:3, 3] = positions[0]
    return Stack(tuple(frames), levels, affine, (float(shear[0]), float(shear[1])), tuple(notes))


def _check_alike(frames: Sequence[Frame]) -> None:
    first, own_frames = frames[0], _has_own_frames_of_reference(frames)
    for frame in frames:
        place = (frame.position, frame.orientation, frame.spacing)
        for (keyword, count), value in zip(PLACE.items(), place, strict=True):
            if not value:
                raise InputError(f"{frame.name}: no {keyword}, so its place is unknown")
            if len(value) != count or not np.isfinite(value).all():
                raise InputError(f"{frame.name}: {keyword} is not {count} numbers")
        if frame.image.size != first.image.size:
            raise InputError(
                f"{frame.name}: {frame.image.size} pixels, but {first.name} has {first.image.size}"
            )
        if np.abs(np.subtract(frame.orientation, first.orientation)).max() > TURNED:
            raise InputError(f"{frame.name}: turned against {first.name}")
        if not np.allclose(frame.spacing, first.spacing, rtol=1e-4, atol=0):
            raise InputError(f"{frame.name}: pixels of another size than {first.name}")
        for what, of in ALIKE.items():
            if of(frame) != of(first):
                raise InputError(f"{frame.name}: another {what} than {first.name}")
        if not (frame.slope and np.isfinite([frame.slope, frame.intercept]).all()):
            raise InputError(f"{frame.name}: rescale slope {frame.slope:g} makes no intensities")
        other_frame = frame.image.frame_of_reference != first.image.frame_of_reference
        if other_frame and not own_frames:
            raise InputError(f"{frame.name}: another frame of reference than {first.name}")
    for size in first.spacing:
        if not MM[0] <= size <= MM[1]:
            raise InputError(f"{first.name}: pixels of {size:g} mm are impossible")


def _has_own_frames_of_reference(frames: Sequence[Frame]) -> bool:
    """Whether each file names another frame of reference, as some archives make them."""
    return len({frame.image.frame_of_reference for frame in frames}) == len(frames) > 2


def _check_amount(frames: Sequence[Frame]) -> None:
    rows, columns = frames[0].image.size
    if len(frames) * rows * columns > MAX_VOXELS:
        raise InputError(
            f"{frames[0].name}: {len(frames)} slices of {rows} x {columns} pixels are more than "
            "any scanner's volume"
        )
    for image in dict.fromkeys(frame.image for frame in frames):
        check_pixels(image)


ALIKE = {
    "kind of image": lambda frame: frame.image.kind,
    "energy, echo or kernel": lambda frame: frame.technique,
    "kind of pixels": lambda frame: (
        frame.image.bits,
        frame.image.samples,
        frame.image.signed,
        frame.image.photometric,
        frame.image.photometric == "MONOCHROME1" and frame.image.bits_stored,
        why_undecodable(frame.image),
    ),
    "way from pixels to values": lambda frame: (
        frame.rescaled,
        frame.hounsfield,
        frame.image.has_modality_lut,
    ),
}


def _axes(frame: Frame) -> np.ndarray:
    """Unit vectors along the index of columns, of rows, and of slices, as columns (LPS)."""
    row, column = np.reshape(frame.orientation, (2, 3))
    lengths = np.linalg.norm(row), np.linalg.norm(column)
    if np.abs(np.subtract(lengths, 1)).max() > TURNED or abs(row @ column) > TURNED:
        raise InputError(f"{frame.name}: ImageOrientationPatient is not two directions")
    row = row / lengths[0]
    normal = np.cross(row, column)
    normal /= np.linalg.norm(normal)
    return np.stack([row, np.cross(normal, row), normal], axis=1)


def _levels(frames: Sequence[Frame], along: np.ndarray) -> tuple[np.ndarray, float]:
    """Each slice's place on an even grid, and the grid's spacing in mm."""
    gaps = np.diff(along)
    apart = gaps[gaps > SAME_PLACE]
    usual = float(np.quantile(apart, 0.5, method="lower")) if apart.size else 0.0
    for index in np.flatnonzero(gaps <= max(SAME_SLICE * usual, SAME_PLACE)):
        raise InputError(
            f"{frames[index].name} and {frames[index + 1].name}: two slices at "
            f"{along[index]:.3f} mm; repeated files, or several series or times in one"
        )
    if not MM[0] <= usual <= MM[1]:
        raise InputError(f"slices {usual:g} mm apart are impossible")
    levels = np.concatenate([[0], np.cumsum(np.maximum(np.rint(gaps / usual), 1))]).astype(int)
    spacing, start = np.polyfit(levels, along, 1)
    off_grid = np.abs(along - start - spacing * levels)
    off = np.abs(gaps - np.diff(levels) * usual)
    if max(off_grid.max(), off.max()) > UNEVEN * usual:
        index = int(np.argmax(off))
        raise InputError(
            f"uneven slices: between {along[index]:.3f} and {along[index + 1]:.3f} mm a gap of "
            f"{gaps[index]:.3f} mm where the spacing is {usual:.3f} mm"
        )
    return levels, float(spacing)


def _check_gaps(
    along: np.ndarray, levels: np.ndarray, spacing: float, largest_gap: int
) -> list[str]:
    steps = np.diff(levels)
    if (widest := int(steps.max())) > largest_gap:
        index = int(np.argmax(steps > largest_gap))
        interpolate = f", or set dicom.largest_gap to {widest} to have them interpolated"
        raise InputError(
            f"missing slices between {along[index]:.3f} and {along[index + 1]:.3f} mm: a gap of "
            f"{along[index + 1] - along[index]:.3f} mm where the spacing is {spacing:.3f} mm; find "
            "them" + interpolate * (widest <= WIDEST_GAP)
        )
    missing = int((steps - 1).sum())
    where = ", ".join(f"{along[index]:.1f} mm" for index in np.flatnonzero(steps > 1))
    slices = "slice" if missing == 1 else "slices"
    return [f"{missing} missing {slices} interpolated, above {where}"] if missing else []


def _drift(
    frames: Sequence[Frame], sideways: np.ndarray, levels: np.ndarray, pixel: np.ndarray
) -> np.ndarray:
    """Millimetres that each level lies off, along columns' and rows' index."""
    drift = np.array([np.polyfit(levels, sideways[:, axis], 1)[0] for axis in (0, 1)])
    off = np.abs(sideways - levels[:, None] * drift)
    allowed = np.maximum(SIDEWAYS * pixel, SAME_PLACE)
    if (off > allowed).any():
        worst = int(np.argmax((off / allowed).max(axis=1)))
        raise InputError(f"{frames[worst].name}: shifted sideways against the other slices")
    return drift
