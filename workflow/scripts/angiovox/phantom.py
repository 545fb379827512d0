"""Phantom patients: grown cerebral arteries in millimetres, imaged on any grid.

A patient is a seed. Both internal carotids and the basilar artery enter from below, fork into
middle, anterior and posterior cerebral arteries near the origin (the circle of Willis, not yet
closed here), and go on forking by Murray's law until they are thinner than `SMALLEST_RADIUS`.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace

import numpy as np
from numba import njit
from scipy import ndimage

SMALLEST_RADIUS = 0.35  # mm; thinner arteries are not grown
STEP = 0.8  # mm between the points of a centreline
BRAIN_SEMI_AXES = np.array([66.0, 82.0, 62.0])  # mm, left-right, front-back, up-down
MURRAY_EXPONENT = 3.0
INJECTIONS = ("carotid", "all")


@dataclass(frozen=True)
class Vessels:
    """Tubes of linearly changing radius: segment i runs from `starts[i]` to `ends[i]`.

    starts, ends : (n, 3) mm in patient axes (x left, y posterior, z superior), origin at the
    scanner's isocentre. start_radii, end_radii : (n,) mm. branch : (n,) number of the branch.
    """

    starts: np.ndarray
    ends: np.ndarray
    start_radii: np.ndarray
    end_radii: np.ndarray
    branch: np.ndarray


@dataclass(frozen=True)
class Imaging:
    """What the simulated scanner adds, in its own intensity units (vessels have `contrast`)."""

    contrast: float = 500.0
    tissue: float = 15.0
    bone: float = 60.0
    noise: float = 18.0
    blur: float = 0.5  # voxels, standard deviation of the point spread


@dataclass(frozen=True)
class _Bud:
    """A branch about to grow."""

    origin: np.ndarray
    direction: np.ndarray
    radius: float
    length: float
    pull: np.ndarray  # direction of the territory it feeds


def grow(seed: int, injection: str = "carotid") -> Vessels:
    """Grow the arteries that contrast fills in one patient; the same seed, the same arteries.

    Forks obey Murray's law: the cubed radii of two daughters add up to the parent's.

    Parameters
    ----------
    seed : the patient.
    injection : "carotid" fills one internal carotid, left or right, and puts the scanner's
        isocentre where it forks, as a rotational angiogram does; "all" fills every artery.

    Raises
    ------
    ValueError : an injection of another name.
    """
    if injection not in INJECTIONS:
        raise ValueError(f"injection {injection!r}: choose one of {', '.join(INJECTIONS)}")
    rng = np.random.default_rng([seed, 1])
    carotids, basilar = _carotids(rng), _basilar(rng)
    if injection == "carotid":
        filled = carotids[rng.integers(2)]
        isocentre = filled[0].origin
    else:
        filled = [bud for group in (*carotids, basilar) for bud in group]
        isocentre = np.zeros(3)
    buds = deque(replace(bud, origin=bud.origin - isocentre) for bud in filled)
    starts, ends, start_radii, end_radii, branch = [], [], [], [], []
    number = 0
    while buds:
        bud = buds.popleft()
        points, radii, direction = _course(bud, rng)
        starts.append(points[:-1])
        ends.append(points[1:])
        start_radii.append(radii[:-1])
        end_radii.append(radii[1:])
        branch.append(np.full(len(points) - 1, number))
        number += 1
        buds.extend(_daughters(bud, points[-1], direction, radii[-1], rng))
    return Vessels(*map(np.concatenate, (starts, ends, start_radii, end_radii, branch)))


def _carotids(rng: np.random.Generator) -> list[list[_Bud]]:
    """Right and left internal carotid, each with its middle and anterior cerebral artery."""
    carotids = []
    for side in (-1.0, 1.0):
        top = np.array([side * 11.0, -4.0, -2.0]) + rng.normal(0, 1.2, 3)
        below = top + [side * 5.0, 10.0, -62.0]
        radius = rng.uniform(2.1, 2.6)
        middle, anterior = _split(radius, rng.uniform(0.68, 0.85))
        carotids.append(
            [
                _trunk(below, top, radius),
                _leaving(top, [side, -0.1, 0.15], middle, rng.uniform(14, 20)),
                _leaving(top, [-0.55 * side, -0.75, 0.3], anterior, rng.uniform(11, 15)),
            ]
        )
    return carotids


def _basilar(rng: np.random.Generator) -> list[_Bud]:
    """The basilar artery with both posterior cerebral arteries."""
    top = np.array([0.0, 12.0, -3.0]) + rng.normal(0, 1.2, 3)
    radius = rng.uniform(1.7, 2.1)
    buds = [_trunk(top + [rng.normal(0, 3), 6.0, -55.0], top, radius)]
    for side, own in zip((-1.0, 1.0), _split(radius, rng.uniform(0.85, 1.0)), strict=True):
        buds.append(_leaving(top, [side, 0.35, 0.2], own, rng.uniform(14, 20)))
    return buds


def _trunk(below: np.ndarray, top: np.ndarray, radius: float) -> _Bud:
    """A trunk is grown downwards from its fork, so that it always meets what leaves it."""
    way = below - top
    return _Bud(top, _unit(way), radius, float(np.linalg.norm(way)), np.zeros(3))


def _leaving(origin: np.ndarray, direction: list[float], radius: float, length: float) -> _Bud:
    heading = _unit(np.asarray(direction))
    return _Bud(origin, heading, radius, length, heading)


def _split(radius: float, ratio: float) -> tuple[float, float]:
    """Radii of two daughters, the smaller `ratio` times the larger, by Murray's law."""
    larger = radius / (1 + ratio**MURRAY_EXPONENT) ** (1 / MURRAY_EXPONENT)
    return larger, ratio * larger


