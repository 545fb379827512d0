"""What few views decide of each voxel, and what is left to a prior.

A voxel is empty where some view sees nothing on its ray, vessel where some view's ray has to be
filled there, and undecided else: views that differ only there cannot be told apart. A place is
located where some view requires a vessel in the stretch of its ray that the voxel belongs to,
though not in which of its voxels.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from ..geometry.grid import Grid
from .branches import branch_rows
from .cores import BOUND, FILLED, required
from .evidence import POSE_MM, Evidence, gather
from .measurement import Angiograms
from .reliability import LogitScale

EMPTY, UNDECIDED, VESSEL = 0, 1, 2


class Reconstructed(Protocol):
    """A reconstruction: probability (x, y, z) of vessel on a grid, and what a vessel attenuates.

    contrast : (views,) attenuation per mm of full vessel, in each view's unit.
    """

    probability: np.ndarray
    grid: Grid
    contrast: np.ndarray


@dataclass(frozen=True, eq=False)
class Knowledge:
    """What is known of each voxel.

    Attributes
    ----------
    grid : of the voxels.
    state : (x, y, z) uint8, EMPTY, UNDECIDED or VESSEL.
    located : (x, y, z) bool, undecided or vessel, and some view requires a vessel in the stretch
        of its ray that the voxel belongs to.
    evidence : of the pixels. tolerance_mm : by which poses were taken to be off.
    probability : (x, y, z) float32, calibrated where undecided, 0 where empty and 1 where vessel;
        of a class alone (`classify`), None.
    branches : a row for each branch, thickest first, see `branches.branch_rows`.
    """

    grid: Grid
    state: np.ndarray
    located: np.ndarray
    evidence: Evidence
    tolerance_mm: float
    probability: np.ndarray | None = None
    branches: tuple[dict[str, float], ...] = ()

    @property
    def smallest_mm(self) -> float:
        """Diameter of the thinnest full vessel that no view's noise hides: thinner ones may be in
        voxels called empty."""
        return float(np.max(self.evidence.smallest_mm))

    def shares(self) -> dict[str, float]:
        """Share of all voxels that are empty, undecided and vessel."""
        counts = np.bincount(self.state.ravel(), minlength=3) / self.state.size
        return dict(zip(("empty", "undecided", "vessel"), counts.tolist(), strict=True))


def assess(
    angiograms: Angiograms,
    reconstruction: Reconstructed,
    scale: LogitScale | None = None,
    tolerance_mm: float = POSE_MM,
    threads: int = 1,
) -> Knowledge:
    """Say what the views decide of a reconstruction, and how probable the rest is.

    Parameters
    ----------
    scale : that makes the reconstruction's probabilities right on average where views decide
        nothing; None to leave them.
    tolerance_mm : how far poses may be off after calibration, as a distance in the isocentre.

    Raises
    ------
    ValueError : a probability of another shape than the grid's; see `evidence.gather` for others.
    """
    grid, probability = reconstruction.grid, reconstruction.probability
    if probability.shape != grid.shape:
        raise ValueError(f"a probability of shape {probability.shape} on a grid of {grid.shape}")
    known = classify(angiograms, grid, reconstruction.contrast, tolerance_mm, threads)
    calibrated = (known.state == VESSEL).astype(np.float32)
    left = known.state == UNDECIDED
    calibrated[left] = (scale or LogitScale()).applied(probability[left])
    rows = branch_rows(probability, calibrated, left, known.located, grid)
    return replace(known, probability=calibrated, branches=tuple(rows))


def classify(
    angiograms: Angiograms,
    grid: Grid,
    contrast: np.ndarray,
    tolerance_mm: float = POSE_MM,
    threads: int = 1,
) -> Knowledge:
    """Decide the state of each voxel from the views alone; arguments are those of `assess`."""
    evidence = gather(angiograms, contrast, tolerance_mm)
    state = evidence.candidates(grid, angiograms.views, threads).astype(np.uint8)
    voxels = np.argwhere(state)
    found = required(voxels, evidence, grid, angiograms.views, threads)
    state[tuple(voxels[found == FILLED].T)] = VESSEL
    located = np.zeros(grid.shape, bool)
    located[tuple(voxels[found >= BOUND].T)] = True
    return Knowledge(grid, state, located, evidence, tolerance_mm)
