"""Surfaces that methods give back, in voxel indices, as numpy's .npz."""

from __future__ import annotations

from pathlib import Path

import numpy as np

NAME = "surface.npz"  # in the folder beside a reconstruction


def save_surface(folder: str | Path, vertices: np.ndarray, triangles: np.ndarray) -> None:
    """Write vertices (n, 3) in voxel indices and triangles (m, 3) into a folder."""
    with open(Path(folder) / NAME, "wb") as file:
        np.savez_compressed(file, vertices=vertices, triangles=triangles)


def load_surface(folder: str | Path) -> tuple[np.ndarray, np.ndarray] | None:
    """Read what `save_surface` wrote; None where there is no surface in the folder."""
    path = Path(folder) / NAME
    if not path.is_file():
        return None
    with np.load(path, allow_pickle=False) as stored:
        return stored["vertices"], stored["triangles"]
