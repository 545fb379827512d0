"""Volumes on disk. Every file appears whole, under its final name, or not at all.

Whole also after a power cut: contents reach the disk before the name does.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import nibabel as nib
import numpy as np

from .atomic import atomic_file
from .quantization import FRACTION, QuantizedVolume, quantize, quantize_fractions


def save_volume(path: str | Path, volume: np.ndarray, affine: np.ndarray) -> None:
    """Write an array as NIfTI in its own dtype (bool as uint8), with its RAS affine in mm."""
    stored = volume.astype(np.uint8) if volume.dtype == bool else volume
    _write(path, nib.Nifti1Image(stored, affine))


def save_quantized(path: str | Path, volume: QuantizedVolume, affine: np.ndarray) -> None:
    """Write a volume as 16-bit NIfTI, with its RAS affine in mm."""
    image = nib.Nifti1Image(volume.codes, affine)
    image.header.set_slope_inter(volume.slope, volume.intercept)
    _write(path, image)


@contextmanager
def quantized_slab_writer(
    path: str | Path, shape: tuple[int, int, int], affine: np.ndarray
) -> Iterator[Callable[[int, np.ndarray], None]]:
    """Write a volume of values in [0, 1] slab by slab; the file is that of `save_quantized`.

    Yields a function of a slab's first level and its codes, (levels, y, x) uint16 in numpy's order,
    which several threads may call at once. Raises ValueError for other codes, for missing levels.
    """
    image = nib.Nifti1Image(np.broadcast_to(np.uint16(0), shape), affine)
    image.header.set_slope_inter(FRACTION, 0)
    image.header.set_xyzt_units("mm")
    image.header.set_data_offset(image.header.single_vox_offset)
    level_bytes = shape[0] * shape[1] * image.get_data_dtype().itemsize

    with atomic_file(path) as temporary, temporary.open("wb", buffering=0) as file:
        file.write(image.header.binaryblock)
        levels: list[int] = []

        def write(z_start: int, codes: np.ndarray) -> None:
            if codes.dtype != np.uint16 or codes.shape[1:] != (shape[1], shape[0]):
                raise ValueError(f"a slab of {shape} has {codes.shape} {codes.dtype}")
            levels.extend(range(z_start, z_start + len(codes)))
            place = image.header.get_data_offset() + z_start * level_bytes
            rest = memoryview(codes).cast("B")
            while rest:  # a single write takes 2 GB at most
                written = os.pwrite(file.fileno(), rest, place)
                rest, place = rest[written:], place + written

        yield write
        if sorted(levels) != list(range(shape[2])):
            raise ValueError(f"{path}: levels {sorted(levels)} of {shape[2]} were written")


@contextmanager
def slab_writers(
    paths: Sequence[str | Path | None], shape: tuple[int, int, int], affine: np.ndarray
) -> Iterator[Callable[[int, np.ndarray], None]]:
    """`quantized_slab_writer` of several volumes; what has no path is not kept.

    Yields a function of a slab's first level and its codes (volumes, levels, y, x).
    """
    with ExitStack() as stack:
        files = [path and quantized_slab_writer(path, shape, affine) for path in paths]
        writers = [file and stack.enter_context(file) for file in files]

        def write(z_start: int, codes: np.ndarray) -> None:
            for write_volume, volume in zip(writers, codes, strict=True):
                if write_volume:
                    write_volume(z_start, volume)

        yield write


def save_intensities(path: str | Path, volume: np.ndarray, affine: np.ndarray) -> None:
    """Write finite values as 16-bit NIfTI; see `quantization.quantize` for the error.

    Raises ValueError for NaN or infinity.
    """
    save_quantized(path, quantize(volume), affine)


def save_fractions(path: str | Path, volume: np.ndarray, affine: np.ndarray) -> None:
    """Write values in [0, 1] as 16-bit NIfTI; the largest error is 1 / 131,070.

    Raises ValueError for values outside [0, 1] or NaN.
    """
    save_quantized(path, quantize_fractions(volume), affine)


def load_volume(path: str | Path) -> tuple[np.ndarray, np.ndarray]:
    """Read a NIfTI volume as float32 (x, y, z) and its RAS affine (4, 4).

    As in the file, x is innermost in memory.
    """
    stored, affine = load_quantized(path)
    return stored.values(), affine


def load_quantized(path: str | Path) -> tuple[QuantizedVolume, np.ndarray]:
    """Read a NIfTI volume as it is stored, and its RAS affine (4, 4).

    Codes of an uncompressed file stay on the disk until they are looked at (memory-mapped).
    """
    image = nib.load(path)
    stored = image.dataobj
    codes = np.asarray(stored.get_unscaled())
    return QuantizedVolume(codes, stored.slope, stored.inter), image.affine


def load_affine(path: str | Path) -> np.ndarray:
    """RAS affine (4, 4) in mm of a NIfTI file, without reading its voxels."""
    return nib.load(path).affine


def load_mask(path: str | Path) -> np.ndarray:
    """Read a binary NIfTI volume as bool (x, y, z)."""
    return np.asarray(nib.load(path).dataobj, dtype=np.uint8) != 0


def _write(path: str | Path, image: nib.Nifti1Image) -> None:
    image.header.set_xyzt_units("mm")
    with atomic_file(path) as temporary:
        nib.save(image, temporary)
