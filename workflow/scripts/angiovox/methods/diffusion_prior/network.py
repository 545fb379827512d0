"""The denoiser of noisy masks, and how noisy they are at each time."""

from __future__ import annotations

import itertools
import math

import torch
from monai.networks.utils import pixelshuffle, pixelunshuffle
from torch import Tensor, nn
from torch.nn import functional

BLOCK = 2  # voxels along an edge of the cubes whose voxels are channels
PRIOR_LOGIT = -3.0  # of a voxel before anything is learned: few are vessel
LARGEST_LOGIT = 20.0
LEAST_TIME = 1e-3  # the noise vanishes at 0
GROUPS = 32  # of channels that are normalised together, or as many as divide them
FREQUENCIES, LONGEST_PERIOD = 32, 10_000.0  # sines of the time in thousandths


def noise_levels(times: Tensor, shift: float) -> tuple[Tensor, Tensor]:
    """Shares of signal and noise at times from 0, without noise, to 1; their squares add up to 1.

    The cosine schedule (Nichol and Dhariwal 2021), whose ratio of the amplitudes of both is
    multiplied by `shift` (Hoogeboom et al. 2023, section 3.1).
    """
    angle = times.clamp(LEAST_TIME, 1 - LEAST_TIME) * (torch.pi / 2)
    ratio = shift / torch.tan(angle)
    noise = (1 + ratio.square()).rsqrt()
    return ratio * noise, noise


class Denoiser(nn.Module):
    """What a noisy mask says of the mask without noise: a logit for each voxel.

    A voxel's own noisy value gives a logit by Bayes' rule, as noise is independent from voxel to
    voxel; the network adds what the others say of it. It is a U-Net of residual blocks that know
    the time (Nichol and Dhariwal 2021, without attention), on cubes of 2^3 voxels as channels.

    channels : at half the resolution, doubled at each coarser one. levels : of resolution, from
    half of the full one on.
    """

    def __init__(self, channels: int, levels: int, shift: float) -> None:
        super().__init__()
        self.shift = shift
        widths = [channels * 2**level for level in range(levels)]
        joined = [fine + coarse for fine, coarse in itertools.pairwise(widths)]
        embedded = 4 * channels
        self.embedding = nn.Sequential(
            nn.Linear(2 * FREQUENCIES, embedded),
            nn.SiLU(),
            nn.Linear(embedded, embedded),
            nn.SiLU(),
        )
        self.first = nn.Conv3d(BLOCK**3, channels, 3, padding=1)
        before = [channels, *widths[:-1]]
        self.down = nn.ModuleList(map(_Residual, before, widths, levels * [embedded]))
        self.up = nn.ModuleList(map(_Residual, joined, widths[:-1], levels * [embedded]))
        self.last = nn.Sequential(
            _norm(channels), nn.SiLU(), _vanishing(nn.Conv3d(channels, BLOCK**3, 3, padding=1))
        )

    def forward(self, noisy: Tensor, times: Tensor) -> Tensor:
        """Logits of volumes (batch, 1, x, y, z) of -1 and 1 with noise, at times (batch,)."""
        signal, noise = noise_levels(times, self.shift)
        weight = (2 * signal / noise.square())[:, None, None, None, None]
        own = (weight * noisy.float()).clamp(-LARGEST_LOGIT, LARGEST_LOGIT)
        embedded = self.embedding(sines(times))
        feature, skips = self.first(pixelunshuffle(noisy, 3, BLOCK)), []
        for block in self.down:
            feature = functional.avg_pool3d(feature, 2) if skips else feature
            feature = block(feature, embedded)
            skips.append(feature)
        skips.pop()
        for block in reversed(self.up):
            feature = functional.interpolate(feature, scale_factor=2.0, mode="nearest")
            feature = block(torch.cat([skips.pop(), feature], dim=1), embedded)
        return PRIOR_LOGIT + own + pixelshuffle(self.last(feature), 3, BLOCK).float()


class _Residual(nn.Module):
    """Two convolutions beside a shortcut, the second of what the time scales and moves."""

    def __init__(self, inputs: int, outputs: int, embedded: int) -> None:
        super().__init__()
        self.first_norm, self.second_norm = _norm(inputs), _norm(outputs)
        self.first = nn.Conv3d(inputs, outputs, 3, padding=1)
        self.second = _vanishing(nn.Conv3d(outputs, outputs, 3, padding=1))
        self.time = nn.Linear(embedded, 2 * outputs)
        same = inputs == outputs
        self.shortcut = nn.Identity() if same else nn.Conv3d(inputs, outputs, 1)

    def forward(self, volume: Tensor, embedded: Tensor) -> Tensor:
        hidden = self.first(functional.silu(self.first_norm(volume)))
        scale, offset = self.time(embedded)[:, :, None, None, None].chunk(2, dim=1)
        hidden = self.second_norm(hidden) * (1 + scale) + offset
        hidden = self.second(functional.silu(hidden))
        return hidden + self.shortcut(volume)


def sines(times: Tensor) -> Tensor:
    """Sines and cosines (batch, features) of times (batch,) in thousandths."""
    places = torch.arange(FREQUENCIES, device=times.device) / FREQUENCIES
    phases = 1000 * times[:, None] * torch.exp(-math.log(LONGEST_PERIOD) * places)
    return torch.cat([phases.sin(), phases.cos()], dim=1)


def _norm(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(math.gcd(channels, GROUPS), channels)


def _vanishing(layer: nn.Conv3d) -> nn.Conv3d:
    """A layer that adds nothing before it has learned."""
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer
