"""Generator and discriminator of a conditional GAN on axial slices, after pix2pix.

The generator goes from what the views say about a slice to the slice's mask; the discriminator sees
both and judges, patch by patch, whether the mask is a true one. Slices are (slice, channels, x, y).
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ...training.learner import fractions

# ASSUME: what the views say about a slice is the back-projected sum and minimum there, and nothing
# of the slices beside it.
SEEN = ("sum", "min")
STRIDE = 16  # four halvings
AT_ONCE = 1 << 20  # voxels reconstructed at a time: 0.4 GB at 64 channels


# ASSUME: the generator is pix2pix's U-Net with four levels in place of eight, for slices of 64
# voxels in place of 256; with instance norm, which is what batch norm is at pix2pix's batch of 1;
# and without dropout or noise, so that a reconstruction repeats itself.
class Generator(nn.Module):
    """Logits of the mask, (slice, 1, x, y), from fractions (slice, 2, x, y)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        one, two, four, eight = (channels * factor for factor in (1, 2, 4, 8))
        self.down = nn.ModuleList(
            [
                _halved(len(SEEN), one, norm=False),
                _halved(one, two),
                _halved(two, four),
                _halved(four, eight, norm=False),  # perhaps a single voxel, which has no variance
            ]
        )
        self.up = nn.ModuleList([_doubled(eight, four), _doubled(2 * four, two)])
        self.up.append(_doubled(2 * two, one))
        self.last = nn.ConvTranspose2d(2 * one, 1, kernel_size=4, stride=2, padding=1)
        # ASSUME: the generator begins with few vessels, 5 % everywhere, and not with half of all.
        nn.init.constant_(self.last.bias, -3.0)

    def forward(self, seen: Tensor) -> Tensor:
        x, y = seen.shape[2:]
        kept = [padded(seen)]
        for down in self.down:
            kept.append(down(kept[-1]))
        deep = kept.pop()
        for up in self.up:
            deep = torch.cat([up(deep), kept.pop()], dim=1)
        return self.last(deep)[:, :, :x, :y]


class Discriminator(nn.Module):
    """Logits that a mask is a true one, one for each patch, from what was seen and the mask."""

    # ASSUME: the discriminator judges patches of 34 x 34 voxels, about half of a slice's edge.
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            _halved(len(SEEN) + 1, channels, norm=False),
            _halved(channels, 2 * channels),
            nn.Conv2d(2 * channels, 4 * channels, kernel_size=4, padding=1),
            nn.InstanceNorm2d(4 * channels, affine=True),
            nn.LeakyReLU(0.2),
            nn.Conv2d(4 * channels, 1, kernel_size=4, padding=1),
        )

    def forward(self, seen: Tensor, mask: Tensor) -> Tensor:
        return self.layers(padded(torch.cat([seen, mask], dim=1)))


def padded(slices: Tensor) -> Tensor:
    """Slices with their edges repeated to multiples of the stride."""
    x, y = (-edge % STRIDE for edge in slices.shape[2:])
    return functional.pad(slices, (0, y, 0, x), mode="replicate") if x or y else slices


@torch.no_grad()
def probabilities(network: Generator, inputs: dict[str, np.ndarray], at_once: int = AT_ONCE):
    """Vessel probabilities of a volume, (x, y, z) float32, in bounded memory.

    inputs : "sum" and "min", each (x, y, z) fractions or codes of them. at_once : voxels.
    """
    shape = inputs[SEEN[0]].shape
    step = max(1, at_once // (shape[0] * shape[1]))
    device = next(network.parameters()).device
    result = np.empty(shape, dtype=np.float32)
    for start in range(0, shape[2], step):
        some = slice(start, start + step)
        seen = fractions(torch.from_numpy(slices(inputs, some)).to(device))
        result[:, :, some] = network(seen).sigmoid_()[:, 0].permute(1, 2, 0).cpu().numpy()
    return result


def slices(inputs: dict[str, np.ndarray], some: slice | np.ndarray) -> np.ndarray:
    """What the views say about some of the axial slices, (slice, 2, x, y)."""
    return np.stack([inputs[kind][:, :, some].transpose(2, 0, 1) for kind in SEEN], axis=1)


def _halved(inputs: int, outputs: int, norm: bool = True) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, kernel_size=4, stride=2, padding=1)
    between = [nn.InstanceNorm2d(outputs, affine=True)] if norm else []
    return nn.Sequential(convolution, *between, nn.LeakyReLU(0.2))


def _doubled(inputs: int, outputs: int) -> nn.Sequential:
    convolution = nn.ConvTranspose2d(inputs, outputs, kernel_size=4, stride=2, padding=1)
    return nn.Sequential(convolution, nn.InstanceNorm2d(outputs, affine=True), nn.ReLU())
