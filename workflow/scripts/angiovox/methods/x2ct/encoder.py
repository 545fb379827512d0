"""The encoder of X2CT: a dense network on one X-ray, after DenseNet-121."""

from __future__ import annotations

import torch
from torch import Tensor, nn

BOTTLENECK = 4  # channels between the convolutions of a dense layer, in growths
BLOCKS = (1, 2, 4, 8 / 3, 1)  # layers of the dense blocks, in those of the first: 6 12 24 16 6


class Encoder(nn.Module):
    """Features of an X-ray, (batch, 1, edge, edge), at each resolution.

    channels : of the first convolution. growth : channels that a dense layer adds. layers : of the
    first dense block. halvings : of the resolution.

    Gives the features before each halving, finest first, and the means of the coarsest (batch,
    channels). Source: Ying et al. 2019, section 3.2.
    """

    def __init__(self, channels: int, growth: int, layers: int, halvings: int) -> None:
        super().__init__()
        self.first = nn.Sequential(
            nn.Conv2d(1, channels, kernel_size=7, padding=3, padding_mode="reflect"),
            nn.InstanceNorm2d(channels),
            nn.ReLU(),
        )
        self.channels, self.stages = [channels], nn.ModuleList()
        for number, factor in enumerate(BLOCKS[:halvings], start=1):
            inner = channels + growth * round(factor * layers)
            stage = [_norm_relu_conv(channels, channels, 3, stride=2)]
            stage += [_DenseLayer(c, growth) for c in range(channels, inner, growth)]
            channels = inner if number == halvings else inner // 2
            stage += [] if number == halvings else [_norm_relu_conv(inner, channels, 1)]
            self.stages.append(nn.Sequential(*stage))
            self.channels.append(channels)

    def forward(self, image: Tensor) -> tuple[list[Tensor], Tensor]:
        features = [self.first(image)]
        for stage in self.stages:
            features.append(stage(features[-1]))
        return features[:-1], features[-1].mean(dim=(2, 3))


class _DenseLayer(nn.Module):
    """Adds `growth` channels to those it is given."""

    def __init__(self, channels: int, growth: int) -> None:
        super().__init__()
        self.narrow = _norm_relu_conv(channels, BOTTLENECK * growth, 1)
        self.grow = _norm_relu_conv(BOTTLENECK * growth, growth, 3)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, self.grow(self.narrow(x))], dim=1)


def _norm_relu_conv(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=kernel // 2)
    return nn.Sequential(nn.InstanceNorm2d(inputs), nn.ReLU(), convolution)
