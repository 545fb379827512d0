"""The next angle of the C-arm that would decide most of what the views so far leave open.

A further view empties an undecided voxel if it sees nothing on its ray. How likely that is follows
from what is expected in all undecided and vessel voxels that share a patch of its detector with it:
vessels cross the patch as often as their summed expectation says. What is expected are the
probabilities, scaled once, ray by ray, to the lengths of vessel that the views measured (a step of
maximum likelihood, Shepp and Vardi, IEEE Trans Med Imaging 1(2), 1982): a vessel that a
reconstruction misses is somewhere on its ray. Further steps would spread it over all of the ray,
where vessels seem to hide more than they do. Arteries beyond the grid are not expected.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from ..geometry.cone_beam import CArm, angle_name
from ..geometry.grid import Grid
from ..geometry.views import Views
from ..projectors.kernels.jit import njit
from ..projectors.line_integral import line_integral, line_integral_adjoint
from .knowability import EMPTY, UNDECIDED, Knowledge, Reconstructed
from .measurement import Angiograms

# ASSUME: angles that a C-arm reaches about a head, and how finely they are tried, degrees.
PRIMARY = tuple(range(-110, 111, 10))  # LAO positive
SECONDARY = tuple(range(-40, 41, 10))  # cranial positive
# ASSUME: mean depth of a vessel over a patch of the detector that it crosses.
CROSSING_MM = 1.0
PATCH_MM = 0.8  # of the detector, as seen in the isocentre
# ASSUME: how far beside a vessel the smoothing of line integrals hides voxels (`evidence.gather`).
HIDING_PIXELS = 3.0
COUNTED, SUMMED = 60_000, 250_000  # voxels at most: whose fate is followed, and the likeliest
LEAST_PROBABILITY = 1e-3


@dataclass(frozen=True, eq=False)
class Advice:
    """Where to look from next.

    Attributes
    ----------
    primary : (n,) and secondary : (m,) degrees that were tried, LAO and cranial positive.
    scores : (m, n) share of undecided voxels that a view from there is expected to decide.
    best : primary and secondary angle of the greatest. gain : its score.
    sentence : the same, in words.
    """

    primary: np.ndarray
    secondary: np.ndarray
    scores: np.ndarray
    best: tuple[float, float]
    gain: float
    sentence: str

    def rows(self) -> list[dict[str, float]]:
        """All angles, best first: primary_deg, secondary_deg, decided."""
        order = np.argsort(-self.scores, axis=None, kind="stable")
        m, n = np.unravel_index(order, self.scores.shape)
        columns = self.primary[n], self.secondary[m], self.scores[m, n]
        names = "primary_deg", "secondary_deg", "decided"
        return [dict(zip(names, map(float, row), strict=True)) for row in zip(*columns)]  # noqa: B905


def advise(
    angiograms: Angiograms,
    reconstruction: Reconstructed,
    knowledge: Knowledge,
    primary: tuple[float, ...] = PRIMARY,
    secondary: tuple[float, ...] = SECONDARY,
    threads: int = 1,
) -> Advice:
    """Find the further view that would decide most, with the C-arm of the first view.

    Parameters
    ----------
    knowledge : of the reconstruction (`knowability.assess`).
    primary, secondary : degrees to try, every pair of them.
    """
    primaries, secondaries = np.asarray(primary, float), np.asarray(secondary, float)
    if not (knowledge.state == UNDECIDED).any():
        nothing = np.zeros((len(secondaries), len(primaries)))
        best = (float(primaries[0]), float(secondaries[0]))
        return Advice(primaries, secondaries, nothing, best, 0.0, "The views decide every voxel.")
    expected = _expected(angiograms, reconstruction, knowledge, threads)
    pairs = np.stack(np.meshgrid(primaries, secondaries), axis=-1).reshape(-1, 2)
    arm, grid = angiograms.arms[0], reconstruction.grid
    shares = expected_of_angles(knowledge, arm, pairs, expected, grid, threads)
    scores = shares.reshape(len(secondaries), len(primaries))
    found = int(np.argmax(shares))
    best, gain = tuple(pairs[found].tolist()), float(shares[found])
    return Advice(primaries, secondaries, scores, best, gain, _sentence(best, gain, angiograms))


def expected_of_angles(
    knowledge: Knowledge,
    arm: CArm,
    angles: np.ndarray,
    expected: np.ndarray,
    grid: Grid,
    threads: int = 1,
) -> np.ndarray:
    """Share of undecided voxels that a view from each angle is expected to decide, (angles,).

    Parameters
    ----------
    arm : that takes the view. angles : (angles, 2) degrees, primary and secondary.
    expected : share of vessel (x, y, z) in voxels of a grid, which may be another than that of the
        knowledge.
    """
    open_voxels = np.argwhere(knowledge.state == UNDECIDED)
    counted = open_voxels[:: -(-len(open_voxels) // COUNTED)]
    summed, weights = _likeliest(expected)
    points = knowledge.grid.to_mm(counted), grid.to_mm(summed), weights
    patch = PATCH_MM * arm.magnification / np.asarray(arm.pixel_size)
    hiding_mm = knowledge.tolerance_mm + HIDING_PIXELS * float(knowledge.evidence.pixel_mm[0])
    halo = 1 + 2 * round(hiding_mm / PATCH_MM)
    views = arm.views(*angles.T)
    return expected_share(points, views, patch, np.prod(grid.voxel_size), halo, threads)


def expected_share(
    points: tuple[np.ndarray, np.ndarray, np.ndarray],
    views: Views,
    patch: np.ndarray,
    voxel_mm3: float,
    halo: int = 1,
    threads: int = 1,
) -> np.ndarray:
    """Share of points that each view (by itself) is expected to find empty, (views,).

    Parameters
    ----------
    points : (n, 3) mm whose fate is asked for; (m, 3) mm of voxels that may be vessel, and (m,)
        how probably. patch : (2,) pixels along i and j that are looked at as one. halo : edge, in
        patches, of the square about a point in which any vessel hides it.
    """
    from scipy.ndimage import minimum_filter

    asked, others, weights = points
    matrices = views.matrices.copy()
    matrices[:, 0] /= patch[0]
    matrices[:, 1] /= patch[1]
    shape = tuple(int(np.ceil(n / p)) + 1 for n, p in zip(views.detector, patch, strict=True))
    area = PATCH_MM**2

    def work(matrix: np.ndarray) -> float:
        depth, largest = _patches(others, weights, matrix, shape)
        chance = (1 - largest) * np.exp(-depth * (voxel_mm3 / area / CROSSING_MM))
        return _mean_at(asked, matrix, minimum_filter(chance, halo))

    with ThreadPoolExecutor(max_workers=max(1, threads)) as pool:
        return np.array(list(pool.map(work, matrices)))


def _sentence(best: tuple[float, float], gain: float, angiograms: Angiograms) -> str:
    ordinals = {2: "third", 3: "fourth", 4: "fifth", 5: "sixth"}
    nth = ordinals.get(len(angiograms), "further")
    return (
        f"A {nth} view at {angle_name(*best)} is expected to decide {100 * gain:.0f} % of the "
        f"voxels that {len(angiograms)} views leave open."
    )


def _expected(
    angiograms: Angiograms, reconstruction: Reconstructed, knowledge: Knowledge, threads: int
) -> np.ndarray:
    """Share of vessel (x, y, z) float32, in [0, 1], that explains the lengths which rays passed."""
    beam = reconstruction.grid, angiograms.views, threads
    scale = np.float32(reconstruction.contrast)[:, None, None]
    usable = angiograms.measured & (scale > 0)
    seen = usable.astype(np.float32)
    lengths = np.where(usable, angiograms.line_integrals, 0) / np.where(scale > 0, scale, 1)
    share = np.where(knowledge.state != EMPTY, knowledge.probability, 0).astype(np.float32)
    own = line_integral(share, *beam)
    ratio = np.divide(np.clip(lengths, 0, None), own, out=np.zeros_like(own), where=own > 1e-3)
    factor = line_integral_adjoint(ratio.astype(np.float32) * seen, *beam)
    reach = line_integral_adjoint(seen, *beam)
    share *= np.divide(factor, reach, out=np.ones_like(share), where=reach > 0)
    return np.clip(share, 0, 1, out=share)


def _likeliest(expected: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Voxels (m, 3) that may be vessel, the likeliest where they are many, and how probably."""
    chance = expected.ravel()
    places = np.flatnonzero(chance > LEAST_PROBABILITY)
    if len(places) > SUMMED:
        places = places[np.argpartition(-chance[places], SUMMED)[:SUMMED]]
    voxels = np.stack(np.unravel_index(places, expected.shape), axis=1)
    return voxels, chance[places].astype(np.float64)


