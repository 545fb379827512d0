"""The fit of a signed distance function, and of poses, to the silhouettes of one patient."""

from __future__ import annotations

from bisect import bisect_right
from functools import cached_property

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ...method import Context, Reconstruction
from ...training.per_patient import optimise
from ..silhouette_rays import Rays, Scene, level_set, on_rays, values_where, voxel_values
from .network import SignedDistance
from .settings import HULL, Settings

# Parts of the steps after which alpha doubles, and the rate is halved: epochs 250, 500, 750, 1000
# and 1250, and 1000 and 1500, of 2000 (Yariv et al. 2020, published configuration).
ALPHA_DOUBLINGS = tuple(epoch / 2000 for epoch in (250, 500, 750, 1000, 1250))
RATE_HALVINGS = tuple(epoch / 2000 for epoch in (1000, 1500))
# ASSUME: a start from the hull learns the hull's own distances for the first quarter of the steps.
HULL_STEPS = 0.25
PAD = 1.0  # value of places that are not asked


class Fit:
    """The optimisation for one patient: network, poses, and the step that changes them."""

    def __init__(self, scene: Scene, settings: Settings, context: Context):
        self.settings, self.context = settings, context
        self.rays = Rays(scene, context.device)
        torch.manual_seed(context.seed)
        shape = settings.width, settings.layers, settings.frequencies, settings.radius
        self.network = SignedDistance(*shape).to(context.device)
        poses = torch.zeros(len(scene.views), 6, device=context.device)
        self.poses = nn.ParameterList([nn.Parameter(poses, requires_grad=settings.poses)])
        groups = [{"params": self.network.parameters(), "lr": settings.learning_rate}]
        if settings.poses:
            groups.append({"params": self.poses.parameters(), "lr": settings.pose_rate})
        self.optimizer = torch.optim.Adam(groups)
        shown = torch.from_numpy(scene.silhouettes.ravel())
        self.shown = shown.to(context.device).float()
        self.drawn = torch.from_numpy(scene.drawn_pixels()).to(context.device)
        self.supported = torch.from_numpy(scene.places(np.argwhere(scene.support)))
        self.supported = self.supported.to(context.device)

    @property
    def hull_steps(self) -> int:
        """Steps that a start from the hull takes."""
        return round(HULL_STEPS * self.settings.steps) if self.settings.start == HULL else 0

    @cached_property
    def hull_distance(self) -> Tensor:
        """Distance to the hull of each voxel of the support."""
        scene = self.rays.scene
        return torch.from_numpy(scene.signed_distance()[scene.support]).to(self.context.device)

    def run(self) -> Reconstruction:
        """Take all steps, or those that a checkpoint lacks, and give back what they found."""
        parts = {"network": self.network, "poses": self.poses, "optimizer": self.optimizer}
        optimise(parts, self.step, self.settings.steps, self.context)
        if self.settings.poses:
            turns = self.poses[0].detach()[:, :3].norm(dim=1).rad2deg()
            shifts = self.poses[0].detach()[:, 3:].norm(dim=1)
            for view, (turn, shift) in enumerate(zip(turns.tolist(), shifts.tolist(), strict=True)):
                self.context.log(f"view {view}: moved by {turn:.2f} degrees and {shift:.2f} mm")
        return self.reconstruction()

    def step(self, number: int) -> float:
        """Take a step; returns its loss."""
        part = number / self.settings.steps
        rates = [self.settings.learning_rate, self.settings.pose_rate]
        for group, rate in zip(self.optimizer.param_groups, rates, strict=False):
            group["lr"] = rate * 0.5 ** bisect_right(RATE_HALVINGS, part)
        loss = self.hull_loss() if number < self.hull_steps else self.loss(self.alpha(part))
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def alpha(self, part: float) -> float:
        """Sharpness of the silhouettes after a part of all steps."""
        return self.settings.alpha * 2 ** bisect_right(ALPHA_DOUBLINGS, part)

    def hull_loss(self) -> Tensor:
        """Squared error of the distance to the hull, in voxels, at random voxels of the support."""
        which = self._random(len(self.supported), self.settings.pixels)
        error = self.network(self.supported[which]) - self.hull_distance[which]
        return (error / self.rays.scene.voxel).square().mean()

    def loss(self, alpha: float) -> Tensor:
        """Mask and eikonal terms of random pixels."""
        settings = self.settings
        rays = self.drawn[self._random(len(self.drawn), settings.pixels)]
        least, places, is_met = self.least_distance(rays)
        mask = mask_loss(least[is_met], self.shown[rays[is_met]], alpha) * is_met.float().mean()
        # ASSUME: slopes are taken at places of half of the rays and at as many anywhere; the source
        # takes those of all rays, and half as many anywhere, in twice the time.
        near = places.detach()[: settings.pixels // 2]
        slope = slopes(self.network, torch.cat([near, self._anywhere(len(near))]))
        return settings.mask_weight * mask + settings.eikonal_weight * (slope - 1).square().mean()

    def least_distance(self, rays: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The least distance along rays, where it is, and whether a ray meets the support at all.

        It is sought at random places and has gradients to the network and to the ray's pose.
        """
        ends = self.rays.ends(rays, self.poses[0] if self.settings.poses else None)
        parts = self.rays.parts(len(rays), self.settings.samples)
        with torch.no_grad():
            places = on_rays(ends, parts)
            asked = self.rays.inside(self.rays.support, places)
            found = values_where(self.network, places, asked, PAD)
            best = found.masked_fill(~asked, torch.inf).argmin(dim=1, keepdim=True)
        chosen = on_rays(ends, parts.gather(1, best)[:, 0])
        return self.network(chosen), chosen, asked.any(dim=1)

    def reconstruction(self) -> Reconstruction:
        """Probabilities by the last alpha, and the surface of distance 0."""
        inwards = -voxel_values(self.network, self.rays, self.rays.scene.voxel)
        found = level_set(inwards, self.alpha(1.0))
        found.probability[~self.rays.scene.support] = 0
        return found

    def _random(self, count: int, chosen: int) -> Tensor:
        return torch.randint(count, (chosen,), device=self.context.device)

    def _anywhere(self, count: int) -> Tensor:
        """Random places in voxels of the support, (count, 3)."""
        scene = self.rays.scene
        size = torch.tensor(scene.grid.voxel_size, device=self.context.device) / scene.half_mm
        shift = torch.rand(count, 3, device=self.context.device) - 0.5
        return self.supported[self._random(len(self.supported), count)] + shift * size.float()


def mask_loss(least: Tensor, shown: Tensor, alpha: float) -> Tensor:
    """Cross-entropy of sigmoid(-alpha d) and silhouettes, divided by alpha; mean over rays.

    A ray that meets the surface where the silhouette shows a vessel adds nothing (Yariv et al.
    2020, published code). least : (rays,) least distance d of each ray. shown : (rays,) 0 and 1.
    """
    missed = ~((least < 0) & (shown > 0))
    entropy = functional.binary_cross_entropy_with_logits(-alpha * least, shown, reduction="none")
    return (entropy * missed).sum() / (alpha * max(1, len(least)))


def slopes(network: nn.Module, places: Tensor) -> Tensor:
    """Length of the gradient of a distance at places (n, 3), (n,), with its own gradient."""
    places = places.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(network(places).sum(), places, create_graph=True)
    return gradient.norm(dim=1)
