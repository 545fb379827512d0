"""The discriminator that a style-based generator is trained against."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from .network import EPS, FIRST_EDGE, Convolution, Linear, activated, edges_to, in_space


class Biased(nn.Module):
    """A convolution with bias and leaky ReLU."""

    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__()
        self.convolution = Convolution(inputs, outputs, kernel)
        self.bias = nn.Parameter(torch.zeros(1, outputs))

    def forward(self, volume: Tensor) -> Tensor:
        found = self.convolution(volume)
        return activated(found + in_space(self.bias).to(found.dtype))


class Halving(nn.Module):
    """A residual block to half of the edge."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first, self.second = Biased(inputs, inputs, 3), Biased(inputs, outputs, 3)
        self.skip = Convolution(inputs, outputs, 1)

    def forward(self, volume: Tensor) -> Tensor:
        found = self.second(functional.avg_pool3d(self.first(volume), 2))
        return (found + self.skip(functional.avg_pool3d(volume, 2))) / math.sqrt(2.0)


# ASSUME: the discriminator is StyleGAN2's residual one with convolutions in 3D; where it halves the
# edge it takes means of 2 x 2 x 2 voxels, in place of the filter (1, 3, 3, 1).
class Discriminator(nn.Module):
    """Logit (batch, 1) that a mask (batch, 1, x, y, z) is a true one.

    edge, channels, most_channels : as those of the generator.
    """

    def __init__(self, edge: int, channels: int, most_channels: int) -> None:
        super().__init__()
        counts = [min(most_channels, channels * edge // one) for one in reversed(edges_to(edge))]
        self.first = Biased(1, counts[0], 1)
        self.blocks = nn.Sequential(*(Halving(*both) for both in pairwise(counts)))
        self.last = Biased(counts[-1] + 1, counts[-1], 3)
        self.hidden = Linear(counts[-1] * FIRST_EDGE**3, counts[-1])
        self.verdict = Linear(counts[-1], 1)

    def forward(self, mask: Tensor) -> Tensor:
        mask = mask.contiguous(memory_format=torch.channels_last_3d)
        found = self.blocks(self.first(mask))
        found = self.last(torch.cat([found, spread(found)], dim=1)).flatten(1)
        return self.verdict(activated(self.hidden(found))).float()


def spread(found: Tensor) -> Tensor:
    """Mean standard deviation over the batch as a channel, (batch, 1, x, y, z).

    By it a batch of the same volumes is told (Karras et al. 2018, section 3).
    """
    deviation = (found.float().var(dim=0, unbiased=False) + EPS).sqrt().mean()
    return deviation.to(found.dtype).expand(len(found), 1, *found.shape[2:])
