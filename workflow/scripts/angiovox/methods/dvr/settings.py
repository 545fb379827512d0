"""What the config may set of DVR. Free of torch, so that reading it is quick."""

from __future__ import annotations

from dataclasses import dataclass

from ...training.settings import Checked

RANDOM, HULL = "random", "hull"


@dataclass(frozen=True)
class Settings(Checked):
    """The original's values are the defaults.

    steps, learning_rate : of Adam; the rate is halved twice. pixels : of all views in a step.
    samples : places on each ray. width, blocks, frequencies : of the network and of the encoding.
    depth : where a ray without a surface has to have one, "random" or "hull", where it meets the
    visual hull first. free_weight, occupancy_weight : of the terms. hull_only : whether the network
    is asked within the hull of silhouettes widened by `margin` pixels only.

    Raises ValueError or TypeError for a value out of range, naming the key.
    """

    # ASSUME: 300,000 steps: 6,000 epochs over about 50 images, of which a step sees one; here its
    # pixels are of all views. The source stops where its validation does.
    steps: int = 300_000
    learning_rate: float = 1e-4
    pixels: int = 2048
    # ASSUME: 128 places on a ray, which the source reaches in stages.
    samples: int = 128
    width: int = 512
    blocks: int = 5
    # ASSUME: places go in as they are; an encoding by sines and cosines is an option that the
    # source does not have, and that thin vessels need.
    frequencies: int = 0
    depth: str = RANDOM
    free_weight: float = 1.0
    occupancy_weight: float = 1.0
    hull_only: bool = False
    margin: int = 2

    def __post_init__(self) -> None:
        self.require_int("steps", "pixels", "samples", "width", "blocks")
        self.require_int("frequencies", "margin", least=0)
        self.require_positive("learning_rate", "free_weight", "occupancy_weight")
        self.require_one_of("depth", (RANDOM, HULL))
        self.require_bool("hull_only")
