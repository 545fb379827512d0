"""What lies below a patient's folder: images, at any depth and under any name."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from ...errors import InputError
from ..folders import folders
from .elements import is_dicom
from .headers import read_image
from .images import Image

MOST_IMAGES = 20_000
DCM = ".dcm"
APPLE_DOUBLE = "._"  # what macOS leaves beside each file on other systems' disks


def find_images(folder: str | Path) -> tuple[list[Image], int]:
    """All DICOM images below a folder, in the order of their paths, and how many other files.

    Raises InputError for a file that is broken, may not be read, or is no DICOM and named `.dcm` or
    as the images are, numbers apart; and for more images than a patient has.
    """
    images, others, not_dicom = [], 0, {}
    for path, name in walk(folder):
        image = read_image(path, name)
        if image is not None:
            images.append(image)
        else:
            others += 1
            if not is_dicom(path):
                not_dicom.setdefault(_stem(path), name)
        if len(images) > MOST_IMAGES:
            raise InputError(
                f"more than {MOST_IMAGES} images: is this an archive of many patients? "
                "give each patient's own folder"
            )
    if DCM in not_dicom:
        raise InputError(f"{not_dicom[DCM]}: broken, a .dcm file that is not DICOM")
    for stem in {_stem(image.path) for image in images} & set(not_dicom):
        raise InputError(f"{not_dicom[stem]}: broken, named as the images are, but is not DICOM")
    return images, others


def holds_image(folder: str | Path) -> bool:
    """Whether a folder holds at least one DICOM image, looking at no more headers than needed.

    Raises InputError for a broken one before that.
    """
    return any(read_image(path, name) for path, name in walk(folder))


def walk(folder: str | Path) -> Iterator[tuple[Path, str]]:
    """Files below a folder with their paths relative to it, sorted, or the file that is given.

    Raises InputError for a folder that may not be read and for a link to nothing.
    """
    folder = Path(folder)
    if folder.is_file():
        yield folder, folder.name
        return

    def refuse(error: OSError) -> None:
        name = os.path.relpath(error.filename, folder)
        raise InputError(f"{name}: cannot be read ({error.strerror})") from None

    for here, files in folders(folder, refuse):
        for file in files:
            path = Path(here, file)
            name = os.path.relpath(path, folder)
            if path.is_symlink() and not path.exists():
                raise InputError(f"{name}: a link to a file that is not there")
            if path.is_file() and not file.startswith(APPLE_DOUBLE):
                yield path, name


def _stem(path: Path) -> str:
    """A name without its numbers: what names of one series share. `.dcm` says enough."""
    return DCM if path.suffix.lower() == DCM else re.sub(r"\d+", "0", path.name)
