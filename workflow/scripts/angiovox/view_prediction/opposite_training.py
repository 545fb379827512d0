"""Network, loss and training of `opposite_unet`."""

from __future__ import annotations

import numpy as np
import torch
from monai.networks.nets import BasicUNet
from torch import Tensor, nn
from torch.nn import functional

from ..method import Context, Measurement
from ..training.learner import Learner, agreement, autocast, drawn, iou_of, weights_on_cpu
from ..training.settings import Settings
from ..training.trainer import Trainer
from .intensities import intensity_scale
from .mirror import mirrored
from .predictor import Examples

WIDTHS = (1, 1, 2, 4, 4, 1)  # of BasicUNet's levels and its last features, in channels
LEAST_PIXELS = 32  # along each axis: four halvings leave 2 x 2 pixels, which have a variance
# ASSUME: of predicted views, pixels of a tenth of the full scale, 1.5 mm of undiluted contrast,
# count as vessel.
SHOWN = 0.1


class MirrorCorrection(nn.Module):
    """A mirrored view (batch, 1, i, j), and what a U-Net adds to it; at first nothing.

    channels : of the U-Net at full resolution.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        widths = tuple(channels * width for width in WIDTHS)
        self.unet = BasicUNet(spatial_dims=2, in_channels=3, out_channels=1, features=widths)
        nn.init.zeros_(self.unet.final_conv.weight)
        nn.init.zeros_(self.unet.final_conv.bias)

    def forward(self, views: Tensor) -> Tensor:
        i, j = views.shape[2:]
        seen = torch.cat([views, places(views)], dim=1)
        more = max(0, LEAST_PIXELS - j), max(0, LEAST_PIXELS - i)
        padded = functional.pad(seen, (0, more[0], 0, more[1]), mode="replicate")
        return views + self.unet(padded)[:, :, :i, :j]


def places(views: Tensor) -> Tensor:
    """Where pixels of views (batch, 1, i, j) lie: (batch, 2, i, j), from -1 to 1 on each axis."""
    axes = (torch.linspace(-1, 1, size, device=views.device) for size in views.shape[2:])
    grid = torch.stack(torch.meshgrid(*axes, indexing="ij"))
    return grid.to(views.dtype).expand(len(views), -1, -1, -1)


class Predicting(Learner):
    """Mean absolute error of predicted views; the IoU is that of pixels that show a vessel."""

    def __init__(self, network: MirrorCorrection):
        self.network = network

    def read(
        self, patients: Examples, batch: list[int], rng: np.random.Generator
    ) -> tuple[np.ndarray, ...]:
        """Mirrored and true views, (batch, 1, i, j) each: one of an example's, by chance."""
        pairs = []
        for given, wanted in (drawn(patients, index, rng) for index in batch):
            low, span = intensity_scale(given)
            view = int(rng.integers(len(wanted.angles)))
            both = mirrored(given, wanted)[view], wanted.inputs["projections"][view]
            pairs.append([(image - low) / span for image in both])
        views = np.float32(pairs)
        return views[:, :1], views[:, 1:]

    def loss(self, given: tuple[Tensor, ...], dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
        views, truth = given
        found = self._found(views, dtype)
        return functional.l1_loss(found, truth), *agreement(found - SHOWN, truth - SHOWN)

    def iou(self, given: tuple[Tensor, ...], dtype: torch.dtype) -> float:
        views, truth = (images[:1] for images in given)
        return iou_of(*agreement(self._found(views, dtype) - SHOWN, truth - SHOWN))

    def _found(self, views: Tensor, dtype: torch.dtype) -> Tensor:
        with autocast(views, dtype):
            return self.network(views).float()


def trained(examples: Examples, settings: Settings, context: Context) -> tuple[dict, list[dict]]:
    """State and history of a network trained from random weights (see `predictor`).

    settings : those of `opposite_unet`.
    """
    torch.manual_seed(context.seed)
    network = MirrorCorrection(settings.channels)
    history = Trainer(Predicting(network), examples, settings, context).run()
    return {"channels": settings.channels, "network": weights_on_cpu(network)}, history


@torch.no_grad()
def predicted(state: dict, given: Measurement, wanted: Measurement, device: str) -> np.ndarray:
    """Apply a trained network: (views, i, j) float32, in the units of what is given."""
    network = MirrorCorrection(state["channels"]).to(device).eval()
    network.load_state_dict(state["network"])
    views, (low, span) = mirrored(given, wanted), intensity_scale(given)
    scaled = torch.from_numpy(np.float32((views - low) / span))
    change = network(scaled[:, None].to(device))[:, 0].cpu() - scaled
    return np.float32(views + span * change.numpy())  # the mirror to the bit, where nothing changes
