"""How much of each voxel is artery, by 64 sample points in it."""

from __future__ import annotations

import numpy as np

from ..projectors.kernels.jit import njit
from .graph import Arteries

SUBDIVISIONS = 4  # per edge: 4 x 4 x 4 sample points are the 64 bits of a word


def occupancy(
    arteries: Arteries, shape: tuple[int, int, int], voxel_size: float
) -> tuple[np.ndarray, np.ndarray]:
    """Share of each voxel that is artery, and the contrast of what is in it.

    Each voxel holds 64 sample points, so that arteries thinner than a voxel and arteries that
    touch are counted as what they are; the share is a multiple of 1/64.

    Parameters
    ----------
    shape : (x, y, z) of the grid, centred on the isocentre.
    voxel_size : mm.

    Returns
    -------
    share, contrast : float32 in [0, 1]; contrast is the largest of the arteries that may touch the
        voxel, and 0 where none is within half its diagonal.

    Raises
    ------
    ValueError : a voxel size or a radius that is not positive.
    """
    if not voxel_size > 0:
        raise ValueError(f"voxel size {voxel_size} mm: must be above 0")
    if len(arteries.radii) and not arteries.radii.min() > 0:
        raise ValueError(f"radius {arteries.radii.min()} mm: must be above 0")
    samples = np.zeros(shape, dtype=np.uint64)
    contrast = np.zeros(shape, dtype=np.float32)
    points = arteries.points / voxel_size + (np.asarray(shape) - 1) / 2
    radii = arteries.radii / voxel_size
    _paint(samples, contrast, points, radii, arteries.contrast, arteries.segments)
    count = np.bitwise_count(samples)
    del samples  # two volumes' worth
    share = count.astype(np.float32)
    share /= SUBDIVISIONS**3
    return share, contrast


@njit(nogil=True, cache=True)
def _nearest(x, y, z, start, along, length2):
    """Where on the segment, in [0, 1], a place is nearest to, and how far from it."""
    dx, dy, dz = x - start[0], y - start[1], z - start[2]
    t = 0.0
    if length2 > 0:
        t = (dx * along[0] + dy * along[1] + dz * along[2]) / length2
        t = min(1.0, max(0.0, t))
    dx, dy, dz = dx - t * along[0], dy - t * along[1], dz - t * along[2]
    return t, np.sqrt(dx * dx + dy * dy + dz * dz)


@njit(nogil=True, cache=True)
def _paint(samples, contrast, points, radii, strength, segments):
    half_diagonal = np.sqrt(3.0) / 2
    offsets = (np.arange(SUBDIVISIONS) + 0.5) / SUBDIVISIONS - 0.5
    low, high = np.empty(3, np.int64), np.empty(3, np.int64)
    for i in range(len(segments)):
        a, b = segments[i]
        start, along = points[a], points[b] - points[a]
        length2 = np.dot(along, along)
        reach = max(radii[a], radii[b]) + half_diagonal
        for k in range(3):
            low[k] = max(0, int(np.ceil(min(points[a, k], points[b, k]) - reach)))
            high[k] = min(
                samples.shape[k], int(np.floor(max(points[a, k], points[b, k]) + reach)) + 1
            )
        slope = radii[b] - radii[a]
        for x in range(low[0], high[0]):
            for y in range(low[1], high[1]):
                for z in range(low[2], high[2]):
                    t, gap = _nearest(x, y, z, start, along, length2)
                    if gap > reach:
                        continue
                    own = np.float32(strength[a] + t * (strength[b] - strength[a]))
                    contrast[x, y, z] = max(contrast[x, y, z], own)
                    if gap + half_diagonal <= min(radii[a], radii[b]):
                        samples[x, y, z] = np.uint64(0xFFFFFFFFFFFFFFFF)
                        continue
                    bits, bit = np.uint64(0), np.uint64(1)
                    for u in offsets:
                        for v in offsets:
                            for w in offsets:
                                t, gap = _nearest(x + u, y + v, z + w, start, along, length2)
                                if gap <= radii[a] + t * slope:
                                    bits |= bit
                                bit <<= np.uint64(1)
                    samples[x, y, z] |= bits
