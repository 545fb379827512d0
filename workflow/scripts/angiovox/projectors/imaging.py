"""Projections and back-projections as a study's imaging has them (`geometry.imaging`)."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np

from ..geometry.grid import Grid
from ..geometry.imaging import MAXIMUM, Imaging
from ..geometry.views import Views
from ..io.quantization import QuantizedVolume, quantize, quantize_fractions, requantize
from . import backprojection, mip
from .attenuation import CONTRAST, noisy
from .line_integral import line_integral, project_max
from .voxel_backprojection import back_project

# ASSUME: line integrals are scaled alike for all patients, and what lies behind 15 mm of undiluted
# contrast or more counts as 1; maxima have the range of their patient, as in the paper.
FULL_MM = 15.0


def project(
    imaging: Imaging,
    volume: QuantizedVolume,
    affine: np.ndarray,
    share: np.ndarray | None = None,
    threads: int = 1,
) -> QuantizedVolume:
    """Take all projections of a volume.

    Parameters
    ----------
    volume : (x, y, z), of which maxima are taken. affine : of it; only voxel sizes count.
    share : (x, y, z) share of undiluted contrast (`masks.contrast.contrast_share`), of which line
        integrals are taken; needed for these alone.

    Returns
    -------
    (projections, i, j), maxima in the volume's units, or attenuation by contrast without a unit. A
    parallel beam has as many pixels (i, j) as the volume has voxels along x and z.

    Raises
    ------
    ValueError : line integrals without a share.
    """
    if imaging.is_papers:
        return requantize(volume, mip.project_max(volume.codes, imaging.angles, threads))
    grid = imaging.grid(affine)
    views = imaging.views(grid)
    if imaging.kind == MAXIMUM:  # of codes: what lies outside the volume is as dark as its darkest
        return requantize(volume, project_max(volume.codes, grid, views, threads))
    if share is None:
        raise ValueError("line integrals are taken of contrast: share is needed")
    integrals = line_integral(share * np.float32(CONTRAST), grid, views, threads)
    if imaging.photons is not None:
        # The same volume has the same noise, whoever the patient is said to be.
        integrals = noisy(integrals, imaging.photons, zlib.crc32(volume.codes.tobytes()))
    return quantize(integrals)


def fractions(line_integrals: np.ndarray) -> np.ndarray:
    """Line integrals scaled to [0, 1] as float32; `FULL_MM` of contrast and more are 1."""
    scaled = np.asarray(line_integrals, dtype=np.float32) / np.float32(FULL_MM * CONTRAST)
    return np.clip(scaled, 0, 1, out=scaled)


def network_inputs(
    imaging: Imaging,
    projections: QuantizedVolume,
    affine: np.ndarray,
    subsets: Sequence[np.ndarray],
    threads: int = 1,
) -> tuple[np.ndarray, np.ndarray]:
    """Sum and minimum over each subset of the views, scaled to [0, 1].

    Parameters
    ----------
    projections : the whole acquisition. affine : of the volume; only voxel sizes count. subsets :
        of each, the indices of its views.

    Returns
    -------
    sums, minima : (subsets, x, y, z) uint16; 65,535 stands for 1. Those of maxima are scaled by
        their own range, as the paper's are (`backprojection.network_inputs`); those of line
        integrals are the mean and the minimum of `fractions`.
    """
    if imaging.is_papers:
        codes, angles = projections.codes, imaging.angles
        return backprojection.network_inputs(codes, angles, subsets, imaging.shape, threads)
    grid = imaging.grid(affine)
    views, is_maximum = imaging.views(grid), imaging.kind == MAXIMUM
    values = projections.codes if is_maximum else fractions(projections.values())

    def combined(some: np.ndarray, how: str) -> np.ndarray:
        volume = back_project(values[some], grid, views[some], how, threads)
        return quantize_fractions(_standardized(volume) if is_maximum else volume).codes

    sums = np.stack([combined(some, "mean") for some in subsets])
    return sums, np.stack([combined(some, "minimum") for some in subsets])


def angular_harmonics(
    projections: np.ndarray, angles: np.ndarray, grid: Grid, views: Views, order: int
) -> np.ndarray:
    """Back-project the views weighted by cosines of their angles, in any beam.

    projections : (views, i, j). angles : (views,) degrees. grid, views : their geometry. Returns
    (order, x, y, z) means over the views, as `backprojection.angular_harmonics` has them.
    """
    turns = 2 * np.deg2rad(angles)[:, None, None]
    weights = [np.float32(np.cos(k * turns) / len(angles)) for k in range(1, order + 1)]
    return np.stack([back_project(w * projections, grid, views, "sum") for w in weights])


def _standardized(volume: np.ndarray) -> np.ndarray:
    low, high = volume.min(), volume.max()
    return (volume - low) / (high - low) if high > low else np.zeros_like(volume)
