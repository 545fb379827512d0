"""Rays of silhouettes through a continuous field: what methods that are fitted to them share.

Places are (x, y, z) in a cube from -1 to 1 about the grid's centre, whose edge is the grid's
longest. A field is asked within a support only: everywhere, or where the visual hull lets a vessel
be, which is empty elsewhere.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from scipy.ndimage import distance_transform_edt
from skimage.measure import marching_cubes
from torch import Tensor

from ..geometry.grid import Grid
from ..geometry.views import Views, ray_ends
from ..method import Measurement, Reconstruction
from ..projectors.line_integral import project_max
from ..projectors.torch_line_integral import geometry_tensors
from .silhouettes import visual_hull
from .view_images import geometry
from .view_levels import brightness

AT_A_TIME = 1 << 15  # places whose values are computed together
SHORTEST_AXIS = 1e-9  # of a ray's direction along an axis, in units
EDGE = 1e-3  # voxels that a place may lie beyond the grid's faces by rounding


@dataclass(frozen=True)
class Scene:
    """Silhouettes of a patient, and where they let a vessel be.

    grid, views : geometry. silhouettes : (views, i, j) bool. hull : (x, y, z) bool, their visual
    hull. support : (x, y, z) bool, where a field is asked.
    """

    grid: Grid
    views: Views
    silhouettes: np.ndarray
    hull: np.ndarray
    support: np.ndarray

    @classmethod
    def of(cls, measurement: Measurement, level: float, margin: int | None) -> Scene:
        """Find the silhouettes of a measurement.

        level : brightness from which on a pixel shows a vessel. margin : pixels that silhouettes
        are widened by before the support is their hull; None supports the whole grid.
        """
        grid, views = geometry(measurement)
        shown = brightness(measurement) >= np.float32(level)
        hull = visual_hull(shown, grid, views)
        whole = np.ones(grid.shape, dtype=bool)
        support = whole if margin is None else visual_hull(shown, grid, views, margin)
        return cls(grid, views, shown, hull, support)

    @property
    def half_mm(self) -> float:
        """Millimetres that a unit of a field's places stands for."""
        return max(np.multiply(self.grid.shape, self.grid.voxel_size)) / 2

    @property
    def voxel(self) -> float:
        """Shortest edge of a voxel in units."""
        return min(self.grid.voxel_size) / self.half_mm

    def places(self, indices: np.ndarray) -> np.ndarray:
        """Places (..., 3) float32 of voxel indices (..., 3)."""
        away = self.grid.to_mm(indices) - np.asarray(self.grid.centre)
        return (away / self.half_mm).astype(np.float32)

    def signed_distance(self) -> np.ndarray:
        """Distance of each voxel's centre to the hull's border in units, negative inside."""
        outside, inside = (
            distance_transform_edt(part, sampling=self.grid.voxel_size)
            for part in (~self.hull, self.hull)
        )
        border = min(self.grid.voxel_size) / 2  # lies between two voxels' centres
        away = np.where(self.hull, border - inside, outside - border)
        return (away / self.half_mm).astype(np.float32)

    # ASSUME: pixels whose ray passes the support nowhere are not drawn: they say what the hull has
    # said before.
    def drawn_pixels(self) -> np.ndarray:
        """Numbers, as in C order, of the pixels whose rays pass the support."""
        passed = project_max(self.support.astype(np.float32), self.grid, self.views) > 0
        return np.flatnonzero(passed)


