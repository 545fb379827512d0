"""A reconstruction of a forked vessel, half of it undecided, seen by two views."""

from __future__ import annotations

import numpy as np
from angiovox.angiograms.certainty import UNDECIDED, VESSEL
from angiovox.angiograms.measurement import Angiograms
from angiovox.geometry.cone_beam import CArm
from angiovox.geometry.grid import Grid
from angiovox.projectors.line_integral import line_integral
from angiovox.reporting.angiogram_page.findings import AngleMap, Findings

GRID = Grid((36, 28, 40), (0.5, 0.6, 0.7), (3.0, -2.0, 1.0))
ARM = CArm(1200.0, 800.0, (48, 40), (1.2, 1.2))
ANGLES = np.array([[-20.0, 10.0], [70.0, 0.0]])


def tube(start, stop, radius: float, grid: Grid = GRID) -> np.ndarray:
    """Share (x, y, z) of a round tube between two points in mm, blurred over a voxel."""
    places = grid.to_mm(np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), axis=-1))
    start, stop = np.asarray(start, float), np.asarray(stop, float)
    along = np.clip((places - start) @ (stop - start) / np.sum((stop - start) ** 2), 0, 1)
    distance = np.linalg.norm(places - start - along[..., None] * (stop - start), axis=-1)
    return np.clip(0.5 + (radius - distance) / min(grid.voxel_size), 0, 1).astype(np.float32)


def fork() -> np.ndarray:
    """A trunk along z that forks to the left and to the right."""
    parts = [((3, -2, -9), (3, -2, 0), 1.6), ((3, -2, 0), (8, -1, 10), 1.2)]
    parts.append(((3, -2, 0), (-2, -4, 10), 1.0))
    return np.max([tube(*part) for part in parts], axis=0)


def findings(**changes) -> Findings:
    """What is known of the fork: decided below the fork, undecided above it."""
    probability = fork()
    above = GRID.to_mm(np.arange(GRID.shape[2])[:, None])[:, 2] > 0
    state = np.where(probability > 0.2, np.where(above, UNDECIDED, VESSEL), 0).astype(np.uint8)
    views = ARM.views(ANGLES[:, 0], ANGLES[:, 1])
    seen = line_integral(probability, GRID, views)
    labels = ("RAO 20, CRA 10", "LAO 70, CRA 0")
    measured = np.ones(seen.shape, dtype=bool)
    poses = np.array([np.zeros(6), [0.02, 0, 0.01, 1, 0, 0]])
    angiograms = Angiograms(
        seen, measured, np.full(2, 0.1), views, ANGLES, (ARM, ARM), labels, ("Read with <care>.",)
    )
    primary, secondary = np.arange(-90.0, 91, 30), np.arange(-30.0, 31, 30)
    gain = np.add.outer(primary, secondary)
    gain[0] = np.nan
    values = {
        "grid": GRID,
        "probability": probability,
        "state": state,
        "calibrated": np.float32(0.4) * probability,
        "angiograms": angiograms,
        "initial": angiograms.at(views.moved(poses)),
        "calibration": [{"view": label, "moved_mm": 0.5 * k} for k, label in enumerate(labels)],
        "fit": [
            {"view": label, "before_the_fit": 4.0, "after_the_fit": 2.0 + k}
            for k, label in enumerate(labels)
        ],
        "branches": [{"branch": 0, "length_mm": 9.0, "name": "<trunk>"}],
        "advice": AngleMap(primary, secondary, gain, [(90, 30)], "Take LAO 90, CRA 30.", "gain"),
        "warnings": ("The runs are 90 s apart.",),
        "parameters": {"voxel size (mm)": 0.5},
    }
    return Findings(**values | changes)
