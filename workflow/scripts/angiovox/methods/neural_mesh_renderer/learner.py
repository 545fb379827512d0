"""The sphere's deformation as it is trained: by the silhouettes of the views that are given."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ...method import Measurement, Training
from ...training.learner import Learner, autocast, drawn, iou_of
from ..meshes import overlap, wings
from ..view_images import evenly_spread, images, index_matrices, projected, silhouettes
from .network import SphereDeformation, resized_points, to_indices
from .rasterization import silhouette_loss, soft_silhouette
from .sphere import folding


# ASSUME: the source trains on images of its objects alone; here silhouettes are those of the
# training masks, in the very views that are given.
class Silhouetted(Learner):
    """The network on the views of some patients.

    most_views : looked at and compared, evenly spread. resolution : of images and silhouettes.
    smoothness : weight of `sphere.folding`.
    """

    def __init__(
        self, network: SphereDeformation, most_views: int, resolution: int, smoothness: float
    ):
        self.network, self.most_views = network, most_views
        self.resolution, self.smoothness = resolution, smoothness
        self.wings = torch.from_numpy(wings(network.triangles))

    def read(
        self, patients: Training, batch: list[int], rng: np.random.Generator
    ) -> tuple[np.ndarray, ...]:
        """Images (batch, views, edge, edge), silhouettes likewise, matrices (batch, views, 3, 4) to
        the pixels of the detector, its size (2,), and masks (batch, x, y, z)."""
        seen, shown, matrices, masks = [], [], [], []
        for known, mask in (drawn(patients, index, rng) for index in batch):
            some = evenly_spread(len(known.angles), self.most_views)
            seen.append(network_images(known, some, self.resolution))
            silhouette = silhouettes(mask, known, some).astype(np.float32)
            shown.append(_resized(silhouette, self.resolution))
            matrices.append(index_matrices(known, some))
            masks.append(mask)
        detector = np.array(silhouette.shape[1:])
        return *map(np.stack, (seen, shown, matrices)), detector, np.stack(masks)

    def loss(self, given: tuple[Tensor, ...], dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
        seen, shown, matrices, detector, masks = given
        vertices = self._vertices(seen, dtype)
        indices = to_indices(vertices, masks.shape[1:])
        found = torch.stack(
            [self._silhouettes(*one, detector) for one in zip(indices, matrices, strict=True)]
        )
        loss = silhouette_loss(found.flatten(0, 1), shown.flatten(0, 1))
        folds = folding(vertices, self.wings.to(seen.device)).mean()
        hits, union = overlap(indices, self.network.triangles, masks)
        return loss + self.smoothness * folds, hits.to(seen.device), union.to(seen.device)

    def iou(self, given: tuple[Tensor, ...], dtype: torch.dtype) -> float:
        seen, *_, masks = (one[:1] for one in given)
        indices = to_indices(self._vertices(seen, dtype), masks.shape[1:])
        return iou_of(*overlap(indices, self.network.triangles, masks))

    def _vertices(self, seen: Tensor, dtype: torch.dtype) -> Tensor:
        with autocast(seen, dtype):
            return self.network(seen)

    def _silhouettes(self, indices: Tensor, matrices: Tensor, detector: Tensor) -> Tensor:
        return mesh_silhouettes(
            indices, self.network.triangles, matrices, detector.tolist(), self.resolution
        )


def mesh_silhouettes(
    indices: Tensor, triangles: np.ndarray, matrices: Tensor, detector: list, resolution: int
) -> Tensor:
    """Soft silhouettes (views, resolution, resolution) of a mesh in voxel indices (n, 3)."""
    points = resized_points(projected(indices, matrices), detector, resolution)
    faces, shape = torch.from_numpy(triangles).to(indices.device), (resolution, resolution)
    return torch.stack([soft_silhouette(one, faces, shape) for one in points])


def network_images(known: Measurement, some: np.ndarray, resolution: int) -> np.ndarray:
    """What the network sees, (views, resolution, resolution) float32 in [0, 1]."""
    return _resized(images(known, some), resolution)


def _resized(pictures: np.ndarray, resolution: int) -> np.ndarray:
    size = (resolution, resolution)
    return functional.interpolate(torch.from_numpy(pictures)[None], size, mode="area")[0].numpy()
