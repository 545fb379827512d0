"""A conditional GAN, slice by slice, after Zuo 2021: the first of those that Table 2 quotes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...method import Context, Training, Views
from ...training import settings as training_settings

TITLE = "Conditional GAN, slice by slice"
INPUTS = ("sum", "min")
TRAINED = True
CODED = True  # decoded some slices at a time
THREADS = 1  # the layers are small


@dataclass(frozen=True)
class Settings(training_settings.Settings):
    """Those of any training, with pix2pix's values as defaults.

    channels : of the networks' first layers. slices : of each patient in a step.
    """

    # ASSUME: 200 epochs at a constant rate of 0.0002 with 64 channels are pix2pix's, which lowers
    # the rate over the second half; 16 slices in a step, not 1, keep the hardware busy.
    epochs: int = 200
    learning_rate: float = 2e-4
    channels: int = 64
    slices: int = 16

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require_int("channels", "slices")


def fit(patients: Training, settings: Settings, context: Context) -> tuple[dict, list[dict]]:
    """Train both networks from random weights; the history has a row per epoch."""
    from .learner import trained

    return trained(patients, settings, context, l1_weight=0.0)


def reconstruct(state: dict, views: Views, device: str) -> np.ndarray:
    """Vessel probabilities of one patient, in full precision and bounded memory."""
    from .network import Generator, probabilities

    network = Generator(state["channels"]).to(device).eval()
    network.load_state_dict(state["network"])
    return probabilities(network, views.inputs)
