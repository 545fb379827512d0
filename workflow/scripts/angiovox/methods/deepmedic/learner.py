"""Training of DeepMedic on segments, half of them centred on vessels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Optimizer, RMSprop

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
from .network import DeepMedic, output_edge
from .segments import SEEN, channels, context, crop, drawn_block

if TYPE_CHECKING:
    from .method import Settings

L1, L2 = 1e-6, 1e-4  # weights of the kernels' absolute values and squares in the loss
# ASSUME: RMSprop's momentum is PyTorch's plain one, where the original's is Nesterov's.
RMSPROP = {"alpha": 0.9, "eps": 1e-4, "momentum": 0.6}


class Segmenting(Learner):
    """`network.DeepMedic` with cross-entropy.

    segment : edge of a training segment. count : segments of an epoch. iou_weight : of the soft
    Jaccard loss beside the cross-entropy.
    """

    def __init__(self, network: DeepMedic, segment: int, count: int, iou_weight: float):
        self.network, self.segment, self.count = network, segment, count
        self.iou_weight = iou_weight

    def examples(self, patients: Training) -> int:
        return self.count

    # ASSUME: patients take turns in giving a segment, in a random order; the original draws some
    # patients for each twentieth of an epoch.
    def order(self, patients: Training, rng: np.random.Generator) -> list[int]:
        return (rng.permutation(self.count) % len(patients)).tolist()

    def optimizers(self, learning_rate: float) -> dict[str, Optimizer]:
        return {"all": RMSprop(self.network.parameters(), lr=learning_rate, **RMSPROP)}

    def read(
        self, patients: Training, batch: list[int], rng: np.random.Generator
    ) -> tuple[np.ndarray, ...]:
        """What the network sees, (batch, 2, e, e, e) as stored, and masks (batch, 1, o, o, o)."""
        seen, masks, edge = [], [], output_edge(self.segment)
        for measured, mask in (drawn(patients, index, rng) for index in batch):
            block = drawn_block(mask, edge, rng)
            seen.append(context(channels(measured.inputs), block, self.segment))
            masks.append(crop(mask[None], block, edge))
        return np.stack(seen), np.stack(masks)

    def loss(self, given: tuple[Tensor, ...], dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
        logits, target = self._logits(given[0], dtype), given[1].float()
        loss = functional.binary_cross_entropy_with_logits(logits, target) + penalty(self.network)
        if self.iou_weight:
            loss = loss + self.iou_weight * soft_jaccard_loss(logits.sigmoid(), target)
        return loss, *agreement(logits, given[1])

    def iou(self, given: tuple[Tensor, ...], dtype: torch.dtype) -> float:
        return iou_of(*agreement(self._logits(given[0][:1], dtype), given[1][:1]))

    def _logits(self, seen: Tensor, dtype: torch.dtype) -> Tensor:
        seen = fractions(seen)
        with autocast(seen, dtype):
            return self.network(seen, self.segment)


def penalty(network: nn.Module) -> Tensor:
    """L1 times the sum of the kernels' absolute values, and L2 times that of their squares."""
    kernels = [one.weight for one in network.modules() if isinstance(one, nn.Conv3d)]
    return sum(L1 * kernel.abs().sum() + L2 * kernel.square().sum() for kernel in kernels)


def trained(patients: Training, settings: Settings, context: Context) -> tuple[dict, list[dict]]:
    """State and history of a network trained from random weights (see `angiovox.method`)."""
    torch.manual_seed(context.seed)
    shape = {"inputs": len(SEEN), "width": settings.width, "joint": settings.joint}
    network = DeepMedic(**shape)
    learner = Segmenting(network, settings.segment, settings.segments, settings.iou_weight)
    history = Trainer(learner, patients, settings, context).run()
    state = {"shape": shape, "segment": settings.inference_segment}
    return state | {"network": weights_on_cpu(network)}, history
