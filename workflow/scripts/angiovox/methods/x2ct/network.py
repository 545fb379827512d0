"""Generator and discriminator of X2CT.

Volumes are (batch, channels, x, y, z). The branch of a view works in the view's own frame, (depth,
detector, z): that of the lateral view, whose detector runs along y, is the volume's; that of the
frontal view has x and y exchanged.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from .encoder import Encoder

WIDTHS = (1, 1, 2, 4, 8, 16)  # of the decoders, finest first, in channels of the finest
DROPOUT = 0.5  # of connection A
LEAK = 0.2  # of the discriminator's LeakyReLU
CONDITIONED = 3  # channels that it sees: the volume, and both views along their rays


class Branch(nn.Module):
    """Encoder and decoder of one view, in the view's frame.

    Connection A: fully connected, from the means of the coarsest features to the coarsest volume.
    Connection B: features of the encoder, repeated along the depth, to the decoder at each level.
    widths : of the decoder, finest first. edge : of the volume.

    Source: Ying et al. 2019, section 3.2, Figures 2 and 3.
    """

    def __init__(self, encoder: Encoder, widths: tuple[int, ...], edge: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.coarsest = (widths[-1], *3 * (edge >> len(encoder.stages),))
        size = torch.Size(self.coarsest).numel()
        self.connection_a = nn.Linear(encoder.channels[-1], size)
        self.dropout = nn.Dropout(DROPOUT)
        links = zip(encoder.channels[:-1], widths[:-1], strict=True)
        self.connection_b = nn.ModuleList(_Repeated(*pair) for pair in links)
        self.merge = nn.ModuleList(_conv(2 * width, width) for width in widths[:-1])
        # ASSUME: the branches end with the last average, since nothing reads their own volumes.
        self.up = nn.ModuleList(
            nn.Sequential(*(_conv(wide, wide) for _ in range(2 * (wide != widths[-1]))), up)
            for wide, up in _ups(widths)
        )

    def encode(self, image: Tensor) -> tuple[list[Tensor], Tensor]:
        """Features of the view (batch, 1, edge, edge) for connection B, and the coarsest volume."""
        features, means = self.encoder(image)
        volume = functional.relu(self.dropout(self.connection_a(means)))
        return features, volume.unflatten(1, self.coarsest)

    def decode(self, level: int, fused: Tensor, feature: Tensor) -> Tensor:
        """The next finer volume, from the average of both views and a feature of this one."""
        repeated = self.connection_b[level](feature)
        return self.merge[level](torch.cat([self.up[level](fused), repeated], dim=1))


# ASSUME: X2CT's weights start as PyTorch's layers do.
class Generator(nn.Module):
    """A volume, (batch, 1, x, y, z), from a frontal and a lateral view.

    Connection C: at each level the features of both branches are brought into the volume's axes and
    averaged; the average goes on in both branches and in a third decoder, whose output is the
    volume.

    Parameters
    ----------
    edge : of views and volume, a multiple of 2 to the power of `halvings`.
    channels, growth, layers, halvings : of the encoders. decoder_channels : of the decoders at full
        resolution.

    Source: Ying et al. 2019, sections 3.2 and 3.3.
    """

    def __init__(
        self,
        edge: int,
        channels: int = 64,
        growth: int = 32,
        layers: int = 6,
        halvings: int = 5,
        decoder_channels: int = 16,
    ) -> None:
        super().__init__()
        widths = tuple(decoder_channels * width for width in WIDTHS[: halvings + 1])
        encoders = (Encoder(channels, growth, layers, halvings) for _ in range(2))
        self.branches = nn.ModuleList(Branch(encoder, widths, edge) for encoder in encoders)
        self.up = nn.ModuleList(up for _, up in _ups(widths))
        self.fuse = nn.ModuleList(
            nn.Sequential(_conv(2 * width, width), _conv(width, width)) for width in widths[:-1]
        )
        self.last = nn.Conv3d(widths[0], 1, kernel_size=7, padding=3)

    def forward(self, pair: Tensor) -> Tensor:
        """pair : (batch, 2, edge, edge), frontal (x, z) and lateral (y, z)."""
        views = (pair[:, :1], pair[:, 1:])
        encoded = (branch.encode(view) for branch, view in zip(self.branches, views, strict=True))
        features, volumes = zip(*encoded, strict=True)
        average = _average(*volumes)
        fused = average
        for level in reversed(range(len(self.fuse))):
            frames = (average.transpose(2, 3), average)
            both = zip(self.branches, frames, features, strict=True)
            average = _average(*(b.decode(level, frame, f[level]) for b, frame, f in both))
            fused = self.fuse[level](torch.cat([average, self.up[level](fused)], dim=1))
        volume = self.last(fused)
        # ASSUME: X2CT's last ReLU is left out while it trains. Masks are nearly all 0, to which
        # it would drive all voxels below 0, where no gradient comes back from.
        return volume if self.training else functional.relu(volume)


class Discriminator(nn.Module):
    """Verdicts on patches, 1 for true, of a volume and the views that it belongs to.

    Four convolutions of 4^3, three of them of stride 2, and one to the verdicts; 64 channels at
    first, doubled at each. Source: Ying et al. 2019, section 3.4, after pix2pix.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        four = {"kernel_size": 4, "padding": 2}
        layers = [nn.Conv3d(CONDITIONED, channels, stride=2, **four), nn.LeakyReLU(LEAK)]
        for stride in (2, 2, 1):
            layers += [
                nn.Conv3d(channels, 2 * channels, stride=stride, **four),
                nn.InstanceNorm3d(2 * channels),
                nn.LeakyReLU(LEAK),
            ]
            channels *= 2
        self.layers = nn.Sequential(*layers, nn.Conv3d(channels, 1, **four))

    def forward(self, pair: Tensor, volume: Tensor) -> Tensor:
        return self.layers(torch.cat([along_rays(pair), volume], dim=1))


