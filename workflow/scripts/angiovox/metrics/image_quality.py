"""Similarity of slices and projections as image processing measures it: PSNR, SSIM and GMSD.

They compare grey levels, not vessels. GMSD stands for the perceptual distances: features of a
trained network (LPIPS) would need weights that no locked dependency ships.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import correlate1d
from skimage.metrics import structural_similarity
from skimage.transform import downscale_local_mean

from ..projectors.mip import project_max

# ASSUME: two images without any difference have 100 dB, so that means over patients are finite.
MAX_PSNR_DB = 100.0
# ASSUME: at most 32 axial slices, evenly spaced: every other one at 64^3, every twelfth at 384^3.
MAX_SLICES = 32
SSIM_SIGMA = 1.5  # pixels (Wang et al. 2004, section III-B)
SSIM_RADIUS = 5  # pixels: 11 by 11 (same section)
GMSD_CONSTANT = 0.0026  # of images within [0, 1] (Xue et al. 2014, section III)
PREWITT_EDGE = np.array([-1.0, 0.0, 1.0])
PREWITT_MEAN = np.array([1.0, 1.0, 1.0]) / 3


def image_scores(
    probability: np.ndarray, truth: np.ndarray, angles: np.ndarray
) -> dict[str, float]:
    """PSNR, SSIM and GMSD of axial slices and of projections of a volume.

    Parameters
    ----------
    probability : (x, y, z) in [0, 1]. truth : (x, y, z) bool, compared as 0 and 1.
    angles : (views,) degrees of maximum projections.

    Returns
    -------
    slice_psnr_db, slice_ssim, slice_gmsd of at most `MAX_SLICES` axial slices, projection_psnr_db,
    projection_ssim, projection_gmsd of the maximum projections.
    """
    levels = slice_levels(truth.shape[2])
    volumes = probability, truth.view(np.uint8)
    slices = [np.moveaxis(volume[..., levels], 2, 0) for volume in volumes]
    projections = [project_max(volume, angles) for volume in volumes]
    return _of("slice", *slices) | _of("projection", *projections)


def slice_levels(count: int) -> np.ndarray:
    """Indices of the slices that are compared, of `count`: the first, the last and between."""
    return np.linspace(0, count - 1, min(count, MAX_SLICES)).round().astype(int)


def psnr_db(images: np.ndarray, truth: np.ndarray) -> float:
    """Peak signal-to-noise ratio of all images together, dB, at most `MAX_PSNR_DB`.

    images, truth : (images, rows, columns) within [0, 1]. The mean squared error is over all
    pixels: a mean of each image's PSNR would be infinite as soon as one empty image agrees.
    """
    error = images.astype(np.float64) - truth
    floor = 10 ** (-MAX_PSNR_DB / 10)
    return float(-10 * np.log10(max(np.mean(error**2), floor)))


def ssim(images: np.ndarray, truth: np.ndarray) -> float:
    """Mean structural similarity (Wang et al. 2004) by scikit-image: 1 for equal images.

    images, truth : (images, rows, columns) within [0, 1]. A Gaussian window, and the variance of
    the population, as in the paper.
    """
    # ASSUME: beyond an image is background, so that pixels at its edge count as others do.
    border = [(0, 0), (SSIM_RADIUS, SSIM_RADIUS), (SSIM_RADIUS, SSIM_RADIUS)]
    pair = (np.pad(stack.astype(np.float64), border) for stack in (images, truth))
    similarity = structural_similarity(
        *pair,
        channel_axis=0,
        data_range=1.0,
        gaussian_weights=True,
        sigma=SSIM_SIGMA,
        use_sample_covariance=False,
    )
    # ASSUME: images that oppose each other (a negative mean) count as 0, so that SSIM is a share.
    return max(0.0, float(similarity))


def gmsd(images: np.ndarray, truth: np.ndarray) -> float:
    """Gradient magnitude similarity deviation (Xue et al. 2014), mean over images; 0 when equal.

    images, truth : (images, rows, columns) within [0, 1]. Of each image of half the resolution, the
    standard deviation of the similarity of Prewitt gradients. At most 0.5. Beyond an image is
    background.
    """
    ours, theirs = (_gradient_magnitude(stack) for stack in (images, truth))
    similarity = (2 * ours * theirs + GMSD_CONSTANT) / (ours**2 + theirs**2 + GMSD_CONSTANT)
    return float(similarity.std(axis=(1, 2)).mean())


def _of(kind: str, images: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    scores = {"psnr_db": psnr_db, "ssim": ssim, "gmsd": gmsd}
    return {f"{kind}_{name}": score(images, truth) for name, score in scores.items()}


def _gradient_magnitude(stack: np.ndarray) -> np.ndarray:
    """Of each image averaged over 2 by 2 pixels."""
    half = downscale_local_mean(stack.astype(np.float64), (1, 2, 2))
    return np.hypot(_derivative(half, 1, 2), _derivative(half, 2, 1))


def _derivative(stack: np.ndarray, along: int, across: int) -> np.ndarray:
    """Prewitt's derivative along one axis, averaged across the other."""
    edges = correlate1d(stack, PREWITT_EDGE, along, mode="constant")
    return correlate1d(edges, PREWITT_MEAN, across, mode="constant")
