"""The fit of an occupancy network to the silhouettes of one patient."""

from __future__ import annotations

from bisect import bisect_right

import torch
from torch import Tensor
from torch.nn import functional

from ...method import Context, Reconstruction
from ...training.per_patient import optimise
from ..silhouette_rays import Rays, Scene, level_set, on_rays, values_where, voxel_values
from .network import OccupancyNetwork
from .settings import HULL, Settings

# Parts of the steps after which the rate is halved: epochs 3000 and 5000 (Niemeyer et al. 2020,
# published configuration) of the 6000 that `Settings.steps` assumes.
RATE_HALVINGS = (1 / 2, 5 / 6)
EMPTY = -10.0  # logit of places that are not asked


class Fit:
    """The optimisation for one patient: network, optimiser, and the step that changes them."""

    def __init__(self, scene: Scene, settings: Settings, context: Context):
        self.settings, self.context, self.device = settings, context, context.device
        self.rays = Rays(scene, context.device)
        torch.manual_seed(context.seed)
        shape = settings.width, settings.blocks, settings.frequencies
        self.network = OccupancyNetwork(*shape).to(context.device)
        self.optimizer = torch.optim.Adam(self.network.parameters(), settings.learning_rate)
        self.parts = {"network": self.network, "optimizer": self.optimizer}
        self.shown = torch.from_numpy(scene.silhouettes.ravel()).to(context.device)
        self.drawn = torch.from_numpy(scene.drawn_pixels()).to(context.device)

    def run(self) -> Reconstruction:
        """Take all steps, or those that a checkpoint lacks, and give back what they found."""
        optimise(self.parts, self.step, self.settings.steps, self.context)
        found = level_set(voxel_values(self.network, self.rays, EMPTY), 1.0)
        found.probability[~self.rays.scene.support] = 0
        return found

    def step(self, number: int) -> float:
        """Take a step; returns its loss."""
        halvings = bisect_right(RATE_HALVINGS, number / self.settings.steps)
        (group,) = self.optimizer.param_groups
        group["lr"] = self.settings.learning_rate * 0.5**halvings
        which = torch.randint(len(self.drawn), (self.settings.pixels,), device=self.device)
        loss = self.loss(self.drawn[which])
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def loss(self, rays: Tensor) -> Tensor:
        """Free-space and occupancy terms of some pixels (Niemeyer et al. 2020)."""
        ends = self.rays.ends(rays)
        places = on_rays(ends, self.rays.parts(len(rays), self.settings.samples))
        asked = self.rays.inside(self.rays.support, places)
        found = values_where(self.network, places, asked, EMPTY)
        shown = self.shown[rays]
        chosen, is_free, is_vessel = self.chosen(found, places, asked, shown)
        at = places[torch.arange(len(rays), device=self.device), chosen]
        free, vessel = self.network(at[is_free]), self.network(at[is_vessel])
        of_free = functional.softplus(free).sum()
        of_vessel = functional.softplus(-vessel).sum()
        weighted = self.settings.free_weight * of_free + self.settings.occupancy_weight * of_vessel
        return weighted / len(rays)

    def chosen(
        self, found: Tensor, places: Tensor, asked: Tensor, shown: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Which place of each ray is judged, and which rays have it free, and which vessel.

        Outside the silhouettes the first occupied place, or a random one, has to be free; in them a
        ray without an occupied place has to have one at a random depth, or where it meets the hull.
        Others are left out. found : (rays, samples) logits. asked : (rays, samples) bool. shown :
        (rays,) bool.
        """
        # ASSUME: the surface is the first sampled place of occupancy 0.5 or more; the source
        # refines it by secants, to take a colour there.
        occupied = asked & (found >= 0)
        hit, met = occupied.any(dim=1), asked.any(dim=1)
        anywhere = torch.rand(asked.shape, device=self.device).masked_fill(~asked, -1).argmax(dim=1)
        free_at = torch.where(hit, _first(occupied), anywhere)
        vessel_at = anywhere
        if self.settings.depth == HULL:
            in_hull = asked & self.rays.inside(self.rays.hull, places)
            vessel_at = torch.where(in_hull.any(dim=1), _first(in_hull), anywhere)
        return torch.where(shown, vessel_at, free_at), met & ~shown, met & shown & ~hit


def _first(true: Tensor) -> Tensor:
    """Index of the first true of each row, (rays,); 0 where there is none."""
    return true.int().argmax(dim=1)
