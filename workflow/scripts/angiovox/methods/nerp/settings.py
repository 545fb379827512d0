"""What the config may set of NeRP. Free of torch, so that reading it is quick."""

from __future__ import annotations

from dataclasses import dataclass

from ...training.settings import Checked

EARLIER, MEAN, NONE = "earlier", "mean", "none"


@dataclass(frozen=True)
class Settings(Checked):
    """The original's values are the defaults.

    prior : "earlier", the patient's earlier volume, and the mean training mask where there is none;
    "mean", that mask always; "none", random weights.
    prior_steps, prior_rate, weight_decay : of Adam, for the prior. prior_points : voxels of the
    grid in a step, drawn at random; 0 for all.
    steps, learning_rate : of Adam, for the views; rate_without_prior : that rate with "none".
    width, layers, frequencies, scale, omega : of the network (`network.Nerp`).
    hull_only : whether the network is asked within the visual hull only, which is empty elsewhere.

    Raises ValueError or TypeError for a value out of range, naming the key.
    """

    prior: str = EARLIER
    prior_steps: int = 2000
    prior_rate: float = 1e-4
    weight_decay: float = 1e-4
    prior_points: int = 0
    steps: int = 2000
    learning_rate: float = 1e-5
    rate_without_prior: float = 1e-4
    width: int = 256
    layers: int = 8
    frequencies: int = 256
    scale: float = 4.0
    omega: float = 30.0
    hull_only: bool = False

    def __post_init__(self) -> None:
        self.require_one_of("prior", (EARLIER, MEAN, NONE))
        self.require_int("prior_steps", "steps", "width", "frequencies")
        self.require_int("layers", least=2)
        self.require_int("prior_points", least=0)
        self.require_positive("prior_rate", "learning_rate", "rate_without_prior")
        self.require_positive("scale", "omega")
        self.require_positive("weight_decay", or_zero=True)
        self.require_bool("hull_only")
