"""NeRP's two stages: a network learns a prior image, then goes on with one patient's views."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torch.optim import Optimizer
from torch.utils.checkpoint import checkpoint

from ...method import Context, Measurement
from ...training.per_patient import optimise
from ..vessel_projection import given_images, projected
from ..vessel_views import Targets, targets
from .network import Nerp
from .settings import EARLIER, NONE, Settings

AT_A_TIME = 1 << 15  # places whose layers are kept for the gradient; of more they are made anew
EPOCHS = 20  # rows of the history of an embedding


class Embedding:
    """The first stage: a network learns the values of an image where it is asked.

    image, support : (x, y, z), the latter bool.
    """

    def __init__(
        self, network: Nerp, image: np.ndarray, support: np.ndarray, settings: Settings, device: str
    ):
        self.network, self.points = network, settings.prior_points
        self.places = voxel_places(support).to(device)
        self.values = torch.from_numpy(image[support].astype(np.float32)).to(device)
        # ASSUME: weights decay in this stage only.
        self.optimizer = torch.optim.Adam(
            network.parameters(), settings.prior_rate, weight_decay=settings.weight_decay
        )

    def step(self) -> float:
        """Take a step on the mean squared error of all places, or of some; returns it."""
        places, values = self.places, self.values
        if 0 < self.points < len(places):
            some = torch.randint(len(places), (self.points,), device=places.device)
            places, values = places[some], values[some]
        return _step(self.optimizer, functional.mse_loss(values_at(self.network, places), values))

    @torch.no_grad()
    def likeness(self) -> float:
        """Sum of the smaller over that of the larger of both images' values: an IoU of shares."""
        found = values_at(self.network, self.places).clamp(0, 1)
        larger = found.maximum(self.values).sum().item()
        return found.minimum(self.values).sum().item() / larger if larger else 1.0


class Reconstructing:
    """The second stage: the same network learns what the views show.

    known : the views. support : (x, y, z) bool, where the network is asked. angles : (views,)
    degrees. rate : of Adam.
    """

    def __init__(
        self,
        network: Nerp,
        known: Targets,
        support: np.ndarray,
        angles: np.ndarray,
        rate: float,
        device: str,
    ):
        self.network, self.known, self.angles = network, known, angles
        self.support = torch.from_numpy(support).to(device)
        self.places = voxel_places(support).to(device)
        self.images = given_images(known, device)
        self.optimizer = torch.optim.Adam(network.parameters(), rate)

    # ASSUME: all views in each step.
    def step(self) -> float:
        """Take a step on half of the mean squared error of all projections; returns it."""
        found = projected(self.volume(), self.known, self.angles)
        return _step(self.optimizer, 0.5 * functional.mse_loss(found, self.images))

    def volume(self) -> Tensor:
        """Values at the voxels (x, y, z), 0 outside of the support."""
        values = values_at(self.network, self.places)
        return values.new_zeros(self.support.shape).masked_scatter(self.support, values)


class History:
    """Rows of an embedding's history, which a checkpoint keeps."""

    def __init__(self) -> None:
        self.rows: list[dict] = []

    def state_dict(self) -> dict:
        return {"rows": self.rows}

    def load_state_dict(self, state: dict) -> None:
        self.rows = state["rows"]


def embedded(image: np.ndarray, settings: Settings, context: Context) -> tuple[dict, list[dict]]:
    """Embed an image (x, y, z) of the whole grid in a network; its state, and the history."""
    network, history = new_network(settings, context), History()
    stage = Embedding(network, image, np.ones(image.shape, bool), settings, context.device)
    epoch = -(-settings.prior_steps // EPOCHS)

    def step(number: int) -> float:
        loss = stage.step()
        if (number + 1) % epoch == 0 or number + 1 == settings.prior_steps:
            row = {"epoch": len(history.rows) + 1, "loss": loss, "iou": stage.likeness()}
            history.rows.append(row)
        return loss

    parts = {"network": network, "optimizer": stage.optimizer, "history": history}
    optimise(parts, step, settings.prior_steps, context)
    return network.cpu().state_dict(), history.rows


def reconstructed(
    state: dict, measurement: Measurement, settings: Settings, context: Context
) -> np.ndarray:
    """Reconstruct a patient: values of the network at the voxels, (x, y, z) float32 in [0, 1].

    state : of `vessel_views.fitted`, with the "network" that the mean mask is embedded in.
    """
    known = targets(state, measurement)
    support = known.hull >= (state["support"] if settings.hull_only else -np.inf)
    if not support.any():
        context.log("no voxel lies in the hull of all views; nothing is reconstructed")
        return np.zeros(known.grid.shape, dtype=np.float32)
    network = new_network(settings, context)
    has_earlier = settings.prior == EARLIER and measurement.prior is not None
    before = settings.prior_steps if has_earlier else 0
    if settings.prior != NONE and not has_earlier:
        network.load_state_dict(state["network"])
    rate = settings.rate_without_prior if settings.prior == NONE else settings.learning_rate
    views = known, support, measurement.angles
    second = Reconstructing(network, *views, rate, context.device)
    parts = {"network": network, "optimizer": second.optimizer}
    if has_earlier:
        context.log("embedding the patient's earlier volume")
        first = Embedding(network, measurement.prior, support, settings, context.device)
        parts["prior optimizer"] = first.optimizer

    def step(number: int) -> float:
        return first.step() if number < before else second.step()

    optimise(parts, step, before + settings.steps, context)
    with torch.no_grad():
        return second.volume().clamp(0, 1).cpu().numpy()


def new_network(settings: Settings, context: Context) -> Nerp:
    """Make a network whose weights and frequencies are drawn with the context's seed."""
    torch.manual_seed(context.seed)
    shape = settings.width, settings.layers, settings.frequencies
    return Nerp(*shape, settings.scale, settings.omega).to(context.device)


def voxel_places(support: np.ndarray) -> Tensor:
    """Centres (n, 3) of the voxels of a support (x, y, z) bool, in a cube from -1 to 1.

    The cube's edge is the longest of the grid, whose voxels are cubes.
    """
    shape = np.array(support.shape)
    places = (2 * np.argwhere(support) + 1 - shape) / shape.max()
    return torch.from_numpy(places.astype(np.float32))


def values_at(network: Nerp, places: Tensor) -> Tensor:
    """Values (n,) of the network at places (n, 3), in memory that does not grow with n."""
    if len(places) <= AT_A_TIME:
        return network(places)
    parts = places.split(AT_A_TIME)
    if not torch.is_grad_enabled():
        return torch.cat([network(part) for part in parts])
    return torch.cat([checkpoint(network, part, use_reentrant=False) for part in parts])


def _step(optimizer: Optimizer, loss: Tensor) -> float:
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()
