"""A file's DICOM elements that tell of its image, without its pixels; none that name a person."""

from __future__ import annotations

import logging
import os
import re
import struct
import traceback
import warnings
import zlib
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import numpy as np
import pydicom
from pydicom import uid
from pydicom.dataset import Dataset, FileDataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.filereader import read_dataset
from pydicom.tag import BaseTag, Tag
from pydicom.uid import DeflatedExplicitVRLittleEndian

from ...errors import InputError
from . import frame_kinds

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
REASONS = (
    (MemoryError, "it asks for more memory than there is"),
    (RecursionError, "nested too deep"),
    (zlib.error, "its compression is broken"),
    (EOFError, "it ends too early"),
)
KEYWORDS = [
    "SOPClassUID", "SeriesInstanceUID", "FrameOfReferenceUID", "SeriesNumber", "Modality",
    "NumberOfFrames", "FrameTime", "FrameTimeVector", "CineRate", "Rows", "Columns",
    "SamplesPerPixel", "PhotometricInterpretation", "BitsAllocated", "BitsStored", "HighBit",
    "PixelRepresentation", "PixelPaddingValue", "PixelPaddingRangeLimit", "ImagesInAcquisition",
    "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence",
    "XRay3DReconstructionSequence", "RescaleSlope", "RescaleIntercept", "RescaleType",
    "ModalityLUTSequence", "KVP", "EchoTime", "ConvolutionKernel", "SpacingBetweenSlices",
    "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing",
    "ScheduledProcedureStepSequence", *frame_kinds.KEYWORDS, *frame_kinds.private_tags(),
]  # fmt: skip
TAGS = [*map(Tag, KEYWORDS)]  # pydicom turns words into tags anew for each file
MAX_INFLATED_BYTES = 2**30  # of a deflated file, which pydicom inflates as a whole
CHUNK = 2**20
SYNTAX = Tag("TransferSyntaxUID")
PREAMBLE = 128
PIXEL_GROUP, PIXEL_DATA, UNDEFINED = 0x7FE0, b"\xe0\x7f\x10\x00", 0xFFFFFFFF
DECIMAL = r"[+-]?\d{1,9}([.,]\d{1,9})?"
LONGEST_FIGURES = 60
FIGURES = re.compile(rf"{DECIMAL}(\\{DECIMAL})*")
PACKAGE = str(Path(__file__).parents[2])
LOG = logging.getLogger(__name__)

# Header values that break the standard are not our concern, and pydicom's warnings print them.
pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
warnings.filterwarnings("ignore", module="pydicom")


class as_input_error:
    """Turn whatever a broken file raises into one sentence, without what the file holds.

    What our own code raises unforeseen is said to be that, and logged with where it happened.
    """

    def __init__(self, name: str, what: str, errors: tuple = UNREADABLE):
        self.name, self.what, self.errors = name, what, errors

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, InputError):
            return
        if isinstance(error, OSError) and error.errno:
            raise InputError(f"{self.name}: cannot be read ({os.strerror(error.errno)})") from None
        if isinstance(error, self.errors):
            raise InputError(f"{self.name}: {self.what}{_why(error, trace)}") from None


def _why(error: BaseException, trace: TracebackType | None) -> str:
    """The reason of an error that a file caused, in words; our own faults go to the log."""
    if reason := next((words for kind, words in REASONS if isinstance(error, kind)), ""):
        return f" ({reason})"
    frames = traceback.extract_tb(trace)
    if not frames or not frames[-1].filename.startswith(PACKAGE):
        return ""
    # Without the error's own text, which may quote the file.
    LOG.error("unexpected %s\n%s", type(error).__name__, "".join(traceback.format_list(frames)))
    return "; nothing foresaw this: please report it, with the trace in the log"


def is_dicom(path: Path) -> bool:
    """Whether a file is DICOM that says what it holds, whatever that is."""
    with open(path, "rb") as file:
        return read_header(file, path.name) is not None


def read_header(file: BinaryIO, name: str, tags: Sequence[BaseTag] = TAGS) -> FileDataset | None:
    """Keywords of an open file, which is left where its pixels begin; None for no DICOM.

    Raises InputError for one that inflates to more than any image, others for a broken one.
    """
    start = file.read(PREAMBLE + 4)
    standard = start[PREAMBLE:] == b"DICM"
    if not standard and not _begins_with_elements(start):
        return None
    _check_inflated(file, name, len(start) if standard else 0)
    file.seek(0)
    try:
        header = pydicom.dcmread(
            file, stop_before_pixels=True, force=not standard, specific_tags=[*tags]
        )
    except UNREADABLE:
        if standard:
            raise
        return None
    return header if standard or str(header.get("SOPClassUID")) in uid.UID_dictionary else None


def _check_inflated(file: BinaryIO, name: str, start: int) -> None:
    """Refuse a deflated file that would fill the memory: one byte may hide a thousand.

    start : of its meta elements.
    """
    file.seek(start)
    try:
        meta = read_dataset(
            file, False, True, stop_when=lambda tag, *_: tag.group != 2, specific_tags=[SYNTAX]
        )
    except UNREADABLE:
        return  # and so it will be when all of it is read
    if meta.get("TransferSyntaxUID") != DeflatedExplicitVRLittleEndian:
        return
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


def value_of(dataset: Dataset, keyword: str, name: str) -> Any:
    """An element's value, or None.

    Raises InputError for one that is no value of its kind; it is shown where it is all figures.
    """
    try:
        return dataset.get(keyword)
    except UNREADABLE:
        raise not_numbers(name, keyword, dataset.get_item(keyword).value) from None


def holds_value(dataset: Dataset, keyword: str) -> bool:
    """Whether an element is there and not empty, broken or not."""
    return keyword in dataset and bool(dataset.get_item(keyword).value)


def not_numbers(name: str, keyword: str, value: Any) -> InputError:
    """The error of an element that should be numbers."""
    parts = value.decode("latin-1") if isinstance(value, bytes) else value
    text = "\\".join(map(str, [parts] if isinstance(parts, str) else np.atleast_1d(parts)))
    text = text.strip("\0 ")
    if len(text) > LONGEST_FIGURES or not FIGURES.fullmatch(text):
        return InputError(f"{name}: broken header, {keyword} is no number")
    points = "; decimals have a point" if "," in text else ""
    return InputError(f"{name}: broken header, {keyword} {text} is no number{points}")


def is_uid(text: str) -> bool:
    """Whether a text may be one, or is left out."""
    return re.fullmatch(r"[0-9.]*", text) is not None
