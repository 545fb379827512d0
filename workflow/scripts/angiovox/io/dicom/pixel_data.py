"""Pixels of a stack to a volume: decoded in parallel, in real values, on a straight grid."""

from __future__ import annotations

import os
import struct
from collections import defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from tempfile import TemporaryDirectory

import numpy as np
import pydicom
from pydicom import uid
from pydicom.dataset import FileDataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.pixels import apply_modality_lut, iter_pixels

from ...errors import InputError
from .elements import as_input_error
from .images import Frame, Image
from .slice_stack import Stack

PIXELS = [
    "Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation", "NumberOfFrames",
    "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "PixelData",
]  # fmt: skip
J2K_START, JPEG_START = b"\xff\x4f\xff\x51", b"\xff\xd8"
JP2_BOX, CODESTREAM_BOX = b"jP  ", b"jp2c"
SIZED_BY_HEADER = (uid.RLELossless,)
JPEG_FRAMES = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}  # markers before an image's size
TWELVE_BITS = (uid.JPEGExtended12Bit,)  # pylibjpeg gives up on them; GDCM reads them


def load(stack: Stack, threads: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Decode a stack's slices.

    Returns
    -------
    volume : (columns, rows, levels) float32, C-ordered the other way round; padding outside the
        field of view has the least value inside.
    affine : (4, 4) LPS in mm.

    Raises
    ------
    InputError : pixels that are broken, with the file.
    """
    volume = np.empty(stack.shape[::-1], dtype=np.float32)
    level_of = dict(zip(stack.frames, stack.levels, strict=True))
    frames_of: dict[Image, list[Frame]] = defaultdict(list)
    for frame in stack.frames:
        frames_of[frame.image].append(frame)
    parts = [part for frames in frames_of.values() for part in _parts(frames, threads)]

    def read(frames: list[Frame]) -> bool:
        padded = False
        for frame, stored in zip(frames, _stored(frames), strict=True):
            padded |= _fill(volume[level_of[frame]], stored, frame)
        return padded

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(_check_codes, frames_of))
        padded = any([*pool.map(read, parts)])
    _interpolate(volume, stack.levels)
    affine = stack.affine
    if any(stack.shear):
        volume, affine = _straightened(volume, stack)
        padded = True
    if padded:
        _fill_outside(volume)
    return volume.T, affine


def _parts(frames: list[Frame], threads: int) -> list[list[Frame]]:
    """Frames of one file, in as many parts as may be decoded at once."""
    frames = sorted(frames, key=lambda frame: frame.number)
    parts = 1 if frames[0].image.syntax.is_deflated else threads  # each inflates the whole file
    size = -(-len(frames) // parts)
    return [frames[start : start + size] for start in range(0, len(frames), size)]


def _stored(frames: list[Frame]) -> Iterator[np.ndarray]:
    """Stored numbers (rows, columns) of frames of one file, one after the other."""
    image = frames[0].image
    numbers = [frame.number for frame in frames]
    with as_input_error(image.name, "broken slice, its pixels cannot be decoded"):
        for stored in _decoded(image, numbers):
            if stored.shape != image.size:
                raise InputError(
                    f"{image.name}: {stored.shape} pixels decoded, {image.size} declared"
                )
            yield _without_other_bits(stored, image)


def _decoded(image: Image, numbers: list[int]) -> Iterable[np.ndarray]:
    if image.pixel_start and image.is_plain and image.samples == 1:
        return (_plain(image, number) for number in numbers)
    one_by_one = image.num_frames > 1 and image.syntax not in TWELVE_BITS
    if one_by_one and not image.syntax.is_deflated:
        return iter_pixels(image.path, indices=numbers, raw=True)
    dataset = _with_pixels(image)
    if one_by_one:  # pydicom finds no pixels in a deflated file that it has not read before
        return iter_pixels(dataset, indices=numbers, raw=True)
    if image.syntax not in TWELVE_BITS:
        return [dataset.pixel_array]
    decoded = _by_gdcm(dataset)
    return [decoded[number] for number in numbers]


def _with_pixels(image: Image) -> FileDataset:
    dataset = pydicom.dcmread(image.path, force=True, specific_tags=PIXELS)
    dataset.file_meta.TransferSyntaxUID = image.syntax
    return dataset


def _check_codes(image: Image) -> None:
    """Refuse compressed frames of another size than the header's: decoders take the memory that
    they ask for, and pixels in rows of another length."""
    if not image.syntax.is_encapsulated:
        return
    with as_input_error(image.name, "broken slice, its pixels cannot be decoded"):
        pixels = _with_pixels(image).PixelData
        for code in generate_frames(pixels, number_of_frames=image.num_frames):
            size = _coded_size(code)
            if size not in (None, image.size):
                raise InputError(f"{image.name}: {size} pixels compressed, {image.size} declared")
            if size is None and image.syntax not in SIZED_BY_HEADER:
                raise InputError(f"{image.name}: broken slice, its code does not say its size")


def _coded_size(code: bytes) -> tuple[int, int] | None:
    """Rows and columns that a frame of JPEG 2000, JPEG or JPEG-LS says it has; None where it does
    not say."""
    begin = _codestream_of_jp2(code) if code[4:8] == JP2_BOX else 0
    if code.startswith(J2K_START, begin):
        right, bottom, left, top = struct.unpack_from(">4I", code, begin + 8)
        return bottom - top, right - left
    place = 2 if code.startswith(JPEG_START) else len(code)
    while place + 9 <= len(code) and code[place] == 0xFF:
        marker, length = struct.unpack_from(">BH", code, place + 1)
        if marker in JPEG_FRAMES:
            rows, columns = struct.unpack_from(">HH", code, place + 5)
            return (rows, columns) if rows else None
        place += 1 if marker == 0xFF else 2 + length
    return None


def _codestream_of_jp2(code: bytes) -> int:
    """Where the code begins within the boxes of a JP2 file, as decoders look for it."""
    place = 0
    while place + 16 <= len(code):
        length, kind = struct.unpack_from(">I4s", code, place)
        head = 16 if length == 1 else 8
        if kind == CODESTREAM_BOX:
            return place + head
        length = struct.unpack_from(">Q", code, place + 8)[0] if length == 1 else length
        if length < head:  # the last box, or none
            break
        place += length
    return len(code)


def _plain(image: Image, number: int) -> np.ndarray:
    """Stored numbers of a frame as they lie in the file: half the time of a second look at the
    header."""
    dtype = np.dtype(f"<{'i' if image.signed else 'u'}{image.bits // 8}")
    count = image.size[0] * image.size[1]
    start = image.pixel_start + number * count * dtype.itemsize
    stored = np.fromfile(image.path, dtype, count, offset=start)
    if stored.size < count:
        raise InputError(f"{image.name}: cut short, {stored.size} of {count} pixels there")
    return stored.reshape(image.size)


def _without_other_bits(stored: np.ndarray, image: Image) -> np.ndarray:
    """Numbers of the bits that are stored: the others may hold an overlay or anything."""
    unused = image.bits - image.bits_stored
    if not 0 <= unused < image.bits:
        raise InputError(f"{image.name}: {image.bits_stored} bits stored of {image.bits}")
    if not unused:
        return stored
    stored = stored.astype(f"{'i' if image.signed else 'u'}{image.bits // 8}", copy=False)
    values = (stored << unused) >> unused
    if image.padding:  # some pad with a number of all bits
        outside = (stored >= image.padding[0]) & (stored <= image.padding[1])
        values[outside] = stored[outside]
    return values


def _by_gdcm(dataset: FileDataset) -> np.ndarray:
    """Stored numbers (frames, rows, columns) as SimpleITK's GDCM decodes them.

    It gets the pixels and what describes them, and so nothing that it would rescale or invert by;
    and its frames one by one, for it believes any length that a broken file tells.
    """
    import SimpleITK

    count = int(dataset.get("NumberOfFrames") or 1)
    dataset.PixelData = encapsulate([*generate_frames(dataset.PixelData, number_of_frames=count)])
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.SOPClassUID, dataset.SOPInstanceUID = uid.CTImageStorage, uid.generate_uid()
    with TemporaryDirectory() as folder:
        path = os.path.join(folder, "slice.dcm")
        dataset.save_as(path, enforce_file_format=True)
        return SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(path))


def _fill(level: np.ndarray, stored: np.ndarray, frame: Frame) -> bool:
    """Write a slice's real values; NaN for padding, and whether there is any.

    Raises InputError for values beyond float32's.
    """
    image = frame.image
    padding = image.padding
    padded = padding and _outside_field(stored, padding)
    if image.photometric == "MONOCHROME1" and not frame.hounsfield:
        # What is shown bright is high. Hounsfield units are so by themselves.
        stored = ~stored if image.signed else stored ^ (2**image.bits_stored - 1)
    if image.has_modality_lut:
        with as_input_error(frame.name, "broken modality LUT"):
            level[:] = apply_modality_lut(stored, image.header)
    else:
        with np.errstate(over="ignore"):  # said below
            level[:] = stored * frame.slope + frame.intercept  # in 64 bits, rounded once
    if not np.isfinite([level.min(), level.max()]).all():
        raise InputError(f"{frame.name}: its rescaled values are no numbers")
    if padding and padded.any():
        level[padded] = np.nan
        return True
    return False


def _outside_field(stored: np.ndarray, padding: tuple[int, int]) -> np.ndarray:
    """Where a slice is padding. A number that tissue has as well is so only from the corners on:
    what lies outside a field of view, convex as they are, reaches one."""
    outside = (stored >= padding[0]) & (stored <= padding[1])
    inside = stored[~outside]
    if not outside.any() or not (inside < padding[0]).any() or not (inside > padding[1]).any():
        return outside
    from scipy import ndimage  # slow to import, and few series need it

    parts, _ = ndimage.label(outside)
    corners = parts[np.ix_([0, -1], [0, -1])]
    return outside & np.isin(parts, corners)


def _interpolate(volume: np.ndarray, levels: np.ndarray) -> None:
    """Fill levels without a slice, linearly between their neighbours."""
    for below, above in pairwise(levels):
        for level in range(below + 1, above):
            share = np.float32((level - below) / (above - below))
            volume[level] = (1 - share) * volume[below] + share * volume[above]


def _straightened(volume: np.ndarray, stack: Stack) -> tuple[np.ndarray, np.ndarray]:
    """Move each level of a tilted stack to where it was, on a grid wide enough for all.

    Linear interpolation within the level; NaN where there was nothing.
    """
    from scipy import ndimage  # slow to import, and few series are tilted

    moved = np.outer(np.arange(len(volume)), stack.shear[::-1])  # pixels, along rows and columns
    first = np.floor(moved.min(axis=0)).astype(int)
    room = np.ceil(moved.max(axis=0)).astype(int) - first
    straight = np.empty((len(volume), *np.add(volume.shape[1:], room)), dtype=np.float32)
    for level, slice_ in enumerate(volume):
        ndimage.affine_transform(
            slice_, [1, 1], first - moved[level], output=straight[level], order=1, cval=np.nan
        )
    affine = stack.affine.copy()
    affine[:3, 3] += stack.affine[:3, :3] @ [*first[::-1], 0]
    return straight, affine


def _fill_outside(volume: np.ndarray) -> None:
    """Give what lies outside the field of view the least value inside."""
    least = np.fmin.reduce([np.fmin.reduce(level, axis=None) for level in volume])
    if np.isnan(least):
        raise InputError("every pixel is padding")
    for level in volume:
        level[np.isnan(level)] = least
