"""What a DICOM file says of its image, read and checked without its pixels."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import Any

from pydicom import uid
from pydicom.dataset import Dataset, FileDataset
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    MediaStorageDirectoryStorage,
)

from ...errors import InputError
from .elements import as_input_error, is_uid, not_numbers, pixel_element, read_header, value_of
from .frame_kinds import image_shows
from .images import MAX_VOXELS, Image

# Kinds of images that may be slices of a volume of intensities, in this project's words.
VOLUMES = {
    uid.CTImageStorage: "CT",
    uid.MRImageStorage: "MR",
    uid.XRayAngiographicImageStorage: "XA",
    uid.EnhancedCTImageStorage: "Enhanced CT",
    uid.EnhancedMRImageStorage: "Enhanced MR",
    uid.LegacyConvertedEnhancedCTImageStorage: "Enhanced CT",
    uid.LegacyConvertedEnhancedMRImageStorage: "Enhanced MR",
    uid.XRay3DAngiographicImageStorage: "X-ray 3D angiography",
    uid.XRay3DCraniofacialImageStorage: "X-ray 3D craniofacial",
}
WORKLIST = "ScheduledProcedureStepSequence"  # its entries have no kind of their own
OF_IMAGES = ("Columns", "BitsAllocated", "PhotometricInterpretation", "ImagePositionPatient")


def read_image(path: Path, name: str) -> Image | None:
    """The image that a file holds, or None for a file without one.

    Raises InputError for a DICOM image that is broken, cut short or larger than any scanner's.
    """
    with as_input_error(name, "broken header"):
        with open(path, "rb") as file:
            header = read_header(file, name)
            if header is None:
                return None
            pixels = pixel_element(file, header)
        if "Rows" not in header:
            if _should_be_image(header):
                raise InputError(f"{name}: broken header (cut short, or no image in it)")
            return None
        image = _described(path, name, header, pixels)
        if not _agrees(header):
            raise InputError(f"{name}: broken header (its beginning tells of another SOPClassUID)")
        if image.kind in VOLUMES:
            check_amount(image)
        return image


def _should_be_image(header: FileDataset) -> bool:
    """Whether a file without rows is broken; reports, worklists, directories have none either."""
    kind = header.get("SOPClassUID")
    if kind is None:
        is_directory = (
            header.file_meta.get("MediaStorageSOPClassUID") == MediaStorageDirectoryStorage
        )
        return not (is_directory or WORKLIST in header) or any(map(header.get, OF_IMAGES))
    return "Image Storage" in UID(str(kind)).name or not _agrees(header)


def _agrees(header: FileDataset) -> bool:
    """Whether a file's kind is a UID, and the same before its data set and in it."""
    kind = str(header.get("SOPClassUID") or "")
    declared = str(header.file_meta.get("MediaStorageSOPClassUID") or kind)
    return is_uid(kind) and kind == declared


def _described(path: Path, name: str, header: FileDataset, pixels: tuple[int, int, bool]) -> Image:
    kind = UID(str(header.get("SOPClassUID") or ""))
    whole = partial(_whole if kind in VOLUMES else _whole_or_none, header, name)
    modality, size = str(header.get("Modality") or ""), (whole("Rows"), whole("Columns"))
    bits = whole("BitsAllocated")
    bits_stored = whole("BitsStored", bits)
    number = _whole_or_none(header, name, "SeriesNumber", -1)
    return Image(
        path=path,
        name=name,
        series=str(header.get("SeriesInstanceUID") or ""),
        number="" if number < 0 else str(number),
        frame_of_reference=str(header.get("FrameOfReferenceUID") or ""),
        kind=kind,
        modality=modality if re.fullmatch("[A-Z]{2,4}", modality) else "",
        image_type=tuple(map(str, _several(header.get("ImageType")))),
        syntax=_syntax(header),
        shows=image_shows(header, modality, size),
        num_frames=whole("NumberOfFrames", 1),
        size=size,
        samples=whole("SamplesPerPixel", 1),
        photometric=str(header.get("PhotometricInterpretation") or ""),
        bits=bits,
        bits_stored=bits_stored,
        high_bit=whole("HighBit", bits_stored - 1),
        signed=bool(header.get("PixelRepresentation")),
        padding=padding_of(header, name, bits) if kind in VOLUMES else None,
        in_acquisition=_whole_or_none(header, name, "ImagesInAcquisition"),
        pixel_start=pixels[0],
        pixel_bytes=pixels[1],
        sound_end=pixels[2],
        header=header,
    )


