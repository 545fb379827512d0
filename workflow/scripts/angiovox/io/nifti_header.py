"""Headers of NIfTI files: which voxels they declare, and how values are made of them."""

from __future__ import annotations

import math
from pathlib import Path

from ..errors import InputError
from .nifti_fields import Fields, read_fields
from .nifti_place import place_volume
from .voxel_header import GZIP, RAW, Header, without_ones

TYPES = {
    2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4", 1024: "i8",
    1280: "u8",
}  # fmt: skip
CIFTI = range(3000, 3100)  # intents of surfaces and their connections
MAX_OFFSET = 1 << 26  # bytes of extensions before the voxels
ONE_FILE = {348: b"n+1\0", 540: b"n+2\0"}
TWO_FILES = {348: b"ni1\0", 540: b"ni2\0"}


def read_header(path: Path) -> Header:
    """Read the header of a file.

    Raises InputError for what is no NIfTI volume of intensities in one file, says no place in the
    patient or two, or two sizes of its voxels.
    """
    packed = path.name.lower().endswith(".gz")
    fields = read_fields(path, packed)
    _check_kind(path, fields)
    shape = _shape(path, fields)
    slope, intercept = _rescaling(path, fields)
    start = _offset(path, fields)
    return Header(
        path=path,
        kind="NIfTI",
        shape=shape,
        affine=place_volume(path, fields, shape),
        number=_number(path, fields),
        data=path,
        packing=GZIP if packed else RAW,
        start=0 if packed else start,
        skip=start if packed else 0,
        slope=slope,
        intercept=intercept,
    )


def _check_kind(path: Path, fields: Fields) -> None:
    if fields.magic == TWO_FILES[fields.length]:
        raise InputError(f"{path.name}: the header of a NIfTI in two files; save it as one .nii")
    if fields.magic != ONE_FILE[fields.length]:
        raise InputError(
            f"{path.name}: no NIfTI file but perhaps Analyze 7.5, which does not say how it lies "
            "in the patient; save it as NIfTI"
        )
    if fields.intent in CIFTI:
        raise InputError(f"{path.name}: a CIFTI file of surfaces, where a volume is needed")


def _shape(path: Path, fields: Fields) -> tuple[int, ...]:
    axes = fields.dim[0]
    if not 1 <= axes <= 7 or min(fields.dim[1 : axes + 1]) < 1:
        raise InputError(f"{path.name}: broken header, dim gives no positive numbers of voxels")
    return without_ones(fields.dim[1 : axes + 1])


def _number(path: Path, fields: Fields) -> str:
    if fields.datatype not in TYPES:
        raise InputError(
            f"{path.name}: colours, complex numbers or no type of NIfTI (datatype "
            f"{fields.datatype}), where intensities are needed"
        )
    return fields.order + TYPES[fields.datatype]


def _offset(path: Path, fields: Fields) -> int:
    least = fields.length + 4
    if not (least <= fields.offset <= MAX_OFFSET and fields.offset == int(fields.offset)):
        raise InputError(
            f"{path.name}: broken header, vox_offset is no whole number of bytes behind it"
        )
    return int(fields.offset)


def _rescaling(path: Path, fields: Fields) -> tuple[float, float]:
    """Slope and intercept; without a slope, values are as stored."""
    if not (fields.slope and math.isfinite(fields.slope)):
        return 1.0, 0.0
    if not math.isfinite(fields.intercept):
        raise InputError(f"{path.name}: broken header, scl_inter is no number")
    return fields.slope, fields.intercept
