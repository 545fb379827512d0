"""IGCN as it is trained: vertices, the map of displacements, and the mesh's smoothness."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ...method import Measurement, Training
from ...training.learner import Learner, autocast, drawn, iou_of
from ..meshes import occupancy, overlap
from ..view_images import evenly_spread, images, index_matrices, projected, silhouettes
from .network import Igcn
from .template import displacements, to_indices

CONSTANT = 122 / 255  # the second channel of an image


@dataclass(frozen=True)
class Template:
    """The surface that is deformed. places : (n, 3) in [0, 1]. triangles : (m, 3)."""

    places: np.ndarray
    triangles: np.ndarray

    def seen(self, known: Measurement, most_views: int) -> tuple[np.ndarray, np.ndarray]:
        """Images (views, 3, i, j) of a patient, and points (views, n, 2) of the vertices there."""
        some = evenly_spread(len(known.angles), most_views)
        indices = to_indices(self.places, known.shape)
        own = silhouettes(occupancy(indices, self.triangles, known.shape), known, some)
        pictures = images(known, some)
        channels = [own.astype(np.float32), np.full_like(pictures, CONSTANT), pictures]
        matrices = torch.from_numpy(index_matrices(known, some))
        points = projected(torch.from_numpy(indices).float(), matrices)
        return np.stack(channels, axis=1), points.numpy()


class Deforming(Learner):
    """The networks on the views of some patients.

    template : that is deformed. most_views : looked at, evenly spread. mapping, laplacian : weights
    of the map's error and of the displacements' unevenness beside the vertices' squared distance.
    """

    def __init__(
        self,
        network: Igcn,
        template: Template,
        most_views: int,
        mapping: float,
        laplacian: float,
    ):
        self.network, self.template, self.most_views = network, template, most_views
        self.mapping, self.laplacian = mapping, laplacian

    def read(
        self, patients: Training, batch: list[int], rng: np.random.Generator
    ) -> tuple[np.ndarray, ...]:
        """Images (batch, views, 3, i, j), points (batch, views, n, 2), displacements (batch, n, 3),
        and masks (batch, x, y, z)."""
        rows = []
        for known, mask in (drawn(patients, index, rng) for index in batch):
            aims = displacements(self.template.places, mask)
            rows.append((*self.template.seen(known, self.most_views), aims, mask))
        return tuple(map(np.stack, zip(*rows, strict=True)))

    def loss(self, given: tuple[Tensor, ...], dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
        losses, meshes = [], []
        for pictures, points, aims, _ in zip(*given, strict=True):
            maps, vertices = self._deformed(pictures, points, dtype)
            moved = vertices - self.network.places
            loss = (moved - aims).square().sum(dim=1).mean()
            loss = loss + self.mapping * mapping_loss(maps, points, aims)
            losses.append(loss + self.laplacian * self.unevenness(moved))
            meshes.append(vertices)
        return torch.stack(losses).mean(), *self._agreement(torch.stack(meshes), given[3])

    def unevenness(self, moved: Tensor) -> Tensor:
        """Mean squared distance of displacements (n, 3) from the mean of them and their neighbours.

        A mesh that is moved as a whole has none.
        """
        # ASSUME: the Laplacian is that of the displacements, by the graph's own averaging.
        around = torch.sparse.mm(self.network.graph.adjacency, moved)
        return (moved - around).square().sum(dim=1).mean()

    @torch.no_grad()
    def iou(self, given: tuple[Tensor, ...], dtype: torch.dtype) -> float:
        pictures, points, _, masks = (one[:1] for one in given)
        _, vertices = self._deformed(pictures[0], points[0], dtype)
        return iou_of(*self._agreement(vertices[None], masks))

    def _deformed(
        self, pictures: Tensor, points: Tensor, dtype: torch.dtype
    ) -> tuple[Tensor, Tensor]:
        with autocast(pictures, dtype):
            maps = self.network.image(pictures).float()
        return self.network.deformed(maps, points)

    def _agreement(self, places: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
        indices = places * places.new_tensor(masks.shape[1:]) - 0.5
        hits, union = overlap(indices, self.template.triangles, masks)
        return hits.to(places.device), union.to(places.device)


def mapping_loss(maps: Tensor, points: Tensor, aims: Tensor) -> Tensor:
    """Mean squared error of maps (views, 3, i, j) on the pixels that show a vertex.

    The aim of a pixel is the mean of the displacements (n, 3) of the vertices in it, whose points
    are (views, n, 2). 0 where no vertex is in an image.
    """
    targets = [pixel_means(one, aims, maps.shape[2:]) for one in points]
    aim, shown = (torch.stack(parts) for parts in zip(*targets, strict=True))
    squared = (maps - aim).square().sum(dim=1) * shown
    return squared.sum() / shown.sum().clamp(min=1)


def pixel_means(points: Tensor, values: Tensor, shape: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Mean (channels, i, j) of the values (n, channels) in each pixel, and which have one."""
    cell = points.round().long()
    size = torch.tensor(shape, device=points.device)
    inside = ((cell >= 0) & (cell < size)).all(dim=1)
    number = (cell[:, 0] * shape[1] + cell[:, 1])[inside]
    count = values.new_zeros(shape[0] * shape[1])
    count = count.index_add(0, number, values.new_ones(len(number)))
    total = values.new_zeros(len(count), values.shape[1]).index_add(0, number, values[inside])
    mean = total / count.clamp(min=1)[:, None]
    return mean.T.unflatten(1, shape), (count > 0).view(shape)