def along_rays(pair: Tensor) -> Tensor:
    """Both views, (batch, 2, edge, edge), repeated along their rays: (batch, 2, x, y, z)."""
    frontal, lateral = pair[:, 0], pair[:, 1]
    edge = pair.shape[2]
    repeated = (
        frontal[:, :, None].expand(-1, -1, edge, -1),
        lateral[:, None].expand(-1, edge, -1, -1),
    )
    return torch.stack(repeated, dim=1)


class _Repeated(nn.Module):
    """Connection B: features of an image, repeated along the depth."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        norm, relu = nn.InstanceNorm2d(outputs), nn.ReLU()
        self.narrow = nn.Sequential(nn.Conv2d(inputs, outputs, kernel_size=1), norm, relu)
        self.spread = _conv(outputs, outputs)

    def forward(self, feature: Tensor) -> Tensor:
        flat = self.narrow(feature)[:, :, None]
        return self.spread(flat.expand(-1, -1, flat.shape[3], -1, -1))


def _average(frontal: Tensor, lateral: Tensor) -> Tensor:
    """Volumes in the frames of their views, averaged in the volume's axes."""
    return (frontal.transpose(2, 3) + lateral) / 2


def _conv(inputs: int, outputs: int) -> nn.Sequential:
    convolution = nn.Conv3d(inputs, outputs, kernel_size=3, padding=1)
    return nn.Sequential(convolution, nn.InstanceNorm3d(outputs), nn.ReLU())


def _ups(widths: tuple[int, ...]) -> list[tuple[int, nn.Sequential]]:
    """Of each level, finest first, the width of the coarser one and the way up from there."""
    return [
        (
            wide,
            nn.Sequential(
                nn.ConvTranspose3d(wide, width, 3, stride=2, padding=1, output_padding=1),
                nn.InstanceNorm3d(width),
                nn.ReLU(),
            ),
        )
        for width, wide in pairwise(widths)
    ]
