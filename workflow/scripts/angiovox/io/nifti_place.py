"""How a NIfTI file's volume lies in the patient: by its sform, or else by its qform."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

from ..errors import InputError
from .nifti_fields import Fields
from .voxel_header import Matrix, edges

MM_PER = {0: 1.0, 1: 1000.0, 2: 1.0, 3: 0.001}  # unknown, metre, mm, micrometre
SAME_SIZE = 1e-2  # relative, of a voxel


def place_volume(path: Path, fields: Fields, shape: tuple[int, ...]) -> Matrix:
    """The affine by sform, or else by qform, in mm.

    Raises InputError for a header that does not say it, or says it in two ways.
    """
    if fields.sform <= 0 and fields.qform <= 0:
        raise InputError(f"{path.name}: does not say how it lies in the patient (both codes are 0)")
    if fields.units & 7 not in MM_PER:
        raise InputError(f"{path.name}: its place is in no unit of length (xyzt_units)")
    if fields.sform <= 0:
        found = _by_qform(path, fields)
    else:
        found = _by_sform(path, fields)
        _check_one_size(path, fields, edges(found))
        if fields.qform > 0:
            _check_one_place(path, found, _by_qform(path, fields), shape)
    scale = MM_PER[fields.units & 7]
    return (*(tuple(scale * value for value in row) for row in found[:3]), found[3])


def _by_sform(path: Path, fields: Fields) -> Matrix:
    _require_finite(path, "sform", fields.rows)
    rows = fields.rows
    return (rows[:4], rows[4:8], rows[8:], (0.0, 0.0, 0.0, 1.0))


def _by_qform(path: Path, fields: Fields) -> Matrix:
    b, c, d = fields.quaternion
    factor, *sizes = fields.pixdim[:4]
    _require_finite(path, "qform", (b, c, d, *fields.origin, *sizes))
    squared = 1 - b * b - c * c - d * d
    if squared < -1e-5:
        raise InputError(f"{path.name}: broken header, its qform is no rotation")
    if min(sizes) <= 0:
        raise InputError(
            f"{path.name}: voxels of {' x '.join(f'{size:g}' for size in sizes)} mm by its pixdim, "
            "which has to be positive where qform places the volume"
        )
    a = math.sqrt(max(0.0, squared))
    turn = (
        (a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)),
        (2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)),
        (2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c),
    )
    sizes[2] *= -1 if factor < 0 else 1
    rows = zip(turn, fields.origin, strict=True)
    top = ((*(t * s for t, s in zip(row, sizes, strict=True)), place) for row, place in rows)
    return (*top, (0.0, 0.0, 0.0, 1.0))


def _require_finite(path: Path, what: str, values: tuple[float, ...]) -> None:
    if not all(map(math.isfinite, values)):
        raise InputError(f"{path.name}: broken header, its {what} has what is no number")


def _check_one_size(path: Path, fields: Fields, found: tuple[float, ...]) -> None:
    """Programs differ in which of two sizes they believe."""
    said = [abs(size) for size in fields.pixdim[1:4]]
    for one, other in zip(found, said, strict=True):
        if not math.isclose(one, other, rel_tol=SAME_SIZE):
            by_sform, by_pixdim = (" x ".join(f"{s:.4g}" for s in all) for all in (found, said))
            raise InputError(
                f"{path.name}: voxels of {by_sform} mm by its sform and {by_pixdim} mm by its "
                "pixdim; set pixdim to the sform's if that is right, or mend the sform"
            )


def _check_one_place(path: Path, sform: Matrix, qform: Matrix, shape: tuple[int, ...]) -> None:
    """A file may say twice how it lies, and programs differ in which they believe."""
    pairs = zip(sform[:3], qform[:3], strict=True)
    between = [[p - q for p, q in zip(*rows, strict=True)] for rows in pairs]
    ends = [(0, size) for size in (*shape, 1, 1)[:3]]
    for corner in itertools.product(*ends):
        off = [sum(p * q for p, q in zip(row, (*corner, 1), strict=True)) for row in between]
        if not math.hypot(*off) <= max(edges(sform)) / 2:
            raise InputError(
                f"{path.name}: lies in one place by its sform and in another by its qform; set the "
                "code of the wrong one to 0"
            )
