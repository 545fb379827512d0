"""The cloud of Gaussians: its parameters, their optimiser, and what grows or shrinks both.

Lengths are in halves of the volume's longest edge, as in the original, which scales each scene to
[-1, 1]; positions count from the volume's centre.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

EDGE = 2.0  # of the volume, in these units
LEAST_SCALE, LARGEST_SCALE = 0.0005, 0.5  # of the edge
# ASSUME: no Gaussian is narrower than half a voxel; narrower ones fall between the voxel centres
# where densities are summed. The source has no such bound.
NARROWEST_VOXELS = 0.5
FALL = 0.1  # of each rate from the first to the last step
EPSILON = 1e-15  # of Adam
NAMES = ("position", "density", "scale", "rotation")


class Cloud:
    """Gaussians as an optimisation changes them: in number, too.

    values : "position" (n, 3), and before their activations "density" (n,), "scale" (n, 3),
    "rotation" (n, 4). rates : of Adam at the first step, by name. steps : after which rates have
    fallen to a tenth. voxel : edge of a voxel.
    """

    def __init__(
        self, values: Mapping[str, Tensor], rates: Mapping[str, float], steps: int, voxel: float
    ):
        self.rates, self.steps = dict(rates), steps
        self.narrowest, self.widest = narrowest(voxel), EDGE * LARGEST_SCALE
        self._set(values)

    def _set(self, values: Mapping[str, Tensor]) -> None:
        self.values = {name: nn.Parameter(values[name].detach().clone()) for name in NAMES}
        groups = [{"params": [self.values[name]], "lr": self.rates[name]} for name in NAMES]
        self.optimizer = torch.optim.Adam(groups, eps=EPSILON)
        self.gradient = torch.zeros_like(self.values["density"])
        self.counted = torch.zeros_like(self.gradient)

    def __len__(self) -> int:
        return len(self.values["density"])

    @property
    def position(self) -> Tensor:
        return self.values["position"]

    @property
    def density(self) -> Tensor:
        return functional.softplus(self.values["density"])

    @property
    def scale(self) -> Tensor:
        span = self.widest - self.narrowest
        return self.narrowest + span * torch.sigmoid(self.values["scale"])

    @property
    def covariance(self) -> Tensor:
        """Of each Gaussian, (n, 3, 3)."""
        axes = rotation_matrices(self.values["rotation"]) * self.scale[:, None]
        return axes @ axes.transpose(1, 2)

    def raw_density(self, density: Tensor) -> Tensor:
        """The parameter of a density."""
        return density + torch.log(-torch.expm1(-density))

    def raw_scale(self, scale: Tensor) -> Tensor:
        """The parameter of a scale, moved to within the bounds."""
        share = (scale - self.narrowest) / (self.widest - self.narrowest)
        return torch.logit(share.clamp(1e-4, 1 - 1e-4))

    def step(self, number: int) -> None:
        """Take a step of Adam at the rates of its number, and count the positions' gradients."""
        gradient = self.position.grad.norm(dim=1)
        self.gradient += gradient
        self.counted += gradient > 0
        for group, name in zip(self.optimizer.param_groups, NAMES, strict=True):
            group["lr"] = self.rates[name] * FALL ** (number / self.steps)
        self.optimizer.step()

    def replace(self, kept: Tensor, added: Mapping[str, Tensor]) -> None:
        """Keep some, by their numbers, with what Adam knows of them, and add others.

        The count of gradients starts anew.
        """
        before = [self.optimizer.state[self.values[name]] for name in NAMES]
        self._set({name: torch.cat([self.values[name][kept], added[name]]) for name in NAMES})
        for name, state in zip(NAMES, before, strict=True):
            moments = {
                key: torch.cat([state[key][kept], torch.zeros_like(added[name])])
                for key in ("exp_avg", "exp_avg_sq")
                if key in state
            }
            if moments:
                self.optimizer.state[self.values[name]] = {"step": state["step"], **moments}

    def state_dict(self) -> dict[str, Any]:
        """All that a checkpoint needs."""
        values = {name: value.detach() for name, value in self.values.items()}
        counts = {"gradient": self.gradient, "counted": self.counted}
        return {"values": values, "optimizer": self.optimizer.state_dict(), **counts}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over a saved cloud, of any number of Gaussians."""
        self._set(state["values"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.gradient, self.counted = state["gradient"], state["counted"]


def narrowest(voxel: float) -> float:
    """The least scale, by the edge of a voxel."""
    return max(EDGE * LEAST_SCALE, NARROWEST_VOXELS * voxel)


def rotation_matrices(quaternions: Tensor) -> Tensor:
    """Rotations (n, 3, 3) of quaternions (n, 4), real part first, of any length."""
    w, x, y, z = functional.normalize(quaternions, dim=1).unbind(1)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return torch.stack([torch.stack(row, dim=1) for row in rows], dim=1)
