"""What the config may set of IDR. Free of torch, so that reading it is quick."""

from __future__ import annotations

from dataclasses import dataclass

from ...training.settings import Checked

SPHERE, HULL = "sphere", "hull"


@dataclass(frozen=True)
class Settings(Checked):
    """The original's values are the defaults.

    steps, learning_rate : of Adam; the rate is halved twice. pixels : of all views in a step.
    samples : places on each ray. width, layers, frequencies : of the network and of the encoding.
    radius : of the sphere it starts as, in half edges of the grid. start : "sphere", or "hull" for
    the visual hull. alpha : first sharpness of silhouettes, doubled five times. mask_weight,
    eikonal_weight : of the terms. hull_only : whether the network is asked within the hull of
    silhouettes widened by `margin` pixels only. poses : whether the views' poses are found too, at
    `pose_rate`; the margin then has to be wider than a wrong pose moves a silhouette.

    Raises ValueError or TypeError for a value out of range, naming the key.
    """

    # ASSUME: 100,000 steps: 2,000 epochs over about 50 images, of which a step sees one; here its
    # pixels are of all views.
    steps: int = 100_000
    learning_rate: float = 1e-4
    pixels: int = 2048
    samples: int = 100
    width: int = 512
    layers: int = 8
    frequencies: int = 6
    radius: float = 0.6
    # ASSUME: a start from the visual hull is no part of the source.
    start: str = SPHERE
    alpha: float = 50.0
    mask_weight: float = 100.0
    eikonal_weight: float = 0.1
    hull_only: bool = False
    margin: int = 2
    poses: bool = False
    pose_rate: float = 1e-4

    def __post_init__(self) -> None:
        self.require_int("steps", "samples")
        self.require_int("pixels", "layers", least=2)
        self.require_int("frequencies", "margin", least=0)
        self.require_positive("learning_rate", "radius", "alpha", "mask_weight", "pose_rate")
        self.require_positive("eikonal_weight", or_zero=True)
        self.require_one_of("start", (SPHERE, HULL))
        self.require_bool("hull_only", "poses")
        self.require_int("width", least=4 + 6 * self.frequencies)
