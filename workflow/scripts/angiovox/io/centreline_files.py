"""Centreline graphs that methods give back, in voxel indices, as numpy's .npz."""

from __future__ import annotations

from pathlib import Path

import numpy as np

NAME = "centreline.npz"  # in the folder beside a reconstruction


def save_centreline(
    folder: str | Path, points: np.ndarray, radii: np.ndarray, segments: np.ndarray
) -> None:
    """Write points (n, 3) and radii (n,) in voxels, and segments (m, 2), into a folder."""
    with open(Path(folder) / NAME, "wb") as file:
        np.savez_compressed(file, points=points, radii=radii, segments=segments)


def load_centreline(folder: str | Path) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Read what `save_centreline` wrote; None where there is no centreline in the folder."""
    path = Path(folder) / NAME
    if not path.is_file():
        return None
    with np.load(path, allow_pickle=False) as stored:
        return stored["points"], stored["radii"], stored["segments"]
