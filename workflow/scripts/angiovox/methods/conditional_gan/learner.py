"""A conditional GAN as it is trained: generator and discriminator against each other, in one step.

Each has a term of the loss that is blind to the other's parameters, so that the gradients of their
sum are each one's own.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

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
from ...training.settings import Settings
from ...training.trainer import Trainer
from .network import Discriminator, Generator, slices

# ASSUME: the discriminator sees masks, true ones and generated ones, with Gaussian noise of this
# deviation, lest it told true ones by their having only 0 and 1: without noise one of two seeds
# ended with every slice empty, with it none of two did.
NOISE = 0.2


class Pair(nn.Module):
    """Generator and discriminator."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.generator, self.discriminator = Generator(channels), Discriminator(channels)


# ASSUME: Zuo 2021 is known to us by what Table 2 quotes: a conditional GAN, slice by slice, without
# and with an L1 term. What nothing here says is pix2pix's (Isola et al. 2017).
class Adversarial(Learner):
    """The pair on some slices of a patient at a time.

    slices : of each patient in a step. l1_weight : of the mean absolute error, beside the verdict.
    """

    # ASSUME: generator and discriminator take their steps at once, by one Adam with pix2pix's
    # betas; pix2pix lets them take turns.
    betas = (0.5, 0.999)

    def __init__(self, network: Pair, slices: int, l1_weight: float):
        self.network, self.slices, self.l1_weight = network, slices, l1_weight

    # ASSUME: a step sees slices drawn at random from one patient, and an epoch each patient once.
    def read(
        self, patients: Training, batch: list[int], rng: np.random.Generator
    ) -> tuple[np.ndarray, ...]:
        """Slices, as they are stored, their masks, and noise for true masks and generated ones."""
        seen, truth = [], []
        for views, mask in (drawn(patients, i, rng) for i in batch):
            some = np.sort(rng.permutation(mask.shape[2])[: self.slices])
            seen.append(slices(views.inputs, some))
            truth.append(mask[:, :, some].transpose(2, 0, 1)[:, None])
        seen, truth = np.concatenate(seen), np.concatenate(truth)
        return seen, truth, rng.standard_normal((2, *truth.shape), dtype=np.float32)

    def loss(self, given: tuple[Tensor, ...], dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
        seen, truth, noise = fractions(given[0]), given[1].float(), NOISE * given[2]
        with autocast(seen, dtype):
            logits = self.network.generator(seen)
            made = logits.float().sigmoid()
            loss_g = self.generator_loss(seen, made + noise[0])
            loss_d = self.discriminator_loss(seen, truth + noise[1], made + noise[0])
        total = loss_g + self.l1_weight * functional.l1_loss(made, truth) + loss_d
        return total, *agreement(logits, truth)

    def generator_loss(self, seen: Tensor, made: Tensor) -> Tensor:
        """How far the discriminator, as it is, takes what was made for made."""
        judge = self.network.discriminator
        fixed = {name: parameter.detach() for name, parameter in judge.named_parameters()}
        return _against(1.0, functional_call(judge, fixed, (seen, made)))

    def discriminator_loss(self, seen: Tensor, truth: Tensor, made: Tensor) -> Tensor:
        """How far it takes what is true for made, and what was made, as it is, for true."""
        judge = self.network.discriminator
        return _against(1.0, judge(seen, truth)) + _against(0.0, judge(seen, made.detach()))

    def iou(self, given: tuple[Tensor, ...], dtype: torch.dtype) -> float:
        return iou_of(*agreement(self.network.generator(fractions(given[0])), given[1]))


def _against(label: float, logits: Tensor) -> Tensor:
    logits = logits.float()
    return functional.binary_cross_entropy_with_logits(logits, torch.full_like(logits, label))


def trained(patients: Training, settings: Settings, context: Context) -> tuple[dict, list[dict]]:
    """State and history of a generator trained from random weights (see `angiovox.method`).

    settings : those of `conditional_gan.method`.
    """
    torch.manual_seed(context.seed)
    network = Pair(settings.channels)
    learner = Adversarial(network, settings.slices, settings.l1_weight)
    history = Trainer(learner, patients, settings, context).run()
    weights = weights_on_cpu(network.generator)
    return {"channels": settings.channels, "network": weights}, history
