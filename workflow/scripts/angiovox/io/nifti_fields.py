"""Fields of the headers of NIfTI files, of version 1 and 2, packed by gzip or not.

Their places are those of nifti1.h and nifti2.h.
"""

from __future__ import annotations

import gzip
import struct
import zlib
from pathlib import Path
from typing import NamedTuple

from ..errors import InputError

GZIP_MAGIC = b"\x1f\x8b"
# Places of the fields that are looked at, by the header's length.
LAYOUTS = {
    348: {
        "magic": ("4s", 344), "dim": ("8h", 40), "intent": ("h", 68), "datatype": ("h", 70),
        "pixdim": ("8f", 76), "offset": ("f", 108), "slope": ("f", 112), "intercept": ("f", 116),
        "units": ("B", 123), "qform": ("h", 252), "sform": ("h", 254), "quaternion": ("3f", 256),
        "origin": ("3f", 268), "rows": ("12f", 280),
    },
    540: {
        "magic": ("4s", 4), "dim": ("8q", 16), "intent": ("i", 504), "datatype": ("h", 12),
        "pixdim": ("8d", 104), "offset": ("q", 168), "slope": ("d", 176), "intercept": ("d", 184),
        "units": ("i", 500), "qform": ("i", 344), "sform": ("i", 348), "quaternion": ("3d", 352),
        "origin": ("3d", 376), "rows": ("12d", 400),
    },
}  # fmt: skip


class Fields(NamedTuple):
    """Fields of a header; those of one entry are that entry."""

    order: str
    length: int
    magic: bytes
    dim: tuple[int, ...]
    intent: int
    datatype: int
    pixdim: tuple[float, ...]
    offset: float
    slope: float
    intercept: float
    units: int
    qform: int
    sform: int
    quaternion: tuple[float, ...]
    origin: tuple[float, ...]
    rows: tuple[float, ...]


def read_fields(path: Path, packed: bool) -> Fields:
    """Read the fields that a volume depends on.

    Raises InputError for a file that is packed though its name does not say so, or the other way
    round, and for what is no header.
    """
    block = _first_bytes(path, packed)
    for order in "<>":
        length = struct.unpack(f"{order}i", block[:4])[0] if len(block) >= 4 else 0
        if length in LAYOUTS and len(block) >= length:
            break
    else:
        raise InputError(f"{path.name}: broken, no NIfTI header at its start")
    values = {
        name: struct.unpack_from(order + code, block, place)
        for name, (code, place) in LAYOUTS[length].items()
    }
    single = {name: found[0] if len(found) == 1 else found for name, found in values.items()}
    return Fields(order=order, length=length, **single)


def _first_bytes(path: Path, packed: bool) -> bytes:
    with open(path, "rb") as file:
        is_gzip = file.read(2) == GZIP_MAGIC
        if is_gzip and not packed:
            raise InputError(f"{path.name}: packed by gzip; call it .nii.gz")
        if packed and not is_gzip:
            raise InputError(f"{path.name}: not packed by gzip; if it is NIfTI, call it .nii")
        file.seek(0)
        if not packed:
            return file.read(max(LAYOUTS))
        try:
            with gzip.GzipFile(fileobj=file) as unpacked:
                return unpacked.read(max(LAYOUTS))
        except (EOFError, gzip.BadGzipFile, zlib.error):
            raise InputError(
                f"{path.name}: broken, its first packed bytes are damaged or cut short"
            ) from None
