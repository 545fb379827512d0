"""Bring a volume to the study's grid: cubic voxels, a cube of voxels."""

from __future__ import annotations

import numpy as np

from .affine import voxel_sizes


def to_study_grid(
    volume: np.ndarray, affine: np.ndarray, edge: int, voxel_size: float | None
) -> tuple[np.ndarray, np.ndarray]:
    """Resample to isotropic voxels, then pad or crop about the centre to a cube.

    A volume that already has the asked-for grid comes back unchanged, value by value.

    Parameters
    ----------
    volume : (x, y, z) float32.
    affine : (4, 4) RAS affine in mm.
    edge : voxels along each edge of the cube.
    voxel_size : mm; None keeps the volume's own voxels, the finest where they are not cubic.

    Returns
    -------
    The (edge, edge, edge) float32 volume, padded with its own minimum, and its affine.
    """
    sizes = voxel_sizes(affine)
    target = float(sizes.min()) if voxel_size is None else voxel_size
    if not np.allclose(sizes, target, rtol=1e-3):
        volume, affine = _resample(volume, affine, edge, sizes, target)
    return _pad_or_crop(volume, affine, edge)


def onto_grid(
    volume: np.ndarray, affine: np.ndarray, shape: tuple[int, int, int], target: np.ndarray
) -> np.ndarray:
    """Resample a volume to another one's grid, place by place, by linear interpolation.

    Parameters
    ----------
    volume : (x, y, z) float32, with its affine, (4, 4) RAS in mm.
    shape, target : of the other one, with its affine; both are in one coordinate system.

    Returns
    -------
    float32 of that shape, the volume's minimum outside of it. It is smoothed first along axes that
    shrink.
    """
    from scipy import ndimage  # slow to import

    to_source = np.linalg.inv(affine) @ target
    if volume.shape == tuple(shape) and np.allclose(to_source, np.eye(4), atol=1e-3):
        return volume
    factors = voxel_sizes(target).max() / voxel_sizes(affine)
    smooth = ndimage.gaussian_filter(volume, np.maximum(0, (factors - 1) / 2))
    return ndimage.affine_transform(
        smooth, to_source, output_shape=shape, order=1, mode="constant", cval=float(volume.min())
    )


def _resample(
    volume: np.ndarray, affine: np.ndarray, edge: int, sizes: np.ndarray, target: float
) -> tuple[np.ndarray, np.ndarray]:
    """Linear interpolation about the centre; smoothed first along axes that shrink. What a cube of
    an edge leaves out is not computed: of large voxels it may not fit in memory."""
    from scipy import ndimage  # slow to import

    factors = target / sizes
    smooth = ndimage.gaussian_filter(volume, np.maximum(0, (factors - 1) / 2))
    shape = np.maximum(1, np.round(np.array(volume.shape) / factors)).astype(int)
    offset = (np.array(volume.shape) - 1) / 2 - factors * (shape - 1) / 2
    offset += factors * np.maximum(0, (shape - edge) // 2)
    shape = np.minimum(shape, edge)
    resampled = ndimage.affine_transform(
        smooth, factors, offset, tuple(shape), order=1, mode="nearest"
    )
    placed = affine @ np.block([[np.diag(factors), offset[:, None]], [np.zeros((1, 3)), 1]])
    return resampled, placed


def _pad_or_crop(
    volume: np.ndarray, affine: np.ndarray, edge: int
) -> tuple[np.ndarray, np.ndarray]:
    if volume.shape == (edge,) * 3:
        return volume, affine
    start = (np.array(volume.shape) - edge) // 2
    cube = np.full((edge, edge, edge), volume.min(), dtype=np.float32)
    source = tuple(slice(max(0, s), max(0, s) + edge) for s in start)
    kept = volume[source]
    cube[
        tuple(slice(max(0, -s), max(0, -s) + n) for s, n in zip(start, kept.shape, strict=True))
    ] = kept
    shifted = affine.copy()
    shifted[:3, 3] = (affine @ [*start, 1])[:3]
    return cube, shifted
