"""How far two views agree on the contrast in each plane through both sources."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy import ndimage
from scipy.spatial.transform import Rotation

from ...geometry.views import Views
from ..measurement import Angiograms
from .epipolar import BIN, Pencil, Rays, plane_integrals, rays_of

# ASSUME: contrast is seen where smoothed line integrals are so many times their spread.
CONTRAST_NOISE = 4.0
SMOOTHING, MARGIN = 1.0, 2  # pixels
NORMAL = 1.4826  # standard deviation of a normal distribution over its median deviation
# ASSUME: a plane counts where each view measures at least this share of its longest line.
COVERED = 0.5
COVERAGE_STEP, COVERAGE_SMOOTHING = 8, 4.0  # pixels, mm
# ASSUME: views nearer to one direction, or to opposite ones, share no planes worth a comparison.
LEAST_ANGLE = 15.0  # degrees
TINY = 1e-12


def contrast_rays(angiograms: Angiograms) -> list[Rays]:
    """Of each view, the rays along which contrast is seen; none where a view shows none."""
    rays = []
    for number in range(len(angiograms)):
        values, chosen = contrast_of(angiograms, number)
        rays.append(rays_of(angiograms.views[[number]], values, chosen))
    return rays


def contrast_of(angiograms: Angiograms, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Line integrals (i, j) of a view above its background, and which pixels show contrast."""
    values, measured = angiograms.line_integrals[number], angiograms.measured[number]
    if measured.any():
        values = np.where(measured, values - np.median(values[measured]), 0)
    return values, contrast_pixels(values, measured)


def contrast_pixels(values: np.ndarray, measured: np.ndarray) -> np.ndarray:
    """Pixels (i, j) bool that show contrast, and those beside them.

    values : (i, j) line integrals above the background. measured : (i, j) bool.
    """
    if not measured.any():
        return measured
    smooth = ndimage.gaussian_filter(values, SMOOTHING)
    spread = NORMAL * np.median(np.abs(smooth[measured]))
    seen = measured & (smooth > CONTRAST_NOISE * spread)
    return ndimage.binary_dilation(seen, iterations=MARGIN) & measured


