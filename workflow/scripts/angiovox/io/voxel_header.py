"""What the header of a volume's file says, of whatever format, and whether its voxels can be there.

Planning a study reads headers, so that nothing here and in the formats' modules imports numpy.
"""

from __future__ import annotations

import math
import os
import re
from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError

RAW, GZIP, ZLIB = "raw", "gzip", "zlib"
MAX_INFLATION = 1032  # bytes that one packed byte becomes at most (deflate)
LONGEST_NUMBER = 40  # characters
NUMBER = re.compile(r"[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?")

Matrix = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Header:
    """A volume in a file, and where its voxels are.

    path : of the header. kind : of the file. shape : without axes of one voxel behind the third.
    affine : 4 rows, RAS in mm. number : type of a voxel, as numpy writes it ("<i2").
    data : file of the voxels. packing : RAW, GZIP or ZLIB. start : byte of the file at which the
    voxels or the packed stream begin. at_end : raw voxels are the last bytes of those behind it.
    skip : bytes of the unpacked stream before the voxels. slope, intercept : make values of
    numbers.
    """

    path: Path
    kind: str
    shape: tuple[int, ...]
    affine: Matrix
    number: str
    data: Path
    packing: str = RAW
    start: int = 0
    at_end: bool = False
    skip: int = 0
    slope: float = 1.0
    intercept: float = 0.0

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def itemsize(self) -> int:
        return int(self.number[2:])

    @property
    def num_voxels(self) -> int:
        return math.prod(self.shape)

    @property
    def num_bytes(self) -> int:
        """Of all voxels, unpacked."""
        return self.num_voxels * self.itemsize

    def check_size(self) -> None:
        """Compare what is declared with the file's size, before memory is asked for.

        Raises InputError for raw voxels that are more or fewer than declared, and for more than
        packed ones can be.
        """
        held = max(0, os.stat(self.data).st_size - self.start)
        needed = self.num_bytes + self.skip
        if self.packing != RAW:
            if needed > held * MAX_INFLATION:
                raise InputError(
                    f"{self.name}: broken, {needed} bytes declared, more than the {held} "
                    "packed ones in the file can be"
                )
        elif needed > held or (needed < held and not self.at_end):
            raise InputError(
                f"{self.name}: broken, {needed} bytes of voxels declared, and {held} in the file"
            )


def without_ones(shape: tuple[int, ...]) -> tuple[int, ...]:
    """A shape without times and components beyond the third axis, of which there is one."""
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    return shape


def integer(text: str, what: str) -> int:
    """A whole number of a header.

    what : file and field, for the message.

    Raises InputError for anything else.
    """
    digits = text.strip()
    sign = digits[:1] in ("-", "+")
    if len(digits) > LONGEST_NUMBER or not (digits.isascii() and digits[sign:].isdigit()):
        raise InputError(f"{what} is no whole number")
    return int(digits)


def sizes(text: str, what: str, count: int) -> tuple[int, ...]:
    """The numbers of voxels along a header's axes, of which there are `count`.

    Raises InputError for others than whole positive numbers.
    """
    found = tuple(integer(word, what) for word in text.split())
    if len(found) != count or min(found) < 1:
        raise InputError(f"{what} is not {count} positive whole numbers, one for each axis")
    return found


def numbers(text: str, what: str, count: int) -> tuple[float, ...]:
    """Numbers with a decimal point, of which there are `count`.

    Raises InputError for anything else.
    """
    words = text.split()
    hint = ", with decimal points and no commas" if "," in text else ""
    if len(words) != count or not all(map(NUMBER.fullmatch, words)):
        raise InputError(f"{what} is not {count} numbers{hint}")
    found = tuple(map(float, words))
    if not all(map(math.isfinite, found)):
        raise InputError(f"{what} is not {count} finite numbers")
    return found


def affine(
    columns: list[tuple[float, ...]], origin: tuple[float, ...], signs: tuple[float, ...]
) -> Matrix:
    """Rows of an affine from a voxel's three edges and the first voxel's place.

    signs : that turn the file's coordinates to right, anterior, superior.
    """
    rows = zip(signs, *columns, origin, strict=True)
    top = tuple(tuple(sign * value for value in row) for sign, *row in rows)
    return (*top, (0.0, 0.0, 0.0, 1.0))


def edges(matrix: Matrix) -> tuple[float, ...]:
    """Edge lengths of a voxel."""
    return tuple(math.hypot(*(row[axis] for row in matrix[:3])) for axis in range(3))
