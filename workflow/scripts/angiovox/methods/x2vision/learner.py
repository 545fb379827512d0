"""The adversarial training of the generator on masks, without views."""

from __future__ import annotations

import copy

import numpy as np
import torch
from torch import Tensor, nn
from torch.amp import GradScaler
from torch.nn import functional
from torch.optim import Optimizer

from ...geometry.imaging import LINE_INTEGRAL
from ...method import Context, Measurement, Training
from ...training.learner import Learner, agreement, autocast, iou_of, weights_on_cpu
from ...training.trainer import Trainer
from ..mask_cubes import drawn_cubes
from ..view_levels import contrast_in_masks, silhouette_level
from .discriminator import Discriminator
from .network import Generator

BUILT_OF = ("edge", "channels", "most_channels", "width", "mapping_layers")  # the generator
MIXED = 0.9  # of all volumes: the later layers have another w
R1_EVERY = 16  # steps
AVERAGED_IMAGES, AVERAGED_SHARE = 10_000, 0.05  # half-life of the averaged weights
W_SAMPLES = 10_000  # of which mean and deviation of w are taken
# ASSUME: the discriminator sees masks with Gaussian noise of this deviation, lest it told true ones
# by their having only 0 and 1; StyleGAN2's images are no masks.
NOISE = 0.1


class Networks(nn.Module):
    """Generator, its averaged weights, discriminator, and how many steps were taken."""

    def __init__(self, generator: Generator, discriminator: Discriminator) -> None:
        super().__init__()
        self.generator, self.discriminator = generator, discriminator
        self.averaged = copy.deepcopy(generator).requires_grad_(False)
        self.register_buffer("steps", torch.zeros((), dtype=torch.long))


