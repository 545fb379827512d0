"""Adaptive control of a cloud: clone and split where positions still pull, remove what is empty."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ...errors import InputError
from .cloud import NAMES, Cloud, rotation_matrices

PARTS = 2  # of a Gaussian that is split
SHRINK = 0.8 * PARTS  # their scale is the whole's divided by this


@dataclass(frozen=True)
class Control:
    """When Gaussians are cloned, split and removed.

    gradient : mean norm of a position's gradient from which on. split : scale above which a
    Gaussian is split and not cloned. least_density : below which one is removed. most : from which
    on none is added.
    """

    gradient: float
    split: float
    least_density: float
    most: int


@torch.no_grad()
def adapt(cloud: Cloud, control: Control, allowed: Tensor) -> None:
    """Clone, split and remove Gaussians of a cloud.

    A clone and its original share the density; so do the parts of one that is split, which are
    drawn from it. allowed : (n,) bool, those that may stay where they are.

    Raises InputError where none is left.
    """
    pulled = cloud.gradient / cloud.counted.clamp(min=1) >= control.gradient
    pulled &= len(cloud) < control.most
    large = cloud.scale.amax(dim=1) > control.split
    alive = allowed & (cloud.density >= control.least_density)
    if not alive.any():
        raise InputError(
            f"methods.gaussians.least_density: none of {len(cloud)} Gaussians in the hull reaches "
            f"{control.least_density:g}; lower it or the rates"
        )
    cloned, split = (alive & pulled & chosen for chosen in (~large, large))
    cloud.values["density"][cloned] = cloud.raw_density(cloud.density[cloned] / 2)
    copies = {name: cloud.values[name][cloned] for name in NAMES}
    parts = split_parts(cloud, split.nonzero()[:, 0])
    added = {name: torch.cat([copies[name], parts[name]]) for name in NAMES}
    cloud.replace((alive & ~split).nonzero()[:, 0], added)


def split_parts(cloud: Cloud, chosen: Tensor) -> dict[str, Tensor]:
    """Parameters of the parts of some Gaussians, drawn from them at random."""
    chosen = chosen.repeat(PARTS)
    scale, rotation = cloud.scale[chosen], cloud.values["rotation"][chosen]
    drawn = scale * torch.randn(scale.shape).to(scale)
    shift = (rotation_matrices(rotation) @ drawn[:, :, None])[:, :, 0]
    return {
        "position": cloud.position[chosen] + shift,
        "density": cloud.raw_density(cloud.density[chosen] / PARTS),
        "scale": cloud.raw_scale(scale / SHRINK),
        "rotation": rotation,
    }