@dataclass(frozen=True, eq=False)
class Pair:
    """Two views and the planes through their sources that both measure.

    views : their numbers. rays : of each. centre : (3,) mm. window : (planes,) bool.
    """

    views: tuple[int, int]
    rays: tuple[Rays, Rays]
    centre: np.ndarray
    window: np.ndarray

    @classmethod
    def of(
        cls,
        angiograms: Angiograms,
        rays: list[Rays],
        views: tuple[int, int],
        centre: np.ndarray,
        reach_mm: float,
    ) -> Pair:
        """Two views by their numbers, with planes up to a reach (mm) beside a centre (3,)."""
        first, second = views
        num_planes = 2 * round(reach_mm / BIN) + 1
        pair = cls(views, (rays[first], rays[second]), centre, np.ones(num_planes, bool))
        pencil, _ = pair.pencil(np.zeros((2, 6)))
        covered = [
            _covered(angiograms.views[[view]], angiograms.measured[view], pencil, num_planes)
            for view in views
        ]
        return cls(views, pair.rays, centre, covered[0] & covered[1])

    def pencil(self, poses: np.ndarray) -> tuple[Pencil, np.ndarray]:
        """Planes through the sources at poses (2, 6) of the views, and rotations (2, 3, 3)."""
        turns = Rotation.from_rotvec(poses[:, :3]).as_matrix()
        first, second = (
            turn @ rays.source + pose[3:]
            for turn, rays, pose in zip(turns, self.rays, poses, strict=True)
        )
        return Pencil.through(first, second, self.centre), turns

    def integrals(self, poses: np.ndarray, scale_mm: float) -> np.ndarray:
        """Plane integrals (2, planes) that each view measures, smoothed across the planes.

        poses : (2, 6) as `Views.moved` takes them. scale_mm : standard deviation of the smoothing.
        """
        pencil, turns = self.pencil(poses)
        sides = zip(self.rays, turns, strict=True)
        sums = [plane_integrals(rays, turn, pencil, len(self.window)) for rays, turn in sides]
        return ndimage.gaussian_filter1d(np.stack(sums), scale_mm / BIN, axis=1)

    def residual(
        self, poses: np.ndarray, scale_mm: float, trust: np.ndarray | None = None
    ) -> np.ndarray:
        """Difference (planes,) between the views' derivatives across planes.

        Each is scaled to a root mean square of 1, as the views' filling differs by an unknown
        factor. The derivative leaves out what changes slowly: arteries beside one of the detectors
        and a background that was not subtracted add planes' worth of it.

        trust : (planes,) weights in those means; None for all planes of the window.
        """
        sides = np.gradient(self.integrals(poses, scale_mm), axis=1) * self.window
        trust = self.window if trust is None else trust
        sizes = np.sqrt((trust * sides**2).sum(axis=1) / max(trust.sum(), TINY))
        first, second = sides / np.maximum(sizes, TINY)[:, None]
        return first - second

    def agreement(self, poses: np.ndarray, scale_mm: float) -> float:
        """Correlation of the views' derivatives: 1 where they agree in each plane."""
        if not self.window.any():
            return 0.0
        residual = self.residual(poses, scale_mm)[self.window]
        return float(1 - (residual**2).mean() / 2)

    def unmatched(self, poses: np.ndarray, scale_mm: float, tolerance: float) -> np.ndarray:
        """Share (2,) of each view's contrast, in the window, that the other has in no plane.

        tolerance : share of a plane's contrast by which views may differ. The total is taken to be
        the same.
        """
        sums = self.integrals(poses, scale_mm) * self.window
        shares = sums / np.maximum(sums.sum(axis=1, keepdims=True), TINY)
        excess = np.maximum(shares - (1 + tolerance) * shares[::-1], 0)
        return excess.sum(axis=1)


def _covered(view: Views, measured: np.ndarray, pencil: Pencil, num_planes: int) -> np.ndarray:
    """Planes (planes,) bool of which a view measures enough."""
    some = np.zeros_like(measured)
    step = slice(None, None, COVERAGE_STEP)
    some[step, step] = measured[step, step]
    rays = rays_of(view, np.ones(measured.shape), some)
    lengths = plane_integrals(rays, np.eye(3), pencil, num_planes)
    lengths = ndimage.gaussian_filter1d(lengths, COVERAGE_SMOOTHING / BIN)
    return lengths > COVERED * lengths.max()


def comparable_pairs(
    angiograms: Angiograms, centre: np.ndarray, reach_mm: float
) -> tuple[list[Pair], list[str]]:
    """Pairs of views that can be compared, and a sentence on each that cannot.

    centre : (3,) mm of the field. reach_mm : from it, of the planes compared.
    """
    rays, names = contrast_rays(angiograms), angiograms.labels
    empty = [number for number, one in enumerate(rays) if not len(one.weights)]
    unused = [f"View {names[number]} shows no contrast; its pose stays." for number in empty]
    pairs = []
    for first, second in combinations([n for n in range(len(rays)) if n not in empty], 2):
        angle = _angle(rays[first].source - centre, rays[second].source - centre)
        if min(angle, 180 - angle) < LEAST_ANGLE:
            unused.append(
                f"Views {names[first]} and {names[second]} are {angle:.0f} degrees apart, too near "
                "to one direction or its opposite to calibrate one by the other."
            )
            continue
        pair = Pair.of(angiograms, rays, (first, second), centre, reach_mm)
        if pair.window.any():
            pairs.append(pair)
        else:
            unused.append(f"Views {names[first]} and {names[second]} measure no plane in common.")
    return pairs, unused


def _angle(first: np.ndarray, second: np.ndarray) -> float:
    cosine = first @ second / (np.linalg.norm(first) * np.linalg.norm(second))
    return float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))
