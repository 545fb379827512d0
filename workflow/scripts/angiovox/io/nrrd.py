"""NRRD files: a header in text, voxels behind it or in a file beside it.

Written to the format's definition, https://teem.sourceforge.net/nrrd/format.html.
"""

from __future__ import annotations

import math
import os
import re
from pathlib import Path
from typing import BinaryIO

from ..errors import InputError
from .data_file import find_data_file
from .voxel_header import GZIP, RAW, Header, affine, edges, integer, numbers, sizes

LONGEST_HEADER = 1 << 20  # bytes; segmentations describe each segment in it
MAX_AXES = 16
TYPES = {
    "i1": ("signed char", "int8", "int8_t"),
    "u1": ("uchar", "unsigned char", "uint8", "uint8_t"),
    "i2": ("short", "short int", "signed short", "signed short int", "int16", "int16_t"),
    "u2": ("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"),
    "i4": ("int", "signed int", "int32", "int32_t"),
    "u4": ("uint", "unsigned int", "uint32", "uint32_t"),
    "i8": ("longlong", "long long", "long long int", "signed long long", "signed long long int",
           "int64", "int64_t"),
    "u8": ("ulonglong", "unsigned long long", "unsigned long long int", "uint64", "uint64_t"),
    "f4": ("float",), "f8": ("double",),
}  # fmt: skip
TYPE_OF_NAME = {name: number for number, names in TYPES.items() for name in names}
ENCODINGS = {"raw": RAW, "gz": GZIP, "gzip": GZIP}
ORDERS = {"little": "<", "big": ">"}
TO_RAS = {  # by the first letters of the space's axes
    "lps": (-1.0, -1.0, 1.0), "left-posterior-superior": (-1.0, -1.0, 1.0),
    "ras": (1.0, 1.0, 1.0), "right-anterior-superior": (1.0, 1.0, 1.0),
    "las": (-1.0, 1.0, 1.0), "left-anterior-superior": (-1.0, 1.0, 1.0),
}  # fmt: skip
MM = {"mm", "millimeter", "millimeters", "", "???"}
SPATIAL_KINDS = {"domain", "space", "none", "???"}
SAME_SIZE = 1e-2  # relative, of a voxel
OTHER_SPELLINGS = {"centers": "centerings", "axismins": "axis mins", "axismaxs": "axis maxs"} | {
    name.replace(" ", ""): name
    for name in ("block size", "data file", "line skip", "byte skip", "old min", "old max",
                 "sample units")
}  # fmt: skip
FIELDS = {
    "dimension", "type", "encoding", "endian", "content", "min", "max", "number", "sizes",
    "spacings", "thicknesses", "labels", "units", "kinds", "space", "space dimension",
    "space units", "space origin", "space directions", "measurement frame",
    *OTHER_SPELLINGS.values(),
}  # fmt: skip


def read_header(path: Path) -> Header:
    """Read the header of a file.

    Raises InputError for a broken one, one that says no place in the patient, and voxels that are
    no intensities, or stored as nothing here reads them.
    """
    fields, end = read_fields(path)
    dimension = _dimension(path, fields)
    shape = sizes(
        _required(path, fields, "sizes"), f"{path.name}: broken header, its field sizes", dimension
    )
    signs = _space(path, fields)
    shape, columns = _axes(path, fields, shape)
    origin = _vector(path, fields["space origin"], "space origin")
    found = affine(columns, origin, signs)
    _check_spacings(path, fields, edges(found))
    start, skip, data = _place(path, fields, end)
    packing = _packing(path, fields)
    return Header(
        path=path,
        kind="NRRD",
        shape=shape,
        affine=found,
        number=_number(path, fields),
        data=data,
        packing=packing,
        start=start + (max(0, skip) if packing == RAW else 0),
        at_end=skip < 0,
        skip=0 if packing == RAW else skip,
    )


def read_fields(path: Path) -> tuple[dict[str, str], int]:
    """The fields of a header by the first of their names, and the byte at which it ends.

    Comments and pairs of a key and a value (`:=`) are left out: no program's reading of the voxels
    depends on them.

    Raises InputError for what is no header.
    """
    fields: dict[str, str] = {}
    with open(path, "rb") as file:
        magic = _line(file, path)
        if not re.fullmatch(r"NRRD000[1-5]", magic or ""):
            raise InputError(f"{path.name}: broken header, no NRRD file of version 1 to 5")
        while line := _line(file, path):
            name, colon, value = line.partition(":")
            if line.startswith("#") or value.startswith("="):
                continue
            name = name.strip().lower()
            name = OTHER_SPELLINGS.get(name, name)
            if not colon or name not in FIELDS:
                raise InputError(f"{path.name}: broken header, a line that is no field of NRRD")
            if name in fields:
                raise InputError(f"{path.name}: broken header, the field {name} is there twice")
            fields[name] = value.strip()
            if name == "data file" and re.match(r"LIST\b", fields[name]):
                break  # names of files follow
        return fields, file.tell()


def _line(file: BinaryIO, path: Path) -> str | None:
    """The next line of a header, without its end; None or empty where it ends.

    Any bytes may stand in a comment, and in the name of a file.
    """
    line = file.readline(LONGEST_HEADER)
    if file.tell() >= LONGEST_HEADER:
        raise InputError(f"{path.name}: broken header, longer than any")
    return os.fsdecode(line.rstrip(b"\r\n"))


def _required(path: Path, fields: dict[str, str], name: str) -> str:
    if not fields.get(name):
        raise InputError(f"{path.name}: broken header, no {name}")
    return fields[name]


