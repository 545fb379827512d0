"""The 3D U-Net of Zhao et al. 2022, and how it is applied to volumes."""

from __future__ import annotations

import itertools

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

LEVELS = 5
STRIDE = 2 ** (LEVELS - 1)


class UNet3D(nn.Module):
    """Two convolutions with batch norm and ReLU a level, max pooling, 4^3 transposed convolutions.

    inputs : one channel for each view. channels : at full resolution, doubled at each of four
    coarser ones. A volume (batch, inputs, x, y, z) of any size gives (batch, 1, x, y, z) float32
    in [0, 1], each example scaled by its own minimum and maximum.
    """

    def __init__(self, inputs: int, channels: int) -> None:
        super().__init__()
        widths = [channels * 2**level for level in range(LEVELS)]
        pairs = itertools.pairwise([inputs, *widths])
        finer = list(itertools.pairwise(widths))[::-1]
        self.encoder = nn.ModuleList(itertools.starmap(_block, pairs))
        self.up = nn.ModuleList(
            nn.ConvTranspose3d(coarse, fine, kernel_size=4, stride=2, padding=1)
            for fine, coarse in finer
        )
        self.decoder = nn.ModuleList(_block(2 * fine, fine) for fine, _ in finer)
        self.head = nn.Conv3d(channels, 1, 1)

    def forward(self, volume: Tensor) -> Tensor:
        x, y, z = volume.shape[2:]
        feature, *skips = reversed(self._encoded(padded(volume)))
        for up, block, skip in zip(self.up, self.decoder, skips, strict=True):
            feature = block(torch.cat([up(feature), skip], dim=1))
        return to_own_range(self.head(feature).float()[..., :x, :y, :z])

    def _encoded(self, volume: Tensor) -> list[Tensor]:
        features: list[Tensor] = []
        for block in self.encoder:
            volume = functional.max_pool3d(features[-1], 2) if features else volume
            features.append(block(volume))
        return features


def _block(inputs: int, outputs: int) -> nn.Sequential:
    layers = []
    for width in (inputs, outputs):
        layers += [nn.Conv3d(width, outputs, 3, padding=1), nn.BatchNorm3d(outputs), nn.ReLU()]
    return nn.Sequential(*layers)


def padded(volume: Tensor) -> Tensor:
    """Edges repeated to multiples of the stride, and to two voxels at the coarsest level."""
    padding = []
    for edge in reversed(volume.shape[2:]):  # batch norm needs more than one voxel
        least = max(edge, 2 * STRIDE)
        padding += [0, least + -least % STRIDE - edge]
    return functional.pad(volume, padding, mode="replicate") if any(padding) else volume


def to_own_range(volume: Tensor) -> Tensor:
    """Each example (batch, ...) scaled to [0, 1] by its own minimum and maximum."""
    axes = tuple(range(1, volume.ndim))
    low, high = volume.amin(axes, keepdim=True), volume.amax(axes, keepdim=True)
    return (volume - low) / (high - low).clamp(min=1e-6)


@torch.no_grad()
def score(network: UNet3D, channels: Tensor, slab: int, largest_mean: float) -> np.ndarray:
    """The network's result, (x, y, z) float32 in [0, 1]: means over slabs that overlap by half.

    channels : (views, x, y, z) on the network's device. largest_mean : slices of a higher mean are
    set to 0.
    """
    volume = channels[None]
    *edges, depth = volume.shape[2:]
    if depth <= slab:
        found = network(volume)
    else:
        from monai.inferers import sliding_window_inference  # seconds to import

        how = {"sw_batch_size": 1, "predictor": network, "overlap": 0.5, "mode": "constant"}
        found = sliding_window_inference(volume, (*edges, slab), **how)
    found = found[0, 0]
    return torch.where(found.mean((0, 1)) > largest_mean, 0.0, found).cpu().numpy()
