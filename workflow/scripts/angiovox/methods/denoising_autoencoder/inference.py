"""The trained network on volumes of any size, in bounded memory.

Batch norm is folded into the convolutions, pooling comes before ReLU, and the volume goes through
in tiles with a margin: a block of 8 voxels depends on 7 voxels before it and on 14 from its start.
The plain network, folded and in tiles likewise, takes 3.6 times as long on a CPU at 128^3
(benchmarks/training_step.md).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from . import blocks
from .layer_sizes import STRIDE, padded
from .network import DenoisingAutoencoder

MARGIN = STRIDE  # voxels around a tile that its encoder must see
MEMORY = 3 << 29  # bytes that a tile's activations may take, 1.5 GiB


@torch.no_grad()
def probabilities(
    network: DenoisingAutoencoder,
    volume: np.ndarray | Tensor,
    tile: tuple[int, int, int] | None = None,
    dtype: torch.dtype | None = None,
) -> Tensor:
    """Vessel probabilities, as of the network in evaluation mode; float32, on the CPU.

    Parameters
    ----------
    volume : (x, y, z) fractions, or 8-bit or 16-bit codes of them.
    tile : voxels that go through at a time, multiples of 8; by default as many as memory allows.
    dtype : of activations and products; the parameters' own by default.

    Raises ValueError for a tile that the network's strides do not allow.
    """
    volume = torch.as_tensor(volume)
    parameter = next(network.parameters())
    dtype = dtype or parameter.dtype
    tile = tile or tile_within(MEMORY, tuple(volume.shape), dtype)
    if any(edge < STRIDE or edge % STRIDE for edge in tile):
        text = " x ".join(map(str, tile))
        raise ValueError(f"tile: {text} voxels; each edge must be a multiple of {STRIDE}")
    folded = _Folded.of(network, dtype)
    result = torch.empty(volume.shape)
    for start in itertools.product(*map(range, [0] * 3, volume.shape, tile)):
        stop = [min(a + t, edge) for a, t, edge in zip(start, tile, volume.shape, strict=True)]
        inside = tuple(map(slice, start, stop))
        _one_tile(folded, volume, inside, parameter.device, result[inside])
    return result


def tile_within(
    memory: int, shape: tuple[int, int, int], dtype: torch.dtype = torch.float32
) -> tuple[int, int, int]:
    """The tile whose activations stay within some bytes: the volume, its longest edges halved.

    Raises ValueError where not even a tile of 8^3 stays within.
    """
    tile = [padded(edge) for edge in shape]
    while (needed := activations(tuple(tile), shape, dtype)) > memory:
        longest = tile.index(max(tile))
        if tile[longest] == STRIDE:
            raise ValueError(
                f"memory: {memory / 1e6:.1f} MB, but the least tile of {STRIDE}^3 voxels "
                f"takes {needed / 1e6:.1f} MB"
            )
        tile[longest] = -(-tile[longest] // (2 * STRIDE)) * STRIDE
    return tuple(tile)


def activations(tile: tuple[int, int, int], shape: tuple[int, int, int], dtype: torch.dtype) -> int:
    """Bytes of a tile's activations: pooled ones of 32, 64 and 128 channels, with its margins."""
    edges = [min(t + 2 * MARGIN, padded(s)) for t, s in zip(tile, shape, strict=True)]
    kept = 32 / 8 + 64 / 64 + 128 / 512 + 1
    return int(np.prod(edges) * kept * dtype.itemsize) + 2 * blocks.TEMPORARY["cpu"]


@dataclass(frozen=True)
class _Folded:
    """Weights and biases with batch norm in them: three kernels, three matrices."""

    encoder: list[tuple[Tensor, Tensor]]
    decoder: list[tuple[Tensor, Tensor]]

    @classmethod
    def of(cls, network: DenoisingAutoencoder, dtype: torch.dtype) -> _Folded:
        layers = [layer for layer in network.layers if list(layer.parameters())]
        pairs = zip(layers[::2], [*layers[1::2], None], strict=True)
        kernels = [_fold(convolution, norm) for convolution, norm in pairs]
        decoder = [
            (weight.permute(0, 2, 3, 4, 1).flatten(1), bias.repeat(8))
            for weight, bias in kernels[3:]
        ]
        cast = [[(w.to(dtype), b.to(dtype)) for w, b in part] for part in (kernels[:3], decoder)]
        return cls(*cast)


