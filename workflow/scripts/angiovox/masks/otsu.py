"""Otsu masks and whether they can be vessels (paper, section 2.1)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from skimage.filters import threshold_multiotsu, threshold_otsu

from ..errors import InputError
from ..io.quantization import QuantizedVolume, chunks
from ..projectors.kernels.jit import njit

BINS = 256  # of the histogram, scikit-image's own number


@dataclass(frozen=True)
class Limits:
    """What a vessel mask may look like; outside them it is called implausible."""

    min_fraction: float
    max_fraction: float
    min_largest_component: float
    max_border: float


@dataclass(frozen=True)
class Quality:
    """Figures of one mask; `reason` is empty for a plausible one.

    largest_component, border : shares of the mask's voxels, in the largest component and on the
    outermost layer of the volume.
    """

    threshold: float
    fraction: float
    components: int
    largest_component: float
    border: float
    plausible: bool
    reason: str

    def as_dict(self) -> dict:
        return asdict(self)


def otsu_mask(
    volume: np.ndarray | QuantizedVolume, window: Sequence[float] | None = None, classes: int = 2
) -> tuple[np.ndarray, float]:
    """Binary mask (x, y, z) above Otsu's threshold, the highest of several, and that threshold.

    volume : of any kind of number, or a file's codes, which give the mask of what they stand for.
    window : lowest and highest value that may be vessel or what surrounds it, for example neither
    air nor bone; voxels outside have no part in the threshold and are not in the mask.
    classes : that voxels are told apart into, of which the brightest is vessel.
    Window and threshold are in the volume's own units.

    Raises InputError for a volume with NaN or infinity, or of one value, or of fewer than there are
    classes, and for a window without a voxel.
    """
    given = volume if isinstance(volume, QuantizedVolume) else QuantizedVolume(volume, slope=1.0)
    codes = given.codes
    limits = None if window is None else [given.code_of(value) for value in window]
    low, high = _extremes(given, window, limits)
    edges = np.histogram_bin_edges(np.array([low, high], dtype=codes.dtype), BINS)
    counts = sum(_counts(part, edges) for part in _within(codes, limits))
    threshold = _threshold(counts, (edges[:-1] + edges[1:]) / 2, classes)
    mask = codes > threshold
    if limits is not None:
        mask &= codes <= limits[1]
    return mask, given.dequantized(threshold)


def _extremes(
    volume: QuantizedVolume, window: Sequence[float] | None, limits: Sequence[float] | None
) -> tuple[np.number, np.number]:
    """Lowest and highest code within a window, whose limits in codes are given too."""
    low, high = volume.codes.min(), volume.codes.max()
    if not np.isfinite([low, high]).all():  # NaN, where there is one, is both
        bad = int(np.count_nonzero(~np.isfinite(volume.codes)))
        raise InputError(f"{bad} of {volume.codes.size} voxels are NaN or infinite")
    where = "every voxel"
    if window is not None:
        where = f"masks.window: [{window[0]:g}, {window[1]:g}]: every voxel within"
        held = [(part.min(), part.max()) for part in _within(volume.codes, limits) if part.size]
        if not held:
            least, most = (volume.dequantized(float(code)) for code in (low, high))
            raise InputError(
                f"masks.window: [{window[0]:g}, {window[1]:g}]: no voxel lies within; the volume "
                f"goes from {least:g} to {most:g}"
            )
        low, high = min(part[0] for part in held), max(part[1] for part in held)
    if low == high:
        value = volume.dequantized(float(low))
        raise InputError(f"{where} has the value {value:g}: nothing to segment")
    return low, high


def _within(codes: np.ndarray, limits: Sequence[float] | None) -> Iterable[np.ndarray]:
    """The volume's values, or those from the lower to the upper limit, in pieces."""
    if limits is None:
        return [codes.ravel(order="K")]  # a view of whatever lies in one piece
    low, high = limits
    return (part[(part >= low) & (part <= high)] for part in chunks(codes))


def _threshold(counts: np.ndarray, centres: np.ndarray, classes: int) -> float:
    # ASSUME: Otsu's threshold is scikit-image's; the paper credits scikit-learn, which has none.
    if classes == 2:
        return float(threshold_otsu(hist=(counts, centres)))
    filled = int(np.count_nonzero(counts))
    if filled < classes:
        raise InputError(f"masks.classes: {classes} cannot be told apart in {filled} intensities")
    return float(threshold_multiotsu(classes=classes, hist=(counts, centres))[-1])


