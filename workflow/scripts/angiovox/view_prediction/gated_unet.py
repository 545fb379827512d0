"""The rendering network of NPBG and NPBG++: a U-Net of gated convolutions on images of points.

Facts followed: features of a 3 x 3 convolution with ELU times a gate of another one with a sigmoid;
average pooling; upsampling by interpolation and a 3 x 3 convolution; at each scale the image of the
points joins the features (Aliev et al. 2020, section 3, and published code).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional


class GatedConv(nn.Module):
    """elu(A x) times sigmoid(B x), then batch norm where wanted."""

    def __init__(self, inputs: int, outputs: int, norm: bool) -> None:
        super().__init__()
        how = {"kernel_size": 3, "padding": 1, "padding_mode": "reflect"}
        self.features, self.gate = (nn.Conv2d(inputs, outputs, **how) for _ in range(2))
        self.norm = nn.BatchNorm2d(outputs) if norm else nn.Identity()

    def forward(self, given: Tensor) -> Tensor:
        return self.norm(functional.elu(self.features(given)) * torch.sigmoid(self.gate(given)))


class Up(nn.Module):
    """Doubled, joined with the features of that scale, and gated."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.doubled = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.joined = GatedConv(2 * outputs, outputs, norm=False)

    def forward(self, given: Tensor, skipped: Tensor) -> Tensor:
        larger = functional.interpolate(given, scale_factor=2, mode="bilinear")
        return self.joined(torch.cat([self.doubled(larger), skipped], dim=1))


class GatedUNet(nn.Module):
    """Images (batch, 1, i, j) of those of points, one (batch, inputs, i / 2^k, j / 2^k) a level.

    inputs : channels of each image. widths : features of each level, more than inputs from the
    second on. norm : whether the way down has batch norm.
    """

    def __init__(self, inputs: int, widths: Sequence[int], norm: bool) -> None:
        super().__init__()
        self.start = GatedConv(inputs, widths[0], norm)
        steps = list(pairwise(widths))
        self.down = nn.ModuleList(GatedConv(a, b - inputs, norm) for a, b in steps)
        self.up = nn.ModuleList(Up(b, a) for a, b in reversed(steps))
        self.last = nn.Conv2d(widths[0], 1, 1)

    def forward(self, images: Sequence[Tensor]) -> Tensor:
        found = [self.start(images[0])]
        for layer, image in zip(self.down, images[1:], strict=True):
            smaller = functional.avg_pool2d(found[-1], 2)
            found.append(torch.cat([layer(smaller), image], dim=1))
        features = found.pop()
        for layer in self.up:
            features = layer(features, found.pop())
        return self.last(features)
