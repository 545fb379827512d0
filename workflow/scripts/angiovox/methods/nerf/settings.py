"""What the config may set of the density field. Free of torch, so that reading it is quick."""

from __future__ import annotations

from dataclasses import dataclass

from ...training.settings import Checked

RELU, SOFTPLUS = "relu", "softplus"


@dataclass(frozen=True)
class Settings(Checked):
    """The original's values are the defaults.

    steps, learning_rate : of Adam; the rate falls by a factor of 10 in `decay_steps`.
    rays : pixels of all views in a step. coarse_samples, fine_samples : places on each ray, for the
    coarse network, and those that the fine one is asked at besides.
    width, layers, skip, frequencies : of both networks; the encoded place enters again after layer
    `skip`. density : what makes the last layer's output positive, "relu" or "softplus".
    hull_only : whether networks are asked within the visual hull only, which is empty elsewhere.

    Raises ValueError or TypeError for a value out of range, naming the key.
    """

    steps: int = 200_000
    learning_rate: float = 5e-4
    decay_steps: int = 250_000
    rays: int = 4096
    coarse_samples: int = 64
    fine_samples: int = 64
    width: int = 256
    layers: int = 8
    skip: int = 4
    frequencies: int = 10
    density: str = RELU
    hull_only: bool = False

    def __post_init__(self) -> None:
        self.require_int("steps", "decay_steps", "rays", "fine_samples", "width", "layers")
        self.require_int("coarse_samples", least=3)
        self.require_int("skip", "frequencies", least=0)
        self.require_positive("learning_rate")
        self.require_one_of("density", (RELU, SOFTPLUS))
        self.require_bool("hull_only")
        if not self.skip < self.layers:
            raise ValueError(f"skip: {self.skip} must be below layers, {self.layers}")
