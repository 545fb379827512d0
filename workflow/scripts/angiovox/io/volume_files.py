"""Volumes in files of other kinds than DICOM: NIfTI, MetaImage and NRRD."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import InputError
from ..geometry.affine import voxel_sizes
from . import voxel_data
from .dicom.images import MAX_VOXELS
from .dicom.reader import to_patient_axes
from .dicom.slice_stack import MM
from .volume_headers import read_header
from .voxel_header import Header

SKEW = 1e-3  # cosine between two axes that are taken to be at right angles


@dataclass(frozen=True, eq=False)
class ImageFile:
    """A volume in a file, before its voxels are read; `affine` is RAS in mm."""

    header: Header
    affine: np.ndarray
    notes: tuple[str, ...] = ()

    @property
    def path(self) -> Path:
        return self.header.path

    @property
    def kind(self) -> str:
        return self.header.kind

    @property
    def shape(self) -> tuple[int, ...]:
        return self.header.shape

    @property
    def voxel_mm(self) -> np.ndarray:
        return voxel_sizes(self.affine)

    def __str__(self) -> str:
        return f"{self.kind} file of {times(self.shape)} voxels"

    def read(self, threads: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """Voxels (x, y, z) float32 along the patient's axes, and their (4, 4) RAS affine in mm.

        threads : one is enough for one file.

        Raises InputError for broken or incomplete contents, and for NaN.
        """
        name = self.path.name
        try:
            volume = voxel_data.read(self.header)
        except OSError as error:
            raise InputError(f"{name}: cannot be read ({error.strerror})") from None
        bad = volume.size - sum(int(np.isfinite(plane).sum()) for plane in volume.T)
        if bad:
            raise InputError(f"{name}: {bad} of {volume.size} voxels are NaN or infinite")
        return to_patient_axes(volume, self.affine)


def find(path: str | Path) -> ImageFile:
    """A file's volume by its header alone.

    Raises InputError for a broken file, for what is no volume of intensities, and for one that does
    not say how it lies in the patient.
    """
    header = read_header(path)
    shape = header.shape
    if len(shape) != 3 or min(shape) < 2:
        raise InputError(f"{header.name}: {times(shape)} voxels are no volume")
    if header.num_voxels > MAX_VOXELS:
        raise InputError(f"{header.name}: {times(shape)} voxels are more than any scanner's volume")
    found = ImageFile(header, np.array(header.affine))
    for size in found.voxel_mm:
        if not MM[0] <= size <= MM[1]:
            raise InputError(f"{header.name}: voxels of {size:g} mm are impossible")
    axes = found.affine[:3, :3] / found.voxel_mm
    if np.abs(axes.T @ axes - np.eye(3)).max() > SKEW:
        raise InputError(f"{header.name}: its axes are not at right angles")
    return found


def times(values: Iterable[float]) -> str:
    """Voxels or millimetres along each axis, in words."""
    return " x ".join(f"{value:.4g}" if value % 1 else f"{value:.0f}" for value in values)