def _dimension(path: Path, fields: dict[str, str]) -> int:
    found = integer(
        _required(path, fields, "dimension"), f"{path.name}: broken header, its dimension"
    )
    if not 1 <= found <= MAX_AXES:
        raise InputError(f"{path.name}: broken header, its dimension is not 1 to {MAX_AXES}")
    return found


def _space(path: Path, fields: dict[str, str]) -> tuple[float, ...]:
    """Signs that turn the file's space to RAS."""
    for field in ("space", "space directions", "space origin"):
        if not fields.get(field):
            raise InputError(f"{path.name}: does not say how it lies in the patient (no {field})")
    if fields["space"].lower() not in TO_RAS:
        raise InputError(f"{path.name}: says how it lies, but not in the patient (its space)")
    units = fields.get("space units", "")
    if not set(re.findall(r'"([^"]*)"', units) or units.lower().split()) <= MM:
        raise InputError(f"{path.name}: its place is in other units than mm")
    return TO_RAS[fields["space"].lower()]


def _axes(
    path: Path, fields: dict[str, str], shape: tuple[int, ...]
) -> tuple[tuple[int, ...], list[tuple[float, ...]]]:
    """Sizes and directions of three spatial axes; a fourth may be there if it has one entry."""
    given = re.findall(r"\([^()]*\)|[^\s()]+", fields["space directions"])
    kinds = fields.get("kinds", "").lower().split() or ["???"] * len(shape)
    if not len(given) == len(kinds) == len(shape):
        raise InputError(
            f"{path.name}: broken header, {len(shape)} axes by its sizes, {len(given)} by its "
            f"space directions and {len(kinds)} by its kinds"
        )
    while len(shape) > 3 and shape[-1] == 1 and given[-1] == "none":
        shape, given, kinds = shape[:-1], given[:-1], kinds[:-1]
    if len(shape) != 3 or "none" in given or not SPATIAL_KINDS.issuperset(kinds):
        raise InputError(
            f"{path.name}: a picture, or a list, colours or vectors in {len(shape)} axes, where a "
            "volume of intensities in 3 axes is needed"
        )
    return shape, [_vector(path, vector, "space directions") for vector in given]


def _vector(path: Path, text: str, name: str) -> tuple[float, ...]:
    """Numbers of a vector, (1,2,3)."""
    inner = re.fullmatch(r"\(([^(),]*),([^(),]*),([^(),]*)\)", text)
    if inner is None:
        raise InputError(
            f"{path.name}: broken header, its field {name} is not of vectors (x,y,z) with decimal "
            "points"
        )
    return numbers(" ".join(inner.groups()), f"{path.name}: broken header, its field {name}", 3)


def _check_spacings(path: Path, fields: dict[str, str], voxel_mm: tuple[float, ...]) -> None:
    """Refuse sizes of voxels by both fields that say them, where these differ."""
    for text, size in zip(fields.get("spacings", "").lower().split(), voxel_mm, strict=False):
        if text == "nan":
            continue
        [spacing] = numbers(text, f"{path.name}: broken header, one of its spacings", 1)
        if not math.isclose(spacing, size, rel_tol=SAME_SIZE):
            raise InputError(
                f"{path.name}: voxels of {spacing:g} mm by its spacings, and of {size:g} mm by its "
                "space directions; take the spacings out, or mend what is wrong"
            )


def _number(path: Path, fields: dict[str, str]) -> str:
    name = " ".join(_required(path, fields, "type").lower().split())
    if name not in TYPE_OF_NAME:
        raise InputError(f"{path.name}: its type is none of NRRD's whole or real numbers")
    number = TYPE_OF_NAME[name]
    if number.endswith("1"):
        return f"|{number}"
    order = fields.get("endian", "").lower()
    if order not in ORDERS:
        raise InputError(f"{path.name}: does not say its byte order (endian: little or big)")
    return ORDERS[order] + number


def _packing(path: Path, fields: dict[str, str]) -> str:
    encoding = _required(path, fields, "encoding").lower()
    if encoding not in ENCODINGS:
        raise InputError(
            f"{path.name}: its encoding (text, hex, bzip2 or another) is not read; save it with "
            "encoding raw or gzip"
        )
    return ENCODINGS[encoding]


def _place(path: Path, fields: dict[str, str], end: int) -> tuple[int, int, Path]:
    """The byte behind the lines that are skipped, the bytes to skip, and the file. Lines are
    skipped as they are stored, bytes once they are unpacked."""
    data, start = path, end
    if named := fields.get("data file"):
        if re.match(r"LIST\b", named) or re.search(r"%\d*[du]", named):
            raise InputError(f"{path.name}: its voxels are in many files; export it into one")
        data, start = find_data_file(path, named), 0
    lines = integer(fields.get("line skip", "0"), f"{path.name}: broken header, its line skip")
    skip = integer(fields.get("byte skip", "0"), f"{path.name}: broken header, its byte skip")
    if lines < 0 or skip < -1 or (skip < 0 and _packing(path, fields) != RAW):
        raise InputError(
            f"{path.name}: broken header, its line skip or byte skip is negative (a byte skip of "
            "-1 is for raw voxels alone)"
        )
    if lines:
        start = _behind_lines(path, data, start, lines)
    return start, skip, data


def _behind_lines(path: Path, data: Path, start: int, count: int) -> int:
    with open(data, "rb") as file:
        file.seek(start)
        while count:
            line = file.readline(LONGEST_HEADER)
            if not line:
                raise InputError(f"{path.name}: broken, fewer lines in its data than its line skip")
            count -= line.endswith(b"\n")
        return file.tell()