@njit(nogil=True, cache=True)
def _counts(values, edges):
    """`np.histogram` of values within the edges, without its copies of them."""
    counts = np.zeros(len(edges) - 1, dtype=np.int64)
    last = len(counts) - 1
    low = np.float64(edges[0])
    per_bin = len(counts) / (np.float64(edges[-1]) - low)
    for value in values:
        number = min(int((value - low) * per_bin), last)
        if value < edges[number]:
            number -= 1
        elif number < last and value >= edges[number + 1]:
            number += 1
        counts[number] += 1
    return counts


def assess(mask: np.ndarray, threshold: float, limits: Limits) -> Quality:
    """Foreground fraction, components and border of a mask, and whether they can be vessels'.

    Voxels that touch at a face, an edge or a corner are of one component.
    """
    # What touches does so however the axes are called: no copy of a file's order is needed.
    sizes = _component_sizes(np.ascontiguousarray(mask.T if mask.flags.f_contiguous else mask))
    voxels = int(sizes.sum())
    largest = int(sizes.max()) / voxels if voxels else 0.0
    border = _on_border(mask) / voxels if voxels else 0.0
    fraction = voxels / mask.size
    reason = _implausible(fraction, largest, border, limits)
    return Quality(threshold, fraction, len(sizes), largest, border, not reason, reason)


def _on_border(mask: np.ndarray) -> int:
    """Voxels of the mask on the outermost layer: both ends of an axis go, then of the next."""
    count = 0
    for _ in range(mask.ndim):
        count += int(np.count_nonzero(mask[:1]) + np.count_nonzero(mask[1:][-1:]))
        mask = np.moveaxis(mask[1:-1], 0, -1)
    return count


@njit(nogil=True, cache=True)
def _component_sizes(mask):
    """Voxels of each component, by runs along the last axis: a label per run and not per voxel."""
    first, start, stop = _runs(mask)
    above = np.arange(len(start))  # the tree of runs that touch; a root is above itself
    nx, ny, _ = mask.shape
    for x in range(nx):
        for y in range(ny):
            for u, v in ((x - 1, y - 1), (x - 1, y), (x - 1, y + 1), (x, y - 1)):
                if u >= 0 and 0 <= v < ny:
                    here, there = x * ny + y, u * ny + v
                    i, j = first[here], first[there]
                    while i < first[here + 1] and j < first[there + 1]:
                        if start[i] <= stop[j] and start[j] <= stop[i]:
                            above[_root(above, i)] = _root(above, j)
                        if stop[i] < stop[j]:
                            i += 1
                        else:
                            j += 1
    sizes = np.zeros(len(start), dtype=np.int64)
    for run in range(len(start)):
        sizes[_root(above, run)] += stop[run] - start[run]
    return sizes[sizes > 0]


@njit(nogil=True, cache=True)
def _runs(mask):
    """Where the runs of each line of the last axis start and stop; `first` of each line."""
    nx, ny, nz = mask.shape
    lines = mask.reshape(nx * ny, nz)
    first = np.zeros(nx * ny + 1, dtype=np.int64)
    for line in range(nx * ny):
        before, count = False, 0
        for value in lines[line]:
            count += value and not before
            before = value
        first[line + 1] = first[line] + count
    start, stop = np.empty(first[-1], dtype=np.int32), np.empty(first[-1], dtype=np.int32)
    for line in range(nx * ny):
        z = 0
        for run in range(first[line], first[line + 1]):
            while not lines[line, z]:
                z += 1
            start[run] = z
            while z < nz and lines[line, z]:
                z += 1
            stop[run] = z
    return first, start, stop


@njit(nogil=True, cache=True)
def _root(above, run):
    while above[run] != run:
        above[run] = above[above[run]]
        run = above[run]
    return run


def _implausible(fraction: float, largest: float, border: float, limits: Limits) -> str:
    if fraction > limits.max_fraction:
        return f"foreground {fraction:.1%} is above {limits.max_fraction:.1%}: air, bone or tissue"
    if fraction < limits.min_fraction:
        return f"foreground {fraction:.3%} is below {limits.min_fraction:.3%}: hardly any vessel"
    if largest < limits.min_largest_component:
        return f"largest component holds {largest:.0%} of all: scattered, perhaps noise"
    if border > limits.max_border:
        return f"border holds {border:.0%} of the mask, above {limits.max_border:.0%}: field's edge"
    return ""
