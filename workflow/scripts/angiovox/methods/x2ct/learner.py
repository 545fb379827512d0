"""Training of X2CT: the generator alone, or in turns with a discriminator."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.amp import GradScaler
from torch.nn import functional
from torch.optim import Optimizer

from ...method import Context, Measurement, Training
from ...training.learner import Learner, agreement, autocast, drawn, iou_of, weights_on_cpu
from ...training.settings import Settings
from ...training.trainer import Trainer
from ..xray_images import cube, network_edge, probabilities
from .network import Discriminator, Generator
from .views import orthogonal_pair

BUILT_OF = ("channels", "growth", "layers", "halvings", "decoder_channels")  # the generator
THRESHOLD = 0.5  # of the volume, for the IoU that is logged


class Pair(nn.Module):
    """Generator and, where it is trained against one, discriminator."""

    def __init__(self, generator: Generator, discriminator: Discriminator | None) -> None:
        super().__init__()
        self.generator, self.discriminator = generator, discriminator


class Reconstructing(Learner):
    """A step of the generator, then one of the discriminator where there is one.

    edge : of views and volume. gan_weight, mse_weight, projection_weight : of the terms of the
    loss; the first weighs the discriminator's loss too.

    Source: Ying et al. 2019, section 3.4 and 4.2.
    """

    betas = (0.5, 0.99)

    def __init__(self, network: Pair, edge: int, settings: Settings):
        self.network, self.edge, self.settings = network, edge, settings

    def read(
        self, patients: Training, batch: list[int], rng: np.random.Generator
    ) -> tuple[np.ndarray, ...]:
        """Pairs of views (batch, 2, edge, edge) and masks (batch, 1, edge, edge, edge)."""
        examples = [drawn(patients, index, rng) for index in batch]
        pairs = [orthogonal_pair(measurement, self.edge) for measurement, _ in examples]
        masks = [cube(mask, self.edge)[None] for _, mask in examples]
        return np.stack(pairs), np.stack(masks)

    def optimizers(self, learning_rate: float) -> dict[str, Optimizer]:
        networks = self.network.named_children()
        return {name: self.adam(network, learning_rate) for name, network in networks}

    def step(
        self,
        given: tuple[Tensor, ...],
        dtype: torch.dtype,
        optimizers: dict[str, Optimizer],
        scaler: GradScaler,
    ) -> tuple[Tensor, Tensor, Tensor]:
        pair, truth = given
        made = self.volume(pair, dtype)
        loss = self.generator_loss(pair, made, truth, dtype)
        self.descend(loss, optimizers["generator"], scaler)
        if self.network.discriminator is not None:
            verdict = self.discriminator_loss(pair, made.detach(), truth, dtype)
            self.descend(verdict, optimizers["discriminator"], scaler)
        return loss, *agreement(made - THRESHOLD, truth)

    def loss(self, given: tuple[Tensor, ...], dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
        pair, truth = given
        made = self.volume(pair, dtype)
        loss = self.generator_loss(pair, made, truth, dtype)
        return loss, *agreement(made - THRESHOLD, truth)

    def iou(self, given: tuple[Tensor, ...], dtype: torch.dtype) -> float:
        pair, truth = (array[:1] for array in given)
        return iou_of(*agreement(self.volume(pair, dtype) - THRESHOLD, truth))

    def volume(self, pair: Tensor, dtype: torch.dtype) -> Tensor:
        """What the generator makes, (batch, 1, x, y, z) float32."""
        with autocast(pair, dtype):
            return self.network.generator(pair).float()

    def generator_loss(
        self, pair: Tensor, made: Tensor, truth: Tensor, dtype: torch.dtype
    ) -> Tensor:
        """Squared error, error of projections, and the verdict of the discriminator as it is."""
        weights = self.settings
        loss = weights.mse_weight * functional.mse_loss(made, truth)
        loss = loss + weights.projection_weight * projection_loss(made, truth)
        if self.network.discriminator is not None:
            self.network.discriminator.requires_grad_(False)
            loss = loss + weights.gan_weight * self._against(1.0, pair, made, dtype)
            self.network.discriminator.requires_grad_(True)
        return loss

    def discriminator_loss(
        self, pair: Tensor, made: Tensor, truth: Tensor, dtype: torch.dtype
    ) -> Tensor:
        """How far it takes the truth for made, and what was made for true."""
        true, false = self._against(1.0, pair, truth, dtype), self._against(0.0, pair, made, dtype)
        return self.settings.gan_weight * (true + false)

    def _against(self, label: float, pair: Tensor, volume: Tensor, dtype: torch.dtype) -> Tensor:
        """Squared distance of the verdicts to a label (least-squares GAN, Mao et al. 2017)."""
        with autocast(pair, dtype):
            verdicts = self.network.discriminator(pair, volume).float()
        return (verdicts - label).square().mean()


def projection_loss(made: Tensor, truth: Tensor) -> Tensor:
    """Mean absolute error of the means along x, y and z, of volumes (batch, 1, x, y, z)."""
    errors = [functional.l1_loss(made.mean(dim=axis), truth.mean(dim=axis)) for axis in (2, 3, 4)]
    return torch.stack(errors).mean()


def trained(patients: Training, settings: Settings, context: Context) -> tuple[dict, list[dict]]:
    """State and history of a generator trained from random weights (see `angiovox.method`).

    settings : those of `x2ct.method`.
    """
    torch.manual_seed(context.seed)
    built_of = {key: getattr(settings, key) for key in BUILT_OF}
    edge = network_edge(patients[0][1].shape, settings.halvings)
    generator = Generator(edge, **built_of)
    judge = Discriminator(settings.discriminator_channels) if settings.gan_weight else None
    learner = Reconstructing(Pair(generator, judge), edge, settings)
    history = Trainer(learner, patients, settings, context).run()
    return built_of | {"edge": edge, "network": weights_on_cpu(generator)}, history


@torch.no_grad()
def reconstructed(state: dict, measurement: Measurement, device: str) -> np.ndarray:
    """Apply a trained generator to two views: (x, y, z) float32 in [0, 1]."""
    network = Generator(state["edge"], **{key: state[key] for key in BUILT_OF}).to(device).eval()
    network.load_state_dict(state["network"])
    pair = torch.from_numpy(orthogonal_pair(measurement, state["edge"]))
    return probabilities(network(pair[None].to(device)), measurement.shape)
