"""Integrals over the planes through two sources, which both views measure alike.

A plane through both sources cuts each detector in a line. Along it a view measures line integrals
g(psi) of contrast f, psi being the angle between a ray and the baseline that joins the sources, and

    integral of g(psi) / sin(psi) dpsi  =  integral of f / h over the plane,

h the distance from the baseline: a point at r from the source has h = r sin(psi), and its element
of area is r dr dpsi. The right side names no source, so both views give the same number for each
plane: the pairwise consistency of fan beams (R. Clackdoyle and L. Desbat, Med Phys 42(2), 2015;
J. Lesaint et al., IEEE Trans Radiat Plasma Med Sci 1(6), 2017). Its derivative across the planes is
Grangeat's relation, on which epipolar consistency rests (A. Aichert et al., IEEE Trans Med Imaging
34(11), 2015). Planes are numbered by where they pass the centre of the field, in mm.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...geometry.views import Views
from ...projectors.kernels.jit import njit

BIN = 0.5  # mm between two planes where they pass the centre


@dataclass(frozen=True, eq=False)
class Rays:
    """Rays of one view along which there is contrast, in the pose of the header.

    source : (3,) mm. directions : (rays, 3) mm from the source to the pixel. weights : (rays,) line
    integral times the pixel's solid angle times the square of the ray's length, mm^2.
    """

    source: np.ndarray
    directions: np.ndarray
    weights: np.ndarray

    def thinned(self, step: int) -> Rays:
        """Keep one ray of so many, for planes that are smoothed by more than `step` pixels."""
        return Rays(self.source, self.directions[::step].copy(), self.weights[::step].copy())


def rays_of(view: Views, values: np.ndarray, chosen: np.ndarray) -> Rays:
    """Rays of the chosen pixels (i, j) bool of one view, with their values (i, j)."""
    source = view.source[0, :3]
    i, j = np.nonzero(chosen)
    directions = view.origin[0] + i[:, None] * view.u[0] + j[:, None] * view.v[0] - source
    areas = np.abs(directions @ np.cross(view.u[0], view.v[0]))
    weights = values[i, j].astype(np.float64) * areas / np.linalg.norm(directions, axis=1)
    return Rays(source, directions, weights)


@dataclass(frozen=True, eq=False)
class Pencil:
    """The planes through two sources.

    distance : mm from the baseline to the centre. across : (3, 2), unit vectors from the baseline
    to the centre and across the planes.
    """

    distance: float
    across: np.ndarray

    @classmethod
    def through(cls, first: np.ndarray, second: np.ndarray, centre: np.ndarray) -> Pencil:
        """Planes through two sources (3,), numbered by where they pass a centre (3,), in mm."""
        along = (second - first) / np.linalg.norm(second - first)
        to_centre = centre - first
        to_centre = to_centre - (to_centre @ along) * along
        distance = float(np.linalg.norm(to_centre))
        inward = to_centre / distance
        return cls(distance, np.stack([inward, np.cross(along, inward)], axis=1))


def plane_integrals(
    rays: Rays, rotation: np.ndarray, pencil: Pencil, num_planes: int
) -> np.ndarray:
    """Integrals (planes,) over the planes of a pencil, the middle one through its centre.

    rotation : (3, 3) of the view from its pose in the header. The distance to the centre over that
    to the baseline weights the integrals: contrast times mm^2, times that ratio.
    """
    sums = np.zeros(num_planes)
    turned = rotation.T @ pencil.across
    _add(rays.directions, rays.weights, turned, pencil.distance / BIN, num_planes // 2, sums)
    return sums * (pencil.distance**2 / BIN)


@njit(nogil=True, cache=True)
def _add(
    directions: np.ndarray,
    weights: np.ndarray,
    across: np.ndarray,
    scale: float,
    middle: int,
    sums: np.ndarray,
) -> None:
    """Share each ray between the two planes beside it."""
    for ray in range(len(weights)):
        x, y, z = directions[ray, 0], directions[ray, 1], directions[ray, 2]
        inward = x * across[0, 0] + y * across[1, 0] + z * across[2, 0]
        if inward > 0:
            place = middle + scale * (
                (x * across[0, 1] + y * across[1, 1] + z * across[2, 1]) / inward
            )
            below = int(np.floor(place))
            if 0 <= below < len(sums) - 1:
                value = weights[ray] / (inward * inward)
                sums[below] += value * (1 - (place - below))
                sums[below + 1] += value * (place - below)
