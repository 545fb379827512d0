"""Pixels of a stack to a volume: decoded in parallel, in real values, on a straight grid."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, pairwise, starmap

import numpy as np
from pydicom import uid
from pydicom.pixels import apply_modality_lut

from ...errors import InputError
from .decoding import check_codes, stored_elsewhere, stored_numbers
from .elements import as_input_error
from .images import Frame, Image
from .slice_stack import Stack

JPEG_2000 = (uid.JPEG2000Lossless, uid.JPEG2000, uid.HTJ2K, uid.HTJ2KLossless)
WORTH_A_PROCESS = 2**22  # pixels, which take as long to decode as a process to start


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

    elsewhere = threads > 1 and _holds_lock(frames_of, volume.size)
    shares = [parts[k::threads] for k in range(threads)] if elsewhere else [[p] for p in parts]

    def read(share: list[list[Frame]]) -> bool:
        wanted = [(frames[0].image, [frame.number for frame in frames]) for frames in share]
        of_each = stored_elsewhere(wanted) if elsewhere else chain(*starmap(stored_numbers, wanted))
        padded = False
        for frame, stored in zip(chain(*share), of_each, strict=True):
            padded |= _fill(volume[level_of[frame]], stored, frame)
        return padded

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(check_codes, frames_of))
        padded = any([*pool.map(read, shares)])
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


def _holds_lock(images: Iterable[Image], pixels: int) -> bool:
    """Whether pixels are many, and of a decoder that threads cannot share."""
    slow = all(image.syntax in JPEG_2000 for image in images)
    return slow and pixels >= WORTH_A_PROCESS


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
