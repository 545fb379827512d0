"""Angiograms of phantoms for the benchmarks of knowability and adviser."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

sys.path[:0] = [str(Path(__file__).parents[1] / "workflow" / "scripts")]

from angiovox.angiograms.measurement import Angiograms  # noqa: E402
from angiovox.geometry.cone_beam import CArm  # noqa: E402
from angiovox.geometry.grid import Grid  # noqa: E402
from angiovox.geometry.views import Views  # noqa: E402
from angiovox.phantoms.acquisition import fill  # noqa: E402
from angiovox.phantoms.filling import of_arteries  # noqa: E402
from angiovox.projectors.attenuation import noisy  # noqa: E402
from angiovox.projectors.line_integral import line_integral  # noqa: E402
from angiovox.vessels.voxelize import occupancy  # noqa: E402

FIELD_MM = 100.0
ERROR_DEGREES, ERROR_MM = 0.3, 0.5  # sizes of what a calibration leaves, in random directions
PHOTONS = 7000  # behind a head, in a pixel of 0.6 mm: 400,000 in the open beam
BLUR_MM = 0.3  # at the detector
ANGLES = ((0, 20), (90, 0), (45, -10), (-45, 10), (20, -30))
THREADS = 2


def arm(pixels: int) -> CArm:
    """A C-arm with a detector of 307 mm."""
    return CArm(1200, 785, (pixels, pixels), (307.2 / pixels,) * 2)


class Phantom:
    """A phantom's arteries full of contrast; share (x, y, z) of artery on the grid to be filled."""

    def __init__(self, seed: int, voxels: int) -> None:
        self.arteries = fill(seed, FIELD_MM).arteries
        filling = of_arteries(self.arteries)
        self.seed, self.around = seed, filling.grid
        self.volume = np.zeros(filling.grid.shape, np.float32)
        self.volume[filling.places] = filling.amount
        voxel = FIELD_MM / voxels
        self.grid = Grid((voxels,) * 3, (voxel,) * 3)
        self.share = occupancy(self.arteries, self.grid.shape, voxel)[0]

    def angiograms(self, c_arm: CArm, angles: np.ndarray, number: int = 0) -> Angiograms:
        """Line integrals with noise, from poses that are a little off."""
        angles = np.asarray(angles, float)
        rng = np.random.default_rng([self.seed, 1, number])
        ways = rng.normal(size=(len(angles), 2, 3))
        ways /= np.linalg.norm(ways, axis=2, keepdims=True)
        poses = np.hstack([ways[:, 0] * np.radians(ERROR_DEGREES), ways[:, 1] * ERROR_MM])
        return self.seen_from(c_arm, angles, poses, int(rng.integers(2**31)))[0]

    def seen_from(
        self, c_arm: CArm, angles: np.ndarray, poses: np.ndarray, seed: int
    ) -> tuple[Angiograms, Views]:
        """Line integrals with noise, as the header has their views, and the true views.

        poses : (views, 6) by which true views are moved from the header's, as in `Views.moved`.
        """
        from scipy.ndimage import gaussian_filter

        views = c_arm.views(*angles.T)
        true = views.moved(poses)
        seen = line_integral(self.volume, self.around, true, THREADS)
        pixel = c_arm.pixel_size[0]
        seen = np.stack([gaussian_filter(image, BLUR_MM / pixel) for image in seen])
        photons = PHOTONS * (pixel / 0.6) ** 2
        noise = np.full(len(views), np.sqrt(2 / photons))
        measured, arms = np.ones(seen.shape, bool), (c_arm,) * len(views)
        labels = tuple(f"{primary:g}, {secondary:g}" for primary, secondary in angles)
        seen = noisy(seen, photons, seed)
        return Angiograms(seen, measured, noise, views, angles, arms, labels), true