def _whole(header: Dataset, name: str, keyword: str, absent: int = 0) -> int:
    value = value_of(header, keyword, name)
    try:
        return absent if value in (None, "") else int(value)
    except (TypeError, ValueError, OverflowError):
        raise not_numbers(name, keyword, value) from None


def _whole_or_none(header: Dataset, name: str, keyword: str, absent: int = 0) -> int:
    """Of what nothing depends on, and of kinds that are no volume: whatever stands there."""
    try:
        return _whole(header, name, keyword, absent)
    except InputError:
        return absent


def _syntax(header: FileDataset) -> UID:
    """How the file is written, also where it does not say so."""
    implicit, _ = header.original_encoding
    read_as = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
    return UID(str(header.file_meta.get("TransferSyntaxUID") or read_as))


def check_amount(image: Image) -> None:
    """Refuse an image without pixels, of more than any scanner's, or cut short."""
    rows, columns = image.size
    voxels = rows * columns * image.num_frames
    if voxels <= 0:
        raise InputError(
            f"{image.name}: {image.num_frames} frames of {rows} x {columns} pixels are no image"
        )
    if voxels > MAX_VOXELS:
        raise InputError(
            f"{image.name}: declares {image.num_frames} frames of {rows} x {columns} pixels, "
            "more than any scanner's volume"
        )
    if image.pixel_bytes <= 0 and image.syntax != DeflatedExplicitVRLittleEndian:
        raise InputError(f"{image.name}: no pixels in it")
    if image.is_plain and image.pixel_bytes < image.bytes_needed:
        raise InputError(
            f"{image.name}: cut short, {image.bytes_needed} bytes of pixels declared and "
            f"{image.pixel_bytes} there"
        )


def check_pixels(image: Image) -> None:
    """Refuse pixels that are more than declared, lie in other bits, or are followed by rubbish."""
    # One makes it even. Lone slices may be filled up, but not by an image.
    most = image.bytes_needed + 1 if image.num_frames > 1 else 2 * image.bytes_needed - 1
    if image.is_plain and image.pixel_bytes > most:
        raise InputError(
            f"{image.name}: {image.bytes_needed} bytes of pixels declared and "
            f"{image.pixel_bytes} there"
        )
    if image.high_bit != image.bits_stored - 1:
        raise InputError(
            f"{image.name}: {image.bits_stored} bits stored up to bit {image.high_bit}, where "
            f"they are read up to bit {image.bits_stored - 1}"
        )
    if not image.sound_end:
        raise InputError(f"{image.name}: broken, what follows its pixels is no DICOM")


def padding_of(header: Dataset, name: str, bits: int) -> tuple[int, int] | None:
    """Lowest and highest stored number that stand for "outside the field of view"."""
    if header.get("PixelPaddingValue") in (None, ""):
        return None
    value = _whole(header, name, "PixelPaddingValue")
    limit = _whole(header, name, "PixelPaddingRangeLimit", value)
    ends = [_of_sign(end, header, bits) for end in (value, limit)]
    return min(ends), max(ends)


def _of_sign(value: int, header: Dataset, bits: int) -> int:
    """The number that the same bits mean among the pixels, signed or not."""
    value %= 2**bits
    signed = header.get("PixelRepresentation") and value >= 2 ** (bits - 1)
    return value - 2**bits if signed else value


def _several(value: Any) -> list:
    return [] if value is None else [value] if isinstance(value, str) else list(value)
