"""Vessel surfaces as triangle meshes in patient millimetres."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyvista
from skimage.measure import marching_cubes
from vtkmodules.vtkFiltersCore import vtkDecimatePro

from ..geometry.affine import LPS_TO_RAS, voxel_sizes
from ..io.atomic import atomic_file
from ..io.mesh_files import write_vtp

# 3D Slicer reads meshes as LPS unless told otherwise; the tag tells other readers, and people.
SPACE = "LPS"
STL_HEADER = f"angiovox SPACE={SPACE}"
STL_HEADER_BYTES = 80  # binary STL: header, then a 32-bit count of triangles, then triangles
STL_TRIANGLE = [("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")]
# The flat faces of voxels' stairs have more triangles than they need. A file is thinned out to this
# many (5 MB as STL) but never moves by more than this share of a voxel: half of all triangles go
# for nothing. VTK's quadrics took twice as long, and tore arteries one voxel wide.
MOST_TRIANGLES = 100_000
MAX_DEVIATION_VOXELS = 0.01
PASS_BAND = 0.1  # Taubin smoothing: features longer than about 1 / PASS_BAND edges stay


def surface(
    mask: np.ndarray, affine: np.ndarray, smoothing_steps: int = 0
) -> pyvista.PolyData | None:
    """Closed surface of a mask by marching cubes, normals outwards.

    Parameters
    ----------
    mask : (x, y, z) array, vessel where it is not zero. Vessels cut by the grid's edge are closed.
    affine : (4, 4) voxel indices to RAS mm.
    smoothing_steps : iterations of Taubin smoothing, which takes off the voxels' stairs and hardly
        shrinks vessels. 5 take 5 % of the volume of a vessel one voxel wide and nothing to speak of
        from wider ones; 20 dissolve the former. 0 leaves the surface as it is.

    Returns
    -------
    Triangles with points in DICOM's patient system (LPS, mm), or None for an empty mask.

    Raises
    ------
    ValueError : the mask is not three-dimensional.
    """
    if mask.ndim != 3:
        raise ValueError(f"a mask has 3 axes (x, y, z), this array has shape {mask.shape}")
    box = _bounding_box(mask)
    if box is None:
        return None
    padded = np.pad(mask[box] != 0, 1)
    # "ascent" turns triangles outwards by the right-hand rule; the default turns them inwards.
    indices, triangles, _, _ = marching_cubes(padded, level=0.5, gradient_direction="ascent")
    mesh = mesh_of(indices + [axis.start - 1 for axis in box], triangles, affine)
    if smoothing_steps > 0:
        mesh = mesh.smooth_taubin(n_iter=smoothing_steps, pass_band=PASS_BAND)
    return mesh


def level_surface(
    volume: np.ndarray,
    affine: np.ndarray,
    level: float = 0.5,
    outside: float = 0.0,
    smoothing_steps: int = 0,
) -> pyvista.PolyData | None:
    """Closed surface of a volume's level by marching cubes between voxels, normals outwards.

    Parameters
    ----------
    volume : (x, y, z) array, such as probabilities; vessel where it reaches the level.
    affine : (4, 4) voxel indices to RAS mm.
    outside : value beyond the grid, below the level: vessels cut by the grid's edge are closed.
    smoothing_steps : as of `surface`.

    Returns
    -------
    Triangles with points in LPS mm, or None where no voxel reaches the level.
    """
    box = _bounding_box(volume >= level)
    if box is None:
        return None
    # A voxel more, in which the level is crossed.
    box = tuple(slice(max(part.start - 1, 0), part.stop + 1) for part in box)
    padded = np.pad(volume[box], 1, constant_values=outside)
    indices, triangles, _, _ = marching_cubes(padded, level, gradient_direction="ascent")
    mesh = mesh_of(indices + [part.start - 1 for part in box], triangles, affine)
    if smoothing_steps > 0:
        mesh = mesh.smooth_taubin(n_iter=smoothing_steps, pass_band=PASS_BAND)
    return mesh


def separating_level(mask: np.ndarray, volume: np.ndarray) -> float | None:
    """The level of intensities that divides a mask's voxels from all others; None if none does.

    mask : (x, y, z) bool. volume : (x, y, z), what the mask was made of by a threshold.
    """
    if not mask.any() or mask.all():
        return None
    above, below = float(volume[mask].min()), float(volume[~mask].max())
    return (above + below) / 2 if below < above else None


def truth_surface(
    mask: np.ndarray, volume: np.ndarray, affine: np.ndarray, smoothing_steps: int = 0
) -> pyvista.PolyData | None:
    """Surface of a ground truth: where the intensities cross the threshold that made the mask.

    Of the mask itself where no threshold separates its voxels (x, y, z) from the volume's others.
    """
    level = separating_level(mask, volume)
    if level is None:
        return surface(mask, affine, smoothing_steps)
    outside = min(float(volume.min()), level - 1)
    return level_surface(volume, affine, level, outside, smoothing_steps)


def mesh_of(vertices: np.ndarray, triangles: np.ndarray, affine: np.ndarray) -> pyvista.PolyData:
    """Bring a surface from voxel indices to DICOM's patient system (LPS, mm).

    vertices : (n, 3). triangles : (m, 3), outwards by the right-hand rule in indices.
    affine : (4, 4) voxel indices to RAS mm.
    """
    to_lps = LPS_TO_RAS @ affine  # its own inverse
    if np.linalg.det(to_lps[:3, :3]) < 0:  # a mirror turns them inwards
        triangles = triangles[:, ::-1]
    points = vertices @ to_lps[:3, :3].T + to_lps[:3, 3]
    return pyvista.PolyData.from_regular_faces(points, triangles)


def decimate(
    mesh: pyvista.PolyData,
    affine: np.ndarray,
    most: int | None = None,
    deviation: float | None = None,
) -> pyvista.PolyData:
    """Reduce a mesh to `most` triangles, or to as few as move it by a deviation in voxels.

    Those of files, `MOST_TRIANGLES` and `MAX_DEVIATION_VOXELS`, where none are given.
    """
    most = MOST_TRIANGLES if most is None else most
    deviation = MAX_DEVIATION_VOXELS if deviation is None else deviation
    thinner = vtkDecimatePro()
    thinner.SetInputData(mesh)
    thinner.SetTargetReduction(max(0.0, 1 - most / mesh.n_cells))
    thinner.PreserveTopologyOn()  # what is closed stays so
    thinner.SplittingOff()
    thinner.AccumulateErrorOn()
    thinner.SetErrorIsAbsolute(True)
    thinner.SetAbsoluteError(deviation * float(voxel_sizes(affine).min()))
    thinner.Update()
    return pyvista.wrap(thinner.GetOutput())


def _bounding_box(mask: np.ndarray) -> tuple[slice, slice, slice] | None:
    """Smallest box that holds the mask: the rest need not be marched through."""
    box = []
    for axis in range(3):
        others = tuple(other for other in range(3) if other != axis)
        filled = np.flatnonzero(mask.any(axis=others))
        if len(filled) == 0:
            return None
        box.append(slice(int(filled[0]), int(filled[-1]) + 1))
    return tuple(box)


def write_surface(
    mask: np.ndarray, affine: np.ndarray, stl_path: Path | str, vtp_path: Path | str
) -> pyvista.PolyData | None:
    """Write a mask's surface, thinned out, as binary STL and as VTP, and return it."""
    return write_mesh(surface(mask, affine), affine, stl_path, vtp_path)


