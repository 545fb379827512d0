"""Back-projection: what the views together say about each voxel (paper, section 2.1)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..geometry.parallel_beam import rotation_table
from ..io.quantization import LEVELS, quantize
from .kernels.backproject import backproject_slab, visible_rows
from .kernels.slabs import for_each_slab, gather_z_slab
from .kernels.transpose import aligned_empty

VIEWS_TOGETHER = 15  # their columns stay in the first-level cache from one voxel to the next
EXACT = 256  # sums of that many whole numbers of 16 bits are exact in float32


def back_project(
    projections: np.ndarray, angles: np.ndarray, depth: int, threads: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Repeat each projection along depth, rotate it back, and combine all views.

    Parameters
    ----------
    projections : (views, detector, z) array.
    angles : (views,) degrees, the same as those projected at.
    depth : length of the y axis of the volume; x is as long as the detector.

    Returns
    -------
    total : (x, y, z) float32, the sum over views, as in the paper. Unscaled.
    bound : (x, y, z) float32, the minimum over views. A maximum along a ray bounds every voxel on
        it, so this bounds the volume from above, up to interpolation: the visual hull in grey.
        A voxel that no view sees takes the maximum of all projections.
    Both lie in memory with x innermost, as in a NIfTI file.

    Raises
    ------
    ValueError : the array is not (views, detector, z), or there are not as many angles.
    """
    _check(projections, angles)
    plan = _Plan(projections, angles, [np.arange(len(angles))], depth, rounding=0)
    volumes = aligned_empty((2, projections.shape[2], depth, projections.shape[1]))

    def work(z_start: int, z_stop: int) -> None:
        plan.walk(z_start, volumes[:, z_start:z_stop])

    for_each_slab(work, projections.shape[2], threads)
    total, bound = volumes.transpose(0, 3, 2, 1)
    return total, bound


def angular_harmonics(
    projections: np.ndarray, angles: np.ndarray, depth: int, order: int
) -> np.ndarray:
    """Back-project the views weighted by cosines of their angles.

    The sums tell in which views a voxel is bright. A view at an angle counts cos(2 k angle), for k
    from 1 to the order: over a quarter circle these cosines and a constant, the plain sum, are a
    complete series. A view adds nothing where it does not see a voxel.

    Parameters
    ----------
    projections, angles, depth : see `back_project`. order : of the last harmonic.

    Returns
    -------
    (order, x, y, z) float32, means over the views, no larger in magnitude than the projections.
    They lie in memory with x innermost, as those of `back_project`.

    Raises
    ------
    ValueError : as `back_project`.
    """
    _check(projections, angles)
    turns = 2 * np.deg2rad(angles)[:, None, None]
    shape = (order, projections.shape[2], depth, projections.shape[1])
    found = np.empty(shape, np.float32).transpose(0, 3, 2, 1)
    for k, harmonic in enumerate(found, start=1):
        weighted = np.float32(np.cos(k * turns) / len(angles)) * projections
        harmonic[:] = back_project(weighted, angles, depth)[0]
    return found


def network_inputs(
    projections: np.ndarray,
    angles: np.ndarray,
    subsets: Sequence[np.ndarray],
    depth: int,
    threads: int = 1,
) -> tuple[np.ndarray, np.ndarray]:
    """Sum and minimum of each subset of the views, each scaled to [0, 1] (paper, section 2.1).

    Parameters
    ----------
    projections, angles, subsets, depth, threads : see `network_input_slabs`.

    Returns
    -------
    sums, minima : (subsets, x, y, z) uint16; 65,535 stands for 1. They lie in memory with x
        innermost, as in a NIfTI file.

    Raises
    ------
    ValueError : as `back_project`.
    """
    shape = (2 * len(subsets), projections.shape[-1], depth, projections.shape[1])
    volumes = np.empty(shape, dtype=np.uint16)

    def receive(z_start: int, codes: np.ndarray) -> None:
        volumes[:, z_start : z_start + codes.shape[1]] = codes

    network_input_slabs(projections, angles, subsets, depth, receive, threads)
    volumes = volumes.transpose(0, 3, 2, 1)
    return volumes[0::2], volumes[1::2]


