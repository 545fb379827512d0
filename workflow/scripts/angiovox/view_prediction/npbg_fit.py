"""Pre-training of NPBG's network, and its fit to one patient."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import torch
from torch import Tensor, nn
from torch.amp import GradScaler
from torch.nn import functional
from torch.optim import Optimizer

from ..method import Context, Measurement
from ..training import settings as training_settings
from ..training.learner import Learner, agreement, iou_of, weights_on_cpu
from ..training.per_patient import optimise
from ..training.schedules import scheduler
from ..training.trainer import Trainer
from .gated_unet import GatedUNet
from .intensities import require_parallel_maxima, scaled_projections
from .npbg_settings import FACTORS, Settings
from .point_scene import SHOWN, PointScene, widths
from .predictor import Examples


class Descriptors(nn.Module):
    """Numbers (channels, n) of points; 0 at first."""

    def __init__(self, channels: int, points: int) -> None:
        super().__init__()
        self.values = nn.Parameter(torch.zeros(channels, points))


class Rendering(nn.Module):
    """The network, and the descriptors of each scene's points."""

    def __init__(self, settings: Settings, points: list[int]) -> None:
        super().__init__()
        self.renderer = renderer(settings)
        self.scenes = nn.ModuleList(Descriptors(settings.descriptors, n) for n in points)

    def forward(self, scene: PointScene, number: int, columns: Tensor) -> Tensor:
        return self.renderer(scene.pyramid(self.scenes[number].values, columns))


class Pretraining(Learner):
    """Mean absolute error of views of the training patients, all of which are fitted to."""

    def __init__(self, examples: Examples, settings: Settings, device: str):
        for given, _ in examples:
            require_parallel_maxima("npbg", given)
        self.settings = settings
        self.scenes = [
            PointScene(given, settings.level, len(FACTORS), device) for given, _ in examples
        ]
        points = [len(scene.points.voxels) for scene in self.scenes]
        self.network = Rendering(settings, points)

    def optimizers(self, learning_rate: float) -> dict[str, Optimizer]:
        """Adam for the network, RMSprop for the descriptors."""
        rate = self.settings.descriptor_rate
        return {
            "network": self.adam(self.network.renderer, learning_rate),
            "descriptors": torch.optim.RMSprop(self.network.scenes.parameters(), rate),
        }

    def read(
        self, patients: Examples, batch: list[int], rng: np.random.Generator
    ) -> tuple[np.ndarray, ...]:
        """Number of one example; views of it, (views, i, j); and their angles."""
        (number,) = batch
        given, wanted = patients[number]
        angles = np.concatenate([given.angles, wanted.angles])
        scale = self.scenes[number].scale
        images = np.concatenate([scaled_projections(part, scale) for part in (given, wanted)])
        some = rng.permutation(len(angles))[: self.settings.images]
        return np.array(number), images[some], np.float64(angles[some])

    def step(
        self,
        given: tuple[Tensor, ...],
        dtype: torch.dtype,
        optimizers: dict[str, Optimizer],
        scaler: GradScaler,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Change the network, and the descriptors of the scene that was read."""
        loss, hits, union = self.loss(given, dtype)
        descend(loss, optimizers.values())
        return loss, hits, union

    def loss(self, given: tuple[Tensor, ...], dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
        found, truth = self._found(given), given[1]
        return functional.l1_loss(found, truth), *agreement(found - SHOWN, truth - SHOWN)

    def iou(self, given: tuple[Tensor, ...], dtype: torch.dtype) -> float:
        return iou_of(*agreement(self._found(given) - SHOWN, given[1] - SHOWN))

    def _found(self, given: tuple[Tensor, ...]) -> Tensor:
        number, _, angles = given
        scene = self.scenes[int(number)]
        columns = scene.columns_at(angles.cpu().numpy())
        return scene.on_detector(self.network(scene, int(number), columns))


class Fit:
    """The fit to one patient's given views: descriptors, network, optimisers, and their step."""

    def __init__(self, state: dict, scene: PointScene, settings: Settings, context: Context):
        torch.manual_seed(context.seed)
        self.scene, self.settings = scene, settings
        self.network = Rendering(settings, [len(scene.points.voxels)]).to(context.device)
        self.network.renderer.load_state_dict(state["renderer"])
        parameters = self.network.renderer.parameters(), self.network.scenes.parameters()
        self.optimizers = {
            "renderer optimizer": torch.optim.Adam(parameters[0], settings.learning_rate),
            "descriptors optimizer": torch.optim.RMSprop(parameters[1], settings.descriptor_rate),
        }
        steps = max(1, settings.steps)
        self.schedulers = {
            name.replace("optimizer", "scheduler"): scheduler(one, settings.schedule, 1, steps)
            for name, one in self.optimizers.items()
        }
        self.parts = {"network": self.network} | self.optimizers | self.schedulers

    def step(self, number: int) -> float:
        """Take a step; returns its loss."""
        self.network.train()
        some = torch.randperm(len(self.scene.images))[: self.settings.images]
        found = self.network(self.scene, 0, self.scene.columns[some])
        both = (self.scene.on_detector(images) for images in (found, self.scene.images[some]))
        loss = functional.l1_loss(*both)
        descend(loss, self.optimizers.values())
        for one in self.schedulers.values():
            one.step()
        return loss.item()


def renderer(settings: Settings) -> GatedUNet:
    """The network with random weights."""
    return GatedUNet(settings.descriptors, widths(settings.channels, FACTORS), norm=True)


def descend(loss: Tensor, optimizers: Collection[Optimizer]) -> None:
    """Take a step of each optimiser down the loss's gradient."""
    for one in optimizers:
        one.zero_grad(set_to_none=True)
    loss.backward()
    for one in optimizers:
        one.step()


def pretrained(examples: Examples, settings: Settings, context: Context) -> tuple[dict, list[dict]]:
    """State and history of a network trained from random weights (see `predictor`)."""
    torch.manual_seed(context.seed)
    learner = Pretraining(examples, settings, context.device)
    chosen = settings.epochs, settings.learning_rate, settings.schedule
    how = training_settings.Settings(*chosen, precision="fp32")
    history = Trainer(learner, examples, how, context).run()
    return {"renderer": weights_on_cpu(learner.network.renderer)}, history


def predicted(
    state: dict, given: Measurement, wanted: Measurement, settings: Settings, context: Context
) -> np.ndarray:
    """Fit to the given views and render the wanted ones: (views, i, j) float32."""
    require_parallel_maxima("npbg", given)
    scene = PointScene(given, settings.level, len(FACTORS), context.device)
    fit = Fit(state, scene, settings, context)
    optimise(fit.parts, fit.step, settings.steps, context)
    with torch.no_grad():
        found = fit.network.eval()(scene, 0, scene.columns_at(wanted.angles))
    return scene.in_units(found)
