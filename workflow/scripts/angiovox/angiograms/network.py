"""The network that reconstructs from angiograms: its training, and its use on any grid."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from ..method import Context
from ..methods.unet.network import ResidualUNet
from ..training.learner import weights_on_cpu
from ..training.settings import Settings as TrainingSettings
from ..training.trainer import Trainer
from .channels import COUNT
from .examples import Examples
from .learner import EDGE, Reconstructing


@dataclass(frozen=True)
class Settings(TrainingSettings):
    """Those of any training, and:

    examples : phantoms, each with views of its own. first_seed : of the first of them.
    channels, levels, edge : of `ResidualUNet`, and the edge of a training part in voxels.
    """

    epochs: int = 9
    learning_rate: float = 3e-3
    schedule: str = "one-cycle"
    examples: int = 400
    first_seed: int = 100_000
    channels: int = 24
    levels: int = 5
    edge: int = EDGE

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require_int("examples", "first_seed", "channels", "edge")
        self.require_int("levels", least=3)


def fit(settings: Settings, folder: str | Path, context: Context) -> tuple[dict, list[dict]]:
    """Train from random weights, or go on from the context's checkpoint.

    folder : of the examples. Returns the model's state and a row per epoch.
    """
    examples = Examples(folder, settings.examples, settings.first_seed)
    torch.manual_seed(context.seed)
    shape = {"inputs": COUNT, "channels": settings.channels, "levels": settings.levels}
    network = ResidualUNet(**shape).to(memory_format=torch.channels_last_3d)
    learner = Reconstructing(network, examples, settings.edge)
    history = Trainer(learner, examples, settings, context).run()
    return {"network": weights_on_cpu(network), "shape": shape, "edge": settings.edge}, history


def load(state: dict, device: str = "cpu") -> ResidualUNet:
    """The network of a model's state, ready to be applied."""
    network = ResidualUNet(**state["shape"]).to(device).eval()
    network.load_state_dict(state["network"])
    return network.to(memory_format=torch.channels_last_3d)