def network_input_slabs(
    projections: np.ndarray,
    angles: np.ndarray,
    subsets: Sequence[np.ndarray],
    depth: int,
    receive: Callable[[int, np.ndarray], None],
    threads: int = 1,
) -> None:
    """As `network_inputs`, handed on slab by slab: all volumes at 384^3 take 1.6 GB.

    All subsets in one walk: each view is read once, and what subsets share is summed once. A
    view's value at a voxel is rounded to one of the 65,536 codes of the acquisition's range (of
    more than 256 views, to fewer), which is what makes sums exact: neither the other
    subsets nor the number of threads change a bit of a result.

    Parameters
    ----------
    projections : the whole acquisition, (views, detector, z); uint16 is taken for `codes`.
    angles : (views,) degrees. subsets : of each, the indices of its views.
    depth, threads : see `back_project`.
    receive : called once for each slab, in any order and by several threads at once, with its
        first level and with codes (volumes, levels, y, x) uint16, of which 65,535 stands for 1.
        Volumes are sum and minimum of the first subset, of the second, and so on. A view's value
        errs by half a code of the acquisition's range at most, the scaled volume by half a code
        of its own range beside that. A constant added to the intensities changes nothing.

    Raises
    ------
    ValueError : as `back_project`.
    """
    _check(projections, angles)
    # ASSUME: a view adds nothing where it does not see a voxel, and nothing is the darkest value of
    # the whole acquisition: air at -1000 HU must not make what few views see the brightest.
    codes = quantize(projections).codes
    num_columns, num_levels = codes.shape[1:]
    step = 2 ** max(0, int(np.ceil(np.log2(len(angles) / EXACT))))
    plan = _Plan(codes, angles, subsets, depth, rounding=1.5 * 2**23 * step)
    # Walked twice, for the extremes and then to write: all volumes in 32 bits would take 3 GB.
    extremes = []
    for_each_slab(lambda start, _: extremes.append(plan.walk(start)), num_levels, threads)
    # ASSUME: "standardized to values between 0 and 1" is the minimum and maximum of each volume.
    low = np.min([slab[0] for slab in extremes], axis=0)
    high = np.max([slab[1] for slab in extremes], axis=0)
    scale = np.divide(np.float32(LEVELS), high - low, out=np.zeros_like(low), where=high > low)

    def work(z_start: int, z_stop: int) -> None:
        shape = (2 * len(subsets), z_stop - z_start, depth, num_columns)
        slab = aligned_empty(shape, np.uint16)
        plan.walk(z_start, slab, coded=(low, scale))
        receive(z_start, slab)

    for_each_slab(work, num_levels, threads)


class _Plan:
    """Which views are read in which order, and what of them makes up each subset.

    Views that belong to the same subsets stand together, as one or more groups.
    """

    def __init__(self, projections, angles, subsets, depth, rounding) -> None:
        self.depth = depth
        member = np.array([np.isin(np.arange(len(angles)), subset) for subset in subsets])
        kinds = [tuple(column) for column in member.T]
        order = sorted(np.flatnonzero(member.any(axis=0)), key=lambda view: kinds[view])
        starts = [0]
        for place in range(1, len(order)):
            other_kind = kinds[order[place]] != kinds[order[place - 1]]
            if other_kind or place - starts[-1] == VIEWS_TOGETHER:
                starts.append(place)
        self.member = member[:, [order[start] for start in starts]]
        self.starts = np.array([*starts, len(order)])
        self.projections = projections[order]
        self.table = rotation_table(np.asarray(angles)[order])
        self.visible = visible_rows(self.table, projections.shape[1], depth)
        self.unseen = np.array([projections[s].max() for s in subsets], dtype=np.float32)
        self.rounding = np.float32(rounding)

    def walk(self, z_start, written=None, coded=None) -> tuple[np.ndarray, np.ndarray]:
        """Go through the slab from a level on; returns extremes of the volumes, (volumes,) each."""
        slab = gather_z_slab(self.projections, z_start)
        views, groups = (self.table, self.visible), (self.starts, self.member)
        arguments = (self.depth, self.rounding, self.unseen, written, coded)
        least, largest = backproject_slab(slab, views, groups, *arguments)
        return least.min(axis=1), largest.max(axis=1)


def _check(projections: np.ndarray, angles: np.ndarray) -> None:
    if projections.ndim != 3 or not projections.size:
        raise ValueError(f"expected projections (views, detector, z), not {projections.shape}")
    if len(projections) != len(angles):
        raise ValueError(f"{len(projections)} projections but {len(angles)} angles")
