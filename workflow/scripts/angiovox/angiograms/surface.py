"""The surface of a reconstruction, with how certain each part of it is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyvista

from ..geometry.grid import Grid
from ..io.atomic import atomic_file
from ..io.gltf import write_glb
from ..io.mesh_files import write_ply
from ..masks.surfaces import decimate, level_surface, write_stl, write_tagged_vtp
from .certainty import VESSEL, at_points, colours, voxel_certainty

LEVEL = 0.5  # of the probability
# ASSUME: 5 steps of Taubin's filter: they take off the stairs of a steep probability and leave
# the calibre of vessels one voxel wide.
SMOOTHING_STEPS = 5
# Voxels outside the surface, where little of a voxel is vessel and less is known, decide only where
# none is inside.
RIM_WEIGHT = 1e-3
NAME = "artery"


def vessel_surface(
    probability: np.ndarray, state: np.ndarray, calibrated: np.ndarray, grid: Grid
) -> pyvista.PolyData | None:
    """Surface of the probability's level 0.5, thinned out, with certainty and its colour.

    Parameters
    ----------
    probability : (x, y, z) of the reconstruction. state, calibrated : (x, y, z), what is known of
        each voxel and the calibrated probability of undecided ones.

    Returns
    -------
    Closed triangles, normals outwards, points in mm from the isocentre in LPS; vessels that the
    grid's edge cuts are closed half a voxel outside. Point data: `certainty` float32 in [0, 1],
    `decided` float32, the share that the measurement decides, `colour` (n, 3) uint8. None where no
    voxel reaches the level.
    """
    mesh = level_surface(probability, grid.affine, LEVEL, smoothing_steps=SMOOTHING_STEPS)
    if mesh is None:
        return None
    mesh = decimate(mesh, grid.affine)
    mesh.clear_data()
    points = np.asarray(mesh.points)
    weights = np.where(probability >= LEVEL, 1, RIM_WEIGHT * probability).astype(np.float32)
    certainty = at_points(points, voxel_certainty(state, calibrated), weights, grid)
    mesh.point_data["certainty"] = np.clip(certainty, 0, 1)
    mesh.point_data["decided"] = at_points(points, state == VESSEL, weights, grid)
    mesh.point_data["colour"] = colours(mesh.point_data["certainty"])
    return mesh


def write_surface_files(folder: str | Path, mesh: pyvista.PolyData) -> Sequence[str]:
    """Write artery.stl, .vtp, .ply and .glb into a folder; returns their names.

    STL, VTP and PLY are in mm from the isocentre in LPS, GLB in metres with y up (`io.gltf`). VTP
    has all point data, PLY and GLB the colours.
    """
    stl, vtp, ply, glb = (f"{NAME}.{suffix}" for suffix in ("stl", "vtp", "ply", "glb"))
    folder = Path(folder)
    with atomic_file(folder / stl) as temporary:
        write_stl(mesh, temporary)
    with atomic_file(folder / vtp) as temporary:
        write_tagged_vtp(mesh, temporary)
    with atomic_file(folder / ply) as temporary:
        write_ply(mesh, temporary, "colour")
    normals = mesh.compute_normals(
        cell_normals=False, split_vertices=False, consistent_normals=False
    )
    write_glb(
        folder / glb, mesh.points, mesh.regular_faces, normals.point_data["Normals"],
        mesh.point_data["colour"], NAME,
    )  # fmt: skip
    return stl, vtp, ply, glb
