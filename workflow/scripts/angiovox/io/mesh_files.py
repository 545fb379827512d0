"""Surfaces and centrelines on disk."""

from __future__ import annotations

import os
from pathlib import Path

from vtkmodules.vtkCommonCore import vtkObject
from vtkmodules.vtkCommonDataModel import vtkPolyData
from vtkmodules.vtkIOXML import vtkXMLPolyDataWriter


def write_vtp(mesh: vtkPolyData, path: str | Path) -> None:
    """Write points, lines and triangles as VTP.

    Raises OSError where VTK, which goes on after a write that failed, wrote no whole file.
    """
    writer = vtkXMLPolyDataWriter()
    writer.SetInputData(mesh)
    writer.SetFileName(str(path))
    vtkObject.GlobalWarningDisplayOff()  # the error says it
    written = writer.Write()
    vtkObject.GlobalWarningDisplayOn()
    if not written:
        code = writer.GetErrorCode()  # the system's
        raise OSError(code, os.strerror(code), str(path))


def write_ply(mesh: vtkPolyData, path: str | Path, colours: str) -> None:
    """Write triangles as binary PLY with the colours of a point array (n, 3) uint8.

    Raises OSError where VTK wrote no whole file.
    """
    from vtkmodules.vtkIOPLY import vtkPLYWriter

    writer = vtkPLYWriter()
    writer.SetInputData(mesh)
    writer.SetFileName(str(path))
    writer.SetFileTypeToBinary()
    writer.SetArrayName(colours)
    vtkObject.GlobalWarningDisplayOff()
    written = writer.Write()
    vtkObject.GlobalWarningDisplayOn()
    if not written or not Path(path).is_file():
        code = writer.GetErrorCode()
        raise OSError(code, os.strerror(code), str(path))
