"""Rays of views as torch sees them: sampled by Joseph's method, block by block in bounded memory.

The counterpart of `kernels.joseph`. All planes across a ray's main axis are tried; where it does
not meet the grid the weights of the four voxels are 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from ..geometry.grid import Grid
from ..geometry.views import Views, ray_ends
from .kernels.rays import TIE

BUDGET = 256 << 20
SAMPLE_BYTES, GRADIENT_BYTES = 230, 480  # of a sample; with what the gradient to a pose keeps


def blocks(
    grid: Grid, views: Views, geometry: Sequence[Tensor], sample_bytes: int
) -> Iterator[tuple[slice, slice, list[Tensor]]]:
    """Blocks of rays within the budget: their numbers, their views, and the geometry of these."""
    pixels, count = math.prod(views.detector), math.prod(views.shape)
    size = max(1, BUDGET // (sample_bytes * max(grid.shape)))
    for start in range(0, count, size):
        stop = min(start + size, count)
        of_views = slice(start // pixels, (stop - 1) // pixels + 1)
        yield slice(start, stop), of_views, [tensor[of_views] for tensor in geometry]


class Lines:
    """A block of rays: along their main axes, and how they meet the planes across them.

    Attributes
    ----------
    at_zero, slope : (rays, 2, 1), where a ray meets plane 0 and how far it goes to the next, on the
        two axes after the main one. length : (rays,) mm from a plane to the next.
    counts, strides : (rays, 3) of the volume, main axis first. low, high : (rays, 1), between which
        planes the ray begins and ends.
    """

    def __init__(
        self, grid: Grid, views: Views, rays: slice, of_views: slice, tensors: list[Tensor]
    ):
        like = tensors[0]
        ray = torch.arange(rays.start, rays.stop, device=like.device)
        ray = ray - of_views.start * math.prod(views.detector)
        first, size = like.new_tensor(grid.first), like.new_tensor(grid.voxel_size)
        starts, stops = ((end - first) / size for end in ray_ends(*tensors, views.detector, ray))
        order = _main_axis_first((stops - starts).detach())
        starts, stops = starts.gather(1, order), stops.gather(1, order)
        along = stops - starts
        slope = along[:, 1:] / along[:, :1]
        self.at_zero = (starts[:, 1:] - starts[:, :1] * slope)[..., None]
        self.slope = slope[..., None]
        self.length = (along * size[order]).norm(dim=1) / along[:, 0].abs()
        _, ny, nz = grid.shape
        self.counts = torch.tensor(grid.shape, device=like.device)[order]
        self.strides = torch.tensor([ny * nz, nz, 1], device=like.device)[order]
        ends = torch.stack([starts[:, 0], stops[:, 0]]).detach()
        self.low, self.high = ends.amin(dim=0)[:, None], ends.amax(dim=0)[:, None]
        self.every_plane = torch.arange(max(grid.shape), device=like.device)

    def corners(self, planes: Tensor, dtype: torch.dtype) -> Iterator[tuple[Tensor, Tensor]]:
        """Voxel numbers and weights (rays, planes) of the four that a sample takes from.

        planes : (planes,) for all rays, or (rays, 1).
        """
        place = self.at_zero + self.slope * planes[..., None, :]
        lower = place.detach().floor()
        upper_weight = (place - lower).to(dtype)
        first, second = lower.long().unbind(dim=1)
        met = (planes >= self.low) & (planes <= self.high)
        met &= (planes >= 0) & (planes < self.counts[:, :1])
        start = planes.clamp(min=0).minimum(self.counts[:, :1] - 1) * self.strides[:, :1]
        for k in range(2):
            i, inside_i = self._voxel(first + k, 1)
            weight_i = _linear(upper_weight[:, 0], k) * (inside_i & met)
            for m in range(2):
                j, inside_j = self._voxel(second + m, 2)
                yield start + i + j, weight_i * _linear(upper_weight[:, 1], m) * inside_j

    def values(self, memory: Tensor, planes: Tensor) -> Tensor:
        """Samples (rays, planes) of a volume's flat memory."""
        return sum(memory[voxel] * weight for voxel, weight in self.corners(planes, memory.dtype))

    def spread(self, values: Tensor, planes: Tensor, memory: Tensor) -> None:
        """Add values (rays,) to the voxels that each of the planes' samples takes from."""
        for voxel, weight in self.corners(planes, memory.dtype):
            memory.index_add_(0, voxel.flatten(), (weight * values[:, None]).flatten())

    def _voxel(self, index: Tensor, axis: int) -> tuple[Tensor, Tensor]:
        """What an index adds to a voxel's number, and whether it is inside the grid."""
        count = self.counts[:, axis : axis + 1]
        inside = (index >= 0) & (index < count)
        return index.clamp(min=0).minimum(count - 1) * self.strides[:, axis : axis + 1], inside


def _main_axis_first(along: Tensor) -> Tensor:
    """Axes (rays, 3): the main one and the two after it, in turn."""
    size = along.abs()
    axis = (size >= size.amax(dim=1, keepdim=True) * TIE).int().argmax(dim=1, keepdim=True)
    return (axis + torch.arange(3, device=along.device)) % 3


def _linear(upper: Tensor, side: int) -> Tensor:
    return upper if side else 1 - upper
