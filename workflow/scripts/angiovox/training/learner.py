"""What `trainer.Trainer` trains: a network, what it is fed, its loss, and how it takes a step."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import torch
from torch import Tensor, nn
from torch.amp import GradScaler
from torch.nn.utils import clip_grad_norm_
from torch.optim import AdamW, Optimizer

from ..method import Measurement, Training

LARGEST = {torch.uint8: 255, torch.uint16: 65535}  # what a code of 1 stands for


class Learner(ABC):
    """Network, examples, loss, optimisers and step of one method.

    network : what is trained; all that has parameters or that a checkpoint must hold, such as
        averaged weights, is part of it.
    betas, weight_decay : of Adam; the decay is decoupled from the gradients (AdamW).
    largest_gradient : norm that gradients are clipped to; None for none.
    """

    network: nn.Module
    # ASSUME: Adam's betas and epsilon are PyTorch's defaults, with no weight decay.
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = 0.0
    largest_gradient: float | None = None

    def examples(self, patients: Training) -> int:
        """How many examples an epoch goes through."""
        return len(patients)

    def order(self, patients: Training, rng: np.random.Generator) -> list[int]:
        """The examples of an epoch, by number; as many as `examples` says."""
        return rng.permutation(len(patients)).tolist()

    @abstractmethod
    def read(
        self, patients: Training, batch: list[int], rng: np.random.Generator
    ) -> tuple[np.ndarray, ...]:
        """Some examples by number, as arrays for the device; all chance comes from `rng`."""

    def optimizers(self, learning_rate: float) -> dict[str, Optimizer]:
        """Make the optimisers, by name, of a network that is on its device."""
        return {"all": self.adam(self.network, learning_rate)}

    def adam(self, network: nn.Module, learning_rate: float) -> Optimizer:
        """Make an optimiser of some of the parameters."""
        how = {"lr": learning_rate, "betas": self.betas, "weight_decay": self.weight_decay}
        return AdamW(network.parameters(), **how)

    def step(
        self,
        given: tuple[Tensor, ...],
        dtype: torch.dtype,
        optimizers: dict[str, Optimizer],
        scaler: GradScaler,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Change the weights after what was read; return what `loss` does.

        scaler : of the loss, for half precision; the trainer updates it after the step.
        """
        loss, hits, union = self.loss(given, dtype)
        self.descend(loss, optimizers["all"], scaler)
        return loss, hits, union

    def descend(self, loss: Tensor, optimizer: Optimizer, scaler: GradScaler) -> None:
        """Take one optimiser's step down the gradient of a loss."""
        optimizer.zero_grad(set_to_none=True)
        scaler.scale(loss).backward()
        if self.largest_gradient is not None:
            scaler.unscale_(optimizer)
            parameters = (p for group in optimizer.param_groups for p in group["params"])
            clip_grad_norm_(parameters, self.largest_gradient)
        scaler.step(optimizer)

    @abstractmethod
    def loss(self, given: tuple[Tensor, ...], dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
        """Loss of what was read, and the voxels in both, and in either, of truth and prediction.

        dtype : of activations and products, for mixed precision.
        """

    @abstractmethod
    def iou(self, given: tuple[Tensor, ...], dtype: torch.dtype) -> float:
        """IoU of what was read, by the network as it reconstructs (without gradients)."""


def drawn(
    patients: Training, index: int, rng: np.random.Generator
) -> tuple[Measurement, np.ndarray]:
    """A training example: the patient's, or a fresh phantom's where the patients have a pool."""
    draw = getattr(patients, "drawn", None)
    return patients[index] if draw is None else draw(index, rng)


def autocast(tensor: Tensor, dtype: torch.dtype) -> torch.autocast:
    """Mixed precision on a tensor's device; none for float32."""
    half = dtype is not torch.float32
    return torch.autocast(tensor.device.type, dtype if half else None, enabled=half)


def weights_on_cpu(network: nn.Module) -> dict[str, Tensor]:
    """All that a model file holds of a network, wherever it was trained."""
    return {name: tensor.cpu() for name, tensor in network.state_dict().items()}


def agreement(logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Voxels in both, and in either, of the truth and of what logits of at least 0 predict."""
    predicted, truth = logits >= 0, target > 0
    return (predicted & truth).sum(), (predicted | truth).sum()


def iou_of(hits: Tensor, union: Tensor) -> float:
    """1 where both volumes are empty: they agree."""
    return int(hits) / int(union) if int(union) else 1.0


def fractions(codes: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """Values in [0, 1] of 8-bit or 16-bit codes; floating-point numbers are such values."""
    values = codes.to(dtype)
    return values.div_(LARGEST[codes.dtype]) if codes.dtype in LARGEST else values
