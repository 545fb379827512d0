"""What a frame shows by its header: a slice of intensities, or something that is made of slices.

Sources: DICOM PS3.3 C.7.6.1.1.2 (image type), C.8.13.3 and C.8.16.2 (complex components, volume
based calculation, volumetric properties), PS3.16 CID 7203 (derivations); makers' private elements.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from pydicom.dataset import Dataset
from pydicom.tag import BaseTag, Tag

# In the image type, of what is no slice; makers put words of their own before them.
PROJECTED = re.compile(
    r"\b(LOCALIZER|SCOUT|PROJECTION IMAGE|SCREEN SAVE"
    r"|(MAXIMUM|MINIMUM|MAX|MIN) INTENSITY PROJECTION"
    r"|MIP|MINIP|MAX[_ ]IP|MIN[_ ]IP|RAY[_ ]?SUM|CURVED[_ ]MPR|VRT|SSD"
    r"|(VOLUME|SURFACE)[_ ]RENDER(ED|ING)?)$"
)
COMPONENTS = (  # of complex MR, in the image type
    (re.compile(r"P|PHASE|VELOCITY|(PHASE|VELOCITY) MAP"), "phase image"),
    (re.compile(r"R|REAL|I|IMAGINARY"), "real or imaginary part"),
)
CALCULATED = {
    "MAX_IP": "maximum projection",
    "MIN_IP": "minimum projection",
    "VOLUME_RENDER": "volume rendering",
    "SURFACE_RENDER": "surface rendering",
    "CURVED_MPR": "curved reformatting",
}
COMPLEX = {"PHASE": "phase image", "REAL": "real part", "IMAGINARY": "imaginary part"}
DERIVED = {  # codes of CID 7203
    "113073": "curved reformatting",
    "113074": "volume rendering",
    "113075": "surface rendering",
    "113076": "segmentation",
    "113078": "maximum projection",
    "113079": "minimum projection",
}
MAY_BE_MIXED = ("ComplexImageComponent", "VolumeBasedCalculationTechnique")
EXTREMES = ("MAXIMUM", "MINIMUM")  # over times or a projection: volumetric properties tell which
COLOURS = ("COLOR", "TRUE_COLOR")
FRAME_TYPES = ("MRImageFrameTypeSequence", "CTImageFrameTypeSequence", "XRay3DFrameTypeSequence")
KEYWORDS = (
    "ImageType", "PixelPresentation", "VolumetricProperties", "VolumeBasedCalculationTechnique",
    "ComplexImageComponent", "DerivationCodeSequence", "AcquisitionMatrix",
)  # fmt: skip
BLOCKS = (0x10, 0x11, 0x12)  # where private elements may lie
TILES = ((0x0019, 0x0A, "SIEMENS MR HEADER"), (0x0065, 0x50, "Image Private Header"))
GE_COMPONENT = (0x0043, 0x2F, "GEMS_PARM_01")
GE_COMPONENTS = {1: "phase image", 2: "real part", 3: "imaginary part"}


def private_tags() -> Iterator[BaseTag]:
    """Private elements that are looked at, and those that name their owners."""
    for group, element, _ in (*TILES, GE_COMPONENT):
        for block in BLOCKS:
            yield from (Tag(group, block), Tag(group, block << 8 | element))


def image_shows(header: Dataset, modality: str, size: tuple[int, int]) -> str:
    """What all frames of a file are in place of slices; empty where some may be slices."""
    return _shows(header.get, _words(header.get("ImageType")), modality) or _of_makers(header, size)


def frame_shows(of: Callable[[str, str], Any], header: Dataset, modality: str) -> str:
    """What a frame of a multi-frame file is in place of a slice; empty for a slice.

    of : value of a keyword in a functional group of the frame, or None. header : of the file.
    """

    def get(keyword: str) -> Any:
        if keyword == "DerivationCodeSequence":
            return of("DerivationImageSequence", keyword)
        found = (of(group, keyword) for group in FRAME_TYPES)
        return next((value for value in found if value is not None), None)

    mixed = [word for word in MAY_BE_MIXED if header.get(word) == "MIXED" and get(word) is None]
    shown = _shows(get, _words(get("FrameType")), modality)
    return shown or ("frame of several kinds, and not said of which" if mixed else "")


def _shows(get: Callable[[str], Any], words: list[str], modality: str) -> str:
    if found := next(filter(None, map(PROJECTED.search, words)), None):
        return found[1].lower()
    calculated = CALCULATED.get(str(get("VolumeBasedCalculationTechnique")))
    derived = [str(item.get("CodeValue")) for item in get("DerivationCodeSequence") or ()]
    volumetric = str(get("VolumetricProperties") or "")
    if shown := calculated or next(filter(None, map(DERIVED.get, derived)), ""):
        return shown
    if volumetric == "DISTORTED":
        return "distorted image"
    if volumetric == "SAMPLED" and words[3:4] and words[3] in EXTREMES:
        return f"{words[3].lower()} projection"
    if str(get("PixelPresentation")) in COLOURS:
        return "colour map"
    return _component(get, words) if modality == "MR" else ""


def _component(get: Callable[[str], Any], words: list[str]) -> str:
    """Which part of complex numbers other than their magnitude."""
    if shown := COMPLEX.get(str(get("ComplexImageComponent"))):
        return shown
    return next((what for word, what in COMPONENTS if any(map(word.fullmatch, words))), "")


def _of_makers(header: Dataset, size: tuple[int, int]) -> str:
    """What makers say in elements of their own: tiles of slices, and parts of complex numbers."""
    if _num_tiles(header, size) > 1:
        return "mosaic of slices"
    return GE_COMPONENTS.get(_private(header, *GE_COMPONENT) or 0, "")


def _num_tiles(header: Dataset, size: tuple[int, int]) -> int:
    """How many slices are tiled into one image."""
    told = [_private(header, *where) for where in TILES]
    if numbers := [number for number in told if number is not None]:
        return max(numbers)
    if "MOSAIC" not in _words(header.get("ImageType")):
        return 1
    # Private elements may have been removed. Newer files of this word have one slice of full size.
    matrix = [int(side) for side in header.get("AcquisitionMatrix") or () if side]
    return max(size) // max(matrix) if matrix else 1


def _private(header: Dataset, group: int, element: int, owner: str) -> int | None:
    """A whole number in a private element, whatever its block and type; None for none."""
    try:
        value = header.private_block(group, owner)[element].value
        if isinstance(value, bytes):  # of a type that the file does not tell
            return (
                int(value) if value.strip(b"\0 ").isdigit() else int.from_bytes(value[:2], "little")
            )
        return int(value)
    except (KeyError, TypeError, ValueError):
        return None


def _words(value: Any) -> list[str]:
    several = [] if value is None else [value] if isinstance(value, str) else list(value)
    return [str(word).strip().upper() for word in several]
