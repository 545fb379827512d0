"""The style-based generator of volumes: mapping network, modulated convolutions, noise inputs.

Volumes are (batch, channels, x, y, z), cubes of an edge that is a power of two.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

FIRST_EDGE = 4  # of the constant that a generator starts from
MAPPING_RATE = 0.01  # of the mapping network's weights, relative to all others
SLOPE, GAIN = 0.2, math.sqrt(2.0)  # of leaky ReLU, and what keeps the variance after it
EPS = 1e-8
FIRST_LOGIT = -3.0


class Linear(nn.Module):
    """A linear layer whose weights are drawn from N(0, 1) and scaled as they are used.

    rate : learning rate relative to that of other layers. bias : at the start.
    """

    def __init__(self, inputs: int, outputs: int, rate: float = 1.0, bias: float = 0.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / rate)
        self.bias = nn.Parameter(torch.full((outputs,), bias / rate))
        self.scale, self.rate = rate / math.sqrt(inputs), rate

    def forward(self, given: Tensor) -> Tensor:
        return functional.linear(given, self.weight * self.scale, self.bias * self.rate)


class Convolution(nn.Module):
    """A convolution without bias whose weights are scaled as they are used, too."""

    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, *3 * (kernel,)))
        self.scale, self.padding = 1 / math.sqrt(inputs * kernel**3), kernel // 2

    def forward(self, volume: Tensor) -> Tensor:
        return functional.conv3d(volume, self.weight * self.scale, padding=self.padding)


class Mapping(nn.Module):
    """Latents w (batch, width) of normal numbers z (batch, width)."""

    def __init__(self, width: int, layers: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Linear(width, width, MAPPING_RATE) for _ in range(layers))

    def forward(self, z: Tensor) -> Tensor:
        w = z * (z.square().mean(dim=1, keepdim=True) + EPS).rsqrt()
        for layer in self.layers:
            w = activated(layer(w))
        return w


class ModulatedConvolution(nn.Module):
    """A convolution whose inputs are scaled by a style, an affine map of w.

    demodulate : whether each output is scaled to the variance that the style took from it
        (Karras et al. 2020, section 2.2).
    """

    def __init__(self, inputs: int, outputs: int, width: int, kernel: int, demodulate: bool):
        super().__init__()
        self.convolution = Convolution(inputs, outputs, kernel)
        self.style = Linear(width, inputs, bias=1.0)
        self.demodulate = demodulate

    def forward(self, volume: Tensor, w: Tensor) -> Tensor:
        style = self.style(w)
        found = self.convolution(volume * in_space(style).to(volume.dtype))
        if not self.demodulate:
            return found
        weight = self.convolution.weight * self.convolution.scale
        variance = style.float().square() @ weight.square().sum(dim=(2, 3, 4)).T
        return found * in_space((variance + EPS).rsqrt()).to(found.dtype)


class Layer(nn.Module):
    """A modulated convolution with noise, bias and leaky ReLU, to twice the edge or not.

    edge : of what it gives.
    """

    def __init__(self, inputs: int, outputs: int, width: int, edge: int, doubles: bool) -> None:
        super().__init__()
        self.convolution = ModulatedConvolution(inputs, outputs, width, 3, demodulate=True)
        self.strength = nn.Parameter(torch.zeros(()))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.edge, self.doubles = edge, doubles

    def forward(self, volume: Tensor, w: Tensor, noise: Tensor) -> Tensor:
        found = self.convolution(volume, w)
        if self.doubles:
            found = doubled(found)
        shift = self.strength * noise + in_space(self.bias[None])
        return activated(found + shift.to(found.dtype))


# ASSUME: X2Vision's generator is StyleGAN2's with convolutions in 3D (Karras et al. 2020), as its
# name says; channels of a 3D generator are not stated.
# ASSUME: where the edge doubles, a convolution comes first and a linear interpolation after it,
# which is StyleGAN2's filter (1, 3, 3, 1), in place of a transposed convolution and that filter.
class Generator(nn.Module):
    """Logits of a mask from latents w, one for each layer, and noise.

    edge : of the volume, a power of two. channels : of its last layers; twice as many at each half
    of the edge, up to `most_channels`. width : of z and w. mapping_layers : of the mapping network.
    """

    def __init__(
        self, edge: int, channels: int, most_channels: int, width: int, mapping_layers: int
    ) -> None:
        super().__init__()
        self.width = width
        self.mapping = Mapping(width, mapping_layers)
        edges = edges_to(edge)
        counts = [min(most_channels, channels * edge // one) for one in edges]
        self.start = nn.Parameter(torch.randn(1, counts[0], *3 * (FIRST_EDGE,)))
        self.layers = nn.ModuleList([Layer(counts[0], counts[0], width, FIRST_EDGE, False)])
        for before, count, one in zip(counts, counts[1:], edges[1:], strict=False):
            self.layers.append(Layer(before, count, width, one, doubles=True))
            self.layers.append(Layer(count, count, width, one, doubles=False))
        self.outputs = nn.ModuleList(
            ModulatedConvolution(count, 1, width, 1, demodulate=False) for count in counts
        )
        # ASSUME: the generator begins with few vessels, 5 % everywhere, and not with half of all.
        self.bias = nn.Parameter(torch.full((1,), FIRST_LOGIT))

    @property
    def latents(self) -> int:
        """How many w it takes: one for each layer, and one for the last output."""
        return len(self.layers) + 1

    @property
    def noise_shapes(self) -> list[tuple[int, ...]]:
        """Of the noise of each layer, (1, 1, x, y, z)."""
        return [(1, 1, *3 * (layer.edge,)) for layer in self.layers]

    def noise(self, count: int) -> list[Tensor]:
        """Normal noise for a number of volumes, for each layer."""
        device = self.start.device
        return [torch.randn(count, *shape[1:], device=device) for shape in self.noise_shapes]

    def forward(self, w: Tensor, noise: Sequence[Tensor]) -> Tensor:
        """Logits (batch, 1, x, y, z) of w (batch, latents, width) and the noise of each layer."""
        found, logits, number = self.start.expand(len(w), -1, -1, -1, -1), None, 0
        found = found.contiguous(memory_format=torch.channels_last_3d)
        for output in self.outputs:
            for layer in self.layers[number : number + (1 if logits is None else 2)]:
                found = layer(found, w[:, number], noise[number])
                number += 1
            more = output(found, w[:, number]).float()
            logits = more if logits is None else doubled(logits) + more
        return logits + self.bias


def edges_to(edge: int) -> list[int]:
    """Edges of the levels, from `FIRST_EDGE` on, each twice the one before."""
    return [FIRST_EDGE * 2**level for level in range(int(math.log2(edge // FIRST_EDGE)) + 1)]


def activated(values: Tensor) -> Tensor:
    """Leaky ReLU that keeps the variance."""
    return functional.leaky_relu(values, SLOPE) * GAIN


def doubled(volume: Tensor) -> Tensor:
    """A volume at twice the edge, linearly interpolated."""
    return functional.interpolate(volume, scale_factor=2, mode="trilinear", align_corners=False)


def in_space(values: Tensor) -> Tensor:
    """Values (batch, channels) to be used at every voxel."""
    return values[:, :, None, None, None]
