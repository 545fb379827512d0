"""MetaImage files: a header in text, voxels behind it or in a file beside it.

ITK's own reader ends the process at some broken headers, and gives whatever lay in memory for
voxels that it fails to decompress.
"""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import InputError
from .data_file import find_data_file
from .voxel_header import RAW, ZLIB, Header, affine, integer, numbers, sizes, without_ones

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
FIELDS = {
    "NDims", "DimSize", "ElementType", "ElementNumberOfChannels", "BinaryData", "CompressedData",
    "DistanceUnits", "ElementSpacing", "HeaderSize", *OTHER_NAMES.values(), *RESCALED,
}  # fmt: skip
LONGEST_HEADER = 1 << 16
MAX_AXES = 10
TRUTH = {"true": True, "1": True, "false": False, "0": False}
LPS_TO_RAS = (-1.0, -1.0, 1.0)


def read_header(path: Path) -> Header:
    """Read the header of a file.

    Raises InputError for a broken one, what says no place in the patient, has several values in a
    voxel, or its voxels as text, in many files or in one that is not there.
    """
    fields, end = _fields(path)
    for keyword in ("TransformMatrix", "Offset", "ElementSpacing"):
        if keyword not in fields:
            raise InputError(f"{path.name}: does not say how it lies in the patient (no {keyword})")
    if (
        integer(
            fields.get("ElementNumberOfChannels", "1"),
            f"{path.name}: broken header, ElementNumberOfChannels",
        )
        > 1
    ):
        raise InputError(f"{path.name}: colours or vectors, where intensities are needed")
    if fields.get("DistanceUnits", "mm") not in ("mm", "?"):
        raise InputError(f"{path.name}: its place is in other units than mm")
    for keyword, usual in RESCALED.items():
        if keyword in fields and _numbers(path, fields, keyword, 1) != (usual,):
            raise InputError(f"{path.name}: rescaled by {keyword}, which no reader here applies")
    dimensions = integer(_required(path, fields, "NDims"), f"{path.name}: broken header, NDims")
    if not 1 <= dimensions <= MAX_AXES:
        raise InputError(f"{path.name}: broken header, NDims is not 1 to {MAX_AXES}")
    shape = sizes(
        _required(path, fields, "DimSize"), f"{path.name}: broken header, DimSize", dimensions
    )
    data, start = _place(path, fields, end)
    return Header(
        path=path,
        kind="MetaImage",
        shape=_three(path, without_ones(shape)),
        affine=_affine(path, fields, dimensions),
        number=_number(path, fields),
        data=data,
        packing=ZLIB if _truth(path, fields, "CompressedData") else RAW,
        start=max(0, start),
        at_end=start < 0,
    )


def _fields(path: Path) -> tuple[dict[str, str], int]:
    """Fields of a header by their first names, and where it ends.

    Any bytes may stand in a comment, and in the name of a file.
    """
    fields: dict[str, str] = {}
    with open(path, "rb") as file:
        while "ElementDataFile" not in fields:
            key, equals, value = os.fsdecode(file.readline(LONGEST_HEADER)).partition("=")
            if not equals or file.tell() > LONGEST_HEADER:
                raise InputError(
                    f"{path.name}: broken header, no MetaImage with fields up to ElementDataFile"
                )
            key = OTHER_NAMES.get(key.strip(), key.strip())
            value = value.strip()
            if key in FIELDS and fields.get(key, value) != value:
                raise InputError(f"{path.name}: broken header, {key} is there twice and differs")
            fields[key] = value
        return fields, file.tell()


def _required(path: Path, fields: dict[str, str], keyword: str) -> str:
    if not fields.get(keyword):
        raise InputError(f"{path.name}: broken header, no {keyword}")
    return fields[keyword]


def _truth(path: Path, fields: dict[str, str], keyword: str) -> bool:
    text = fields.get(keyword, "false").lower()
    if text not in TRUTH:
        raise InputError(f"{path.name}: broken header, {keyword} is neither True nor False")
    return TRUTH[text]


def _numbers(path: Path, fields: dict[str, str], keyword: str, count: int) -> tuple[float, ...]:
    return numbers(fields[keyword], f"{path.name}: broken header, {keyword}", count)


def _three(path: Path, shape: tuple[int, ...]) -> tuple[int, ...]:
    if len(shape) != 3:
        raise InputError(f"{path.name}: {len(shape)} axes are no volume, which has 3")
    return shape


def _number(path: Path, fields: dict[str, str]) -> str:
    name = _required(path, fields, "ElementType")
    if name not in TYPES:
        raise InputError(f"{path.name}: its ElementType is none of MetaImage's single numbers")
    return (">" if _truth(path, fields, "BinaryDataByteOrderMSB") else "<") + TYPES[name]


def _place(path: Path, fields: dict[str, str], end: int) -> tuple[Path, int]:
    """The file of the voxels, and where they begin in it; less than 0 if they end the file."""
    named = _required(path, fields, "ElementDataFile")
    many = named.split()[0] == "LIST" or "%" in named
    if many or not _truth(path, fields, "BinaryData"):
        raise InputError(f"{path.name}: its voxels are text or in many files; export them anew")
    if named.upper() == "LOCAL":
        return path, end
    start = integer(fields.get("HeaderSize", "0"), f"{path.name}: broken header, HeaderSize")
    if start < -1 or (start < 0 and _truth(path, fields, "CompressedData")):
        raise InputError(
            f"{path.name}: broken header, its HeaderSize is negative (-1 is for voxels that are "
            "not compressed)"
        )
    return find_data_file(path, named), start


def _affine(path: Path, fields: dict[str, str], dimensions: int) -> tuple[tuple[float, ...], ...]:
    """Rows of the matrix are directions of axes."""
    matrix = _numbers(path, fields, "TransformMatrix", dimensions**2)
    spacing = _numbers(path, fields, "ElementSpacing", dimensions)
    if min(spacing) <= 0:
        raise InputError(f"{path.name}: broken header, ElementSpacing has to be positive")
    rows = [matrix[n * dimensions : n * dimensions + 3] for n in range(3)]
    columns = [tuple(size * v for v in row) for row, size in zip(rows, spacing, strict=False)]
    return affine(columns, _numbers(path, fields, "Offset", dimensions)[:3], LPS_TO_RAS)
