"""Closed surfaces of vessels out of mesh files (STL, VTP)."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkCommonCore import vtkObject
from vtkmodules.vtkCommonDataModel import vtkPolyData
from vtkmodules.vtkFiltersCore import vtkTriangleFilter
from vtkmodules.vtkIOXML import vtkXMLPolyDataReader

from ..errors import InputError

SMALLEST_MM, LARGEST_MM = 5.0, 500.0  # of a surface's longest edge: others are not in mm
STL_START = 84  # bytes: a header and a count
STL_HEADER_BYTES = 80
STL_TRIANGLE = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
# As 3D Slicer writes into an STL header; LPS is what this workflow's own meshes and Slicer's are.
RAS_TAG = b"SPACE=RAS"


def read_surface(path: str | Path) -> tuple[np.ndarray, np.ndarray]:
    """Read a closed surface.

    path : of an STL (binary or text) or VTP file, in mm and patient axes: LPS, unless the file is
    tagged as RAS the way 3D Slicer does it.

    Returns
    -------
    vertices, (n, 3) float64 in LPS, of which no two are the same; triangles, (m, 3).

    Raises
    ------
    InputError : another or a broken file, no triangle, coordinates that cannot be mm, or a surface
        that is not closed.
    """
    path = Path(path)
    readers = {".stl": _read_stl, ".vtp": _read_vtp}
    if path.suffix.lower() not in readers:
        raise InputError(f"{path.name}: no surface that can be read; give an .stl or .vtp file")
    if not path.is_file():
        raise InputError(f"{path.name}: no such file")
    corners, is_ras = readers[path.suffix.lower()](path)
    if not len(corners):
        raise InputError(f"{path.name}: no triangle in it; give a closed surface")
    if not np.isfinite(corners).all():
        raise InputError(f"{path.name}: coordinates that are NaN or infinite; export it again")
    _check_size(path, corners)
    if is_ras:
        corners = corners * [-1, -1, 1]
    vertices, numbers = np.unique(corners.reshape(-1, 3), axis=0, return_inverse=True)
    triangles = numbers.reshape(-1, 3)
    following = np.roll(triangles, -1, axis=1)
    triangles = triangles[(triangles != following).all(axis=1)]
    _check_closed(path, triangles)
    return vertices, triangles


def _check_size(path: Path, corners: np.ndarray) -> None:
    longest = float(np.ptp(corners.reshape(-1, 3), axis=0).max())
    if not SMALLEST_MM <= longest <= LARGEST_MM:
        raise InputError(
            f"{path.name}: its longest edge is {longest:.4g} mm, expected {SMALLEST_MM:g} to "
            f"{LARGEST_MM:g}; is it in another unit, such as metres? Scale it to mm"
        )


def _check_closed(path: Path, triangles: np.ndarray) -> None:
    """Refuse edges that are not walked as often one way as the other."""
    edges = np.stack([triangles, np.roll(triangles, -1, axis=1)], axis=-1).reshape(-1, 2)
    sign = np.where(edges[:, 0] < edges[:, 1], 1, -1)
    _, which = np.unique(np.sort(edges, axis=1), axis=0, return_inverse=True)
    open_edges = int(np.count_nonzero(np.bincount(which.ravel(), sign)))
    if open_edges:
        raise InputError(
            f"{path.name}: not closed: {open_edges} edges lack a neighbouring triangle that faces "
            "the same way; cap its ends and let all triangles face outwards"
        )


def _read_stl(path: Path) -> tuple[np.ndarray, bool]:
    content = path.read_bytes()
    is_ras = RAS_TAG in content[:STL_HEADER_BYTES].upper().replace(b" ", b"")
    count = int.from_bytes(content[STL_HEADER_BYTES:STL_START], "little")
    if len(content) >= STL_START and len(content) == STL_START + count * STL_TRIANGLE.itemsize:
        triangles = np.frombuffer(content, STL_TRIANGLE, offset=STL_START)
        return triangles["corners"].astype(np.float64), is_ras
    numbers = re.findall(rb"^\s*vertex\s+(\S+)\s+(\S+)\s+(\S+)\s*$", content, re.M | re.I)
    is_whole = re.search(rb"endsolid[^\n]*\s*\Z", content, re.I) and len(numbers) % 3 == 0
    try:
        if not (content.lstrip()[:5].lower() == b"solid" and is_whole):
            raise ValueError
        return np.array(numbers, dtype="S").astype(np.float64).reshape(-1, 3, 3), is_ras
    except ValueError:
        raise InputError(
            f"{path.name}: cut short, or no STL: neither as many bytes as its triangles take nor a "
            "whole text; export it again"
        ) from None


def _read_vtp(path: Path) -> tuple[np.ndarray, bool]:
    reader = vtkXMLPolyDataReader()
    reader.SetFileName(str(path))
    vtkObject.GlobalWarningDisplayOff()  # the error says it
    reader.Update()
    vtkObject.GlobalWarningDisplayOn()
    if reader.GetErrorCode():
        raise InputError(f"{path.name}: broken, or no VTP file of a surface; export it again")
    mesh: vtkPolyData = reader.GetOutput()
    tag = mesh.GetFieldData().GetAbstractArray("SPACE")
    is_ras = tag is not None and str(tag.GetVariantValue(0).ToString()).upper() == "RAS"
    split = vtkTriangleFilter()  # strips and polygons
    split.PassVertsOff()
    split.PassLinesOff()
    split.SetInputData(mesh)
    split.Update()
    found = split.GetOutput()
    if not found.GetNumberOfPolys():
        return np.zeros((0, 3, 3)), is_ras
    points = vtk_to_numpy(found.GetPoints().GetData()).astype(np.float64)
    triangles = vtk_to_numpy(found.GetPolys().GetConnectivityArray()).reshape(-1, 3)
    return points[triangles], is_ras
