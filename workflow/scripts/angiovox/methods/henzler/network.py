"""Networks of single-image tomography: a coarse volume of channels, and its fusion with the X-ray.

Images are (batch, views, x, z); the coarse network's channels are the depth, y.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

DEEPEST_BLOCKS = 5  # residual blocks at the coarsest resolution
BLOCKS = 3  # at the others on the way down


class Coarse(nn.Module):
    """A volume at half the resolution, (batch, x, y, z), of which y was the channels.

    depth : voxels along y. channels : of the first convolution, four times as many further on.
    pools : halvings after the first. views : X-rays that are seen.

    The layers are those of the authors' network as it is rebuilt in X2CT's code: 64 channels, four
    pools, 128 voxels of depth. Source: Henzler et al. 2018.
    """

    def __init__(self, depth: int, channels: int = 64, pools: int = 4, views: int = 1) -> None:
        super().__init__()
        wide = 4 * channels
        self.first = nn.Sequential(
            _basic(views, channels, 7, stride=2),
            Residual(channels, 2 * channels),
            Residual(2 * channels, 2 * channels),
            Residual(2 * channels, 2 * channels),
            Residual(2 * channels, wide),
        )
        counts = [*[BLOCKS] * (pools - 1), DEEPEST_BLOCKS]
        self.down = nn.ModuleList(
            nn.Sequential(nn.MaxPool2d(2), *(Residual(wide, wide) for _ in range(count)))
            for count in counts
        )
        self.up = nn.ModuleList(
            nn.Sequential(*([Residual(wide, wide)] if number else []), _doubled(wide))
            for number in range(pools)
        )
        to_depth = nn.Conv2d(wide, depth, kernel_size=1, bias=False)
        self.last = nn.Sequential(_basic(wide, wide, 1), to_depth)

    def forward(self, images: Tensor) -> Tensor:
        features = [self.first(images)]
        for down in self.down:
            features.append(down(features[-1]))
        deep = features.pop()
        for up in self.up:
            deep = features.pop() + up(deep)
        return self.last(deep).transpose(1, 2)


class Residual(nn.Module):
    """Three convolutions beside a shortcut."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        inner = inputs // 2 if inputs == outputs else inputs
        layers = _basic(inputs, inner, 1), _basic(inner, inner, 3), _basic(inner, outputs, 3)
        self.layers = nn.Sequential(*layers)
        self.shortcut = nn.Identity() if inputs == outputs else _basic(inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.layers(x) + self.shortcut(x))


# ASSUME: of the fusion we know that it makes a fine volume of the coarse one and the X-ray: here
# the coarse volume is interpolated, and 3D convolutions that see it, with the X-rays repeated along
# y, add what they correct.
class Fusion(nn.Module):
    """A volume at full resolution, (batch, x, y, z), from the coarse one and the X-rays."""

    def __init__(self, channels: int, views: int = 1) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv3d(1 + views, channels, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.Conv3d(channels, channels, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.Conv3d(channels, 1, kernel_size=3, padding=1),
        )
        nn.init.zeros_(self.layers[-1].weight)  # a training starts from the coarse volume
        nn.init.zeros_(self.layers[-1].bias)

    def forward(self, coarse: Tensor, images: Tensor) -> Tensor:
        fine = functional.interpolate(coarse[:, None], scale_factor=2, mode="trilinear")
        repeated = images[:, :, :, None].expand(-1, -1, -1, fine.shape[3], -1)
        return (fine + self.layers(torch.cat([fine, repeated], dim=1)))[:, 0]


class Tomography(nn.Module):
    """Both steps; gives the coarse volume and the fine one."""

    def __init__(self, edge: int, channels: int, pools: int, fusion_channels: int, views: int):
        super().__init__()
        self.coarse = Coarse(edge // 2, channels, pools, views)
        self.fusion = Fusion(fusion_channels, views)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        coarse = self.coarse(images)
        return coarse, self.fusion(coarse, images)


def _basic(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Sequential:
    how = {"stride": stride, "padding": kernel // 2, "bias": False}
    convolution = nn.Conv2d(inputs, outputs, kernel, **how)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU())


def _doubled(channels: int) -> nn.ConvTranspose2d:
    """A transposed convolution of each channel by itself."""
    how = {"stride": 2, "padding": 1, "groups": channels, "bias": False}
    return nn.ConvTranspose2d(channels, channels, kernel_size=4, **how)
