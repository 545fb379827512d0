"""The training of the denoiser on masks, without views."""

from __future__ import annotations

import copy

import numpy as np
import torch
from torch import Tensor, nn
from torch.amp import GradScaler
from torch.nn import functional
from torch.optim import Optimizer

from ...method import Context, Training
from ...training.learner import Learner, agreement, autocast, iou_of, weights_on_cpu
from ...training.trainer import Trainer
from ..mask_cubes import cube, drawn_cubes
from ..vessel_views import fitted
from .network import Denoiser, noise_levels

BUILT_OF = ("channels", "levels", "shift")  # the denoiser
SHOWN_TIME = 0.5  # at which the history's IoU is taken


class Averaged(nn.Module):
    """The denoiser, its averaged weights, and how many steps were taken."""

    def __init__(self, denoiser: Denoiser) -> None:
        super().__init__()
        self.denoiser = denoiser
        self.averaged = copy.deepcopy(denoiser).requires_grad_(False)
        self.register_buffer("steps", torch.zeros((), dtype=torch.long))


# ASSUME: the loss is the cross-entropy of the mask without noise, at times drawn evenly; Ho et al.
# predict the noise of images by its squared error.
class Denoising(Learner):
    """Cross-entropy of masks and of what the denoiser makes of them with noise.

    decay : of the averaged weights in a step; smaller in the first steps.
    """

    def __init__(self, network: Averaged, edge: int, decay: float):
        self.network, self.edge, self.decay = network, edge, decay

    def read(
        self, patients: Training, batch: list[int], rng: np.random.Generator
    ) -> tuple[np.ndarray, ...]:
        """Masks on the cube (batch, 1, x, y, z) float32; views are not looked at."""
        return (drawn_cubes(patients, batch, rng, self.edge),)

    def step(
        self,
        given: tuple[Tensor, ...],
        dtype: torch.dtype,
        optimizers: dict[str, Optimizer],
        scaler: GradScaler,
    ) -> tuple[Tensor, Tensor, Tensor]:
        found = super().step(given, dtype, optimizers, scaler)
        self.network.steps += 1
        self.average()
        return found

    def optimizers(self, learning_rate: float) -> dict[str, Optimizer]:
        return {"all": self.adam(self.network.denoiser, learning_rate)}

    def loss(self, given: tuple[Tensor, ...], dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
        (truth,) = given
        times = torch.rand(len(truth), device=truth.device)
        logits = self.logits(self.network.denoiser, truth, times, dtype)
        loss = functional.binary_cross_entropy_with_logits(logits, truth)
        return loss, *agreement(logits, truth)

    def iou(self, given: tuple[Tensor, ...], dtype: torch.dtype) -> float:
        (truth,) = given
        times = torch.full((len(truth),), SHOWN_TIME, device=truth.device)
        return iou_of(*agreement(self.logits(self.network.averaged, truth, times, dtype), truth))

    def logits(
        self, denoiser: Denoiser, truth: Tensor, times: Tensor, dtype: torch.dtype
    ) -> Tensor:
        """What a denoiser says of masks that noise is added to."""
        noisy = with_noise(2 * truth - 1, times, denoiser.shift)
        with autocast(truth, dtype):
            return denoiser(noisy, times)

    @torch.no_grad()
    def average(self) -> None:
        """Move the averaged weights towards the denoiser's."""
        steps = int(self.network.steps)
        kept = min(self.decay, (1 + steps) / (10 + steps))
        pairs = zip(
            self.network.averaged.parameters(), self.network.denoiser.parameters(), strict=True
        )
        for mean, weight in pairs:
            mean.lerp_(weight, 1 - kept)


def with_noise(clean: Tensor, times: Tensor, shift: float) -> Tensor:
    """Volumes (batch, 1, x, y, z) with as much normal noise as their times have."""
    signal, noise = (part[:, None, None, None, None] for part in noise_levels(times, shift))
    return signal * clean + noise * torch.randn_like(clean)


def trained(patients: Training, settings, context: Context) -> tuple[dict, list[dict]]:
    """State and history of a denoiser trained from random weights (see `angiovox.method`).

    settings : those of `diffusion_prior.method`. The state has what stands for vessel in views, too
    (`vessel_views.fitted`).
    """
    torch.manual_seed(context.seed)
    built_of = {key: getattr(settings, key) for key in BUILT_OF}
    network = Averaged(Denoiser(**built_of))
    history = Trainer(
        Denoising(network, settings.edge, settings.decay), patients, settings, context
    ).run()
    seen, quality = fitted(patients)
    context.log(", ".join(f"{name} {value:.4g}" for name, value in (seen | quality).items()))
    filled = float(np.mean([cube(mask, settings.edge).mean() for _, mask in patients]))
    state = {"built_of": built_of, "edge": settings.edge, "filled": filled}
    return state | {"network": weights_on_cpu(network.averaged)} | seen, history
