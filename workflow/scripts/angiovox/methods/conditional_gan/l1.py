"""The conditional GAN with an L1 term, after Zuo 2021: the second of those that Table 2 quotes."""

from __future__ import annotations

from dataclasses import dataclass

from ...method import Context, Training
from . import method as cgan

TITLE = "L1 + conditional GAN, slice by slice"
INPUTS, TRAINED, CODED, THREADS = cgan.INPUTS, cgan.TRAINED, cgan.CODED, cgan.THREADS
reconstruct = cgan.reconstruct


@dataclass(frozen=True)
class Settings(cgan.Settings):
    """Those of `cgan`, with the weight of the L1 term."""

    # ASSUME: the L1 term, a mean over voxels, weighs 100 times the discriminator's verdict, as
    # pix2pix's does.
    l1_weight: float = 100.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require_positive("l1_weight", or_zero=True)


def fit(patients: Training, settings: Settings, context: Context) -> tuple[dict, list[dict]]:
    """Train both networks from random weights; the history has a row per epoch."""
    from .learner import trained

    return trained(patients, settings, context, settings.l1_weight)
