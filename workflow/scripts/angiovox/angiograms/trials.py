"""Trials of a reconstruction: angiograms of arteries that are known exactly.

A trial is taken as a department takes it: a head with contrast before a C-arm that stands a little
otherwise than its header says, frames of counted photons, a mask that is subtracted. What a method
is given comes out of the same runs as those of files; where the C-arm truly stood stays here.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..geometry.grid import Grid
from ..geometry.views import Views
from ..phantoms.acquisition import Filled, Settings, fill
from ..phantoms.angiography import Scene
from ..phantoms.angiography_runs import Protocol, plane_run
from ..phantoms.lesion_placement import Lesion
from ..vessels.graph import Arteries
from ..vessels.swc import LPS
from .measurement import Angiograms
from .reading import of_runs

# ASSUME: simulated C-arms have these distances in mm, and runs 2 frames/s for 3 s: by then the
# bolus has been in all arteries.
SOURCE_DETECTOR, SOURCE_ISOCENTRE = 1195.0, 810.0
FRAMES_PER_SECOND, SECONDS = 2.0, 3.0
ORTHOGONAL = ((0.0, 0.0), (90.0, 0.0))


@dataclass(frozen=True)
class Subject:
    """Whose arteries are seen.

    seed : of the phantom; of a tree's pose in the scanner, head and noise.
    centreline : SWC file with the arteries, in place of a phantom's. territory, axes : of that
        file, as `vessels.swc.read_swc` takes them.
    """

    seed: int
    centreline: Path | None = None
    territory: tuple[int, ...] | None = None
    axes: str = LPS

    @property
    def name(self) -> str:
        """Unique among phantoms, and among trees of one folder and their territories."""
        if self.centreline is None:
            return f"phantom-{self.seed}"
        part = "" if self.territory is None else "-" + "-".join(map(str, self.territory))
        return f"{self.centreline.stem}{part}"


@dataclass(frozen=True)
class Condition:
    """How angiograms are taken.

    Attributes
    ----------
    angles : primary (LAO positive) and secondary (cranial positive) of each view, degrees.
    angle_error_degrees, isocentre_error_mm, motion_mm : standard deviations, see
        `phantoms.angiography.Disturbance`. photons : in a pixel before which there is nothing.
    imbalance : standard deviation of the logarithm of the contrast's concentration, from one
        injection to the next.
    biplane : whether views are taken two at a time, planes A and B of one injection; else each
        has an injection of its own.
    detector, pixel_mm : of each view. voxels, voxel_mm : along each edge of the cube about the
        isocentre in which the truth is known.
    """

    angles: tuple[tuple[float, float], ...] = ORTHOGONAL
    angle_error_degrees: float = 0.0
    isocentre_error_mm: float = 0.0
    motion_mm: float = 0.0
    photons: float = 4e5
    imbalance: float = 0.0
    biplane: bool = True
    detector: int = 512
    pixel_mm: float = 0.6
    voxels: int = 200
    voxel_mm: float = 0.5

    @property
    def grid(self) -> Grid:
        """Cube about the isocentre."""
        return Grid((self.voxels,) * 3, (self.voxel_mm,) * 3)

    @property
    def protocol(self) -> Protocol:
        """What the C-arm does in each run."""
        return Protocol(
            SOURCE_DETECTOR, SOURCE_ISOCENTRE, self.detector, self.pixel_mm, ORTHOGONAL,
            FRAMES_PER_SECOND, SECONDS, 0.0, 0, self.photons, self.angle_error_degrees,
            self.isocentre_error_mm, self.motion_mm,
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Trial:
    """Angiograms as a reader gives them, and what they show.

    true_views : where the C-arm stood, in the arteries' own axes. arteries, lesions : filled ones
    about the isocentre, mm. grid : where results are compared.
    """

    angiograms: Angiograms
    true_views: Views
    arteries: Arteries
    lesions: tuple[Lesion, ...]
    grid: Grid


def simulate(
    subject: Subject,
    condition: Condition,
    lesions: dict[str, dict[str, Any]] | None = None,
    threads: int = 1,
) -> Trial:
    """Take the angiograms of a subject; the same arguments, the same trial.

    lesions : by kind, as in `phantoms.lesions.plant`; None for healthy arteries.

    Raises
    ------
    ValueError : lesions that cannot be planted. InputError : a broken SWC file, or a run in which
        no vessel is seen.
    """
    filled = _filled(subject, condition, lesions or {})
    scene = Scene(filled.arteries, filled.pose, subject.seed)
    turns = _injections(condition)
    taken = [
        plane_run(
            _diluted(scene, condition.imbalance, subject.seed, acquisition),
            condition.protocol, angles, subject.seed, plane, acquisition, threads,
        )
        for angles, (acquisition, plane) in zip(condition.angles, turns, strict=True)
    ]  # fmt: skip
    filled_from = [one.run.fill_frames()[0] for one in taken]
    true = Views.join([one.true_views[[at]] for one, at in zip(taken, filled_from, strict=True)])
    angiograms = of_runs([one.run for one in taken])
    return Trial(angiograms, true, filled.arteries, tuple(filled.lesions), condition.grid)


def _filled(subject: Subject, condition: Condition, lesions: dict[str, dict[str, Any]]) -> Filled:
    return fill(
        subject.seed,
        condition.voxels * condition.voxel_mm,
        Settings(lesions=lesions),
        None if subject.centreline is None else str(subject.centreline),
        territory=subject.territory,
        axes=subject.axes,
        random_pose=True,
    )


def _injections(condition: Condition) -> list[tuple[int, int]]:
    """Injection and plane of each view."""
    count = len(condition.angles)
    return [divmod(k, 2) if condition.biplane else (k, 0) for k in range(count)]


def _diluted(scene: Scene, imbalance: float, seed: int, injection: int) -> Scene:
    """The scene at an injection's own concentration of contrast."""
    if not imbalance:
        return scene
    factor = np.exp(np.random.default_rng([seed, 13, injection]).normal(0, imbalance))
    other = copy(scene)
    other.contrast = replace(scene.contrast, amount=scene.contrast.amount * np.float32(factor))
    return other