@njit(nogil=True, cache=True, error_model="numpy")
def _patches(points, weights, matrix, shape):
    """Sum and maximum of weights of points that fall on each patch."""
    sums, largest = np.zeros(shape), np.zeros(shape)
    for number in range(len(points)):
        i, j = _patch(points[number], matrix)
        if 0 <= i < shape[0] and 0 <= j < shape[1]:
            sums[i, j] += weights[number]
            largest[i, j] = max(largest[i, j], weights[number])
    return sums, largest


@njit(nogil=True, cache=True, error_model="numpy")
def _mean_at(points, matrix, values):
    """Mean of the values of patches that points fall on, 0 beyond the detector."""
    total = 0.0
    for number in range(len(points)):
        i, j = _patch(points[number], matrix)
        if 0 <= i < values.shape[0] and 0 <= j < values.shape[1]:
            total += values[i, j]
    return total / len(points)


@njit(nogil=True, cache=True, inline="always", error_model="numpy")
def _patch(point, matrix):
    c = matrix[2, 0] * point[0] + matrix[2, 1] * point[1] + matrix[2, 2] * point[2] + matrix[2, 3]
    a = matrix[0, 0] * point[0] + matrix[0, 1] * point[1] + matrix[0, 2] * point[2] + matrix[0, 3]
    b = matrix[1, 0] * point[0] + matrix[1, 1] * point[1] + matrix[1, 2] * point[2] + matrix[1, 3]
    if c <= 0:
        return -1, -1
    return np.int64(np.floor(a / c)), np.int64(np.floor(b / c))
