"""What a folder holds, in words: runs that can be reconstructed from, and all else."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

import numpy as np
from angiovox.errors import InputError, printable
from angiovox.geometry.cone_beam import view_name
from angiovox.io.dicom.discovery import find_images
from angiovox.io.dicom.series import Series, group
from angiovox.io.dicom.xa.pairing import LEAST_DEGREES, widest_angle
from angiovox.io.dicom.xa.reader import RunFiles, runs_of
from angiovox.io.dicom.xa.run import Run
from angiovox.io.folders import check_exists

NONE = "No run of X-ray angiography: angiovox reconstruct needs two or more (XA DICOM)."
TAKES = "angiovox reconstruct takes two or more of one patient and one injection, from directions"


def describe(folder: str | Path) -> str:
    """Runs and other series below a folder, from headers alone; nothing of who the patient is.

    Raises InputError for a path that is not there, and for broken files.
    """
    try:
        check_exists(folder)
        images, others = find_images(folder)
    except InputError as error:
        raise InputError(f"{folder}: {error}") from None
    runs = runs_of(images)
    in_runs = {image for run in runs for image in run.images}
    rest = group([image for image in images if image not in in_runs])
    parts = [_runs_in_words(runs, Path(folder)), _series_in_words(rest)]
    if others:
        parts.append(f"{others} other files without an image.")
    return printable("\n\n".join(filter(None, parts)))


def _runs_in_words(runs: Sequence[RunFiles], folder: Path) -> str:
    if not runs:
        return NONE
    described = [(run, _described(run)) for run in runs]
    lines = ["Runs:"]
    for run, found in described:
        lines += [f"  {place(run, folder)}", f"    {run_in_words(run, found)}"]
    usable = [found for _, found in described if isinstance(found, Run)]
    if len(usable) > 1:
        degrees = widest_angle(np.concatenate([run.angles for run in usable]))
        lines.append(f"Two of their directions are {degrees:.0f} degrees apart.")
    return "\n".join([*lines, f"{TAKES} {LEAST_DEGREES:g} degrees or more apart."])


def _described(run: RunFiles) -> Run | InputError:
    try:
        return run.describe()
    except InputError as error:
        return error


def place(run: RunFiles, folder: Path) -> str:
    """The path to give of a run: its file, or the folder of its single frames."""
    path = Path(run.images[0].path)
    return os.path.normpath(path if len(run.images) == 1 else path.parent)


def run_in_words(run: RunFiles, found: Run | InputError) -> str:
    """Kind, frames, direction and masks of a run, or why it cannot be used."""
    rows, columns = run.images[0].size
    words = [f"{run.kind}, {run.num_frames} frames of {columns} x {rows}"]
    if isinstance(found, InputError):
        return f"{words[0]}; cannot be used: {found}"
    words += [f"plane {found.plane}"] * bool(found.plane)
    first, last = (view_name(*found.angles[frame]) for frame in (0, -1))
    words.append(f"turning from {first} to {last}" if found.is_rotational else first)
    return "; ".join([", ".join(words), *_subtraction_in_words(found)])


def _subtraction_in_words(run: Run) -> Iterator[str]:
    try:
        yield f"mask: {_frames(run.masks)}, contrast: {_frames(run.contrast)}"
    except InputError as error:
        yield f"cannot be used as it is: {error}"


def _frames(numbers: Sequence[int]) -> str:
    """Frames counted from 1, neighbours as first to last."""
    if not len(numbers):
        return "none"
    parts = []
    for _, pairs in groupby(enumerate(numbers), lambda pair: pair[1] - pair[0]):
        frames = [number + 1 for _, number in pairs]
        parts.append(str(frames[0]) if len(frames) == 1 else f"{frames[0]} to {frames[-1]}")
    return f"frame{'s' * (len(numbers) > 1)} {', '.join(parts)}"


def _series_in_words(every: Sequence[Series]) -> str:
    lines = []
    for series in every:
        images = sum(image.num_frames for image in series.images)
        why = series.why_not or "may be a volume (snakemake inventory says more)"
        lines.append(f"  series {series.label}: {series.what}, {images} images: {why}")
    return "\n".join(["Other series:", *lines]) if lines else ""
