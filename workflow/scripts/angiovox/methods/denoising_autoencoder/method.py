"""The paper's method: a 3D denoising autoencoder on the back-projected sum (section 2.2)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...method import Context, Training, Views
from ...training import settings as training_settings

TITLE = "3D denoising autoencoder"
INPUTS = ("sum",)
TRAINED = True
CODED = True  # decoded slab by slab, on the GPU


@dataclass(frozen=True)
class Settings(training_settings.Settings):
    """Those of any training, with alpha and gamma of the focal loss (paper, section 2.3)."""

    focal_alpha: float = 0.5
    focal_gamma: float = 0.2

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require_positive("focal_alpha")
        self.require_positive("focal_gamma", or_zero=True)


def fit(patients: Training, settings: Settings, context: Context) -> tuple[dict, list[dict]]:
    """Train the network from random weights; the history has a row per epoch."""
    import torch

    from ...training.trainer import Trainer
    from .learner import Denoising
    from .network import DenoisingAutoencoder

    torch.manual_seed(context.seed)
    network = DenoisingAutoencoder().to(memory_format=torch.channels_last_3d)
    learner = Denoising(network, settings.focal_alpha, settings.focal_gamma)
    history = Trainer(learner, patients, settings, context).run()
    state = {name: tensor.cpu() for name, tensor in network.state_dict().items()}
    return {"network": state}, history


def reconstruct(state: dict, views: Views, device: str) -> np.ndarray:
    """Vessel probabilities of one patient, in full precision and bounded memory."""
    from .inference import probabilities
    from .network import DenoisingAutoencoder

    network = DenoisingAutoencoder().to(device).eval()
    network.load_state_dict(state["network"])
    return probabilities(network, views.inputs["sum"]).numpy()
