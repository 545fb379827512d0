"""Networks of NPBG++, their training, and what they predict."""

from __future__ import annotations

import numpy as np
import torch
from monai.networks.nets import BasicUNet
from torch import Tensor, nn
from torch.nn import functional

from ..method import Context, Measurement
from ..training import settings as training_settings
from ..training.learner import Learner, agreement, drawn, iou_of, weights_on_cpu
from ..training.trainer import Trainer
from .gated_unet import GatedUNet
from .intensities import require_parallel_maxima, scaled_projections
from .npbg_plus_plus_settings import ENCODER_FACTORS, RENDERER_FACTORS, Settings
from .point_scene import SHOWN, PointScene, widths
from .predictor import Examples
from .view_aggregation import ViewAggregation, directions


class Rendering(nn.Module):
    """Views (wanted, 1, i, j) on the canvas, from given ones and the hull's points."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        features = settings.features
        encoder = tuple(widths(settings.encoder, ENCODER_FACTORS))
        self.encoder = BasicUNet(2, in_channels=1, out_channels=features, features=encoder)
        self.aggregation = ViewAggregation(settings.functions)
        factors = widths(settings.channels, RENDERER_FACTORS)
        self.renderer = GatedUNet(features + 1, factors, norm=False)

    def forward(self, scene: PointScene, given: Tensor, wanted: Tensor, columns: Tensor) -> Tensor:
        """given, wanted : directions (views, 3). columns : of the points in the wanted views."""
        features = self.encoder(_at_least(scene.images))
        taken = sampled(features, scene.columns, scene.rows)  # (views, features, n)
        weights = self.aggregation(given, wanted)
        values = torch.einsum("wk,kcn->wcn", weights, taken)
        covered = torch.ones_like(values[:, :1])
        return self.renderer(scene.pyramid(torch.cat([values, covered], dim=1), columns))


def sampled(features: Tensor, columns: Tensor, rows: Tensor) -> Tensor:
    """Values (views, c, n) of images (views, c, i, j) at points, linear between columns.

    columns : (views, n), held to the image. rows : (n,) whole.
    """
    last = features.shape[2] - 1
    place = columns.clamp(0, last)
    lower = place.long().clamp(max=last - 1)
    flat = features.flatten(2)

    def at(column: Tensor) -> Tensor:
        index = column * features.shape[3] + rows
        return flat.gather(2, index[:, None].expand(-1, flat.shape[1], -1))

    weight = (place - lower)[:, None]
    return (1 - weight) * at(lower) + weight * at(lower + 1)


def _at_least(images: Tensor, pixels: int = 32) -> Tensor:
    """Images enlarged to what four halvings leave 2 x 2 pixels of; the rest is 0."""
    i, j = images.shape[2:]
    return functional.pad(images, (0, max(0, pixels - j), 0, max(0, pixels - i)))


class Predicting(Learner):
    """Mean absolute error of views that are not given."""

    def __init__(self, settings: Settings, device: str):
        self.settings, self.device = settings, device
        self.network = Rendering(settings)

    def read(
        self, patients: Examples, batch: list[int], rng: np.random.Generator
    ) -> tuple[np.ndarray, ...]:
        """Given views of an example, some wanted ones, and the angles of both."""
        (number,) = batch
        given, wanted = drawn(patients, number, rng)
        require_parallel_maxima("npbg_plus_plus", given)
        some = rng.permutation(len(wanted.angles))[: self.settings.images]
        parts = given.inputs["projections"], wanted.inputs["projections"][some]
        return *parts, np.float64(given.angles), np.float64(wanted.angles[some])

    def loss(self, given: tuple[Tensor, ...], dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
        found, truth = self._both(given)
        return functional.l1_loss(found, truth), *agreement(found - SHOWN, truth - SHOWN)

    def iou(self, given: tuple[Tensor, ...], dtype: torch.dtype) -> float:
        found, truth = self._both(given)
        return iou_of(*agreement(found - SHOWN, truth - SHOWN))

    def _both(self, given: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        """Predicted and true views, (views, i, j)."""
        images, wanted, angles, turned = (part.cpu().numpy() for part in given)
        known = Measurement(angles, {"projections": images})
        truth = Measurement(turned, {"projections": wanted})
        scene = _scene(known, self.settings, self.device)
        found = scene.on_detector(_rendered(self.network, scene, angles, turned))
        return found, torch.from_numpy(scaled_projections(truth, scene.scale)).to(self.device)


def trained(examples: Examples, settings: Settings, context: Context) -> tuple[dict, list[dict]]:
    """State and history of networks trained from random weights (see `predictor`)."""
    torch.manual_seed(context.seed)
    learner = Predicting(settings, context.device)
    chosen = settings.epochs, settings.learning_rate, settings.schedule
    how = training_settings.Settings(*chosen, precision="fp32")
    history = Trainer(learner, examples, how, context).run()
    return {"network": weights_on_cpu(learner.network)}, history


@torch.no_grad()
def predicted(
    state: dict, given: Measurement, wanted: Measurement, settings: Settings, context: Context
) -> np.ndarray:
    """Apply trained networks: (views, i, j) float32, in the units of what is given."""
    require_parallel_maxima("npbg_plus_plus", given)
    network = Rendering(settings).to(context.device).eval()
    network.load_state_dict(state["network"])
    scene = _scene(given, settings, context.device)
    return scene.in_units(_rendered(network, scene, given.angles, wanted.angles))


def _scene(given: Measurement, settings: Settings, device: str) -> PointScene:
    return PointScene(given, settings.level, len(RENDERER_FACTORS), device)


def _rendered(
    network: Rendering, scene: PointScene, given: np.ndarray, wanted: np.ndarray
) -> Tensor:
    """Views at the wanted angles, from those given, on the canvas."""
    both = (torch.from_numpy(directions(angles)).to(scene.device) for angles in (given, wanted))
    return network(scene, *both, scene.columns_at(wanted))
