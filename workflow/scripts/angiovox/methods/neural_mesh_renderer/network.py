"""Encoder and decoder that turn views into a deformed sphere."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn

from .sphere import icosphere

CONVOLUTIONS = (64, 128, 256)
ENCODED, DECODED = (1024, 1024, 512), (1024, 2048)
# ASSUME: the sphere's radius is half of the way to the volume's faces, and the last layer starts
# with a hundredth of PyTorch's weights, so that the first mesh is nearly the sphere.
RADIUS = 0.5
INITIAL_SCALE = 0.01


# ASSUME: no norm between the layers: none is named, and single patients in a step have no batch's.
class SphereDeformation(nn.Module):
    """Vertices (batch, 642, 3), in [-1, 1] between the volume's faces, from views.

    views : images in a stack, as channels. resolution : edge of an image in pixels, a multiple of
    8; images are (batch, views, resolution, resolution).
    """

    def __init__(self, views: int, resolution: int) -> None:
        super().__init__()
        vertices, triangles = icosphere()
        self.triangles = triangles
        self.register_buffer("sphere", torch.from_numpy(RADIUS * vertices).float(), False)
        layers: list[nn.Module] = []
        for narrow, wide in itertools.pairwise((views, *CONVOLUTIONS)):
            layers += [nn.Conv2d(narrow, wide, kernel_size=5, stride=2, padding=2), nn.ReLU()]
        flat = CONVOLUTIONS[-1] * (resolution // 2 ** len(CONVOLUTIONS)) ** 2
        layers.append(nn.Flatten())
        for narrow, wide in itertools.pairwise((flat, *ENCODED, *DECODED)):
            layers += [nn.Linear(narrow, wide), nn.ReLU()]
        self.layers = nn.Sequential(*layers)
        self.offsets = nn.Linear(DECODED[-1], vertices.size)
        with torch.no_grad():
            self.offsets.weight.mul_(INITIAL_SCALE)
            self.offsets.bias.zero_()

    def forward(self, images: Tensor) -> Tensor:
        return self.sphere + self.offsets(self.layers(images)).float().unflatten(1, (-1, 3))


def to_indices(vertices: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Voxel indices of places in [-1, 1] between the faces of a volume of this shape."""
    return (vertices + 1) / 2 * vertices.new_tensor(shape) - 0.5


def resized_points(points: Tensor, detector: tuple[int, ...], resolution: int) -> Tensor:
    """Pixel indices (..., 2) on the resized images."""
    return (points + 0.5) * (resolution / points.new_tensor(detector)) - 0.5
