"""IGCN's networks: an image U-Net that draws displacements, and graph convolutions on the mesh.

Images are (views, channels, i, j), vertices (n, 3) in [0, 1] between the volume's faces, their
points on the images (views, n, 2) in pixels.
"""

from __future__ import annotations

import itertools

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

SEEN = 3  # channels of an image: the template's silhouette, a constant, the projection
FEATURES = 6  # of a vertex: the displacement drawn where it lies, and its position
CONVOLUTIONS = 10
INITIAL_SCALE = 0.01  # of the last layers: the first mesh is nearly the template


class ImageUNet(nn.Module):
    """A map of displacements (views, 3, i, j) from images of any size (views, 3, i, j).

    channels : at full resolution, doubled at each coarser one. levels : of resolution.
    """

    # ASSUME: pooling by maxima, transposed convolutions of 2 x 2 on the way up, ReLU and no norm:
    # the source names widths and kernels.
    def __init__(self, channels: int, levels: int) -> None:
        super().__init__()
        widths = [channels * 2**level for level in range(levels)]
        self.down = nn.ModuleList(itertools.starmap(_two, itertools.pairwise((SEEN, *widths))))
        falling = [*itertools.pairwise(reversed(widths))]
        self.up = nn.ModuleList(nn.ConvTranspose2d(a, b, 2, stride=2) for a, b in falling)
        self.joined = nn.ModuleList(_two(2 * b, b) for _, b in falling)
        self.last = _small(nn.Conv2d(channels, 3, kernel_size=1))

    def forward(self, images: Tensor) -> Tensor:
        i, j = images.shape[2:]
        stride = 2 ** (len(self.down) - 1)
        feature = functional.pad(images, (0, -j % stride, 0, -i % stride))
        kept = []
        for level, block in enumerate(self.down):
            feature = block(functional.max_pool2d(feature, 2) if level else feature)
            kept.append(feature)
        kept.pop()
        for up, block in zip(self.up, self.joined, strict=True):
            feature = block(torch.cat([up(feature), kept.pop()], dim=1))
        return self.last(feature)[:, :, :i, :j]


class GraphNetwork(nn.Module):
    """Ten graph convolutions, 6-256-...-256-3, on D^-1 (A + I): offsets (n, 3) of the vertices.

    pairs : of neighbours, (2, pairs). hidden : width of the layers between.
    """

    def __init__(self, pairs: np.ndarray, vertices: int, hidden: int) -> None:
        super().__init__()
        widths = [FEATURES, *[hidden] * (CONVOLUTIONS - 1), 3]
        self.layers = nn.ModuleList(itertools.starmap(nn.Linear, itertools.pairwise(widths)))
        for layer in self.layers:
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)
        _small(self.layers[-1])
        self.register_buffer("adjacency", averaging(pairs, vertices), persistent=False)

    # ASSUME: He's initial weights; through ten layers of PyTorch's own the features fade.
    # ASSUME: layers are counted with the features as the first, as the last one, of 3 channels,
    # could not be averaged: after the 3rd, 5th, 7th and 9th convolution the result is the mean with
    # what was there two convolutions before.
    def forward(self, features: Tensor) -> Tensor:
        results: list[Tensor] = []
        for number, layer in enumerate(self.layers, start=1):
            result = torch.sparse.mm(self.adjacency, layer(features))
            if number < CONVOLUTIONS:
                result = functional.relu(result)
                if number > 1 and number % 2:
                    result = (result + results[-2]) / 2
            results.append(result)
            features = result
        return features


class Igcn(nn.Module):
    """Both networks on one template.

    places : (n, 3) of its vertices. pairs : of neighbours. channels, levels : see `ImageUNet`.
    hidden : see `GraphNetwork`.
    """

    def __init__(
        self, places: np.ndarray, pairs: np.ndarray, channels: int, levels: int, hidden: int
    ) -> None:
        super().__init__()
        self.image = ImageUNet(channels, levels)
        self.graph = GraphNetwork(pairs, len(places), hidden)
        places = torch.from_numpy(places).float()
        self.register_buffer("places", places, persistent=False)

    # ASSUME: the source has one image; here each view has a map of displacements by the same
    # U-Net, and a vertex takes the mean of what is drawn where it lies in each.
    def forward(self, images: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
        """The maps (views, 3, i, j), and the displaced vertices (n, 3)."""
        return self.deformed(self.image(images), points)

    def deformed(self, maps: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
        """The same of maps that are drawn already."""
        drawn = sampled(maps, points).mean(dim=0)
        features = torch.cat([drawn, self.places - self.places.mean(dim=0)], dim=1)
        return maps, self.places + self.graph(features)


def averaging(pairs: np.ndarray, vertices: int) -> Tensor:
    """D^-1 (A + I), sparse (n, n): the mean of a vertex and its neighbours."""
    diagonal = np.tile(np.arange(vertices), (2, 1))
    both = np.hstack([pairs, diagonal])
    weights = 1 / np.bincount(both[0], minlength=vertices)[both[0]]
    shape = (vertices, vertices)
    given = torch.from_numpy(both), torch.from_numpy(weights).float()
    return torch.sparse_coo_tensor(*given, shape, check_invariants=True).coalesce()


def sampled(maps: Tensor, points: Tensor) -> Tensor:
    """Values (views, n, channels) of maps (views, channels, i, j) at points in pixels, bilinear.

    Beyond the outermost pixels the nearest counts.
    """
    size = torch.tensor(maps.shape[2:], dtype=torch.float32, device=maps.device)
    grid = ((2 * points + 1) / size - 1).flip(-1)[:, :, None]  # torch's order is j, i
    options = {"mode": "bilinear", "padding_mode": "border", "align_corners": False}
    return functional.grid_sample(maps.float(), grid, **options)[..., 0].transpose(1, 2)


def _two(narrow: int, wide: int) -> nn.Sequential:
    first, second = nn.Conv2d(narrow, wide, 3, padding=1), nn.Conv2d(wide, wide, 3, padding=1)
    for layer in (first, second):
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        nn.init.zeros_(layer.bias)
    return nn.Sequential(first, nn.ReLU(), second, nn.ReLU())


def _small(layer: nn.Module) -> nn.Module:
    with torch.no_grad():
        layer.weight.mul_(INITIAL_SCALE)
        layer.bias.zero_()
    return layer
