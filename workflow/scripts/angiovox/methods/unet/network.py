"""A residual 3D U-Net: what segments volumes today, here from what the views say of each voxel."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional

INITIAL_LOGIT = -3.0  # logit of the first guess: few voxels are vessel
SLOPE = 0.01  # of leaky ReLU, as in nnU-Net (Isensee et al., Nature Methods 2021)
FULL_RES_CHANNELS = (
    8  # channels at full resolution, where each costs eight times what it does at half of it
)


class ResidualUNet(nn.Module):
    """Residual blocks with instance norm at each level, joined by skips (Ronneberger et al. 2015).

    The blocks work on cubes of 2^3 voxels as channels; one convolution at full resolution, on what
    they give and on the volume itself, draws the edges.

    inputs : channels of the volume. channels : at half the resolution, doubled at each coarser one.
    levels : resolutions from the full one on, each half of the one before, at least 3.

    A volume (batch, inputs, x, y, z) of any size gives float32 logits (batch, 1, x, y, z).
    """

    def __init__(self, inputs: int, channels: int, levels: int):
        super().__init__()
        widths = [channels * 2**level for level in range(levels - 1)]
        self.encoder = nn.ModuleList(map(_Residual, [8 * inputs, *widths], widths))
        joined = [fine + coarse for fine, coarse in itertools.pairwise(widths)]
        self.decoder = nn.ModuleList(map(_Residual, joined, widths))
        self.spread = nn.Conv3d(channels, 8 * FULL_RES_CHANNELS, 1)
        self.edges = nn.Conv3d(
            FULL_RES_CHANNELS + inputs, FULL_RES_CHANNELS, 3, padding=1, bias=False
        )
        self.edges_norm = InstanceNorm(FULL_RES_CHANNELS, affine=True)
        self.head = nn.Conv3d(FULL_RES_CHANNELS, 1, 1)
        nn.init.constant_(self.head.bias, INITIAL_LOGIT)

    @property
    def stride(self) -> int:
        """Voxels along an edge that become one at the coarsest level."""
        return 2 ** len(self.encoder)

    def forward(self, volume: Tensor) -> Tensor:
        x, y, z = volume.shape[2:]
        volume = self._padded(volume)
        features = self._encoded(to_channels(volume))
        feature = features.pop()
        for block, skip in zip(reversed(self.decoder), reversed(features), strict=True):
            upsampled = functional.interpolate(feature, scale_factor=2.0, mode="nearest")
            feature = block(torch.cat([skip, upsampled], dim=1))
        return self.head(self._fine(feature, volume)).float()[..., :x, :y, :z]

    def _encoded(self, volume: Tensor) -> list[Tensor]:
        features: list[Tensor] = []
        for block in self.encoder:
            volume = functional.max_pool3d(features[-1], 2) if features else volume
            features.append(block(volume))
        return features

    def _fine(self, feature: Tensor, volume: Tensor) -> Tensor:
        fine = to_voxels(self.spread(feature))
        both = torch.cat([fine, volume.to(fine.dtype)], dim=1)
        if self.edges.weight.is_contiguous(memory_format=torch.channels_last_3d):
            both = both.contiguous(memory_format=torch.channels_last_3d)
        return functional.leaky_relu(self.edges_norm(self.edges(both)), SLOPE)

    def _padded(self, volume: Tensor) -> Tensor:
        """Append zeros up to a multiple of the stride, and to three voxels at the coarsest level.

        PyTorch 2.13 on a CPU reads memory that was never written for the bfloat16 gradient of a
        kernel on 2 x 2 voxels or fewer: numbers of any size, where float32 is right.
        """
        padding = []
        for edge in reversed(volume.shape[2:]):
            least = max(edge, 3 * self.stride)
            padding += [0, least + -least % self.stride - edge]
        return functional.pad(volume, padding)


class InstanceNorm(nn.InstanceNorm3d):
    """Instance norm that leaves one example's layout in memory as it is.

    PyTorch's own copies channels_last tensors to and fro, which took a third of a training step on
    a CPU. Of a single example batch norm computes the same.
    """

    def forward(self, volume: Tensor) -> Tensor:
        if len(volume) > 1:
            return super().forward(volume)
        return functional.batch_norm(
            volume, None, None, self.weight, self.bias, training=True, eps=self.eps
        )


class _Residual(nn.Module):
    """Two convolutions beside a shortcut."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.first = nn.Conv3d(inputs, outputs, 3, padding=1, bias=False)
        self.first_norm = InstanceNorm(outputs, affine=True)
        self.second = nn.Conv3d(outputs, outputs, 3, padding=1, bias=False)
        self.second_norm = InstanceNorm(outputs, affine=True)
        same = inputs == outputs
        self.shortcut = nn.Identity() if same else nn.Conv3d(inputs, outputs, 1)

    def forward(self, volume: Tensor) -> Tensor:
        hidden = functional.leaky_relu(self.first_norm(self.first(volume)), SLOPE)
        hidden = self.second_norm(self.second(hidden))
        return functional.leaky_relu(hidden + self.shortcut(volume), SLOPE)


def to_channels(volume: Tensor) -> Tensor:
    """Each cube of 2^3 voxels as channels: (batch, c, 2x, 2y, 2z) to (batch, 8c, x, y, z)."""
    cubes = volume.unflatten(4, (-1, 2)).unflatten(3, (-1, 2)).unflatten(2, (-1, 2))
    return cubes.permute(0, 1, 3, 5, 7, 2, 4, 6).flatten(1, 4)


def to_voxels(channels: Tensor) -> Tensor:
    """The way back: (batch, 8c, x, y, z) to (batch, c, 2x, 2y, 2z)."""
    cubes = channels.unflatten(1, (-1, 2, 2, 2)).permute(0, 1, 5, 2, 6, 3, 7, 4)
    return cubes.flatten(6, 7).flatten(4, 5).flatten(2, 3)
