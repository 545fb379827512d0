"""A patient's entry in the sheet to the volume behind it: a DICOM folder, or a file of a volume."""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import InputError
from .dicom import reader
from .dicom.discovery import holds_image
from .dicom.series import Series
from .folders import check_exists
from .volume_files import ImageFile
from .volume_files import find as find_file
from .volume_headers import is_image_file

OTHER_FORMATS = "not called .nii, .nii.gz, .mha, .mhd, .nrrd or .nhdr"
IN_TWO_FILES = "a volume in two files (NIfTI or Analyze, .hdr and .img): save it as one .nii file"


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
        check_lone_file(path)
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
