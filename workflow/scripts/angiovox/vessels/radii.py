"""Radii along centrelines of masks, from rays across the artery.

After rayburst sampling (Rodriguez et al. 2006, Nat Protoc 1:2152), with two changes. A ring of rays
gives the area of the cross-section, which needs no centre: the mean square of the rays' lengths is
the squared radius of a circle from any point within. And points of a line agree with neighbours.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.spatial import KDTree

from ..projectors.kernels.jit import njit

RAYS = 16  # of a ring
STEP = 0.25  # voxels, along a ray
SMOOTHING = 2  # times: each takes the mean of a point and those it touches
RINGS = 2  # the second around the middle of the first
SURFACE, INSIDE = 0.5, 0.55  # of a point's surroundings is artery: rays end there, begin there
LONGEST = 3.0  # of the ring's median: what is longer looks along a branch
# A fork makes some rings too wide and none too narrow, so less than the median is taken.
NEIGHBOURHOOD, QUANTILE = 7, 0.45  # steps along the line; near ones weigh more
MOST_NEIGHBOURS = 32  # the nearest come first; a fork of three has 22
# Rings that a fork, a contact or a tilt deforms are uneven, and weigh less. Unevenness is measured
# by the geometric mean of the radius and a voxel: by the voxel alone a thin branch's rings would
# outweigh its trunk's at a fork, by the radius alone the trunk's those of the branch.
EVEN = 0.2  # a ring as uneven as this has half the weight of a circle
# What the squared radius lacks, in voxels². A surface half way between voxel centres cuts off four
# corners more than it fills in around any cross-section: 2 log 2 - 1 of its area. And voxels at
# least half full of a tube are those within one narrower by 1 / (24 radius): 1 / 12 of the square.
LOST = (2 * np.log(2) - 1) / np.pi + 1 / 12


def radii(mask: np.ndarray, line: np.ndarray, voxel_mm: np.ndarray) -> np.ndarray:
    """Radius in mm of a mask at the voxels of its centreline.

    Right to 0.05 voxels on average over straight tubes of 1 to 6 voxels' radius. A mask wider than
    the artery, as Otsu's is around a thick one, has the radius of the mask; and so has a tube along
    the grid, whose place decides how many voxels it gets.

    Parameters
    ----------
    mask : (x, y, z) bool; beyond the grid is background.
    line : (n, 3) indices of voxels of the mask (`skeleton.centreline`).
    voxel_mm : (3,) edges of a voxel.

    Returns
    -------
    (n,) mm, positive.
    """
    if not len(line):
        return np.zeros(0)
    voxel_mm = np.asarray(voxel_mm, dtype=np.float64)
    voxels = np.ascontiguousarray(mask).view(np.uint8)
    joined = _joined(line)
    points = line * voxel_mm
    for _ in range(RINGS):
        starts, across = _cross_sections(points, joined)
        points, area, variance = _rings(voxels, starts, line, across, voxel_mm)
    edge = np.prod(voxel_mm) ** (1 / 3)
    weights = 1 / (EVEN**2 + variance / (edge * np.sqrt(area)))
    squared = _quantiles(joined.indptr, joined.indices, area, weights)
    return np.sqrt(squared + LOST * edge**2)


def _joined(line: np.ndarray) -> sparse.csr_array:
    """(n, n) 1 where two points touch (26 neighbours), and on the diagonal."""
    first, second = KDTree(line).query_pairs(1, p=np.inf, output_type="ndarray").T
    own = np.arange(len(line))
    rows, columns = np.concatenate([own, first, second]), np.concatenate([own, second, first])
    return sparse.coo_array((np.ones(len(rows)), (rows, columns))).tocsr()


def _cross_sections(points: np.ndarray, joined: sparse.csr_array) -> tuple[np.ndarray, np.ndarray]:
    """Points (n, 3) of a smoothed line, and two unit vectors (n, 2, 3) across it.

    A point is the mean of those around it, near ones weighted more; the line runs along their
    first principal axis.
    """
    weights = sparse.diags_array(1 / joined.sum(axis=1)) @ joined
    products = points[:, :, None] * points[:, None]
    moments = np.concatenate([points, products.reshape(-1, 9)], axis=1)
    for _ in range(SMOOTHING):
        moments = weights @ moments
    means = moments[:, :3]
    spread = moments[:, 3:].reshape(-1, 3, 3) - means[:, :, None] * means[:, None]
    tangents = np.linalg.eigh(spread)[1][:, :, 2]
    # Rounded, so that rounding decides nothing where two axes lie alike.
    flattest = np.eye(3)[np.argmin(np.abs(tangents).round(6), axis=1)]
    first = np.cross(tangents, flattest)
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    return means, np.stack([first, np.cross(tangents, first)], axis=1)


def _rings(
    voxels: np.ndarray,
    starts: np.ndarray,
    line: np.ndarray,
    across: np.ndarray,
    voxel_mm: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Middle in mm (n, 3), squared radius and variance of the rays in mm² (n,) of cross-sections.

    Rays start at a point, or at the voxel of the line where smoothing led to the mask's surface.
    """
    turns = 2 * np.pi * np.arange(RAYS) / RAYS
    circle = np.stack([np.cos(turns), np.sin(turns)], axis=1)
    starts = np.ascontiguousarray(starts / voxel_mm)
    astray = _occupied(voxels, starts) < INSIDE
    starts[astray] = line[astray]
    lengths = _rays(voxels, starts, across / voxel_mm, circle, STEP * np.min(voxel_mm))
    lengths = np.minimum(lengths, LONGEST * np.median(lengths, axis=1, keepdims=True))
    squared = np.mean(lengths**2, axis=1)
    # Of the sectors of a ring: a third of the cubes and half of the squares.
    shift = 2 / 3 * (lengths**3 @ circle) / RAYS / squared[:, None]
    middles = starts * voxel_mm + np.einsum("nk,nkd->nd", shift, across)
    return middles, squared, np.var(lengths, axis=1)


