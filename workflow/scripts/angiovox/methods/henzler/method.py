"""Single-image tomography: a volume from one X-ray, the depth as channels (Henzler 2018).

A 2D encoder and decoder with residual blocks gives a coarse volume whose depth are its channels; it
is fused with the X-ray at full resolution. One view says nothing of the depth, which is learnt from
other patients; vessels vary more than the skulls that the network was made for. It was designed on
X-rays of skulls, line integrals: here it learns from masks, and a study of maxima feeds it maximum
projections, which its authors did not. From two views, the other one is a second channel of the
image; no such network is in the paper.

Facts followed: a coarse volume of channels, fused with the X-ray in a second step (Henzler et al.
2018, abstract); layers, optimiser and squared error as the network is rebuilt in the code of X2CT
(Ying et al. 2019). The paper's numbers, on half a million simulated X-rays of 175 mammals, are not
known to us.

Original code: none of the authors was found; X2CT's (github.com/kylekma/X2CT, GPLv3 by its README,
LGPL-3 by its licence file) was read for sizes and nothing of it is used.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...method import Context, Measurement, Method, Needs, Reconstruction, Training
from ...training import settings as training_settings


@dataclass(frozen=True)
class Settings(training_settings.Settings):
    """Those of any training, and the networks'.

    channels : of the first convolution of the coarse network. pools : halvings of its resolution
    after the first. fusion_channels : of the fusion.
    """

    # ASSUME: single-image tomography is trained for as long as X2CT, at the rate that its code has.
    epochs: int = 100
    learning_rate: float = 2e-4
    schedule: str = "linear-decay"
    batch_size: int = 4
    channels: int = 64
    pools: int = 4
    # ASSUME: 16 channels at full resolution, as X2CT's decoders have.
    fusion_channels: int = 16

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require_int("channels", "pools", "fusion_channels")


class Henzler(Method):
    """A coarse network and its fusion with the X-ray."""

    name = "henzler"
    title = "Single-image tomography"
    family = "Depth as channels"
    reference = "Henzler et al. 2018, Computer Graphics Forum 37"
    Settings = Settings
    needs = Needs(
        inputs=("projections",),
        requires_training=True,
        fewest_views=1,
        most_views=2,
    )

    def fit(self, patients: Training, context: Context) -> tuple[dict, list[dict]]:
        """Train both networks from random weights."""
        from .learner import trained

        return trained(patients, self.settings, context)

    def reconstruct(
        self, state: dict, measurement: Measurement, context: Context
    ) -> Reconstruction:
        """Apply both networks once."""
        from .learner import reconstructed

        return Reconstruction(reconstructed(state, measurement, context.device))


METHOD = Henzler