class Rays:
    """The rays of a scene's pixels on a device, with places on them.

    A ray is cut to the grid; its places are at parts of what is left, from 0 at the source's side
    to 1. Of a ray that misses the grid a single place outside of it is left.
    """

    def __init__(self, scene: Scene, device: str):
        self.scene, self.device = scene, device
        self.centre = torch.tensor(scene.grid.centre, dtype=torch.float64, device=device)
        edges = np.multiply(scene.grid.shape, scene.grid.voxel_size)
        self.box = torch.tensor(edges / 2 / scene.half_mm, device=device)
        self.still = self.geometry()
        self.support, self.hull = (
            torch.from_numpy(volume).to(device) for volume in (scene.support, scene.hull)
        )

    def geometry(self, poses: Tensor | None = None) -> list[Tensor]:
        """Source, origin, u and v of the views, moved by poses (views, 6) with their gradient."""
        return geometry_tensors(self.scene.views, torch.device(self.device), poses)

    def ends(self, rays: Tensor, poses: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Where rays (rays,), by their numbers, enter and leave the box, (rays, 3) float32."""
        tensors = self.still if poses is None else self.geometry(poses)
        starts, stops = (
            (end - self.centre) / self.scene.half_mm
            for end in ray_ends(*tensors, self.scene.views.detector, rays)
        )
        along = stops - starts
        flat = along.abs() < SHORTEST_AXIS
        faces = torch.stack([-self.box - starts, self.box - starts])
        cuts = faces / torch.where(flat, SHORTEST_AXIS, along)
        enter = cuts.amin(dim=0).amax(dim=1).clamp(0, 1)
        leave = cuts.amax(dim=0).amin(dim=1).clamp(0, 1).maximum(enter)
        first, last = (starts + part[:, None] * along for part in (enter, leave))
        return first.float(), last.float()

    def parts(self, rays: int, samples: int) -> Tensor:
        """Random parts (rays, samples) of rays, ascending, one in each of as many equal pieces."""
        random = torch.rand(rays, samples, device=self.device)
        return (torch.arange(samples, device=self.device) + random) / samples

    def inside(self, volume: Tensor, places: Tensor) -> Tensor:
        """Whether places (..., 3) lie in voxels of a volume (x, y, z) bool."""
        size = places.new_tensor(self.scene.grid.voxel_size) / self.scene.half_mm
        shape = places.new_tensor(volume.shape)
        place = places / size + shape / 2
        in_grid = ((place > -EDGE) & (place < shape + EDGE)).all(dim=-1)
        index = place.floor().clamp(min=0).minimum(shape - 1).long()
        return volume[index.unbind(dim=-1)] & in_grid


def on_rays(ends: tuple[Tensor, Tensor], parts: Tensor) -> Tensor:
    """Places (rays, ..., 3) at parts (rays, ...) of rays between two ends (rays, 3)."""
    shape = (len(parts), *(1,) * (parts.dim() - 1), 3)
    first, last = (end.view(shape) for end in ends)
    return first + parts[..., None] * (last - first)


@torch.no_grad()
def values_where(
    field: Callable[[Tensor], Tensor], places: Tensor, asked: Tensor, other: float
) -> Tensor:
    """Values (...) of a field at the places (..., 3) that are asked, (...) bool; else another."""
    values = torch.full(asked.shape, other, device=places.device)
    values[asked] = torch.cat([field(some) for some in places[asked].split(AT_A_TIME)])
    return values


def voxel_values(field: Callable[[Tensor], Tensor], rays: Rays, other: float) -> np.ndarray:
    """Values (x, y, z) float32 of a field at the voxels of the support; elsewhere another."""
    scene = rays.scene
    values = np.full(scene.grid.shape, other, dtype=np.float32)
    indices = np.argwhere(scene.support)
    places = torch.from_numpy(scene.places(indices)).to(rays.device)
    everywhere = torch.ones(len(places), dtype=torch.bool, device=rays.device)
    values[scene.support] = values_where(field, places, everywhere, other).cpu().numpy()
    return values


def level_set(inwards: np.ndarray, scale: float) -> Reconstruction:
    """The reconstruction whose surface is the zero level of values (x, y, z), positive inside.

    Its probabilities are the logistic function of the values times a scale.
    """
    probability = torch.from_numpy(inwards).mul(scale).sigmoid().numpy()
    outside = -np.abs(inwards).max() or -1.0
    padded = np.pad(inwards, 1, constant_values=outside)  # closes what the grid's faces cut
    if padded.max() <= 0:
        return Reconstruction(probability)
    vertices, triangles, _, _ = marching_cubes(padded, level=0.0, gradient_direction="ascent")
    return Reconstruction(probability, (vertices - 1.0, triangles.astype(np.int64)))


def encoded(places: Tensor, frequencies: int) -> Tensor:
    """Places (..., 3) with sines and cosines of them at doubling frequencies, (..., 3 + 6 n)."""
    turns = [math.ldexp(1.0, k) * places for k in range(frequencies)]
    waves = [wave(turn) for turn in turns for wave in (torch.sin, torch.cos)]
    return torch.cat([places, *waves], dim=-1)
