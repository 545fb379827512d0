"""The paper's method: a 3D denoising autoencoder on the back-projected sum (section 2.2).

The sum of a few views' back-projections is taken for a noisy volume, and three convolutions with
pooling, then three transposed ones, learn to turn it into the vessels. There is a network for each
number of views. Nothing bypasses the pooled layers, so the finest branches are its weak point.
This is the method of Tables 1 and 2 and of Figures 3 and 4.

Its options, off by default, are what the paper leaves to future work (section 4): the views'
back-projected silhouettes as a channel beside the grey sum, augmentation, and terms of the loss for
projections and for vessel radii (docs/future_work.md). With two channels, or with such a term, the
network is trained by PyTorch's own layers, in several times the memory.

Facts followed: convolutions 1-32-64-128 with batch norm and ReLU after each, transposed
convolutions of kernel and stride 2, 360,481 parameters; focal loss with alpha 0.5 and gamma 0.2;
Adam at 0.001, batch 1, mixed precision, no augmentation (paper, sections 2.2 and 2.3).

Original code: none is public.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...method import Context, Measurement, Method, Needs, Reconstruction, Training
from ...training import settings as training_settings

CHANNELS = ("grey", "silhouettes", "both")


@dataclass(frozen=True)
class Settings(training_settings.Settings):
    """Those of any training, with alpha and gamma of the focal loss (paper, section 2.3), and:

    input_channels : "grey", the back-projected sum; "silhouettes", that of the thresholded views;
        or "both".
    augment : whether training pairs are turned, flipped, scaled and changed in intensity.
    projection_weight : in the loss, of projections against the silhouettes of the views.
    geometry_weight : in the loss, of radii beyond those of the training patients.
    """

    focal_alpha: float = 0.5
    focal_gamma: float = 0.2
    input_channels: str = "grey"
    augment: bool = False
    projection_weight: float = 0.0
    geometry_weight: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require_positive("focal_alpha")
        self.require_positive("focal_gamma", "projection_weight", "geometry_weight", or_zero=True)
        self.require_one_of("input_channels", CHANNELS)
        self.require_bool("augment")

    @property
    def inputs(self) -> int:
        """How many channels the network sees."""
        return 2 if self.input_channels == "both" else 1

    @property
    def is_papers(self) -> bool:
        """Whether the network is trained as the paper has it."""
        return self.is_of_one_volume and self.input_channels == "grey" and not self.augment

    @property
    def is_of_one_volume(self) -> bool:
        """Whether one channel and the focal loss are all there is, which takes bounded memory."""
        return self.inputs == 1 and not (self.projection_weight or self.geometry_weight)


class DenoisingAutoencoder(Method):
    """The paper's network, one for each view count."""

    name = "dae"
    title = "3D denoising autoencoder"
    family = "Denoising autoencoder"
    reference = "Wu et al. 2023"
    Settings = Settings

    @property
    def needs(self) -> Needs:
        """The sum, whose codes are decoded slab by slab on the GPU; projections where options ask
        for them."""
        of_views = ("sum", "projections")
        inputs = ("sum",) if self.settings.input_channels == "grey" else of_views
        to_fit = of_views if self.settings.projection_weight else inputs
        return Needs(
            inputs,
            fit_inputs=to_fit,
            requires_training=True,
            accepts_uint16=True,
            parallel_maxima="projections" in to_fit,
        )

    def fit(self, patients: Training, context: Context) -> tuple[dict, list[dict]]:
        """Train the network from random weights."""
        if not self.settings.is_papers:
            from .extended import trained

            return trained(patients, self.settings, context)

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

        net = network.DenoisingAutoencoder(self.settings.inputs).to(context.device).eval()
        net.load_state_dict(state["network"])
        if self.settings.input_channels != "grey":
            from . import channels, extended

            volume = channels.stacked(measurement, self.settings.input_channels)
            return Reconstruction(extended.probabilities(net, volume))
        return Reconstruction(probabilities(net, measurement.inputs["sum"]).numpy())


METHOD = DenoisingAutoencoder
