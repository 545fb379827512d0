"""MetaImage files: a header in text, voxels behind it or in a file beside it.

ITK's own reader ends the process at some broken headers, and gives whatever lay in memory for
voxels that it fails to decompress.
"""

from __future__ import annotations

import os
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import InputError

TYPES = {
    "MET_CHAR": "i1", "MET_UCHAR": "u1", "MET_SHORT": "i2", "MET_USHORT": "u2",
    "MET_INT": "i4", "MET_UINT": "u4", "MET_LONG": "i4", "MET_ULONG": "u4",
    "MET_LONG_LONG": "i8", "MET_ULONG_LONG": "u8", "MET_FLOAT": "f4", "MET_DOUBLE": "f8",
}  # fmt: skip
OTHER_NAMES = {
    "Position": "Offset", "Origin": "Offset", "Rotation": "TransformMatrix",
    "Orientation": "TransformMatrix", "ElementByteOrderMSB": "BinaryDataByteOrderMSB",
}  # fmt: skip
RESCALED = {"ElementToIntensityFunctionSlope": 1.0, "ElementToIntensityFunctionOffset": 0.0}
LONGEST_HEADER = 1 << 16
TRUTH = {"true": True, "1": True, "false": False, "0": False}


@dataclass(frozen=True)
class Header:
    """What a header says. `affine` is LPS in mm, of the first three axes; `start`: of the voxels in
    their file."""

    shape: tuple[int, ...]
    affine: np.ndarray
    dtype: np.dtype
    compressed: bool
    voxels: Path
    start: int


def read_header(path: Path) -> Header:
    """Read the header of a file.

    Raises InputError for what says no place in the patient, has several values in a voxel, or its
    voxels as text, in many files or in one that is not there; others of Python's own for a broken
    header.
    """
    fields, end = _fields(path)
    for keyword in ("TransformMatrix", "Offset", "ElementSpacing"):
        if keyword not in fields:
            raise InputError(f"{path.name}: does not say how it lies in the patient (no {keyword})")
    if int(fields.get("ElementNumberOfChannels", 1)) > 1:
        raise InputError(f"{path.name}: colours or vectors, where intensities are needed")
    if fields.get("DistanceUnits", "mm") not in ("mm", "?"):
        raise InputError(f"{path.name}: its place is in other units than mm")
    for keyword, usual in RESCALED.items():
        if float(fields.get(keyword, usual)) != usual:
            raise InputError(f"{path.name}: rescaled by {keyword}, which no reader here applies")
    file = fields["ElementDataFile"]
    if not TRUTH[fields.get("BinaryData", "false").lower()] or file.split()[0] == "LIST":
        raise InputError(f"{path.name}: its voxels are text or in many files; export them anew")
    local = file.upper() == "LOCAL"
    voxels = path if local else path.parent / Path(file).name
    if not voxels.is_file():
        raise InputError(
            f"{path.name}: broken, the file of its voxels, {voxels.name}, is not there"
        )
    dimensions = int(fields["NDims"])
    order = ">" if TRUTH[fields.get("BinaryDataByteOrderMSB", "false").lower()] else "<"
    return Header(
        shape=tuple(map(int, _numbers(fields, "DimSize", dimensions))),
        affine=_affine(fields, dimensions),
        dtype=np.dtype(order + TYPES[fields["ElementType"]]),
        compressed=TRUTH[fields.get("CompressedData", "false").lower()],
        voxels=voxels,
        start=end if local else int(fields.get("HeaderSize", 0)),
    )


def read_voxels(header: Header) -> np.ndarray:
    """Voxels in the order of the header's axes.

    Raises ValueError or zlib.error where they are not exactly those that the header declares.
    """
    size = int(np.prod(header.shape, dtype=float)) * header.dtype.itemsize
    with open(header.voxels, "rb") as file:
        file.seek(header.start if header.start >= 0 else file.seek(0, os.SEEK_END) - size)
        data = file.read() if header.compressed else file.read(size + 1)
    if header.compressed:
        inflating = zlib.decompressobj()
        data = inflating.decompress(data, size + 1)
        if not inflating.eof:
            raise ValueError("cut short or too long")
    if len(data) != size:
        raise ValueError("not as many voxels as declared")
    return np.frombuffer(data, header.dtype).reshape(header.shape, order="F")


def _fields(path: Path) -> tuple[dict[str, str], int]:
    """Fields of a header by their first names, and where it ends."""
    fields: dict[str, str] = {}
    with open(path, "rb") as file:
        while "ElementDataFile" not in fields:
            line = file.readline(LONGEST_HEADER).decode("ascii")
            key, equals, value = line.partition("=")
            value = value.strip().replace("\t", " ")
            if not equals or not value.isprintable() or file.tell() > LONGEST_HEADER:
                raise ValueError("no field of a header")
            fields[OTHER_NAMES.get(key.strip(), key.strip())] = value
        return fields, file.tell()


def _affine(fields: dict[str, str], dimensions: int) -> np.ndarray:
    """Rows of the matrix are directions of axes."""
    directions = _numbers(fields, "TransformMatrix", dimensions**2).reshape(dimensions, -1).T
    affine = np.eye(4)
    known = min(dimensions, 3)
    spacing = _numbers(fields, "ElementSpacing", dimensions)
    if spacing.min() <= 0:
        raise ValueError("a spacing that is none")
    affine[:known, :known] = (directions * spacing)[:known, :known]
    affine[:known, 3] = _numbers(fields, "Offset", dimensions)[:known]
    return affine


def _numbers(fields: dict[str, str], keyword: str, count: int) -> np.ndarray:
    values = np.array(fields[keyword].split(), dtype=float)
    if values.shape != (count,) or not np.isfinite(values).all():
        raise ValueError(f"{keyword} is not {count} numbers")
    return values
