"""Encoder and decoder of IM-NET: a volume becomes a code, and a code and a place occupancy.

Volumes are (batch, 2, x, y, z), places (batch, points, 3) in [-1, 1] from the grid's first face to
its last along x, y and z.
"""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional

SEEN = ("sum", "min")
WIDTHS = (32, 64, 128, 256)  # of the encoder's convolutions
SLOPE = 0.02  # of leaky ReLU
LEAK = 0.01  # slope of the clipped output beyond [0, 1]
CODE = 256  # numbers of the global code
HALVINGS = 2 ** len(WIDTHS)


class ImplicitField(nn.Module):
    """Occupancy of places from back-projections.

    resolution : edge of the volume that is encoded, a multiple of 16 from 32 on. width : of the
    decoder's first layers (1024 in the source). is_local : whether a place has a code of its own.
    """

    def __init__(self, resolution: int, width: int, is_local: bool) -> None:
        super().__init__()
        self.encoder = Encoder()
        self.is_local = is_local
        if is_local:
            # ASSUME: a local code holds the two back-projections and the features of all four
            # convolutions, interpolated at the place; its decoder has layers of 256, 256 and 128.
            self.decoder = Decoder(len(SEEN) + sum(WIDTHS), (width // 4, width // 4, width // 8))
        else:
            edge = resolution // HALVINGS
            self.code = nn.Conv3d(WIDTHS[-1], CODE, kernel_size=edge)
            narrow = (width // 2, width // 4, width // 8)
            self.decoder = Decoder(CODE, (width, width, width, *narrow))

    def encode(self, volume: Tensor) -> list[Tensor]:
        """The global code, (batch, 256), or the maps that local codes are interpolated from."""
        maps = self.encoder(volume)
        if self.is_local:
            return [volume, *maps]
        return [self.code(maps[-1]).flatten(1).sigmoid()]

    def occupancy(self, encoded: list[Tensor], places: Tensor) -> Tensor:
        """Clipped occupancy (batch, points) of places."""
        if self.is_local:
            codes = torch.cat([interpolated(one, places) for one in encoded], dim=2)
        else:
            codes = encoded[0][:, None].expand(-1, places.shape[1], -1)
        return self.decoder(torch.cat([codes, places / 2], dim=2))

    def forward(self, volume: Tensor, places: Tensor) -> Tensor:
        return self.occupancy(self.encode(volume), places)


class Encoder(nn.Module):
    """Convolutions of kernel 4 and stride 2, each with instance norm: a list of four maps."""

    def __init__(self) -> None:
        super().__init__()
        pairs = itertools.pairwise((len(SEEN), *WIDTHS))
        self.layers = nn.ModuleList(
            nn.Sequential(
                nn.Conv3d(narrow, wide, kernel_size=4, stride=2, padding=1, bias=False),
                nn.InstanceNorm3d(wide, affine=True),
                nn.LeakyReLU(SLOPE),
            )
            for narrow, wide in pairs
        )

    def forward(self, volume: Tensor) -> list[Tensor]:
        maps = [volume]
        for layer in self.layers:
            maps.append(layer(maps[-1]))
        return maps[1:]


class Decoder(nn.Module):
    """A multilayer perceptron on a code and a place; its last layer gives one number, clipped."""

    def __init__(self, code: int, widths: tuple[int, ...]) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for narrow, wide in itertools.pairwise((code + 3, *widths)):
            layers += [nn.Linear(narrow, wide), nn.LeakyReLU(SLOPE)]
        self.layers = nn.Sequential(*layers, nn.Linear(widths[-1], 1))
        # ASSUME: He's initial weights; through seven layers of PyTorch's own a place's signal
        # fades, and 90 steps on two bars ended with the same occupancy everywhere.
        for layer in self.layers:
            if isinstance(layer, nn.Linear):
                nn.init.kaiming_normal_(layer.weight, a=SLOPE)
                nn.init.zeros_(layer.bias)

    def forward(self, given: Tensor) -> Tensor:
        return clipped(self.layers(given)[..., 0].float())


def clipped(values: Tensor) -> Tensor:
    """Values in [0, 1] as they are; others nearly so, with a slope that still has a gradient."""
    return torch.maximum(torch.minimum(values, LEAK * values + 1 - LEAK), LEAK * values)


def interpolated(volume: Tensor, places: Tensor) -> Tensor:
    """Values (batch, points, channels) of a volume (batch, channels, x, y, z) at places.

    Trilinear between voxel centres; beyond the outermost ones the nearest counts.
    """
    grid = places.flip(-1)[:, :, None, None].to(volume.dtype)  # torch's order is z, y, x
    options = {"mode": "bilinear", "padding_mode": "border", "align_corners": False}
    return functional.grid_sample(volume, grid, **options)[..., 0, 0].transpose(1, 2)


def resampled(volume: Tensor, resolution: int) -> Tensor:
    """A volume (batch, channels, x, y, z) on a cube of voxels that fills the same field."""
    shape = 3 * (resolution,)
    if tuple(volume.shape[2:]) == shape:
        return volume
    return functional.interpolate(volume, shape, mode="trilinear", align_corners=False)


def centres(cells: Tensor, shape: tuple[int, ...], factor: int = 1) -> Tensor:
    """Places (..., 3) of cells (..., 3), by their indices.

    shape : of the grid, in voxels. factor : voxels along the edge of a cell.
    """
    size = torch.tensor(shape, dtype=torch.float32, device=cells.device)
    return factor * (2 * cells + 1) / size - 1
