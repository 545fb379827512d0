"""Files of many training examples: the projections and the mask of each, read one at a time."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from ..errors import InputError
from .atomic import atomic_file
from .quantization import QuantizedVolume

PARTS = ("projections", "scale", "mask", "shape")  # arrays of an example


def write_examples(
    path: str | Path, examples: Iterable[tuple[QuantizedVolume, np.ndarray]]
) -> None:
    """Write projections (views, x, z) and masks (x, y, z) bool, one example after the other.

    The file is an uncompressed `.npz`; masks are packed into bits.
    """
    with atomic_file(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for number, (projections, mask) in enumerate(examples):
            scale = np.array([projections.slope, projections.intercept])
            arrays = projections.codes, scale, np.packbits(mask), np.array(mask.shape)
            for part, array in zip(PARTS, arrays, strict=True):
                entry = zipfile.ZipInfo(f"{part}-{number}.npy")  # its date is that of 1980
                with archive.open(entry, "w", force_zip64=True) as file:
                    np.lib.format.write_array(file, np.ascontiguousarray(array))


def count_examples(path: str | Path) -> int:
    """How many examples a file holds.

    Raises InputError for a file that is none of these.
    """
    with _opened(path) as archive:
        return len(archive.files) // len(PARTS)


def read_example(path: str | Path, number: int) -> tuple[QuantizedVolume, np.ndarray]:
    """Projections and mask of one example, counted from 0.

    Raises InputError for a damaged file.
    """
    with _opened(path) as archive:
        codes, scale, bits, shape = (archive[f"{part}-{number}"] for part in PARTS)
    mask = np.unpackbits(bits, count=int(np.prod(shape))).reshape(shape).astype(bool)
    return QuantizedVolume(codes, *scale.tolist()), mask


def _opened(path: str | Path) -> np.lib.npyio.NpzFile:
    try:
        return np.load(path)
    except (EOFError, OSError, ValueError, zipfile.BadZipFile) as error:
        raise InputError(f"{path}: damaged ({error}); delete it, and it is made anew") from None
