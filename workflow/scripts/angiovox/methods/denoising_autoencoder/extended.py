"""The network with what the paper's section 4 leaves to future work: channels, changes, physics."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from ...method import Context, Measurement, Training
from ...training.learner import agreement, drawn, iou_of, weights_on_cpu
from ...training.trainer import Trainer
from .augmentation import changed_intensity, draw, moved_views, moved_volume
from .channels import silhouettes, stacked
from .focal_loss import focal_loss
from .inference import MARGIN
from .layer_sizes import STRIDE
from .learner import Denoising, PlainDenoising, denoising
from .network import DenoisingAutoencoder
from .physics import RadiusRange, projection_loss

if TYPE_CHECKING:
    from .method import Settings

MOST_VIEWS = 2  # that a step compares projections at; others take their turn
SLAB = 8 * STRIDE  # planes that go through the network at a time


class Extended(PlainDenoising):
    """The network with the options of its settings.

    radii : the range of the training patients, where `geometry_weight` is above 0.
    in_bounded_memory : what computes the focal loss alone; None for PyTorch's own layers.
    """

    def __init__(
        self,
        network: nn.Module,
        settings: Settings,
        radii: RadiusRange | None = None,
        in_bounded_memory: Denoising | None = None,
    ):
        super().__init__(network, settings.focal_alpha, settings.focal_gamma)
        self.settings, self.radii = settings, radii
        self.in_bounded_memory = in_bounded_memory

    def read(
        self, patients: Training, batch: list[int], rng: np.random.Generator
    ) -> tuple[np.ndarray, ...]:
        """Channels (batch, channels, x, y, z) and masks (batch, 1, x, y, z); silhouettes of some
        views (batch, views, detector, z), none without their loss, with their angles; and what
        changes each pair, (batch, 6)."""
        pairs = [drawn(patients, index, rng) for index in batch]
        some = [self._some_views(views, rng) for views, _ in pairs]
        changes = [draw(rng, views.angles) for views, _ in pairs] if self.settings.augment else []
        volume = np.stack([stacked(views, self.settings.input_channels) for views, _ in pairs])
        shown, angles = (np.stack(part) for part in zip(*some, strict=True))
        masks = np.stack([mask for _, mask in pairs])[:, None]
        return volume, masks, shown, angles, np.array(changes)

    def _some_views(
        self, views: Measurement, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        if not self.settings.projection_weight:
            return np.zeros((0, 1, 1), dtype=bool), np.zeros(0)
        count = min(MOST_VIEWS, len(views.angles))
        chosen = np.sort(rng.permutation(len(views.angles))[:count])
        return silhouettes(views)[chosen], views.angles[chosen]

    def loss(self, given: tuple[Tensor, ...], dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
        volume, target, shown, angles = self._changed(given)
        if self.in_bounded_memory is not None:
            return self.in_bounded_memory.loss((volume, target), dtype)
        logits = self._logits(volume, dtype)
        loss = focal_loss(logits, target, self.alpha, self.gamma)
        probabilities = logits.float().sigmoid()[:, 0]
        if weight := self.settings.projection_weight:
            each = map(projection_loss, probabilities, shown, angles)
            loss = loss + weight * torch.stack([*each]).mean()
        if weight := self.settings.geometry_weight:
            each = map(self.radii.loss, probabilities)
            loss = loss + weight * torch.stack([*each]).mean()
        return loss, *agreement(logits, target)

    def iou(self, given: tuple[Tensor, ...], dtype: torch.dtype) -> float:
        volume, target = given[:2]
        return iou_of(*agreement(self._logits(volume[:1], dtype), target[:1]))

    def _changed(self, given: tuple[Tensor, ...]) -> tuple[Tensor, Tensor, list, list]:
        """The pairs as they were read or, with augmentation, moved; views and angles of each."""
        volume, target, shown, angles, changes = given
        degrees = angles.cpu().numpy()
        if not len(changes):
            return volume, target, [*shown], [*degrees]
        moved, views = [], []
        for pair, some, at, change in zip(
            torch.cat([volume, target.to(volume.dtype)], dim=1),
            shown,
            degrees,
            changes.cpu().numpy(),
            strict=True,
        ):
            pair = moved_volume(pair, change)
            if self.settings.input_channels != "silhouettes":
                pair = torch.cat([changed_intensity(pair[:1], change), pair[1:]])
            moved.append(pair)
            views.append(moved_views(some, at, change) if len(at) else (some, at))
        both = torch.stack(moved)
        shown, degrees = map(list, zip(*views, strict=True))
        return both[:, :-1], both[:, -1:] >= 0.5, shown, degrees


def trained(patients: Training, settings: Settings, context: Context) -> tuple[dict, list[dict]]:
    """State and history of a network trained from random weights (see `angiovox.method`)."""
    torch.manual_seed(context.seed)
    network = DenoisingAutoencoder(settings.inputs).to(memory_format=torch.channels_last_3d)
    radii = None
    if settings.geometry_weight:
        radii = RadiusRange.of(patients[index][1] for index in range(len(patients)))
        context.log(f"radii of the training patients: {radii.least:.2f} to {radii.most:.2f} voxels")
    focal = settings.focal_alpha, settings.focal_gamma
    bounded = denoising(network, *focal, context.log) if settings.is_of_one_volume else None
    learner = Extended(network, settings, radii, bounded)
    history = Trainer(learner, patients, settings, context).run()
    return {"network": weights_on_cpu(network)}, history


@torch.no_grad()
def probabilities(network: DenoisingAutoencoder, volume: np.ndarray) -> np.ndarray:
    """Probabilities (x, y, z) of channels (channels, x, y, z), slab by slab along x.

    A slab has the margin that its encoder must see, so that the result is that of the whole volume.
    """
    channels = torch.from_numpy(volume)
    device, length = next(network.parameters()).device, channels.shape[1]
    parts = []
    for start in range(0, length, SLAB):
        first, stop = max(start - MARGIN, 0), min(start + SLAB, length)
        last = min(stop + MARGIN, length)
        logits = network(channels[None, :, first:last].to(device))[0, 0]
        parts.append(logits[start - first : stop - first].sigmoid().cpu())
    return torch.cat(parts).numpy()
