"""Contrast on a grid of voxels: how much each holds when it is full, and when it arrives there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from ..errors import InputError
from ..geometry.grid import Grid
from ..projectors.attenuation import CONTRAST
from ..projectors.surface_occupancy import surface_occupancy
from ..vessels.graph import Arteries
from ..vessels.voxelize import occupancy
from .arrival import mask_arrival
from .bolus import Bolus, arrival_times

ARTERY_VOXEL = 0.5  # mm
# Of a surface's grid (half a gigabyte): a larger one has larger voxels.
MOST_VOXELS = 2**27
# ASSUME: contrast lies in the voxels of a vessel mask and in those that touch it, which vessels
# fill in part; what a volume has elsewhere is noise, or was there before the contrast.
MARGIN_VOXELS = 1
INSIDE = 0.5  # share of a voxel from which on it counts as artery


@dataclass(frozen=True, eq=False)
class Filling:
    """Voxels that contrast reaches.

    grid : of all voxels. places : their indices along x, y and z, as `np.nonzero` has them.
    amount : (n,) attenuation per mm when full. arrival : (n,) s from the catheter.
    """

    grid: Grid
    places: tuple[np.ndarray, ...]
    amount: np.ndarray
    arrival: np.ndarray

    def at(self, time: float, bolus: Bolus) -> np.ndarray:
        """Attenuation by contrast per mm (x, y, z) at a time (s)."""
        volume = np.zeros(self.grid.shape, dtype=np.float32)
        volume[self.places] = self.amount * bolus.share(time, self.arrival)
        return volume


def of_arteries(arteries: Arteries) -> Filling:
    """Arteries about the isocentre, contrast where it is undiluted."""
    low, high = arteries.points.min(axis=0), arteries.points.max(axis=0)
    grid = _grid_around(low, high, float(arteries.radii.max()) + ARTERY_VOXEL, ARTERY_VOXEL)
    share, contrast = occupancy(arteries.moved(-np.asarray(grid.centre)), grid.shape, ARTERY_VOXEL)
    fine = arteries.finer(ARTERY_VOXEL)
    return _filling(share * contrast, share, grid, fine.points, arrival_times(fine))


def of_volume(share: np.ndarray, mask: np.ndarray, grid: Grid) -> Filling:
    """A volume that shows contrast.

    Parameters
    ----------
    share : (x, y, z) of undiluted contrast in each voxel (`masks.contrast.contrast_share`); below 0
        counts as none.
    mask : (x, y, z) bool, of vessels. grid : where both lie about the isocentre.

    Raises
    ------
    ValueError : shapes that differ. InputError : a mask without a voxel, or no contrast in it.
    """
    if not share.shape == mask.shape == grid.shape:
        raise ValueError(f"share {share.shape}, mask {mask.shape} and grid {grid.shape} differ")
    if not mask.any():
        raise InputError("the mask has no voxel: no vessel that contrast could fill")
    around = ndimage.binary_dilation(mask, np.ones((3, 3, 3)), MARGIN_VOXELS)
    held = np.where(around, np.maximum(share, 0), 0).astype(np.float32)
    if not held.any():
        raise InputError("no contrast within the mask; is it the mask of another volume?")
    return _filling(held, held, grid, *mask_arrival(mask, grid))


def of_surface(vertices: np.ndarray, triangles: np.ndarray) -> Filling:
    """A closed surface full of undiluted contrast, the middle of its box in the isocentre.

    vertices : (n, 3) mm in patient axes (LPS). triangles : (m, 3) vertices, of a closed surface
    (`io.closed_surface.read_surface`).

    Raises InputError for a surface that encloses nothing.
    """
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    edges = high - low + 4 * ARTERY_VOXEL
    voxel = max(ARTERY_VOXEL, float(np.cbrt(edges.prod() / MOST_VOXELS)))
    middle = (low + high) / 2
    grid = _grid_around(low - middle, high - middle, voxel, voxel)
    share = surface_occupancy(vertices - middle, triangles, grid)
    if not share.any():
        raise InputError("the surface encloses no volume")
    mask = share >= min(INSIDE, share.max())
    return _filling(share, share, grid, *mask_arrival(mask, grid))


def _filling(
    full: np.ndarray, share: np.ndarray, grid: Grid, points: np.ndarray, seconds: np.ndarray
) -> Filling:
    """Voxels of some share, each filled with the nearest of points (n, 3) and their times (n,)."""
    places = np.nonzero(share)
    _, nearest = cKDTree(points).query(grid.to_mm(np.stack(places, axis=1)))
    return Filling(grid, places, full[places] * np.float32(CONTRAST), seconds[nearest])


def _grid_around(low: np.ndarray, high: np.ndarray, margin: float, voxel: float) -> Grid:
    shape = np.ceil((high - low + 2 * margin) / voxel).astype(int) + 1
    return Grid(tuple(shape.tolist()), (voxel,) * 3, tuple(((low + high) / 2).tolist()))
