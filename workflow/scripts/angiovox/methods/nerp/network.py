"""The network of NeRP: random Fourier features of a place, then sinusoidal layers."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

# ASSUME: weights are drawn as Sitzmann et al. 2020 draw them: in the first layer uniformly within
# 1 / inputs, in the others within sqrt(6 / inputs) / omega.


class SineLayer(nn.Module):
    """sin(omega (W x + b))."""

    def __init__(self, inputs: int, width: int, omega: float, is_first: bool = False) -> None:
        super().__init__()
        self.linear, self.omega = nn.Linear(inputs, width), omega
        _draw(self.linear, 1.0 / inputs if is_first else math.sqrt(6.0 / inputs) / omega)

    def forward(self, given: Tensor) -> Tensor:
        return torch.sin(self.omega * self.linear(given))


class Nerp(nn.Module):
    """Value (...) of the image at places (..., 3) in a cube from -1 to 1.

    width, layers : of the network, of which the last layer is linear. frequencies : of the Fourier
    features. scale : standard deviation of the frequencies, in cycles per edge of the cube. omega :
    of the sines.
    """

    def __init__(
        self, width: int, layers: int, frequencies: int, scale: float, omega: float
    ) -> None:
        super().__init__()
        self.register_buffer("matrix", scale * torch.randn(3, frequencies))
        sizes = [2 * frequencies, *[width] * (layers - 1)]
        self.sines = nn.Sequential(
            *(SineLayer(size, width, omega, number == 0) for number, size in enumerate(sizes[:-1]))
        )
        self.last = nn.Linear(sizes[-1], 1)
        _draw(self.last, math.sqrt(6.0 / sizes[-1]) / omega)

    # ASSUME: places go from 0 to 1 along the grid's longest edge before they meet the frequencies.
    def forward(self, places: Tensor) -> Tensor:
        turns = math.pi * (places + 1) @ self.matrix
        return self.last(self.sines(torch.cat([turns.sin(), turns.cos()], dim=-1)))[..., 0]


def _draw(linear: nn.Linear, bound: float) -> None:
    nn.init.uniform_(linear.weight, -bound, bound)