def _fold(convolution: nn.Module, norm: nn.BatchNorm3d | None) -> tuple[Tensor, Tensor]:
    weight, bias = convolution.weight.double(), convolution.bias.double()
    if norm is None:
        return weight, bias
    scale = norm.weight.double() / (norm.running_var.double() + norm.eps).sqrt()
    bias = (bias - norm.running_mean.double()) * scale + norm.bias.double()
    axis = 1 if isinstance(convolution, nn.ConvTranspose3d) else 0
    return weight * scale.view([-1 if n == axis else 1 for n in range(5)]), bias


def _one_tile(folded, volume, inside, device, result) -> None:
    """Fill `result`, the part of the probabilities that lies `inside` the volume."""
    start = [part.start for part in inside]
    ends = [-(-part.stop // STRIDE) * STRIDE for part in inside]
    whole = [padded(edge) for edge in volume.shape]
    first = [max(a - MARGIN, 0) for a in start]
    last = [min(b + MARGIN, edge) for b, edge in zip(ends, whole, strict=True)]
    seen = volume[tuple(map(slice, first, last))][None].to(device)
    kept = _first_block(folded, blocks.padded(seen, STRIDE))
    for weight, bias in folded.encoder[1:]:
        kept = _block(kept, weight, bias)
    at = [(a - f) // STRIDE for a, f in zip(start, first, strict=True)]
    counts = [(b - a) // STRIDE for a, b in zip(start, ends, strict=True)]
    own = kept[0][tuple(slice(a, a + n) for a, n in zip(at, counts, strict=True))]
    each = own[0].numel() // own.shape[-1] * 512 * 24 * own.dtype.itemsize
    for low, high in blocks.slabs(len(own), each // 4, own.device):
        slab = _decoded(folded, own[low:high])
        target = result[STRIDE * low : STRIDE * high]
        x, y, z = target.shape
        target.copy_(slab[:x, :y, :z])


def _first_block(folded: _Folded, volume: Tensor) -> Tensor:
    weight, bias = folded.encoder[0]
    batch, *edges = volume.shape
    shape = (batch, *(edge // 2 for edge in edges), len(weight))
    kept = torch.empty(shape, dtype=weight.dtype, device=volume.device)
    span = blocks.span_on(volume.device)
    for start, stop in blocks.first_planes(volume, len(weight), weight.dtype):
        seen = blocks.patches(volume, start, stop, weight.dtype)
        best = _maximum(blocks.first_outputs(seen, weight, span))
        kept[:, start:stop] = best.add_(bias).relu_().view(batch, stop - start, *shape[2:])
    return kept


def _block(kept: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    batch, *edges, _ = kept.shape
    pooled = kept.new_empty((batch, *(edge // 2 for edge in edges), len(weight)))
    weight = weight.contiguous(memory_format=torch.channels_last_3d)
    for start, stop in blocks.planes(kept, len(weight)):
        inside, sides = blocks.with_neighbours(2 * start, 2 * stop, edges[0])
        active, padding = blocks.convolution_input(kept[:, inside], sides)
        outputs = functional.conv3d(active, weight, bias, padding=padding).permute(0, 2, 3, 4, 1)
        pooled[:, start:stop] = _maximum(blocks.windows(outputs)).relu_()
    return pooled


def _maximum(parts: list[Tensor]) -> Tensor:
    best = torch.maximum(parts[0], parts[1])
    for part in parts[2:]:
        torch.maximum(best, part, out=best)
    return best


def _decoded(folded: _Folded, kept: Tensor) -> Tensor:
    """Probabilities (8x, 8y, 8z) of (x, y, z, 128)."""
    rows = kept.reshape(-1, kept.shape[-1])
    for weight, bias in folded.decoder[:2]:
        rows = torch.addmm(bias, rows, weight).relu_().view(-1, weight.shape[1] // 8)
    weight, bias = folded.decoder[2]
    logits = torch.addmm(bias, rows, weight).float()
    x, y, z = kept.shape[:3]
    order = [0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11]
    nested = logits.sigmoid_().view(x, y, z, *[2] * 9).permute(order)
    return nested.reshape(8 * x, 8 * y, 8 * z)
