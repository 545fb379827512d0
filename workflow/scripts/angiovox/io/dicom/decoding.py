"""Stored numbers of frames, plain or compressed, in this process or in one of its own."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pydicom
from pydicom import uid
from pydicom.dataset import Dataset, FileDataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.pixels import iter_pixels

from ...errors import InputError
from .codes import coded_size
from .elements import as_input_error
from .images import Image

PIXELS = [
    "Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation", "NumberOfFrames",
    "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "PixelData",
]  # fmt: skip
SIZED_BY_HEADER = (uid.RLELossless,)
TWELVE_BITS = (uid.JPEGExtended12Bit,)  # pylibjpeg gives up on them; GDCM reads them
SCRIPTS = str(Path(__file__).parents[3])
SERVER = "from angiovox.io.dicom import decoding; decoding.serve()"


def stored_numbers(image: Image, numbers: Sequence[int]) -> Iterator[np.ndarray]:
    """Stored numbers (rows, columns) of frames of one file, one after the other.

    Raises InputError for pixels that are broken or of another size than declared.
    """
    with as_input_error(image.name, "broken slice, its pixels cannot be decoded"):
        for stored in _decoded(image, numbers):
            if stored.shape != image.size:
                raise InputError(
                    f"{image.name}: {stored.shape} pixels decoded, {image.size} declared"
                )
            yield _without_other_bits(stored, image)


def _decoded(image: Image, numbers: Sequence[int]) -> Iterable[np.ndarray]:
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


def check_codes(image: Image) -> None:
    """Refuse compressed frames of another size than the header's: decoders take the memory that
    they ask for, and pixels in rows of another length."""
    if not image.syntax.is_encapsulated:
        return
    with as_input_error(image.name, "broken slice, its pixels cannot be decoded"):
        pixels = _with_pixels(image).PixelData
        for code in generate_frames(pixels, number_of_frames=image.num_frames):
            size = coded_size(code)
            if size not in (None, image.size):
                raise InputError(f"{image.name}: {size} pixels compressed, {image.size} declared")
            if size is None and image.syntax not in SIZED_BY_HEADER:
                raise InputError(f"{image.name}: broken slice, its code does not say its size")


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


def stored_elsewhere(
    wanted: Sequence[tuple[Image, Sequence[int]]],
) -> Iterator[np.ndarray]:
    """`stored_numbers` of several files, decoded in a process of its own.

    Decoders of JPEG 2000 hold Python's lock: threads would wait for each other.
    """
    plain = [(replace(image, header=Dataset()), numbers) for image, numbers in wanted]
    paths = os.pathsep.join(filter(None, [SCRIPTS, os.environ.get("PYTHONPATH")]))
    command = [sys.executable, "-c", SERVER]
    environment = os.environ | {"PYTHONPATH": paths}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
    ) as process:
        try:
            pickle.dump(plain, process.stdin)
            process.stdin.close()
            for image, numbers in plain:
                for _ in numbers:
                    yield _received(process, image)
        finally:
            process.kill()


def _received(process: subprocess.Popen, image: Image) -> np.ndarray:
    try:
        answer = pickle.load(process.stdout)
    except (EOFError, pickle.UnpicklingError):
        raise InputError(f"{image.name}: broken slice, its decoder ended its process") from None
    if isinstance(answer, str):
        raise InputError(answer)
    return answer


def serve() -> None:
    """Decode what standard input asks for, and write frames, or what is wrong with one, to standard
    output."""
    answers = sys.stdout.buffer
    sys.stdout = sys.stderr  # what a decoder prints is no answer
    try:
        for image, numbers in pickle.load(sys.stdin.buffer):
            for stored in stored_numbers(image, numbers):
                pickle.dump(stored, answers)
            answers.flush()
    except InputError as error:
        pickle.dump(str(error), answers)