# ASSUME: X2Vision says that its generator was trained with a perceptual term, which needs a network
# that was trained on other images; here it has none. StyleGAN2's path length term is left out, too.
# ASSUME: generator and discriminator take their steps on the same generated volumes.
class Adversarial(Learner):
    """A step of the generator, then one of the discriminator.

    Non-saturating loss, and for the discriminator half of `r1_weight` times the squared gradient at
    true masks every `R1_EVERY` steps, as many times as heavy (Karras et al. 2020, section 3.1).
    """

    betas = (0.0, 0.99)

    def __init__(self, network: Networks, edge: int, r1_weight: float):
        self.network, self.edge, self.r1_weight = network, edge, r1_weight

    def read(
        self, patients: Training, batch: list[int], rng: np.random.Generator
    ) -> tuple[np.ndarray, ...]:
        """Masks on the generator's grid (batch, 1, x, y, z) float32; views are not looked at."""
        return (drawn_cubes(patients, batch, rng, self.edge),)

    def optimizers(self, learning_rate: float) -> dict[str, Optimizer]:
        names = "generator", "discriminator"
        return {name: self.adam(getattr(self.network, name), learning_rate) for name in names}

    def step(
        self,
        given: tuple[Tensor, ...],
        dtype: torch.dtype,
        optimizers: dict[str, Optimizer],
        scaler: GradScaler,
    ) -> tuple[Tensor, Tensor, Tensor]:
        (truth,), judge = given, self.network.discriminator
        made = self.made(self.network.generator, len(truth), dtype)
        judge.requires_grad_(False)
        loss = self.generator_loss(made, dtype)
        self.descend(loss, optimizers["generator"], scaler)
        judge.requires_grad_(True)
        verdict = self.discriminator_loss(truth, made.detach(), dtype)
        if self.r1_weight and self.network.steps % R1_EVERY == 0:
            verdict = verdict + R1_EVERY * self.r1_weight / 2 * self.gradient_at(truth)
        self.descend(verdict, optimizers["discriminator"], scaler)
        self.network.steps += 1
        self.average(len(truth))
        return loss, *agreement(made - 0.5, truth)

    def loss(self, given: tuple[Tensor, ...], dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
        made = self.made(self.network.generator, len(given[0]), dtype)
        return self.generator_loss(made, dtype), *agreement(made - 0.5, given[0])

    # ASSUME: a history's IoU is that of generated masks and true ones that have nothing to do with
    # each other; it only shows that as much is vessel, in the same places on the whole.
    def iou(self, given: tuple[Tensor, ...], dtype: torch.dtype) -> float:
        made = self.made(self.network.averaged, len(given[0]), dtype)
        return iou_of(*agreement(made - 0.5, given[0]))

    def made(self, generator: Generator, count: int, dtype: torch.dtype) -> Tensor:
        """Probabilities of random volumes, (count, 1, x, y, z) float32."""
        z = torch.randn(2, count, generator.width, device=generator.start.device)
        w, other = (generator.mapping(one)[:, None] for one in z)
        last = torch.arange(generator.latents, device=z.device)[:, None]
        first = torch.randint(1, generator.latents, (count, 1, 1), device=z.device)
        is_other = (last >= first) & (torch.rand(count, 1, 1, device=z.device) < MIXED)
        with autocast(z, dtype):
            return generator(torch.where(is_other, other, w), generator.noise(count)).sigmoid()

    def generator_loss(self, made: Tensor, dtype: torch.dtype) -> Tensor:
        """How far the discriminator takes generated volumes for generated."""
        return functional.softplus(-self.verdicts(made, dtype)).mean()

    def discriminator_loss(self, truth: Tensor, made: Tensor, dtype: torch.dtype) -> Tensor:
        """How far it takes true masks for generated, and generated ones for true."""
        true, false = self.verdicts(truth, dtype), self.verdicts(made, dtype)
        return functional.softplus(-true).mean() + functional.softplus(false).mean()

    def verdicts(self, masks: Tensor, dtype: torch.dtype) -> Tensor:
        with autocast(masks, dtype):
            return self.network.discriminator(masks + NOISE * torch.randn_like(masks))

    def gradient_at(self, truth: Tensor) -> Tensor:
        """Squared length of the verdict's gradient at true masks, mean over the batch."""
        truth = truth.detach().requires_grad_()
        verdict = self.network.discriminator(truth).sum()
        (gradient,) = torch.autograd.grad(verdict, truth, create_graph=True)
        return gradient.square().sum(dim=(1, 2, 3, 4)).mean()

    @torch.no_grad()
    def average(self, batch: int) -> None:
        """Move the averaged weights towards the generator's."""
        seen = batch * int(self.network.steps)
        kept = 0.5 ** (batch / min(AVERAGED_IMAGES, AVERAGED_SHARE * seen))
        pairs = zip(
            self.network.averaged.parameters(), self.network.generator.parameters(), strict=True
        )
        for mean, weight in pairs:
            mean.lerp_(weight, 1 - kept)


def trained(patients: Training, settings, context: Context) -> tuple[dict, list[dict]]:
    """State and history of a generator trained from random weights (see `angiovox.method`).

    settings : those of `x2vision.method`. The state has mean and deviation of w, and what stands
    for vessel in views: "level" of silhouettes, and of line integrals the "contrast" per mm.
    """
    torch.manual_seed(context.seed)
    built_of = {key: getattr(settings, key) for key in BUILT_OF}
    judge = Discriminator(settings.edge, settings.channels, settings.most_channels)
    network = Networks(Generator(**built_of), judge)
    learner = Adversarial(network, settings.edge, settings.r1_weight)
    history = Trainer(learner, patients, settings, context).run()
    found = statistics(network.averaged, context.seed) | levels(patients)
    return built_of | {"network": weights_on_cpu(network.averaged)} | found, history


@torch.no_grad()
def statistics(generator: Generator, seed: int) -> dict[str, Tensor]:
    """Mean and deviation of w, (width,) each, over random z."""
    z = torch.randn(W_SAMPLES, generator.width, generator=torch.Generator().manual_seed(seed))
    w = generator.mapping(z.to(generator.start.device))
    return {"w_mean": w.mean(dim=0).cpu(), "w_deviation": w.std(dim=0).cpu()}


def levels(patients: Training) -> dict[str, float]:
    """What stands for vessel in the views of the training patients."""
    found = {"level": silhouette_level(patients)[0]}
    if is_of_integrals(patients[0][0]):
        found["contrast"] = contrast_in_masks(patients)[0]
    return found


def is_of_integrals(measurement: Measurement) -> bool:
    """Whether projections are line integrals."""
    return measurement.imaging is not None and measurement.imaging.kind == LINE_INTEGRAL
