"""Runs of a phantom as a department takes them: a biplane pair and a rotational run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..geometry.cone_beam import CArm
from ..geometry.views import Views
from ..io.dicom.xa.grey import Grey
from ..io.dicom.xa.run import Run, to_image
from ..io.dicom.xa.subtraction import Subtraction
from .angiography import Beam, Disturbance, Frames, Scene, run
from .bolus import Bolus

PLANES = ("A", "B")
# ASSUME: a rotational run begins when the arteries are full, at the speed of a C-arm.
FULL_AFTER, DEGREES_PER_SECOND = 3.0, 40.0  # s, degrees/s
MASKS = 1  # frames of a biplane run


@dataclass(frozen=True)
class Protocol:
    """What a C-arm does.

    source_detector_mm, source_isocentre_mm : of both planes. detector : pixels along either axis.
    pixel_mm : at the detector. biplane : primary and secondary angle of plane A and B, degrees.
    frames_per_second, seconds : of a biplane run. arc_degrees, arc_views : of the rotational run,
    which is centred on the frontal view. photons : see `angiography.Beam`. angle_error_degrees,
    isocentre_error_mm, motion_mm : see `angiography.Disturbance`.
    """

    source_detector_mm: float
    source_isocentre_mm: float
    detector: int
    pixel_mm: float
    biplane: tuple[tuple[float, float], tuple[float, float]]
    frames_per_second: float
    seconds: float
    arc_degrees: float
    arc_views: int
    photons: float
    angle_error_degrees: float
    isocentre_error_mm: float
    motion_mm: float

    @property
    def arm(self) -> CArm:
        size, pixel = (self.detector,) * 2, (self.pixel_mm,) * 2
        return CArm(self.source_detector_mm, self.source_isocentre_mm, size, pixel)

    @property
    def beam(self) -> Beam:
        return Beam(self.photons)

    @property
    def disturbance(self) -> Disturbance:
        return Disturbance(self.angle_error_degrees, self.isocentre_error_mm, self.motion_mm)


@dataclass(frozen=True, eq=False)
class Taken:
    """A run as its file has it, and where the C-arm truly stood, in the head's own axes."""

    run: Run
    true_views: Views


def biplane_pair(scene: Scene, protocol: Protocol, seed: int, threads: int = 1) -> list[Taken]:
    """Plane A and B of one injection, a mask first."""
    planes = enumerate(protocol.biplane)
    return [plane_run(scene, protocol, at, seed, plane, threads=threads) for plane, at in planes]


def plane_run(
    scene: Scene,
    protocol: Protocol,
    angles: tuple[float, float],
    seed: int,
    plane: int = 0,
    acquisition: int = 0,
    threads: int = 1,
) -> Taken:
    """One plane of an injection from standing angles, a mask first.

    angles : primary and secondary, degrees. plane : 0 for A, 1 for B. acquisition : the injection;
    in each the head moves otherwise.
    """
    steps = np.arange(round(protocol.seconds * protocol.frames_per_second))
    times = np.append([0.0] * MASKS, (steps + 1) / protocol.frames_per_second)
    is_mask = np.arange(len(times)) < MASKS
    subtraction = Subtraction(tuple(range(MASKS)), ((MASKS, len(times) - 1),))
    primary, secondary = (np.full(len(times), angle) for angle in angles)
    frames = run(
        scene, protocol.arm, primary, secondary, times, is_mask, seed,
        Bolus(), protocol.beam, protocol.disturbance, acquisition, plane, threads,
    )  # fmt: skip
    name = PLANES[plane]
    return _taken(frames, protocol, f"plane {name}", (subtraction,), name)


def rotational_run(scene: Scene, protocol: Protocol, seed: int, threads: int = 1) -> Taken:
    """A sweep without contrast, and one with it at the same angles."""
    count = protocol.arc_views
    sweep = np.linspace(-protocol.arc_degrees / 2, protocol.arc_degrees / 2, count)
    lasts = protocol.arc_degrees / DEGREES_PER_SECOND
    during = FULL_AFTER + np.linspace(0, lasts, count)
    frames = run(
        scene, protocol.arm, np.tile(sweep, 2), np.zeros(2 * count),
        np.append(during - during[0], during + lasts), np.arange(2 * count) < count, seed,
        Bolus(start=lasts, duration=FULL_AFTER + lasts), protocol.beam, protocol.disturbance,
        acquisition=1, threads=threads,
    )  # fmt: skip
    own_masks = tuple(Subtraction((k,), ((count + k, count + k),)) for k in range(count))
    return _taken(frames, protocol, "rotational run", own_masks)


def _taken(
    frames: Frames,
    protocol: Protocol,
    name: str,
    subtractions: tuple[Subtraction, ...],
    plane: str = "",
) -> Taken:
    count = len(frames.times)
    distances = (protocol.source_detector_mm, protocol.source_isocentre_mm)
    images = to_image(frames.greys)
    header = Run(
        name=name,
        frames=images,
        grey=Grey("LIN", protocol.beam.bits),
        subtractions=subtractions,
        angles=np.stack([frames.primary, frames.secondary], axis=1),
        distances=np.tile(distances, (count, 1)),
        pixel_mm=(protocol.pixel_mm,) * 2,
        exposed=np.ones(images.shape[1:], dtype=bool),
        times=frames.times - frames.times[0],
        table=np.zeros((count, 3)),
        plane=plane,
    )
    return Taken(header, frames.true_views)
