"""A patient's DICOM folder to the angiography volume in it, in the patient's axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from nibabel.orientations import (
    apply_orientation,
    axcodes2ornt,
    inv_ornt_aff,
    io_orientation,
    ornt_transform,
)

from ...errors import InputError
from ...geometry.affine import LPS_TO_RAS
from .choice import Preference, choose
from .discovery import find_images
from .elements import as_input_error, holds_value, is_uid
from .images import Frame, Image
from .pixel_data import load
from .series import Series, group
from .slice_stack import Stack, stack

PATIENT_AXES = axcodes2ornt("LPS")


@dataclass(frozen=True, eq=False)
class Found:
    """The volume of a patient's folder before its pixels are read."""

    series: Series
    stack: Stack

    @property
    def kind(self) -> str:
        return self.series.kind

    @property
    def notes(self) -> tuple[str, ...]:
        """What is done beyond reading, in sentences."""
        return (*self.series.notes, *self.stack.notes)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels along the patient's axes, before a tilt is straightened."""
        return self._along_patient_axes(self.stack.shape)

    @property
    def voxel_mm(self) -> tuple[float, float, float]:
        return self._along_patient_axes(self.stack.voxel_mm)

    def __str__(self) -> str:
        return str(self.series)

    def _along_patient_axes(self, values: Sequence) -> tuple:
        turn = io_orientation(LPS_TO_RAS @ self.stack.affine)[:, 0]
        return tuple(values[int(axis)] for axis in np.argsort(turn))

    def read(self, threads: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """Its voxels and place.

        Returns
        -------
        volume : (x, y, z) float32, x to the patient's left, y to posterior, z to superior.
        affine : (4, 4) RAS affine in mm.

        Raises
        ------
        InputError : broken pixels, with the file.
        """
        volume, affine = load(self.stack, threads)
        return to_patient_axes(volume, LPS_TO_RAS @ affine)


def find(
    folder: str | Path,
    series: str | None = None,
    largest_gap: int = 1,
    prefer: Preference = None,
) -> Found:
    """Find the one angiography volume below a folder, from headers alone.

    series : label of the one to take where several may be it.
    largest_gap : see `slice_stack.stack`. prefer : see `choice.choose`.

    Raises InputError where there is none, more than one, or a broken one, with the reason.
    """
    images, _ = find_images(folder)
    every = group(images)
    chosen = choose(every, series, prefer)
    return Found(chosen, ordered(chosen, every, largest_gap))


def ordered(chosen: Series, every: Sequence[Series], largest_gap: int = 1) -> Stack:
    """The chosen series' slices in order; `every` one is looked through for strays of it.

    Raises InputError as `slice_stack.stack`, and for a lone image that belongs to it.
    """
    with as_input_error(f"series {chosen.label}", "not one regular volume"):
        found = stack(chosen.frames, largest_gap)
    _refuse_strays(found, chosen, every, largest_gap)
    return found


def read_volume(
    folder: str | Path, series: str | None = None, largest_gap: int = 1, threads: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """`find` and read: the volume (x, y, z) float32 and its (4, 4) RAS affine in mm."""
    return find(folder, series, largest_gap).read(threads)


def to_patient_axes(volume: np.ndarray, affine: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Turn a volume by whole quarters so that its axes run to left, posterior and superior."""
    turn = ornt_transform(io_orientation(affine), PATIENT_AXES)
    return apply_orientation(volume, turn), affine @ inv_ornt_aff(turn, volume.shape)


def _refuse_strays(found: Stack, chosen: Series, every: Sequence[Series], largest_gap: int) -> None:
    """Refuse where a lone slice of another series lies where the volume lacks one.

    Its header may be damaged, and no gap would betray that it is missing.
    """
    for series in every:
        image = series.images[0]
        if series is chosen or len(series.images) > 1:
            continue
        if is_uid(chosen.images[0].series) and not is_uid(image.series):
            raise InputError(f"{image.name}: broken header (SeriesInstanceUID is no UID)")
        if image.num_frames > 1 or image.size != found.frames[0].image.size:
            continue
        if _lost_its_place(image, found.frames[0].image):
            raise InputError(f"{image.name}: broken header (no place in the patient)")
        if any(_belongs(found, frame, largest_gap) for frame in image.frames()):
            raise InputError(
                f"{image.name}: by its place a slice of series {chosen.label}, but says that it is "
                "of another series"
            )


def _lost_its_place(image: Image, slice_: Image) -> bool:
    """Whether an image is like a slice but for its place; pages have no size of pixels either."""
    alike = image.kind == slice_.kind and image.image_type == slice_.image_type
    return alike and not image.has_place and holds_value(image.header, "PixelSpacing")


def _belongs(found: Stack, frame: Frame, largest_gap: int) -> bool:
    """Whether a slice lies where the next one of a stack would, below it or above, or between its
    only two."""
    if len(frame.position) != 3:
        return False
    column, row, level = (np.linalg.inv(found.affine) @ [*frame.position, 1])[:3]
    aside = np.abs([column, row] - level * np.array(found.shear)).max()
    beyond = max(-level, level - found.levels[-1])
    between = len(found.frames) == 2 and abs(beyond + 0.5) < 0.1
    return (between or 0.5 < beyond < largest_gap + 0.5) and aside < 1
