"""A conditional GAN, slice by slice, without and with L1, after Zuo 2021 (quoted in Table 2).

A 2D U-Net makes each axial slice from what the views say about it, and a discriminator on patches
learns to tell its slices from true ones. The variant `l1_cgan` adds a mean absolute error. Slices
know nothing of each other, so vessels that run along z may break. The paper's Table 2 quotes both
for biplane reconstruction.

Facts followed: a conditional GAN on slices, without and with an L1 term (Table 2 of Wu et al.
2023, which quotes IoU 0.0726 and 0.1132 on other data); generator, discriminator and weights of
the losses after pix2pix (Isola et al. 2017).

Original code: none of Zuo 2021 was found; pix2pix's (github.com/phillipi/pix2pix, BSD 2-clause) is
not used.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...method import Context, Measurement, Method, Needs, Reconstruction, Training
from ...training import settings as training_settings


@dataclass(frozen=True)
class Settings(training_settings.Settings):
    """Those of any training, with pix2pix's values as defaults.

    channels : of the networks' first layers. slices : of each patient in a step.
    l1_weight : of the mean absolute error beside the discriminator's verdict.
    """

    # ASSUME: 200 epochs at a constant rate of 0.0002 with 64 channels are pix2pix's, which lowers
    # the rate over the second half; 16 slices in a step, not 1, keep the hardware busy.
    # ASSUME: the variant with an L1 term, a mean over voxels, weighs it 100 times as much as the
    # discriminator's verdict, as pix2pix does.
    epochs: int = 200
    learning_rate: float = 2e-4
    channels: int = 64
    slices: int = 16
    l1_weight: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require_int("channels", "slices")
        self.require_positive("l1_weight", or_zero=True)


class ConditionalGAN(Method):
    """A generator that a discriminator trains; it alone reconstructs."""

    name = "cgan"
    title = "Conditional GAN, slice by slice"
    family = "Conditional GAN"
    reference = "Zuo 2021; Isola et al. 2017"
    Settings = Settings
    needs = Needs(
        inputs=("sum", "min"),
        requires_training=True,
        accepts_uint16=True,  # decoded some slices at a time
        threads=1,  # the layers are small
    )

    def fit(self, patients: Training, context: Context) -> tuple[dict, list[dict]]:
        """Train both networks from random weights."""
        from .learner import trained

        return trained(patients, self.settings, context)

    def reconstruct(
        self, state: dict, measurement: Measurement, context: Context
    ) -> Reconstruction:
        """Apply the generator in full precision and bounded memory."""
        from .network import Generator, probabilities

        network = Generator(state["channels"]).to(context.device).eval()
        network.load_state_dict(state["network"])
        return Reconstruction(probabilities(network, measurement.inputs))


METHOD = ConditionalGAN
