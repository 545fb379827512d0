"""Training of a U-Net by nothing but the views that it is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ...method import Context, Training
from ...projectors.torch_projectors import project_max
from ...training.learner import Learner, agreement, autocast, drawn, iou_of, weights_on_cpu
from ...training.trainer import Trainer
from .network import UNet3D
from .views import scaled_views, spread_views

if TYPE_CHECKING:
    from .method import Settings


class SelfSupervised(Learner):
    """`network.UNet3D` on slabs of axial slices, which hold whole rays of a parallel beam.

    slab : axial slices of an example. "IoU" is that of views and projections, both from half of
    their brightest point on: masks are never looked at.
    """

    def __init__(self, network: UNet3D, slab: int):
        self.network, self.slab = network, slab

    def read(
        self, patients: Training, batch: list[int], rng: np.random.Generator
    ) -> tuple[np.ndarray, ...]:
        """Views (batch, views, detector, z), their angles, and the depth (batch,) of volumes."""
        shown, angles, depths = [], [], []
        for measured, _ in (drawn(patients, index, rng) for index in batch):
            views = scaled_views(measured)
            first = int(rng.integers(max(views.shape[2] - self.slab, 0) + 1))
            shown.append(views[..., first : first + self.slab])
            angles.append(measured.angles)
            depths.append(measured.shape[1])
        return np.stack(shown), np.stack(angles), np.array(depths)

    def loss(self, given: tuple[Tensor, ...], dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
        found, shown = self._projected(given, dtype), given[0]
        return functional.mse_loss(found, shown), *agreement(found - 0.5, shown >= 0.5)

    def iou(self, given: tuple[Tensor, ...], dtype: torch.dtype) -> float:
        given = tuple(part[:1] for part in given)
        return iou_of(*agreement(self._projected(given, dtype) - 0.5, given[0] >= 0.5))

    def _projected(self, given: tuple[Tensor, ...], dtype: torch.dtype) -> Tensor:
        """Maximum projections of the network's result at the views' angles."""
        shown, angles, depths = given[0], given[1].cpu().numpy(), given[2].tolist()
        triples = zip(shown, angles, depths, strict=True)
        volume = torch.stack([spread_views(*triple) for triple in triples])
        with autocast(volume, dtype):
            found = self.network(volume)[:, 0]
        return torch.stack([project_max(*pair) for pair in zip(found, angles, strict=True)])


def trained(patients: Training, settings: Settings, context: Context) -> tuple[dict, list[dict]]:
    """State and history of a network trained from random weights (see `angiovox.method`)."""
    torch.manual_seed(context.seed)
    shape = {"inputs": len(patients[0][0].angles), "channels": settings.channels}
    network = UNet3D(**shape)
    history = Trainer(SelfSupervised(network, settings.slab), patients, settings, context).run()
    how = {"slab": settings.slab, "largest_mean": settings.largest_mean}
    return how | {"shape": shape, "network": weights_on_cpu(network)}, history
