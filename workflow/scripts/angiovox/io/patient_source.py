"""A patient's entry in the sheet to the volume behind it: a DICOM folder, or a file of a volume."""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import InputError
from .dicom import reader
from .dicom.discovery import holds_image
from .dicom.series import Series
from .folders import check_exists
from .volume_files import ImageFile, is_image_file
from .volume_files import find as find_file

OTHER_FORMATS = "not called .nii, .nii.gz, .mha, .mhd, .nrrd or .nhdr"


def find(
    path: str | Path, series: str | None = None, largest_gap: int = 1
) -> reader.Found | ImageFile:
    """The volume of a folder or a file, by its headers alone; `read` gives its voxels.

    series : label of the one to take where a folder holds several.
    largest_gap : in spacings, that slices may lie apart; missing ones are interpolated.

    Raises InputError with what is wrong and what to do.
    """
    check_exists(path)
    if not is_image_file(path):
        return reader.find(path, series, largest_gap)
    if series:
        raise InputError(f"{Path(path).name}: a file and no DICOM folder, so no series {series}")
    return find_file(path)


def find_series(path: str | Path, series: str | None = None, largest_gap: int = 1) -> Series:
    """The DICOM series behind a volume.

    Raises InputError as `find`, and for a file that is no DICOM.
    """
    found = find(path, series, largest_gap)
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
    elif not holds_image(path):
        folder = os.path.isdir(path)
        raise InputError(
            "no DICOM image in it" if folder else "no DICOM image, and " + OTHER_FORMATS
        )