def write_mesh(
    mesh: pyvista.PolyData | None,
    affine: np.ndarray,
    stl_path: Path | str,
    vtp_path: Path | str,
) -> pyvista.PolyData | None:
    """Write a mesh, thinned out, as binary STL and as VTP, and return it.

    Each file appears whole or not at all. An empty mesh, or none, gives a valid STL of no triangles
    and a valid VTP of no points: VTK reads both, though its own writer refuses the former.
    """
    mesh = None if mesh is None or not mesh.n_cells else mesh
    if mesh is not None:
        mesh = decimate(mesh, affine)
    with atomic_file(stl_path) as temporary:  # VTK chooses the format by the suffix, which it keeps
        write_stl(mesh, temporary)
    with atomic_file(vtp_path) as temporary:
        write_tagged_vtp(mesh, temporary)
    return mesh


def write_stl(mesh: pyvista.PolyData | None, path: Path) -> None:
    """Write triangles as binary STL. VTK's writer ends the process where the disk is full."""
    corners = np.empty((0, 3, 3)) if mesh is None else mesh.points[mesh.regular_faces]
    triangles = np.zeros(len(corners), STL_TRIANGLE)
    triangles["corners"] = corners
    if mesh is not None:
        triangles["normal"] = mesh.face_normals
    count = len(triangles).to_bytes(4, "little")
    path.write_bytes(
        STL_HEADER.encode().ljust(STL_HEADER_BYTES, b"\0") + count + triangles.tobytes()
    )


def write_tagged_vtp(mesh: pyvista.PolyData | None, path: Path) -> None:
    """Write a mesh in LPS as VTP that says so."""
    tagged = pyvista.PolyData() if mesh is None else mesh.copy(deep=False)
    tagged.field_data["SPACE"] = [SPACE]
    write_vtp(tagged, path)
