"""DeepMedic's paths at several resolutions (Kamnitsas et al. 2017), and the sizes they need.

A segment is a cube of voxels that the path at full resolution sees. Convolutions are unpadded, so
each takes two voxels from an edge, and what comes out is the segment's centre. Edges are in voxels
at full resolution, and all of those of one segment are odd or all even.
"""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional

FACTORS = (1, 3, 5)  # of voxels, from one path to the next
WIDTHS = (3, 3, 4, 4, 4, 4, 5, 5)  # maps of a path's layers, in tenths of the first layers' 30
RESIDUAL = (4, 6, 8)  # layers, from 1 on, to which the maps two layers before are added
DROPOUT = 0.5
PATH_LOSS = 2 * len(WIDTHS)  # voxels that an edge loses in a path
JOINT_LOSS = 2  # and in the layers after it


# ASSUME: batch norm and PReLU precede each convolution but a path's first; dropout precedes the
# last two; the low resolutions are means of cubes of voxels, 0 beyond the volume, and come back by
# repetition; one logit stands for the two classes; batch norm's running means are PyTorch's.
class DeepMedic(nn.Module):
    """Eight convolutions of 3^3 in each path, then one of 3^3 and two of 1^3 on all paths' maps.

    inputs : channels. width : maps of a path are 3, 3, 4, 4, 4, 4, 5, 5 times that many. joint :
    maps of the layers after the paths. factors : odd ones, of the paths' voxels.
    """

    def __init__(
        self, inputs: int, width: int, joint: int, factors: tuple[int, ...] = FACTORS
    ) -> None:
        super().__init__()
        self.factors = factors
        self.paths = nn.ModuleList(Path(inputs, width) for _ in factors)
        self.joint = nn.Sequential(
            *_layer(len(factors) * WIDTHS[-1] * width, joint, 3),
            *_layer(joint, joint, 1, DROPOUT),
            *_layer(joint, 1, 1, DROPOUT),
        )

    def forward(self, context: Tensor, segment: int) -> Tensor:
        """Float32 logits (batch, 1, *3 * [output_edge(segment)]) of a segment's centre.

        context : (batch, inputs, *3 * [context_edge(segment, factors)]) around the same centre.
        """
        full = segment - PATH_LOSS
        maps = []
        for factor, path in zip(self.factors, self.paths, strict=True):
            seen = centre(context, seen_edge(segment, factor))
            found = path(functional.avg_pool3d(seen, factor) if factor > 1 else seen)
            maps.append(centre(_repeated(found, factor), full))
        return self.joint(torch.cat(maps, dim=1)).float()


class Path(nn.Module):
    """Eight unpadded convolutions with residual connections over pairs of them."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        maps = [width * part for part in WIDTHS]
        layers = [nn.Sequential(*_layer(*both, 3)) for both in itertools.pairwise(maps)]
        first = nn.Conv3d(inputs, maps[0], 3, bias=False)
        self.layers = nn.ModuleList([first, *layers])

    def forward(self, volume: Tensor) -> Tensor:
        before = volume
        for number, layer in enumerate(self.layers, start=1):
            found = layer(volume)
            if number in RESIDUAL:
                found = found + _like(before, found)
            before, volume = volume, found
        return volume


def output_edge(segment: int) -> int:
    """Edge of what comes out of a segment."""
    return segment - PATH_LOSS - JOINT_LOSS


def context_edge(segment: int, factors: tuple[int, ...] = FACTORS) -> int:
    """Edge of all that the paths see of a segment's surroundings."""
    return max(seen_edge(segment, factor) for factor in factors)


def seen_edge(segment: int, factor: int) -> int:
    """Edge of what the path of a factor sees."""
    full = segment - PATH_LOSS
    least = -(-full // factor)
    least += (least * factor - full) % 2  # on both sides of the centre alike
    return factor * (least + PATH_LOSS)


def centre(volume: Tensor, edge: int) -> Tensor:
    """The cube of an edge in the middle of (batch, maps, x, y, z)."""
    first = (volume.shape[2] - edge) // 2
    inside = slice(first, first + edge)
    return volume[:, :, inside, inside, inside]


def _layer(inputs: int, outputs: int, kernel: int, dropout: float = 0.0) -> list[nn.Module]:
    convolution = nn.Conv3d(inputs, outputs, kernel, bias=outputs == 1)  # else a norm follows
    left_out = [nn.Dropout(dropout)] if dropout else []
    return [nn.BatchNorm3d(inputs), nn.PReLU(inputs), *left_out, convolution]


def _like(maps: Tensor, other: Tensor) -> Tensor:
    """The centre of some maps, with maps of zeros behind, in the shape of others."""
    missing = other.shape[1] - maps.shape[1]
    return functional.pad(centre(maps, other.shape[2]), [0] * 6 + [0, missing])


def _repeated(maps: Tensor, factor: int) -> Tensor:
    return functional.interpolate(maps, scale_factor=factor) if factor > 1 else maps
