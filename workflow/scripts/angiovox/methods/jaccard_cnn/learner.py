"""Training of a plain 3D CNN by the soft Jaccard loss, on slabs of axial slices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ...method import Context, Training
from ...training.learner import (
    Learner,
    agreement,
    autocast,
    drawn,
    fractions,
    iou_of,
    weights_on_cpu,
)
from ...training.trainer import Trainer
from ..soft_jaccard import soft_jaccard_loss
from .network import PlainCNN, channels

if TYPE_CHECKING:
    from .method import Settings


class ByOverlap(Learner):
    """`network.PlainCNN` with one loss term. slab : axial slices of an example."""

    def __init__(self, network: PlainCNN, slab: int):
        self.network, self.slab = network, slab

    def read(
        self, patients: Training, batch: list[int], rng: np.random.Generator
    ) -> tuple[np.ndarray, ...]:
        """Back-projections as stored, (batch, 2, x, y, z), and masks, (batch, 1, x, y, z)."""
        volumes, masks = [], []
        for measured, mask in (drawn(patients, index, rng) for index in batch):
            first = int(rng.integers(max(mask.shape[2] - self.slab, 0) + 1))
            levels = np.s_[first : first + self.slab]
            volumes.append(channels(measured.inputs, levels))
            masks.append(mask[None, :, :, levels])
        return np.stack(volumes), np.stack(masks)

    def loss(self, given: tuple[Tensor, ...], dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
        logits, mask = self._logits(given[0], dtype), given[1]
        return soft_jaccard_loss(logits.sigmoid(), mask.float()), *agreement(logits, mask)

    def iou(self, given: tuple[Tensor, ...], dtype: torch.dtype) -> float:
        return iou_of(*agreement(self._logits(given[0][:1], dtype), given[1][:1]))

    def _logits(self, volume: Tensor, dtype: torch.dtype) -> Tensor:
        volume = fractions(volume)
        with autocast(volume, dtype):
            return self.network(volume)


def trained(patients: Training, settings: Settings, context: Context) -> tuple[dict, list[dict]]:
    """State and history of a network trained from random weights (see `angiovox.method`)."""
    torch.manual_seed(context.seed)
    network = PlainCNN(settings.channels)
    history = Trainer(ByOverlap(network, settings.slab), patients, settings, context).run()
    state = {"channels": settings.channels, "slab": settings.slab}
    return state | {"network": weights_on_cpu(network)}, history
