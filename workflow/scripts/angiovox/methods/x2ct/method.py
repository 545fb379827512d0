"""X2CT-GAN and X2CT-CNN: from two orthogonal X-rays to a volume in one pass (Ying 2019).

A 2D encoder and a 3D decoder for each of the views, linked in three ways: from the coarsest
features (connection A), from those of each resolution repeated along the rays (B), and by averages
of both views that go on in both decoders and in a third one (C). The GAN has a discriminator of
patches that sees the volume with both views; the variant `x2ct_cnn`, with `gan_weight: 0`, has
none. It was designed on X-rays, line integrals of a cone beam, and CT intensities: here its output
is learnt from masks, and a study of maxima feeds it maximum projections, which its authors did not.

Facts followed: encoders, decoders, connections, discriminator, losses and their weights, optimiser
and schedule of Ying et al. 2019, with the sizes that the public code has. The paper prints PSNR
27.29 dB (CNN) and 26.19 dB (GAN) on chest CT, of which nothing follows for vessels.

Original code: github.com/kylekma/X2CT (its README says GPLv3, its licence file LGPL-3), of which
sizes were read and nothing is used.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...method import Context, Measurement, Method, Needs, Reconstruction, Training
from ...training import settings as training_settings

MAX_HALVINGS = 5


@dataclass(frozen=True)
class Settings(training_settings.Settings):
    """Those of any training, and the network's; the defaults are the original's.

    channels, growth, layers : of the encoders: of the first convolution, that a dense layer adds,
    and of the first dense block. halvings : of the resolution. decoder_channels : of the decoders
    at full resolution. discriminator_channels : of its first convolution. gan_weight, mse_weight,
    projection_weight : of the terms of the loss; without the first there is no discriminator.
    """

    epochs: int = 100
    learning_rate: float = 2e-4
    schedule: str = "linear-decay"
    batch_size: int = 4
    channels: int = 64
    growth: int = 32
    layers: int = 6
    halvings: int = 5
    decoder_channels: int = 16
    discriminator_channels: int = 64
    gan_weight: float = 0.1
    mse_weight: float = 10.0
    projection_weight: float = 10.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require_int("channels", "growth", "layers", "halvings")
        self.require_int("decoder_channels", "discriminator_channels")
        self.require_positive("gan_weight", "projection_weight", or_zero=True)
        self.require_positive("mse_weight")
        if self.halvings > MAX_HALVINGS:
            raise ValueError(f"halvings: {self.halvings} must be at most {MAX_HALVINGS}")


class X2CT(Method):
    """A generator of two views; where it is trained against a discriminator, that one is left."""

    name = "x2ct_gan"
    title = "X2CT-GAN"
    family = "X2CT"
    reference = "Ying et al. 2019, CVPR"
    Settings = Settings
    needs = Needs(
        inputs=("projections",),
        requires_training=True,
        fewest_views=2,
        most_views=2,
    )

    def fit(self, patients: Training, context: Context) -> tuple[dict, list[dict]]:
        """Train from random weights."""
        from .learner import trained

        return trained(patients, self.settings, context)

    def reconstruct(
        self, state: dict, measurement: Measurement, context: Context
    ) -> Reconstruction:
        """Apply the generator once."""
        from .learner import reconstructed

        return Reconstruction(reconstructed(state, measurement, context.device))


METHOD = X2CT
