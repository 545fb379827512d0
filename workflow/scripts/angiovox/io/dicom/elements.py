"""A file's DICOM elements that tell of its image, without its pixels; none that name a person."""

from __future__ import annotations

import os
import re
import struct
import warnings
import zlib
from pathlib import Path
from typing import BinaryIO

import pydicom
from pydicom import uid
from pydicom.dataset import FileDataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.filereader import read_dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian

from ...errors import InputError

# What a header that breaks the standard may raise in pydicom and its decoders.
UNREADABLE = (
    ArithmeticError,
    AttributeError,
    BytesLengthException,
    EOFError,
    InvalidDicomError,
    LookupError,
    MemoryError,
    NotImplementedError,
    OSError,
    RecursionError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)
KEYWORDS = [
    "SOPClassUID", "SeriesInstanceUID", "FrameOfReferenceUID", "SeriesNumber", "Modality",
    "ImageType", "NumberOfFrames", "Rows", "Columns", "SamplesPerPixel",
    "PhotometricInterpretation", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation",
    "PixelPaddingValue", "PixelPaddingRangeLimit", "ImagesInAcquisition",
    "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence",
    "RescaleSlope", "RescaleIntercept", "RescaleType", "ModalityLUTSequence", "KVP", "EchoTime",
    "ConvolutionKernel", "SpacingBetweenSlices", "ImagePositionPatient",
    "ImageOrientationPatient", "PixelSpacing",
]  # fmt: skip
MAX_INFLATED_BYTES = 2**30  # bytes of a deflated file, which pydicom inflates as a whole
DEFLATED, LONGEST_META, CHUNK = DeflatedExplicitVRLittleEndian.encode(), 4096, 2**20
PREAMBLE = 128
PIXEL_GROUP, PIXEL_DATA, UNDEFINED = 0x7FE0, b"\xe0\x7f\x10\x00", 0xFFFFFFFF

# Header values that break the standard are not our concern, and pydicom's warnings print them.
pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
warnings.filterwarnings("ignore", module="pydicom")


class as_input_error:
    """Turn whatever a broken file raises into one sentence, without what the file holds."""

    def __init__(self, name: str, what: str, errors: tuple = UNREADABLE):
        self.name, self.what, self.errors = name, what, errors

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, InputError):
            return
        if isinstance(error, OSError) and error.errno:
            raise InputError(f"{self.name}: cannot be read ({os.strerror(error.errno)})") from None
        if isinstance(error, self.errors):
            raise InputError(f"{self.name}: {self.what} ({type(error).__name__})") from None


def is_dicom(path: Path) -> bool:
    """Whether a file is DICOM that says what it holds, whatever that is."""
    with open(path, "rb") as file:
        return read_header(file, path.name) is not None


def read_header(file: BinaryIO, name: str) -> FileDataset | None:
    """The `KEYWORDS` of an open file, which is left where its pixels begin; None for no DICOM.

    Raises InputError for one that inflates to more than any image, others for a broken one.
    """
    start = file.read(LONGEST_META)
    standard = start[PREAMBLE : PREAMBLE + 4] == b"DICM"
    if not standard and not _begins_with_elements(start):
        return None
    if standard and DEFLATED in start:
        _check_inflated(file, name)
    file.seek(0)
    try:
        header = pydicom.dcmread(
            file, stop_before_pixels=True, force=not standard, specific_tags=KEYWORDS
        )
    except UNREADABLE:
        if standard:
            raise
        return None
    return header if standard or header.get("SOPClassUID") in uid.UID_dictionary else None


def _check_inflated(file: BinaryIO, name: str) -> None:
    """Refuse a deflated file that would fill the memory: one byte may hide a thousand."""
    file.seek(PREAMBLE + 4)
    read_dataset(file, False, True, stop_when=lambda tag, *_: tag.group != 2)
    inflating, size, rest = zlib.decompressobj(-zlib.MAX_WBITS), 0, b""
    while rest := rest or file.read(CHUNK):
        size += len(inflating.decompress(rest, CHUNK))
        rest = inflating.unconsumed_tail
        if size > MAX_INFLATED_BYTES:
            raise InputError(f"{name}: inflates to more than any image")
        if inflating.eof:
            return


def _begins_with_elements(start: bytes) -> bool:
    """Whether a file begins with the first elements of a data set, as old ones without a preamble
    do: of group 2 or 8, and of a length that is one."""
    if len(start) < PREAMBLE:
        return False
    group, element, length = struct.unpack("<HHI", start[:8])
    explicit = re.fullmatch(rb"[A-Z]{2}", start[4:6]) is not None
    return group in (2, 8) and element <= 0x60 and (explicit or length <= PREAMBLE)


def pixel_element(file: BinaryIO, header: FileDataset) -> tuple[int, int, bool]:
    """Where the pixels begin, how many bytes they are, and whether what follows may be DICOM."""
    implicit, little = header.original_encoding
    order = "little" if little else "big"
    start, end = file.tell(), os.fstat(file.fileno()).st_size
    element = file.read(8 if implicit else 12)
    length = int.from_bytes(element[-4:], order)
    if len(element) < 8 or length == UNDEFINED:  # none, or compressed
        return 0, end - start, True
    begin = file.tell() if element[:4] == PIXEL_DATA else 0
    file.seek(length, os.SEEK_CUR)
    return begin, min(length, end - start), _may_be_element(file.read(8), implicit, order)


def _may_be_element(start: bytes, implicit: bool, order: str) -> bool:
    """Whether bytes behind the pixels are none, zeros that fill a block, or begin an element."""
    group = int.from_bytes(start[:2], order)
    named = implicit or re.fullmatch(rb"[A-Z]{2}", start[4:6]) is not None
    return not any(start) or (group >= PIXEL_GROUP and named)


def is_uid(text: str) -> bool:
    """Whether a text may be one, or is left out."""
    return re.fullmatch(r"[0-9.]*", text) is not None