@njit(nogil=True, cache=True)
def _rays(voxels, starts, across, circle, step):
    """Length in mm of each ray (n, rays) until less than half is artery.

    starts : (n, 3) voxels. across : (n, 2, 3) voxels per mm. circle : (rays, 2). step : mm.
    """
    lengths = np.empty((len(starts), len(circle)))
    for i in range(len(starts)):
        x, y, z = starts[i, 0], starts[i, 1], starts[i, 2]
        first = _interpolated(voxels, x, y, z)
        for ray in range(len(circle)):
            u, v = circle[ray, 0], circle[ray, 1]
            dx = u * across[i, 0, 0] + v * across[i, 1, 0]
            dy = u * across[i, 0, 1] + v * across[i, 1, 1]
            dz = u * across[i, 0, 2] + v * across[i, 1, 2]
            length, before, now = 0.0, first, first
            while now >= SURFACE:
                length, before = length + step, now
                now = _interpolated(voxels, x + length * dx, y + length * dy, z + length * dz)
            lengths[i, ray] = length - step * (SURFACE - now) / (before - now)
    return lengths


@njit(nogil=True, cache=True)
def _occupied(voxels, points):
    values = np.empty(len(points))
    for i in range(len(points)):
        values[i] = _interpolated(voxels, points[i, 0], points[i, 1], points[i, 2])
    return values


@njit(nogil=True, cache=True)
def _interpolated(voxels, x, y, z):
    """Trilinear value at a point in voxels; 0 beyond the grid."""
    left, front, below = int(np.floor(x)), int(np.floor(y)), int(np.floor(z))
    total = 0.0
    for i in range(left, left + 2):
        for j in range(front, front + 2):
            for k in range(below, below + 2):
                inside = 0 <= i < voxels.shape[0] and 0 <= j < voxels.shape[1]
                if inside and 0 <= k < voxels.shape[2] and voxels[i, j, k]:
                    total += (1 - abs(x - i)) * (1 - abs(y - j)) * (1 - abs(z - k))
    return total


@njit(nogil=True, cache=True)
def _quantiles(starts, neighbours, values, weights):
    """A weighted quantile of each point's values within some steps along the line.

    starts, neighbours : rows of a sparse matrix (`_joined`). weights : positive; here they
    fall with each step, to none beyond the neighbourhood.
    """
    results = np.empty_like(values)
    near = np.empty(MOST_NEIGHBOURS, dtype=np.int64)
    steps = np.empty(MOST_NEIGHBOURS, dtype=np.int64)
    ascending = np.empty(MOST_NEIGHBOURS)
    shares = np.empty(MOST_NEIGHBOURS)
    for point in range(len(values)):
        count = _near(point, starts, neighbours, near, steps)
        total = 0.0
        for number in range(count):
            # Inserted by hand: numba takes a second longer to compile a sort.
            value, place = values[near[number]], number
            while place > 0 and ascending[place - 1] > value:
                ascending[place], shares[place] = ascending[place - 1], shares[place - 1]
                place -= 1
            ascending[place] = value
            shares[place] = weights[near[number]] * (NEIGHBOURHOOD + 1 - steps[number])
            total += shares[place]
        place, below = 0, shares[0]
        while below < QUANTILE * total:
            place += 1
            below += shares[place]
        results[point] = ascending[place]
    return results


@njit(nogil=True, cache=True)
def _near(point, starts, neighbours, near, steps):
    """Fill in the points within some steps of one, nearest first; returns how many they are."""
    near[0], steps[0] = point, 0
    begin, count = 0, 1
    for step in range(1, NEIGHBOURHOOD + 1):
        end = count
        for place in range(begin, end):
            for edge in range(starts[near[place]], starts[near[place] + 1]):
                known = count == len(near)
                for other in range(count):
                    known |= near[other] == neighbours[edge]
                if not known:
                    near[count], steps[count] = neighbours[edge], step
                    count += 1
        begin = end
    return count
