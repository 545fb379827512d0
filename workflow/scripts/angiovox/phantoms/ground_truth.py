"""The truth of a phantom on disk, for tests and metrics; the study never learns from it."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
from vtkmodules.util.numpy_support import (
    numpy_to_vtk,
    numpy_to_vtkIdTypeArray,
    vtk_to_numpy,
)
from vtkmodules.vtkCommonCore import vtkPoints, vtkStringArray
from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData
from vtkmodules.vtkIOXML import vtkXMLPolyDataReader

from ..io.atomic import atomic_file
from ..io.mesh_files import write_vtp
from ..vessels.graph import Arteries, branches
from .acquisition import Acquisition


def write_graph(path: str | Path, arteries: Arteries) -> None:
    """Centrelines as VTP polylines in DICOM's patient axes (LPS, mm).

    A line is an artery between its forks. Points carry `radius` (mm) and `contrast` (share of the
    injected concentration), lines the name of their `artery`.
    """
    lines, names = [], []
    for number, name in enumerate(arteries.names):
        found = branches(arteries.segments[arteries.artery == number])
        lines += found
        names += [name] * len(found)
    data = vtkPolyData()
    points = vtkPoints()
    points.SetData(numpy_to_vtk(arteries.points, deep=True))
    data.SetPoints(points)
    data.SetLines(_cells(lines))
    for label, values in (("radius", arteries.radii), ("contrast", arteries.contrast)):
        array = numpy_to_vtk(values, deep=True)
        array.SetName(label)
        data.GetPointData().AddArray(array)
    artery = vtkStringArray()
    artery.SetName("artery")
    for name in names:
        artery.InsertNextValue(name)
    data.GetCellData().AddArray(artery)
    with atomic_file(path) as temporary:
        write_vtp(data, temporary)


def read_graph(path: str | Path) -> Arteries:
    """The arteries that `write_graph` wrote. Segments run along each line."""
    reader = vtkXMLPolyDataReader()
    reader.SetFileName(str(path))
    reader.Update()
    data = reader.GetOutput()
    offsets = vtk_to_numpy(data.GetLines().GetOffsetsArray())
    points = vtk_to_numpy(data.GetLines().GetConnectivityArray())
    label = data.GetCellData().GetAbstractArray("artery")
    of_line = [label.GetValue(line) for line in range(label.GetNumberOfValues())]
    names = tuple(dict.fromkeys(of_line))
    within = np.ones(len(points) - 1, dtype=bool)
    within[offsets[1:-1] - 1] = False  # from the end of a line to the start of the next
    line_of = np.repeat(np.arange(len(of_line)), np.diff(offsets))
    artery = np.array([names.index(name) for name in of_line])[line_of[:-1]]
    return Arteries(
        points=vtk_to_numpy(data.GetPoints().GetData()).astype(np.float64),
        radii=vtk_to_numpy(data.GetPointData().GetArray("radius")),
        contrast=vtk_to_numpy(data.GetPointData().GetArray("contrast")),
        segments=np.stack([points[:-1], points[1:]], axis=1)[within],
        artery=artery[within],
        names=names,
    )


def _cells(lines: list[np.ndarray]) -> vtkCellArray:
    cells = vtkCellArray()
    offsets = np.concatenate([[0], np.cumsum([len(line) for line in lines])])
    points = np.concatenate(lines) if lines else np.zeros(0, dtype=int)
    cells.SetData(
        numpy_to_vtkIdTypeArray(offsets.astype(np.int64), deep=True),
        numpy_to_vtkIdTypeArray(points.astype(np.int64), deep=True),
    )
    return cells


def write_lesions(path: str | Path, acquisition: Acquisition) -> None:
    """Lesions and the variant of the circle of Willis as JSON; positions in LPS mm."""
    record = {
        "variant": asdict(acquisition.variant) if acquisition.variant else None,
        "lesions": [asdict(lesion) for lesion in acquisition.lesions],
    }
    with atomic_file(path) as temporary:
        temporary.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
