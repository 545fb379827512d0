"""XA DICOM to runs of X-ray angiography, classic and Enhanced, or one sentence."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from pydicom import uid

from ....errors import InputError
from ..decoding import check_codes, stored_numbers
from ..discovery import find_images
from ..elements import as_input_error, holds_value
from ..headers import VOLUMES, check_amount, check_pixels
from ..images import MAX_VOXELS, Image
from ..series import why_undecodable
from . import geometry, subtraction
from .exposure import exposed_pixels
from .fields import RUN_KINDS, FrameFields, agreed, frame_fields, plane_of
from .grey import read_grey
from .identity import read_identity
from .orientation import read_orientation
from .run import Run
from .subtraction import operation_of
from .times import frame_order, read_times


@dataclass(frozen=True, eq=False)
class RunFiles:
    """The files of one run, before its geometry and pixels are read."""

    images: tuple[Image, ...]

    @property
    def name(self) -> str:
        return self.images[0].name

    @property
    def kind(self) -> str:
        return RUN_KINDS[self.images[0].kind]

    @property
    def plane(self) -> str:
        """ "A" or "B" of a biplane acquisition, or empty."""
        frame = frame_fields(self.images[:1])[0]
        return plane_of(frame.header, frame.image)

    @property
    def num_frames(self) -> int:
        return sum(image.num_frames for image in self.images)

    def __str__(self) -> str:
        rows, columns = self.images[0].size
        plane = f", plane {self.plane}" if self.plane else ""
        return f"{self.name} ({self.kind}, {self.num_frames} frames of {columns} x {rows}{plane})"

    def read(
        self,
        masks: Sequence[int] | None = None,
        contrast: Sequence[int] | None = None,
        shift: tuple[float, float] = (0.0, 0.0),
    ) -> Run:
        """Read geometry and pixels.

        masks, contrast, shift : see `Run.with_masks`, the shift in the image as the file has it;
        without masks those that the file names.

        Raises InputError for what is missing or contradicts itself.
        """
        with as_input_error(self.name, "broken run"):
            run, frames = self._described()
            if masks is not None:
                run = run.with_masks(masks, contrast, shift)
            subtraction.check(run.subtractions, run.angles, run.name)
            return _upright(run, frames)

    def describe(self) -> Run:
        """The run from headers alone: its frames are zeros, and stand as they are stored.

        Raises InputError for what is missing or contradicts itself.
        """
        with as_input_error(self.name, "broken run"):
            return self._described()[0]

    def _described(self) -> tuple[Run, list[FrameFields]]:
        _check_images(self.images)
        frames = frame_order(frame_fields(self.images))
        return _described(self, frames), frames


def read_run(
    path: str | Path,
    masks: Sequence[int] | None = None,
    contrast: Sequence[int] | None = None,
    shift: tuple[float, float] = (0.0, 0.0),
) -> Run:
    """Read the one run of a file or a folder.

    masks, contrast, shift : frames to subtract and from which, counted from 0, and the mask's
    shift; see `Run.with_masks`. Without masks those that the file names.

    Raises InputError where there is none, more than one, or a broken one, with the reason.
    """
    images, _ = find_images(path)
    runs = runs_of(images)
    if not runs:
        raise InputError(_why_none(images))
    if len(runs) > 1:
        several = "; ".join(map(str, runs[:3])) + ("; ..." if len(runs) > 3 else "")
        raise InputError(f"{len(runs)} runs: {several}. Name the file of one")
    return runs[0].read(masks, contrast, shift)


def find_runs(folder: str | Path) -> list[RunFiles]:
    """All runs below a folder, from headers alone, in the order of their paths.

    Volumes, reports and what else is no run are passed over. Raises InputError for broken files, as
    `find_images`.
    """
    images, _ = find_images(folder)
    return runs_of(images)


def runs_of(images: Sequence[Image]) -> list[RunFiles]:
    """A run for each file of several frames, and for each series of files of one."""
    groups: dict[tuple[str, str], list[Image]] = defaultdict(list)
    for image in images:
        if not _why_no_run(image):
            of_several = image.num_frames > 1 or not image.series
            key = ("file", image.name) if of_several else ("series", image.series)
            groups[key].append(image)
    return [RunFiles(tuple(group)) for group in groups.values() if group]


def _why_none(images: Sequence[Image]) -> str:
    reasons = [f"{image.name}: {_why_no_run(image)}" for image in images]
    return reasons[0] if reasons else "no DICOM image, so no run"


def _why_no_run(image: Image) -> str:
    """What an image is in place of a frame of a run; empty for one of a run."""
    if image.kind in RUN_KINDS:
        if image.kind in VOLUMES and holds_value(image.header, "ImagePositionPatient"):
            return "a slice of a volume stored as XA, no projection; give it as a volume"
        return ""
    if image.kind in VOLUMES:
        return f"a slice of a {VOLUMES[image.kind]} volume, no XA run; give it as a volume"
    kind = image.kind.name if image.kind in uid.UID_dictionary else "an unknown kind of image"
    if "Secondary Capture" in kind:
        return (
            f"{kind} holds what a screen showed, without angles, distances and the beam's "
            "intensity; export the XA run that it was made from"
        )
    return f"{kind} is no XA run"


def _check_images(images: Sequence[Image]) -> None:
    first = images[0]
    for image in images:
        check_amount(image)
        check_pixels(image)
        if image.samples > 1 or not image.photometric.startswith("MONOCHROME"):
            raise InputError(f"{image.name}: colours, where the beam's intensity is needed")
        if image.signed:
            raise InputError(
                f"{image.name}: signed numbers, so it was subtracted already and its beam's "
                "intensity is lost; export the run as acquired"
            )
        if reason := why_undecodable(image):
            raise InputError(f"{image.name}: {reason}")
        alike = ("size", "bits", "bits_stored", "image_type", "kind")
        if different := [what for what in alike if getattr(image, what) != getattr(first, what)]:
            what = different[0].replace("_", " ")
            raise InputError(f"{image.name}: another {what} than {first.name}, of the same series")
    total = sum(image.num_frames for image in images) * int(np.prod(first.size))
    if total > MAX_VOXELS:
        raise InputError(f"{first.name}: {len(images)} files with more pixels than any run")


def _described(files: RunFiles, frames: Sequence[FrameFields]) -> Run:
    """A run by its headers, its frames of zeros until pixels are read."""
    angles = geometry.read_angles(frames)
    distances = geometry.read_distances(frames)
    pixel_mm = geometry.read_pixel_mm(frames)
    table = geometry.read_table(frames)
    greys = [read_grey(frame) for frame in frames[:: max(len(frames) - 1, 1)]]
    agreed([(grey.relationship, grey.sign) for grey in greys], "the grey's relation", files.name)
    times, timed = read_times(frames)
    scale = (
        ""
        if greys[0].scale_is_known
        else (
            "line integrals in an unknown unit: LOG without a ModalityLUTSequence back to intensity"
        )
    )
    notes = [*geometry.magnification_notes(frames, distances), *timed, *filter(None, [scale])]
    return Run(
        name=files.name,
        frames=np.broadcast_to(np.uint8(0), (len(frames), *files.images[0].size)),
        grey=greys[0],
        subtractions=subtraction.read_subtractions(frames),
        angles=angles,
        distances=distances,
        pixel_mm=pixel_mm,
        exposed=np.ones(files.images[0].size, dtype=bool),
        times=times,
        table=table,
        plane=files.plane,
        notes=tuple(notes),
        identity=read_identity(frames),
    )


def _upright(run: Run, frames: Sequence[FrameFields]) -> Run:
    """The run with its pixels, as the detector saw them."""
    stored = _pixels(frames)
    used = sorted({*run.masks, *run.contrast})
    exposed, masked = exposed_pixels(stored, used, run.grey, frames)
    undone, applied, turned = read_orientation(frames, run.angles)
    detector_mm = applied.undo_spacing(run.pixel_mm)
    size = applied.undo(stored).shape[1:]
    down, right = geometry.read_offset(frames, size, detector_mm)
    if undone != applied:  # the image stands as it should, and the offset is the detector's
        down, right = applied.apply_vector((down, right))
    return replace(
        run,
        frames=undone.undo(stored),
        exposed=undone.undo(exposed),
        pixel_mm=undone.undo_spacing(run.pixel_mm),
        offset=(float(right), 0.0 - float(down)),
        subtractions=tuple(one.turned(undone.undo_vector) for one in run.subtractions),
        notes=(*run.notes, *_moved(run), *masked, *turned),
    )


def _moved(run: Run) -> list[str]:
    """A note where the table moved between a mask and its frame."""
    pairs = [(frame, operation_of(run.subtractions, frame)) for frame in run.contrast]
    moves = [
        np.linalg.norm(run.table[list(one.masks_of(frame))] - run.table[frame], axis=1).max()
        for frame, one in pairs
    ]
    if max(moves) <= geometry.STEADY:
        return []
    return [f"the table moved by up to {max(moves):.3g} mm between mask and contrast; not undone"]


def _pixels(frames: Sequence[FrameFields]) -> np.ndarray:
    """Stored numbers (frames, rows, columns), in the order of the frames."""
    numbers: dict[Image, list[int]] = defaultdict(list)
    for frame in frames:
        numbers[frame.image].append(frame.number)
    decoded = []
    for image, wanted in numbers.items():
        check_codes(image)
        decoded += stored_numbers(image, wanted)
    return np.stack(decoded)
