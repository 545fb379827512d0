"""The fit of a coarse and a fine density field to the views of one patient."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ...method import Context, Measurement
from ...training.per_patient import optimise
from ..silhouette_rays import Rays, Scene, on_rays, voxel_values
from ..vessel_projection import given_images
from ..vessel_views import VESSEL, Targets, targets
from .network import DensityNetwork
from .rendering import finer_parts, integral, inverse, largest
from .settings import Settings

PIECES_A_VOXEL = 2  # of a ray, of which each is in the support or not


def reconstructed(
    state: dict, measurement: Measurement, settings: Settings, context: Context
) -> np.ndarray:
    """Density of the fine field at the voxels, (x, y, z) float32 in [0, 1].

    state : of `vessel_views.fitted`.
    """
    known = targets(state, measurement)
    support = known.hull >= (state["support"] if settings.hull_only else -np.inf)
    if not support.any():
        context.log("no voxel lies in the hull of all views; nothing is reconstructed")
        return np.zeros(known.grid.shape, dtype=np.float32)
    fit = Fit(known, support, settings, context)
    optimise(fit.parts, fit.step, settings.steps, context)
    return np.clip(voxel_values(fit.fine, fit.rays, 0.0), 0, 1)


class Fit:
    """The optimisation for one patient: two networks, and the step that changes them.

    known : the views. support : (x, y, z) bool, where the networks are asked.
    """

    def __init__(self, known: Targets, support: np.ndarray, settings: Settings, context: Context):
        self.settings, self.device = settings, context.device
        self.are_integrals = known.are_integrals
        hull = known.hull >= VESSEL
        scene = Scene(known.grid, known.views, known.images >= VESSEL, hull, support)
        self.rays = Rays(scene, context.device)
        self.drawn = torch.from_numpy(scene.drawn_pixels()).to(context.device)
        self.shown = given_images(known, context.device).flatten()
        self.pieces = PIECES_A_VOXEL * max(known.grid.shape)
        torch.manual_seed(context.seed)
        self.coarse, self.fine = (DensityNetwork(settings).to(self.device) for _ in range(2))
        both = [*self.coarse.parameters(), *self.fine.parameters()]
        self.optimizer = torch.optim.Adam(both, settings.learning_rate)
        self.parts = {"coarse": self.coarse, "fine": self.fine, "optimizer": self.optimizer}

    def step(self, number: int) -> float:
        """Take a step; returns its loss."""
        (group,) = self.optimizer.param_groups
        group["lr"] = self.settings.learning_rate * 0.1 ** (number / self.settings.decay_steps)
        which = torch.randint(len(self.drawn), (self.settings.rays,), device=self.device)
        loss = self.loss(self.drawn[which])
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def loss(self, rays: Tensor) -> Tensor:
        """Mean squared error of some pixels, of the coarse field and of the fine one."""
        shown, course = self.shown[rays], Course(self.rays, rays, self.pieces)
        parts = self.rays.parts(len(rays), self.settings.coarse_samples)
        density = course.density(self.coarse, parts)
        coarse = functional.mse_loss(self.rendered(density, parts, course), shown)
        more = finer_parts(density.detach(), parts, self.settings.fine_samples)
        parts = torch.cat([parts, more], dim=1).sort(dim=1).values
        density = course.density(self.fine, parts)
        return coarse + functional.mse_loss(self.rendered(density, parts, course), shown)

    def rendered(self, density: Tensor, parts: Tensor, course: Course) -> Tensor:
        """What rays show of densities (rays, samples), (rays,)."""
        if self.are_integrals:
            return integral(density, parts, course.lengths)
        return largest(density)


class Course:
    """Rays within the support: parts of them, from 0 to 1, leave out what lies outside.

    NeRF's rays have a nearest and a farthest place; here they may also have gaps.

    numbers : (rays,) of the pixels. pieces : equal ones of a ray, each in the support or not.
    """

    def __init__(self, rays: Rays, numbers: Tensor, pieces: int):
        self.rays, self.ends = rays, rays.ends(numbers)
        edges = torch.linspace(0, 1, pieces + 1, device=rays.device)
        self.edges = edges.expand(len(numbers), -1).contiguous()
        middles = (self.edges[:, 1:] + self.edges[:, :-1]) / 2
        self.within = rays.inside(rays.support, on_rays(self.ends, middles)).float()

    @property
    def lengths(self) -> Tensor:
        """Length (rays,) of each ray in the support."""
        first, last = self.ends
        return (last - first).norm(dim=1) * self.within.mean(dim=1)

    def density(self, network: DensityNetwork, parts: Tensor) -> Tensor:
        """Density (rays, samples) at parts of rays, 0 outside of the support."""
        places = on_rays(self.ends, inverse(self.edges, self.within, parts))
        asked = self.rays.inside(self.rays.support, places)
        return torch.zeros_like(parts).masked_scatter(asked, network(places[asked]))
