"""A patient's entry in the sheet to the volume behind it: a DICOM folder, or a file of a volume."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ..errors import InputError
from .dicom import reader
from .dicom.choice import Preference
from .dicom.discovery import holds_image
from .dicom.series import Series
from .folders import check_exists
from .volume_files import ImageFile, times
from .volume_files import find as find_file
from .volume_headers import is_image_file

LEAST_FIELD = 0.2  # of the study's, along each axis
OTHER_FORMATS = "not called .nii, .nii.gz, .mha, .mhd, .nrrd or .nhdr"
IN_TWO_FILES = "a volume in two files (NIfTI or Analyze, .hdr and .img): save it as one .nii file"


def find(
    path: str | Path,
    series: str | None = None,
    largest_gap: int = 1,
    prefer: Preference = None,
) -> reader.Found | ImageFile:
    """The volume of a folder or a file, by its headers alone; `read` gives its voxels.

    series : label of the one to take where a folder holds several.
    largest_gap : in spacings, that slices may lie apart; missing ones are interpolated.
    prefer : which of several to take where no label is given; see `dicom.choice.choose`.

    Raises InputError with what is wrong and what to do.
    """
    check_exists(path)
    if not is_image_file(path):
        check_lone_file(path)
        return reader.find(path, series, largest_gap, prefer)
    if series:
        raise InputError(f"{Path(path).name}: a file and no DICOM folder, so no series {series}")
    return find_file(path)


def check_field(found: reader.Found | ImageFile, edge: int, voxel_mm: float | None) -> None:
    """Refuse a volume that fills next to nothing of a study's cube: its units may be wrong.

    edge, voxel_mm : voxels along the cube's edge, and of each in mm; None for the volume's finest.
    """
    size = edge * (voxel_mm or min(found.voxel_mm))
    field = [n * edge_mm for n, edge_mm in zip(found.shape, found.voxel_mm, strict=True)]
    if min(field) < LEAST_FIELD * size:
        raise InputError(
            f"its field of {times(field)} mm is far smaller than the study's {size:g} mm along "
            "each axis (volume.shape, volume.voxel_mm); is the size of its voxels right?"
        )


def find_series(path: str | Path, **choice: Any) -> Series:
    """The DICOM series behind a volume. Arguments as `find`'s.

    Raises InputError as `find`, and for a file that is no DICOM.
    """
    found = find(path, **choice)
    if isinstance(found, ImageFile):
        raise InputError(f"{found.path.name}: a {found.kind} file, so no DICOM series to refer to")
    return found.series


def check(path: str | Path) -> None:
    """Look for a volume, no further than needed.

    Raises InputError for a path that is not there, that cannot hold a volume, or whose first image
    is broken.
    """
    check_exists(path)
    if is_image_file(path):
        find_file(path)
    else:
        check_lone_file(path)
        if not holds_image(path):
            raise InputError("no DICOM image in it")


def check_lone_file(path: str | Path) -> None:
    """Raise InputError for a file, as opposed to a folder, that is no DICOM image."""
    if os.path.isdir(path) or holds_image(path):
        return
    if str(path).lower().endswith((".hdr", ".img", ".hdr.gz", ".img.gz")):
        raise InputError(IN_TWO_FILES)
    raise InputError("no DICOM image, and " + OTHER_FORMATS)
