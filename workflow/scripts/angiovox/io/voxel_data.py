"""Voxels of a file, raw or packed, exactly as many as its header declares."""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from ..errors import InputError
from .voxel_header import GZIP, RAW, ZLIB, Header

CHUNK = 1 << 20  # bytes that are read and converted at once
DAMAGED = (EOFError, gzip.BadGzipFile, zlib.error)


def read(header: Header) -> np.ndarray:
    """Values in the order of the header's axes, float32; a packed stream is read to its checksum.

    Beside the result it holds a few chunks, whatever the file unpacks to.

    Raises InputError for more or fewer voxels than declared, damaged ones, and too little memory.
    """
    header.check_size()
    try:
        values = np.empty(header.num_voxels, dtype=np.float32)
    except MemoryError:
        raise InputError(
            f"{header.name}: its {header.num_voxels} voxels do not fit in the memory"
        ) from None
    with open(header.data, "rb") as file:
        file.seek(*((-header.num_bytes, os.SEEK_END) if header.at_end else (header.start,)))
        try:
            filled = _fill(values, _chunks(file, header), header)
        except DAMAGED:
            raise InputError(
                f"{header.name}: broken, its packed voxels are damaged or cut short"
            ) from None
    if filled != len(values):
        more = "more" if filled > len(values) else "fewer"
        raise InputError(f"{header.name}: broken, {more} voxels in the file than declared")
    return values.reshape(header.shape, order="F")


def _fill(values: np.ndarray, chunks: Iterator[bytes], header: Header) -> int:
    """Convert chunks to values; how many there are, or one too many once there are more."""
    dtype, skip, filled, rest = np.dtype(header.number), header.skip, 0, b""
    for chunk in chunks:
        skipped = min(skip, len(chunk))
        skip -= skipped
        rest += chunk[skipped:]
        whole = len(rest) - len(rest) % dtype.itemsize
        found = np.frombuffer(rest[:whole], dtype)
        rest = rest[whole:]
        if filled + len(found) + bool(rest) > len(values):
            return len(values) + 1
        values[filled : filled + len(found)] = _rescaled(found, header)
        filled += len(found)
    return filled


def _rescaled(stored: np.ndarray, header: Header) -> np.ndarray:
    """Computed in 64 bits and rounded once; what is too large becomes infinite."""
    with np.errstate(over="ignore", invalid="ignore"):
        if (header.slope, header.intercept) != (1, 0):
            stored = stored * np.float64(header.slope) + header.intercept
        return stored.astype(np.float32)


def _chunks(file: BinaryIO, header: Header) -> Iterator[bytes]:
    """The unpacked stream from a place in a file on.

    Raises one of `DAMAGED`.
    """
    if header.packing == RAW:
        yield from iter(lambda: file.read(CHUNK), b"")
    elif header.packing == GZIP:
        with gzip.GzipFile(fileobj=file) as unpacked:
            yield from iter(lambda: unpacked.read(CHUNK), b"")
    else:
        assert header.packing == ZLIB
        yield from _inflated(file)


def _inflated(file: BinaryIO) -> Iterator[bytes]:
    inflating = zlib.decompressobj()
    while not inflating.eof:
        packed = inflating.unconsumed_tail or file.read(CHUNK)
        unpacked = inflating.decompress(packed, CHUNK)
        if not (packed or unpacked or inflating.eof):
            raise EOFError
        yield unpacked
