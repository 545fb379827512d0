"""What each pixel of an angiogram says of the voxels behind it, its noise and pose allowed for.

A pixel that sees nothing empties its ray, a pixel that sees much demands contrast on it. Whether
it sees something is asked of line integrals smoothed along lines of several directions, for thin
vessels stand out of the noise only along their course; what it sees at least and at most is the
least and the greatest value within the distance that the pose may be wrong by.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..geometry.grid import Grid
from ..geometry.views import Views
from ..projectors.voxel_backprojection import back_project
from .measurement import Angiograms

# ASSUME: half-width, along and across, of what line integrals are smoothed by, and its directions.
ACROSS, ALONG, DIRECTIONS = 1.0, 2.4, 8  # pixels (standard deviations)
REACH = 6  # pixels, at which a smoothing kernel ends
# ASSUME: standard deviations of smoothed noise from which on a pixel sees something. The greatest
# of eight directions exceeds them in about 2 % of pixels of noise alone.
LEAST_Z = 2.5
SURE_Z = 2.0  # standard deviations that a value is taken to be larger or smaller
# ASSUME: what a calibration leaves of pose errors, as a distance in the isocentre; 0.3 degrees are
# 0.26 mm at 50 mm from it.
POSE_MM = 0.75


@dataclass(frozen=True, eq=False)
class Evidence:
    """What pixels say.

    Attributes
    ----------
    possible : (views, i, j) bool, there may be contrast on the ray or on one that the pose may have
        put there.
    least_mm, most_mm : (views, i, j) float32 mm of full vessel that are on such a ray at least and
        at most; infinity at most where nothing was measured.
    smallest_mm : (views,) diameter of the thinnest vessel that no noise hides, if it is full.
    pixel_mm : (views,) edge of a pixel in the isocentre.
    """

    possible: np.ndarray
    least_mm: np.ndarray
    most_mm: np.ndarray
    smallest_mm: np.ndarray
    pixel_mm: np.ndarray

    def candidates(self, grid: Grid, views: Views, threads: int = 1) -> np.ndarray:
        """Voxels (x, y, z) bool that no view shows to be empty."""
        seen = self.possible.astype(np.float32)
        return back_project(seen, grid, views, "minimum", threads) > 0.5


def gather(angiograms: Angiograms, contrast: np.ndarray, tolerance_mm: float = POSE_MM) -> Evidence:
    """Find what each pixel of each view shows.

    Parameters
    ----------
    contrast : (views,) attenuation per mm of full vessel, in the unit of the line integrals per mm.
    tolerance_mm : how far poses may be off, as a distance in the isocentre.

    Raises
    ------
    ValueError : contrast that is not positive, a negative tolerance.
    """
    if not (np.all(np.asarray(contrast) > 0) and len(contrast) == len(angiograms)):
        raise ValueError(f"contrast of {len(angiograms)} views: {contrast}; it is positive")
    if not tolerance_mm >= 0:
        raise ValueError(f"a tolerance of {tolerance_mm} mm: it is not negative")
    parts = [_of_view(angiograms, k, contrast[k], tolerance_mm) for k in range(len(angiograms))]
    return Evidence(*(np.stack(part) for part in zip(*parts, strict=True)))


def _of_view(angiograms: Angiograms, view: int, contrast: float, tolerance_mm: float) -> tuple:
    from scipy import ndimage

    arm, measured = angiograms.arms[view], angiograms.measured[view]
    image = np.where(measured, angiograms.line_integrals[view], 0).astype(np.float32)
    pixel_mm = np.asarray(arm.pixel_size) / arm.magnification
    near = disc(tolerance_mm / pixel_mm)
    responses, error = smoothed(image, measured, float(angiograms.noise[view]))
    unsure = ~ndimage.binary_erosion(measured, disc((2 * ACROSS,) * 2), border_value=1)
    possible = ndimage.binary_dilation((responses > LEAST_Z * error) | unsure, near)
    mean = ndimage.gaussian_filter(image, ACROSS)
    error_mean = error * np.sqrt(ALONG / ACROSS)
    least = ndimage.minimum_filter(mean, footprint=near) - SURE_Z * error_mean
    most = ndimage.maximum_filter(mean, footprint=near) + SURE_Z * error_mean
    hidden = ndimage.binary_dilation(unsure, near)
    least = np.where(hidden, 0, np.maximum(least, 0)) / contrast
    most = np.where(hidden, np.inf, np.maximum(most, 0)) / contrast
    least, most = least.astype(np.float32), most.astype(np.float32)
    edge = np.float32(np.mean(pixel_mm))
    return possible, least, most, _smallest_mm(error / contrast, edge), edge


def smoothed(image: np.ndarray, measured: np.ndarray, noise: float) -> tuple[np.ndarray, float]:
    """The greatest of an image's means along lines through each pixel, and the noise of one.

    noise : standard deviation of a pixel. Noise that neighbours share is averaged out less: where
    the negative half of the means spreads wider than noise of single pixels would, that is taken.
    """
    from scipy.fft import irfft2, next_fast_len, rfft2

    shape = [next_fast_len(edge + 2 * REACH, real=True) for edge in image.shape]
    spectrum = rfft2(image, shape)
    window = tuple(slice(REACH, REACH + edge) for edge in image.shape)
    greatest = np.full(image.shape, -np.inf, np.float32)
    for kernel in _lines():
        mean = irfft2(spectrum * rfft2(kernel, shape), shape)[window]
        np.maximum(greatest, mean, out=greatest)
    white = noise * float(np.sqrt(np.sum(_lines()[0] ** 2)))
    below = mean[measured & (mean < 0)]
    spread = 1.4826 * float(np.median(-below)) if len(below) else 0.0
    return greatest, max(white, spread)


def _lines() -> list[np.ndarray]:
    """Kernels of sum 1, each a short line of Gaussian profile."""
    i, j = np.mgrid[-REACH : REACH + 1, -REACH : REACH + 1]
    kernels = []
    for angle in np.arange(DIRECTIONS) * np.pi / DIRECTIONS:
        along, across = i * np.cos(angle) + j * np.sin(angle), j * np.cos(angle) - i * np.sin(angle)
        kernel = np.exp(-((along / ALONG) ** 2 + (across / ACROSS) ** 2) / 2)
        kernels.append((kernel / kernel.sum()).astype(np.float32))
    return kernels


def disc(radius: np.ndarray | tuple[float, float]) -> np.ndarray:
    """Pixels (2 n + 1, 2 m + 1) bool within radii along i and j of the middle one."""
    # A quarter of a pixel more: a pixel counts where a part of it lies within.
    reach = [int(r + 0.25) for r in radius]
    i, j = np.mgrid[-reach[0] : reach[0] + 1, -reach[1] : reach[1] + 1]
    return (i / (radius[0] + 0.25)) ** 2 + (j / (radius[1] + 0.25)) ** 2 <= 1


def _smallest_mm(error_mm: float, pixel_mm: float) -> float:
    """Diameter of a tube whose smoothed shadow exceeds the threshold in spite of noise.

    A thin tube's shadow has its section's area, spread over the smoothing's width; that of a thick
    one is as deep as the tube.
    """
    needed = (LEAST_Z + SURE_Z) * error_mm
    width = np.sqrt(2 * np.pi) * ACROSS * pixel_mm
    return float(max(np.sqrt(needed * width * 4 / np.pi), needed))
