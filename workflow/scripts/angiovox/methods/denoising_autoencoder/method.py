"""The paper's method: a 3D denoising autoencoder on the back-projected sum (section 2.2).

The sum of a few views' back-projections is taken for a noisy volume, and three convolutions with
pooling, then three transposed ones, learn to turn it into the vessels. There is a network for each
number of views. Nothing bypasses the pooled layers, so the finest branches are its weak point.
This is the method of Tables 1 and 2 and of Figures 3 and 4.

Facts followed: convolutions 1-32-64-128 with batch norm and ReLU after each, transposed
convolutions of kernel and stride 2, 360,481 parameters; focal loss with alpha 0.5 and gamma 0.2;
Adam at 0.001, batch 1, mixed precision, no augmentation (paper, sections 2.2 and 2.3).

Original code: none is public.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...method import Context, Measurement, Method, Needs, Reconstruction, Training
from ...training import settings as training_settings


@dataclass(frozen=True)
class Settings(training_settings.Settings):
    """Those of any training, with alpha and gamma of the focal loss (paper, section 2.3)."""

    focal_alpha: float = 0.5
    focal_gamma: float = 0.2

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require_positive("focal_alpha")
        self.require_positive("focal_gamma", or_zero=True)


class DenoisingAutoencoder(Method):
    """The paper's network, one for each view count."""

    name = "dae"
    title = "3D denoising autoencoder"
    family = "Denoising autoencoder"
    reference = "Wu et al. 2023"
    Settings = Settings
    # Codes are decoded slab by slab, on the GPU.
    needs = Needs(inputs=("sum",), requires_training=True, accepts_uint16=True)

    def fit(self, patients: Training, context: Context) -> tuple[dict, list[dict]]:
        """Train the network from random weights."""
        import torch

        from ...training.learner import weights_on_cpu
        from ...training.trainer import Trainer
        from . import network
        from .learner import denoising

        torch.manual_seed(context.seed)
        net = network.DenoisingAutoencoder().to(memory_format=torch.channels_last_3d)
        loss = self.settings.focal_alpha, self.settings.focal_gamma
        learner = denoising(net, *loss, context.log)
        history = Trainer(learner, patients, self.settings, context).run()
        return {"network": weights_on_cpu(net)}, history

    def reconstruct(
        self, state: dict, measurement: Measurement, context: Context
    ) -> Reconstruction:
        """Apply the network in full precision and bounded memory."""
        from . import network
        from .inference import probabilities

        net = network.DenoisingAutoencoder().to(context.device).eval()
        net.load_state_dict(state["network"])
        return Reconstruction(probabilities(net, measurement.inputs["sum"]).numpy())


METHOD = DenoisingAutoencoder
