"""Runs of X-ray angiography for tests: scenes with vessels, and files of them changed by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
from angiovox.geometry.cone_beam import CArm
from angiovox.io.dicom.xa.run import Run
from angiovox.io.dicom.xa.writer import write_run
from pydicom.dataset import Dataset
from pydicom.pixels import set_pixel_data
from simulated_run import simulated_run

ARM = CArm(1195.0, 785.0, detector=(44, 36), pixel_size=(0.45, 0.6))
POINTS = np.array([[-4.0, 3.0, 2.0], [2.5, -5.0, -4.0], [3.0, 4.0, 5.0]])  # mm from the isocentre
HEIGHTS = (0.9, 0.6, 0.4)  # of the blobs there
FILLING = np.array([0.1, 0.5, 1.0, 0.7, 0.2])  # of frames with contrast
SWEEP = np.linspace(-95.0, 100.0, 6)
NAME = "case"


def blobs(views, width: float = 1.6) -> np.ndarray:
    """Line integrals (views, u, v) of blobs where the points are seen."""
    u, v = np.indices(views.detector)
    images = np.zeros(views.shape)
    for image, places in zip(images, views.project(POINTS), strict=True):
        for (i, j), height in zip(places, HEIGHTS, strict=True):
            image += height * np.exp(-((u - i) ** 2 + (v - j) ** 2) / (2 * width**2))
    return images


def skull(shape=ARM.detector) -> np.ndarray:
    """What absorbs behind the vessels, (u, v), without any symmetry."""
    u, v = np.indices(shape)
    return 1.2 + 0.4 * np.sin(u / 5) * np.cos(v / 7) + u / 80


def static(primary=30.0, secondary=20.0, arm=ARM, **values) -> Run:
    """A run of one direction, filled and emptied over time."""
    images = FILLING[:, None, None] * blobs(arm.views(primary, secondary))
    values = {"background": skull(arm.detector)} | values
    return simulated_run(images, arm, primary, secondary, **values)


def rotational(secondary=5.0, arm=ARM, **values) -> Run:
    """A mask sweep and a sweep with contrast."""
    images = blobs(arm.views(SWEEP, secondary))
    return simulated_run(images, arm, SWEEP, secondary, skull(arm.detector), **values)


def pair(**values) -> tuple[Run, Run]:
    """Plane A and plane B."""
    return static(0.0, 15.0, plane="A", **values), static(88.0, -5.0, plane="B", **values)


def truth(run: Run) -> np.ndarray:
    """What contrast absorbs in the contrast frames of one of these runs."""
    images = blobs(run.views())
    return images if run.is_rotational else FILLING[:, None, None] * images


def write(path: Path, run: Run | None = None, enhanced: bool = False, **options) -> Path:
    write_run(static() if run is None else run, path, NAME, enhanced, **options)
    return path


def edit(path: Path, change: Callable[[Dataset], None] | None = None, **values) -> Path:
    """Change a file's header: values replace what it says, None takes it away."""
    dataset = pydicom.dcmread(path)
    for keyword, value in values.items():
        if value is None:
            del dataset[keyword]
        else:
            setattr(dataset, keyword, value)
    if change:
        change(dataset)
    dataset.save_as(path, enforce_file_format=True)
    return path


def repixel(path: Path, change: Callable[[np.ndarray], np.ndarray | None]) -> Path:
    """Change a file's stored numbers (frames, rows, columns), in place or by what is returned."""
    dataset = pydicom.dcmread(path)
    stored = dataset.pixel_array.copy()
    result = change(stored)
    stored = stored if result is None else np.ascontiguousarray(result)
    set_pixel_data(
        dataset,
        stored.astype(np.uint16),
        "MONOCHROME2",
        dataset.BitsStored,
        generate_instance_uid=False,
    )
    dataset.save_as(path, enforce_file_format=True)
    return path


def shared(dataset: Dataset) -> Dataset:
    return dataset.SharedFunctionalGroupsSequence[0]


def each_frame(dataset: Dataset, group: str, **values) -> None:
    """Set, or with None remove, elements in a functional group of every frame."""
    for frame in dataset.PerFrameFunctionalGroupsSequence:
        for keyword, value in values.items():
            item = frame[group][0]
            if value is None:
                del item[keyword]
            else:
                setattr(item, keyword, value)


def single_frames(path: Path, folder: Path) -> Path:
    """A classic file of several frames as a series of files of one, named in no order."""
    whole = pydicom.dcmread(path)
    stored = whole.pixel_array
    primary = getattr(whole, "PositionerPrimaryAngleIncrement", [0.0] * len(stored))
    folder.mkdir()
    for number, image in enumerate(stored):
        one = pydicom.dcmread(path)
        for keyword in (
            *("FrameTime", "FrameIncrementPointer", "NumberOfFrames", "FrameTimeVector"),
            *("PositionerPrimaryAngleIncrement", "PositionerSecondaryAngleIncrement"),
            *("PositionerMotion", "AcquisitionDateTime"),
        ):
            if keyword in one:
                delattr(one, keyword)
        one.SOPInstanceUID = one.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.{number + 1}"
        one.InstanceNumber = number + 1
        one.PositionerPrimaryAngle = f"{float(whole.PositionerPrimaryAngle) + primary[number]:.8g}"
        one.AcquisitionDateTime = f"202301011200{number:02d}.5"
        one.PixelData = image.astype("<u2").tobytes()
        one.save_as(folder / f"IM{(7 * number + 3) % 101:03d}", enforce_file_format=True)
    return folder
