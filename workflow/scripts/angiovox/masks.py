"""Otsu masks and whether they can be vessels (paper, section 2.1)."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from skimage.filters import threshold_otsu

from .compiled import njit
from .errors import InputError

BINS = 256  # of the histogram, scikit-image's own number


@dataclass(frozen=True)
class Limits:
    """What a vessel mask may look like; outside them it is called implausible."""

    min_fraction: float
    max_fraction: float
    min_largest_component: float


@dataclass(frozen=True)
class Quality:
    """Figures of one mask; `reason` is empty for a plausible one."""

    threshold: float
    fraction: float
    components: int
    largest_component: float
    plausible: bool
    reason: str

    def as_dict(self) -> dict:
        return asdict(self)


def otsu_mask(volume: np.ndarray) -> tuple[np.ndarray, float]:
    """Binary mask (x, y, z) above Otsu's threshold of the whole volume, and that threshold.

    volume : of any kind of number. Whole numbers that stand for intensities, such as a file's 16
    bits, give the mask of the intensities, and the threshold in their own units.

    Raises InputError for a volume with NaN or infinity, or of one value.
    """
    low, high = volume.min(), volume.max()
    if not np.isfinite([low, high]).all():  # NaN, where there is one, is both
        bad = int(np.count_nonzero(~np.isfinite(volume)))
        raise InputError(f"{bad} of {volume.size} voxels are NaN or infinite")
    if low == high:
        raise InputError(f"every voxel has the value {float(low):g}: nothing to segment")
    edges = np.histogram_bin_edges(np.array([low, high], dtype=volume.dtype), BINS)
    centres = (edges[:-1] + edges[1:]) / 2
    # ASSUME: Otsu's threshold is scikit-image's; the paper credits scikit-learn, which has none.
    counts = _counts(volume.ravel(order="K"), edges)  # a view of whatever lies in one piece
    threshold = float(threshold_otsu(hist=(counts, centres)))
    return volume > threshold, threshold


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
    """Foreground fraction and components of a mask, and whether they are plausible for vessels.

    Voxels that touch at a face, an edge or a corner are of one component.
    """
    # What touches does so however the axes are called: no copy of a file's order is needed.
    sizes = _component_sizes(np.ascontiguousarray(mask.T if mask.flags.f_contiguous else mask))
    voxels = int(sizes.sum())
    largest = int(sizes.max()) / voxels if voxels else 0.0
    fraction = voxels / mask.size
    reason = _implausible(fraction, largest, limits)
    return Quality(threshold, fraction, len(sizes), largest, not reason, reason)


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


def _implausible(fraction: float, largest: float, limits: Limits) -> str:
    if fraction > limits.max_fraction:
        return f"foreground {fraction:.1%} is above {limits.max_fraction:.1%}: air, bone or tissue"
    if fraction < limits.min_fraction:
        return f"foreground {fraction:.3%} is below {limits.min_fraction:.3%}: hardly any vessel"
    if largest < limits.min_largest_component:
        return f"largest component holds {largest:.0%} of the mask: scattered, perhaps noise"
    return ""
