"""The texture of deferred neural rendering, and the U-Net that makes views of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from .hull_points import HITS

LEAK = 0.2
# Of each level of the texture from the finest on (published configuration of the implementation
# that was read); further levels have none.
DECAYS = (1e-2, 1e-3, 1e-4, 0.0)


class NeuralTexture(nn.Module):
    """Features of places in a volume: the sum of grids, each half as fine as the one before.

    features : of each place. occupancy : the hull, (x, y, z) bool; there are texels around its
    voxels alone. levels : of resolution.
    """

    # ASSUME: the texture is a grid in space, a texel for each voxel, that is sampled on the hull's
    # surface only. The source's atlas needs a surface that can be unfolded, which a tree's cannot.
    def __init__(self, features: int, occupancy: np.ndarray, levels: int) -> None:
        super().__init__()
        self.last = np.maximum(np.array(occupancy.shape) - 1, 1)
        self.sizes = [[max(2, n // 2**level) for n in occupancy.shape] for level in range(levels)]
        numbers = [self._numbers(np.argwhere(occupancy), size) for size in self.sizes]
        for level, number in enumerate(numbers):
            self.register_buffer(f"number{level}", torch.from_numpy(number), persistent=False)
        tables = (torch.zeros(int(number.max()) + 1, features) for number in numbers)
        self.levels = nn.ParameterList(tables)

    def forward(self, places: Tensor) -> Tensor:
        """Features (n, features) of places (n, 3) in voxel indices, at most 1/2 from the hull."""
        return sum(self._at(level, places) for level in range(len(self.levels)))

    def groups(self) -> list[dict]:
        """Parameters of the levels with their decay, for an optimiser."""
        decays = [*DECAYS, *[0.0] * len(self.levels)]
        return [
            {"params": [level], "weight_decay": decay}
            for level, decay in zip(self.levels, decays, strict=False)
        ]

    def _at(self, level: int, places: Tensor) -> Tensor:
        """Trilinear blends of a level's texels."""
        size = self.sizes[level]
        most = torch.tensor(size, device=places.device) - 1
        scaled = places * (most / torch.from_numpy(self.last).to(most))
        lower = torch.minimum(scaled.long().clamp(min=0), most - 1)
        above = (scaled - lower).clamp(0, 1)
        corners = torch.tensor([*np.ndindex(2, 2, 2)], device=places.device)
        index = lower[:, None] + corners  # (n, 8, 3)
        weights = torch.where(corners == 1, above[:, None], 1 - above[:, None]).prod(-1)
        numbers = getattr(self, f"number{level}")[tuple(index.unbind(-1))]
        table = self.levels[level]
        how = {"per_sample_weights": weights.to(table.dtype), "mode": "sum"}
        return functional.embedding_bag(numbers, table, **how)

    def _numbers(self, voxels: np.ndarray, size: list[int]) -> np.ndarray:
        """Number of each texel of a level that has one, else -1."""
        around = voxels[:, None] + (np.array([*np.ndindex(2, 2, 2)]) - 0.5)
        most = np.array(size) - 1
        lower = np.floor(around.clip(0, self.last) * (most / self.last)).astype(int)
        lower = np.minimum(lower, most - 1)
        is_used = np.zeros(size, bool)
        for corner in np.ndindex(2, 2, 2):
            is_used[tuple((lower + corner).reshape(-1, 3).T)] = True
        return np.where(is_used, np.cumsum(is_used).reshape(size) - 1, -1)


def spherical_harmonics(directions: Tensor) -> Tensor:
    """The 9 real spherical harmonics of bands 0 to 2 of unit vectors (views, 3): (views, 9)."""
    x, y, z = directions.unbind(1)
    first = torch.full_like(x, 0.5 / torch.pi**0.5)
    second = (3 / (4 * torch.pi)) ** 0.5 * torch.stack([y, z, x])
    scale = (15 / (4 * torch.pi)) ** 0.5
    products = torch.stack([x * y, y * z, x * z, (x * x - y * y) / 2])
    zonal = (5 / (16 * torch.pi)) ** 0.5 * (3 * z * z - 1)
    return torch.cat([first[None], second, scale * products, zonal[None]]).T


class Renderer(nn.Module):
    """Images (views, HITS * features, i, j) to views (views, 1, i, j).

    widths : features of each level, each half as fine as the one before; the first at half the
    resolution.
    """

    def __init__(self, features: int, widths: Sequence[int]) -> None:
        super().__init__()
        inputs = (HITS * features, *widths)
        self.down = nn.ModuleList(_halved(a, b) for a, b in zip(inputs, widths, strict=False))
        ups = list(zip(reversed(widths), [*reversed(widths[:-1]), widths[0]], strict=True))
        self.up = nn.ModuleList(
            _doubled(a if number == 0 else 2 * a, b) for number, (a, b) in enumerate(ups)
        )
        self.last = nn.Conv2d(widths[0] + HITS * features, 1, 3, padding=1)

    def forward(self, images: Tensor) -> Tensor:
        found = [images]
        for layer in self.down:
            found.append(layer(found[-1]))
        features = found.pop()
        for layer in self.up:
            features = torch.cat([layer(features), found.pop()], dim=1)
        # ASSUME: the last layer is a convolution beside the texture's images, without the source's
        # tanh: a view may be brighter than those that were given.
        return self.last(features)


def _halved(inputs: int, outputs: int) -> nn.Sequential:
    layer = nn.Conv2d(inputs, outputs, 4, stride=2, padding=1)
    return nn.Sequential(layer, nn.InstanceNorm2d(outputs), nn.LeakyReLU(LEAK))


def _doubled(inputs: int, outputs: int) -> nn.Sequential:
    layer = nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1)
    return nn.Sequential(layer, nn.InstanceNorm2d(outputs), nn.LeakyReLU(LEAK))
