"""How patients differ beyond the variants of their circle: size, number and course of arteries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from ..vessels.graph import Arteries, Pose
from .head import Head

# ASSUME: how much patients differ, so that the cohort's 10th to 90th percentiles are those of 50
# published reconstructions: spreads of factors, and the exponent at which radii of daughters add up
# at a fork. Murray's 3 would make their cubes equal to the parent's; the published 1.30 (arteries
# seen by MRA, taper included) needs more.
SIZE, SIZE_SPREAD = 0.98, 0.07
RICHNESS_SPREAD = 0.21
EXCESS_SPREAD = 0.12
FLOW_EXPONENT, FLOW_EXPONENT_SPREAD = 7.7, 0.22
MAX_DEVIATIONS = 2.2  # standard deviations from the mean; no patient lies further out

# ASSUME: courses and calibres of patients differ smoothly, over WARP_LENGTH mm, by displacements
# whose root mean square along each axis is drawn from WARP_MM.
WARP_LENGTH = 21.0
WARP_MM = (1.5, 5.0)
CALIBRE_WARP = 0.10  # spread of the logarithm of the radius
# ASSUME: within that, arteries of any calibre wind out of any plane in bends of some mm.
WINDING_LENGTH, WINDING_MM = 1.8, (0.15, 0.55)
WINDING_DEPTH = 1.5  # mm below the inner table without such bends; all from twice that on
NUM_WAVES = 96  # of a smooth random field
SKULL_MARGIN, FADING = 8.0, 20.0  # mm below the inner table without displacement, and to all of it
FALX_MARGIN, FALX_BASE = 8.0, -8.0  # mm from the midline to free displacement; height of its edge


@dataclass(frozen=True)
class Build:
    """Factors of one patient.

    size : of all lengths. richness : of the number of cortical branches. winding : of what
    tortuosity adds to their length. flow_exponent : at which the radii of daughters add up.
    """

    size: float
    richness: float
    winding: float
    flow_exponent: float


def draw_build(rng: np.random.Generator) -> Build:
    """Draw what makes one patient larger, richer in branches or more tortuous than the mean."""
    size, richness, winding, flow = np.clip(
        rng.standard_normal(4), -MAX_DEVIATIONS, MAX_DEVIATIONS
    ).tolist()
    return Build(
        size=float(SIZE * np.exp(SIZE_SPREAD * size)),
        richness=1 + RICHNESS_SPREAD * richness,
        winding=float(np.exp(EXCESS_SPREAD * winding)),
        flow_exponent=FLOW_EXPONENT * float(np.exp(FLOW_EXPONENT_SPREAD * flow)),
    )


def warp(arteries: Arteries, rng: np.random.Generator) -> Arteries:
    """Deform courses and calibres by smooth random fields.

    Arteries stay joined and neighbours stay neighbours: the deformation is one of space.
    """
    displacement = smooth_field(rng, WARP_LENGTH, 3)
    winding = smooth_field(rng, WINDING_LENGTH, 3)
    calibre = smooth_field(rng, WARP_LENGTH, 1)
    points, far, near = arteries.points, rng.uniform(*WARP_MM), rng.uniform(*WINDING_MM)
    below_skull = -_depth(points)[:, None]
    moved = far * _freedom(points, below_skull) * displacement(points)
    moved += near * np.clip(below_skull / WINDING_DEPTH - 1, 0, 1) * winding(points)
    return replace(
        arteries,
        points=points + moved,
        radii=arteries.radii * np.exp(CALIBRE_WARP * calibre(points)[:, 0]),
    )


def _depth(points: np.ndarray) -> np.ndarray:
    """Height (n,) in mm above the skull's inner table of a head that lies straight."""
    return Head(Pose(np.zeros(3)), np.empty((0, 5)), np.empty((0, 5))).depth(*points.T)


def _freedom(points: np.ndarray, below_skull: np.ndarray) -> np.ndarray:
    """Share of a displacement (n, 3) that points take: less near the skull and across the falx."""
    share = np.clip((below_skull - SKULL_MARGIN) / FADING, 0, 1) * np.ones(3)
    beside_falx = np.clip(np.abs(points[:, 0]) / FALX_MARGIN, 0, 1)
    above_base = np.clip((points[:, 2] - FALX_BASE) / FALX_MARGIN, 0, 1)
    share[:, 0] *= 1 - above_base * (1 - beside_falx)
    return share


def smooth_field(
    rng: np.random.Generator, length: float, num_components: int
) -> Callable[[np.ndarray], np.ndarray]:
    """Draw a Gaussian random field, as a sum of plane waves.

    Its covariance is exp(-d^2 / (2 length^2)) at a distance d, its variance 1.

    Returns
    -------
    A function from points (n, 3) to values (n, num_components).
    """
    vectors = rng.standard_normal((3, NUM_WAVES)) / length
    phases = rng.uniform(0, 2 * np.pi, NUM_WAVES)
    weights = rng.standard_normal((NUM_WAVES, num_components)) * np.sqrt(2 / NUM_WAVES)
    return lambda points: np.cos(points @ vectors + phases) @ weights
