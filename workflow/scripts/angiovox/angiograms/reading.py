"""Runs of X-ray angiography to line integrals of contrast: an image of a view, and its phases."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import ndimage

from ..errors import InputError
from ..geometry.cone_beam import CArm, angle_name
from ..geometry.views import Views
from ..io.dicom.xa.pairing import check_together
from ..io.dicom.xa.reader import read_run
from ..io.dicom.xa.run import Run
from .measurement import Angiograms
from .motion import without_motion
from .phases import phase_weights

# ASSUME: pixels finer than this in the isocentre are averaged, since voxels are coarser.
FINEST = 0.3  # mm
MOST_OF_A_RUN = 8  # views that are taken of a rotational run
# ASSUME: an image with fewer bright pixels shows no vessel: this many standard deviations of its
# noise above 0, on this area in the isocentre.
VISIBLE, VISIBLE_AREA = 6.0, 10.0  # mm^2
# ASSUME: a run's contrast is counted where its smoothed image shows more than this many standard
# deviations of the noise of a pixel: thin arteries, which fill last, hold much of it.
FAINT, CLEAR_PIXELS = 2.0, 1.0


@dataclass(frozen=True)
class RunOptions:
    """Which frames of a run are taken, counted from 0.

    masks : averaged, and subtracted; None for those that the file names. contrast : that they are
    subtracted from; None for those of good filling.
    """

    masks: tuple[int, ...] | None = None
    contrast: tuple[int, ...] | None = None


def read_angiograms(
    paths: Sequence[str | Path], options: Sequence[RunOptions] | None = None
) -> Angiograms:
    """Read the views of one injection, or of several that fill the same vessels.

    paths : a file or folder of each run; a rotational run gives several views. options : of each
    run; None for the defaults.

    Raises
    ------
    InputError : a run that cannot be read, only one direction, runs of two patients, a run without
        contrast.
    """
    several = [RunOptions()] * len(paths) if options is None else options
    runs = [
        read_run(path, one.masks, one.contrast) for path, one in zip(paths, several, strict=True)
    ]
    if len(runs) == 1 and not runs[0].is_rotational:
        raise InputError(
            f"{runs[0].name}: one run from one direction. It shows where vessels are in its image, "
            "and how much contrast a ray passes, but not how far away any of it is; add a run from "
            "another direction, at least 20 degrees away"
        )
    return of_runs(runs, check_together(runs).notes)


def of_runs(runs: Sequence[Run], notes: Sequence[str] = ()) -> Angiograms:
    """Views of runs that belong together, in their order.

    notes : what is known of them beyond their own.

    Raises InputError for a run in which no vessel is seen.
    """
    images = [image for run in runs for image in _images(run, runs[0])]
    own = [note for run in runs for note in (*run.notes, *_scale_notes(run))]
    return _joined(images, (*notes, *own))


@dataclass(frozen=True, eq=False)
class _Image:
    """One view: line integrals and what was measured (i, j), its C-arm, angles and table (3,).

    phases : (phases, i, j) of the filling, none where the run does not show them.
    """

    name: str
    integrals: np.ndarray
    phases: np.ndarray
    measured: np.ndarray
    arm: CArm
    angles: np.ndarray
    table: np.ndarray


def _images(run: Run, first: Run) -> Iterator[_Image]:
    """Views of a run: the mean of the filled frames, or some frames of a rotational one."""
    frames = run.fill_frames()
    if run.is_rotational:
        chosen = np.linspace(0, len(frames) - 1, min(MOST_OF_A_RUN, len(frames)))
        groups = [[frames[round(place)]] for place in chosen]
    else:
        groups = [frames]
    for group in groups:
        measured = run.measured(group).all(axis=0)
        mean = run.line_integrals(group).mean(axis=0)
        image = without_motion(mean, run.log_mask(group[0]), measured)
        stands = not run.is_rotational and measured.any()
        phases = _phases(run, group, image, mean - image, measured) if stands else ()
        images = np.stack([image, *phases])
        yield _reduced(run, group[0], images, measured, run.table[group[0]] - first.table[0])


def _phases(
    run: Run, filled: list[int], image: np.ndarray, motion: np.ndarray, measured: np.ndarray
) -> Iterable[np.ndarray]:
    """Line integrals (i, j) of what arrives in each phase; none where the run does not show it.

    filled : frames of good filling. image : (i, j) line integrals over them, without what a motion
    has left, which is `motion` (i, j), in all frames alike. measured : (i, j) bool.
    """
    frames = run.line_integrals(frame for frame in run.contrast if frame <= filled[-1]) - motion
    clear = ndimage.gaussian_filter(image, CLEAR_PIXELS)
    vessel = measured & (clear > FAINT * _noise(image, measured))
    weights = phase_weights(frames[:, vessel].sum(axis=1, dtype=float))
    return () if weights is None else np.tensordot(weights.astype(np.float32), frames, axes=1)


def _reduced(
    run: Run, frame: int, images: np.ndarray, measured: np.ndarray, table: np.ndarray
) -> _Image:
    """Average pixels to about the size of a voxel, and take the median of no contrast as 0.

    images : (1 + phases, i, j).
    """
    distances = tuple(map(float, run.distances[frame]))
    pixel = np.array(run.pixel_mm[::-1])
    factor = max(1, int(FINEST / (pixel.max() * distances[1] / distances[0])))
    size = np.array(measured.shape) // factor
    kept = tuple(slice(edge * factor) for edge in size)
    blocks = (size[0], factor, size[1], factor)
    whole = measured[kept].reshape(blocks).all(axis=(1, 3))
    means = images[:, *kept].reshape(-1, *blocks).mean(axis=(2, 4))
    if not whole.any():
        raise InputError(f"{run.name}: no pixel was measured in all frames that show contrast")
    levels = np.median(means[:, whole], axis=1)[:, None, None]
    mean, *phases = np.where(whole, means - levels, 0).astype(np.float32)
    offset = np.array(run.offset) + (size * factor - measured.shape) / 2 * pixel
    arm = CArm(*distances, tuple(size.tolist()), tuple(factor * pixel), tuple(offset))
    _check_shows_vessels(run.name, mean, whole, arm)
    arriving = np.array(phases).reshape(-1, *size)
    return _Image(run.name, mean, arriving, whole, arm, run.angles[frame], table)


def _check_shows_vessels(name: str, image: np.ndarray, measured: np.ndarray, arm: CArm) -> None:
    bright = (image[measured] > VISIBLE * _noise(image, measured)).sum()
    area = bright * np.prod(arm.pixel_size) / arm.magnification**2
    if area < VISIBLE_AREA:
        raise InputError(
            f"{name}: no vessel is seen in it, {area:.1f} mm2 brighter than {VISIBLE:g} times its "
            "noise; were contrast or mask frames chosen wrongly?"
        )


def _noise(image: np.ndarray, measured: np.ndarray) -> float:
    """Standard deviation where no contrast is, which is most of an image."""
    values = image[measured]
    return max(1.4826 * float(np.median(np.abs(values - np.median(values)))), 1e-9)


def _joined(images: Sequence[_Image], notes: tuple[str, ...]) -> Angiograms:
    """Views on detectors of equally many pixels: what one has more is said not to be measured."""
    size = np.max([image.arm.detector for image in images], axis=0)
    integrals, phases, measured, arms, views = [], [], [], [], []
    for image in images:
        more = size - image.arm.detector
        padding = [(0, int(edge)) for edge in more]
        integrals.append(np.pad(image.integrals, padding))
        phases.append(np.pad(image.phases, [(0, 0), *padding]))
        measured.append(np.pad(image.measured, padding))
        offset = np.array(image.arm.offset) + more / 2 * image.arm.pixel_size
        distances = image.arm.source_detector, image.arm.source_isocentre
        arm = CArm(*distances, tuple(size.tolist()), image.arm.pixel_size, tuple(offset))
        arms.append(arm)
        views.append(arm.views(*image.angles, image.table))
    noise = [_noise(image.integrals, image.measured) for image in images]
    return Angiograms(
        np.stack(integrals),
        np.stack(measured),
        np.array(noise),
        Views.join(views),
        np.stack([image.angles for image in images]),
        tuple(arms),
        tuple(angle_name(*image.angles) for image in images),
        tuple(dict.fromkeys(notes)),
        np.stack(phases) if all(map(len, phases)) else None,
    )


def _scale_notes(run: Run) -> Iterator[str]:
    if not run.grey.scale_is_known:
        yield (
            "the unit of the grey values is unknown (LOG without a look-up table): how much "
            "contrast a vessel holds is known up to a factor for each run"
        )