def _course(bud: _Bud, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Centreline points (n, 3), radii (n,) and last direction of a tapering, winding branch."""
    count = max(2, round(bud.length / STEP))
    side, up = _normals(bud.direction)
    bend = rng.uniform(0.05, 0.16, 2)  # curvature amplitude, 1/mm
    wave = 2 * np.pi / rng.uniform(12, 28, 2)  # 1/mm
    phase = rng.uniform(0, 2 * np.pi, 2)
    points, direction = [bud.origin], bud.direction
    for step in range(count):
        swing = bend * np.sin(wave * step * STEP + phase)
        outside = np.sum((points[-1] / BRAIN_SEMI_AXES) ** 2)
        inwards = -_unit(points[-1] / BRAIN_SEMI_AXES**2) * max(0.0, outside - 0.75)
        turn = swing[0] * side + swing[1] * up + 0.02 * bud.pull + 0.5 * inwards
        direction = _unit(direction + STEP * turn)
        points.append(points[-1] + STEP * direction)
    radii = bud.radius * np.linspace(1.0, 0.92, len(points))
    return np.array(points), radii, direction


def _daughters(
    bud: _Bud, tip: np.ndarray, direction: np.ndarray, radius: float, rng: np.random.Generator
) -> list[_Bud]:
    """Two branches at the optimal angles for their radii (Murray 1926), or none for a trunk."""
    if not bud.pull.any():
        return []
    larger, smaller = _split(radius, rng.uniform(0.6, 1.0))
    side, up = _normals(direction)
    spin = rng.uniform(0, 2 * np.pi)
    plane = np.cos(spin) * side + np.sin(spin) * up
    daughters = []
    for sign, own, other in ((1, larger, smaller), (-1, smaller, larger)):
        if own >= SMALLEST_RADIUS:
            cosine = (radius**4 + own**4 - other**4) / (2 * radius**2 * own**2)
            angle = np.arccos(np.clip(cosine, -1, 1)) * rng.uniform(0.9, 1.4)
            heading = np.cos(angle) * direction + sign * np.sin(angle) * plane
            pull = _unit(bud.pull + 0.6 * sign * plane)
            daughters.append(_Bud(tip, heading, own, own * rng.uniform(9, 17), pull))
    return daughters


def _unit(vector: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(vector)
    return vector / length if length > 0 else vector


def _normals(direction: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two unit vectors that complete a direction to an orthogonal frame."""
    side = _unit(np.cross(direction, np.eye(3)[np.argmin(np.abs(direction))]))
    return side, np.cross(direction, side)


def occupancy(vessels: Vessels, shape: tuple[int, int, int], voxel_size: float) -> np.ndarray:
    """How much of each voxel is vessel, (x, y, z) float32 in [0, 1], grid centred on the origin.

    Partial volume is a ramp one voxel wide across the wall, which overfills tubes about as thin
    as a voxel (by a third at a radius of half a voxel, by 2 % at two voxels).

    Raises ValueError for a voxel size that is not positive.
    """
    if not voxel_size > 0:
        raise ValueError(f"voxel size {voxel_size} mm: must be above 0")
    volume = np.zeros(shape, dtype=np.float32)
    centre = (np.asarray(shape) - 1) / 2
    starts, ends = vessels.starts / voxel_size + centre, vessels.ends / voxel_size + centre
    first, last = vessels.start_radii / voxel_size, vessels.end_radii / voxel_size
    _paint_tubes(volume, starts, ends, first, last)
    return volume


@njit(nogil=True, cache=True)
def _paint_tubes(volume, starts, ends, first_radii, last_radii):
    low, high = np.empty(3, np.int64), np.empty(3, np.int64)
    for i in range(len(starts)):
        start, along = starts[i], ends[i] - starts[i]
        length2 = np.dot(along, along)
        reach = max(first_radii[i], last_radii[i]) + 1
        for k in range(3):
            low[k] = max(0, int(np.floor(min(starts[i, k], ends[i, k]) - reach)))
            high[k] = min(volume.shape[k], int(np.ceil(max(starts[i, k], ends[i, k]) + reach)) + 1)
        for x in range(low[0], high[0]):
            for y in range(low[1], high[1]):
                for z in range(low[2], high[2]):
                    dx, dy, dz = x - start[0], y - start[1], z - start[2]
                    t = (dx * along[0] + dy * along[1] + dz * along[2]) / length2
                    t = min(1.0, max(0.0, t))
                    gap = np.sqrt(
                        (dx - t * along[0]) ** 2
                        + (dy - t * along[1]) ** 2
                        + (dz - t * along[2]) ** 2
                    )
                    radius = first_radii[i] + t * (last_radii[i] - first_radii[i])
                    # A tube thinner than a voxel cannot fill more than its own cross-section.
                    fill = min(min(1.0, max(0.0, 0.5 + radius - gap)), np.pi * radius * radius)
                    volume[x, y, z] = max(volume[x, y, z], np.float32(fill))


def image(
    vessels: Vessels,
    shape: tuple[int, int, int],
    voxel_size: float,
    seed: int,
    imaging: Imaging = Imaging(),
) -> np.ndarray:
    """Simulated angiogram of one patient, (x, y, z) float32 in the scanner's intensity units.

    Vessels on a head with soft tissue and a remainder of bone after subtraction, blurred by the
    point spread, with noise. The same arguments give the same image.
    """
    rng = np.random.default_rng([seed, 2])
    vessel = occupancy(vessels, shape, voxel_size)
    clean = _head(shape, voxel_size, imaging, rng)
    clean += vessel * (imaging.contrast - clean)
    clean = ndimage.gaussian_filter(clean, imaging.blur)
    noise = ndimage.gaussian_filter(rng.standard_normal(shape, dtype=np.float32), 0.6)
    return clean + noise * np.float32(imaging.noise / noise.std())


def _head(
    shape: tuple[int, int, int], voxel_size: float, imaging: Imaging, rng: np.random.Generator
) -> np.ndarray:
    """Soft tissue in the brain, a shell of skull around it, clouds of skull base below; no air."""
    axes = [
        ((np.arange(n) - (n - 1) / 2) * voxel_size).astype(np.float32).reshape(s)
        for n, s in zip(shape, [(-1, 1, 1), (1, -1, 1), (1, 1, -1)], strict=True)
    ]
    radius2 = sum((a / np.float32(b)) ** 2 for a, b in zip(axes, BRAIN_SEMI_AXES, strict=True))
    head = np.float32(imaging.tissue) * (radius2 < 1.25)
    shell = np.exp(-(((np.sqrt(radius2) - 1.06) / 0.03) ** 2))
    head += np.float32(imaging.bone) * shell
    for _ in range(6):
        place = rng.uniform([-25, -25, -45], [25, 25, -14])
        spread = rng.uniform(4, 9)
        distance2 = sum((a - np.float32(c)) ** 2 for a, c in zip(axes, place, strict=True))
        head += np.float32(imaging.bone * 0.7) * np.exp(-distance2 / np.float32(2 * spread**2))
    return head.astype(np.float32)
