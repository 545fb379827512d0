"""The paper's network as it is trained: on the back-projected sum, with the focal loss."""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from ...method import Training
from ...training.learner import Learner, agreement, autocast, drawn, fractions, iou_of
from .focal_loss import focal_loss
from .fused import training_loss
from .inference import probabilities
from .layer_sizes import STRIDE

NO_KERNELS = (
    "this version of PyTorch lacks what training in bounded memory takes ({error}): its own layers "
    "train the network, in several times the memory"
)


def denoising(
    network: nn.Module, alpha: float, gamma: float, log: Callable[[str], None]
) -> Denoising:
    """Make the network's learner; the plain one, and a line in the log, where a step fails.

    The other takes operators that PyTorch does not promise to keep.
    """
    volume = torch.zeros(1, 1, *[STRIDE] * 3)
    try:
        training_loss(copy.deepcopy(network), volume, volume, alpha, gamma)[0].backward()
    except (AttributeError, RuntimeError, TypeError) as error:
        log(NO_KERNELS.format(error=error))
        return PlainDenoising(network, alpha, gamma)
    return Denoising(network, alpha, gamma)


class Denoising(Learner):
    """`network.DenoisingAutoencoder` in bounded memory; alpha and gamma are the loss's."""

    def __init__(self, network: nn.Module, alpha: float, gamma: float):
        self.network, self.alpha, self.gamma = network, alpha, gamma

    def read(
        self, patients: Training, batch: list[int], rng: np.random.Generator
    ) -> tuple[np.ndarray, ...]:
        """Sums, as they are stored, and masks, each (batch, 1, x, y, z)."""
        pairs = [drawn(patients, i, rng) for i in batch]
        volume = np.stack([views.inputs["sum"] for views, _ in pairs])[:, None]
        return volume, np.stack([mask for _, mask in pairs])[:, None]

    def loss(self, given: tuple[Tensor, ...], dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
        return training_loss(self.network, *given, self.alpha, self.gamma, dtype)

    def iou(self, given: tuple[Tensor, ...], dtype: torch.dtype) -> float:
        volume, target = given
        probability = probabilities(self.network, volume[0, 0], dtype=dtype).cpu()
        return iou_of(*agreement(probability - 0.5, target[0, 0].cpu()))


class PlainDenoising(Denoising):
    """The same by PyTorch's own layers, for any network: what the other is compared with."""

    def loss(self, given: tuple[Tensor, ...], dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
        volume, target = given
        logits = self._logits(volume, dtype)
        return focal_loss(logits, target, self.alpha, self.gamma), *agreement(logits, target)

    def iou(self, given: tuple[Tensor, ...], dtype: torch.dtype) -> float:
        volume, target = given
        return iou_of(*agreement(self._logits(volume[:1], dtype), target[:1]))

    def _logits(self, volume: Tensor, dtype: torch.dtype) -> Tensor:
        with autocast(volume, dtype):
            return self.network(fractions(volume))
