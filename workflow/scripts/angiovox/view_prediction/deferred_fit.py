"""The fit of a neural texture and its renderer to one patient's views."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ..method import Context, Measurement
from ..training.per_patient import optimise
from ..training.schedules import scheduler
from .deferred_settings import FACTORS, HARMONICS, Settings
from .hull_points import HullPoints
from .intensities import intensity_scale, require_parallel_maxima, scaled_projections
from .neural_texture import NeuralTexture, Renderer, spherical_harmonics
from .point_images import canvas
from .point_scene import widths
from .view_aggregation import directions


class Rays:
    """Where the rays of some views meet the hull.

    places : (rays, hits, 3) of all that do, in voxel indices. targets : of each the view and the
    pixel, three indices. harmonics : (views, 9) of the views' directions.
    """

    def __init__(self, hull: HullPoints, angles: np.ndarray, device: str):
        places, met = hull.hits(angles)
        views, i, j = np.nonzero(met)
        ends = places[views, :, i, j]  # (rays, hits, 3)
        self.places = torch.from_numpy(ends).to(device)
        self.targets = [torch.from_numpy(index).to(device) for index in (views, i, j)]
        self.harmonics = spherical_harmonics(torch.from_numpy(directions(angles)).to(device))
        self.views = len(angles)


class Rendering(nn.Module):
    """Texture and renderer; the detector is the corner of a canvas that can be halved."""

    def __init__(self, settings: Settings, hull: HullPoints) -> None:
        super().__init__()
        self.texture = NeuralTexture(settings.features, hull.occupancy(), settings.levels)
        self.renderer = Renderer(settings.features, widths(settings.channels, FACTORS))
        self.canvas = canvas(hull.detector, len(FACTORS))
        self.detector = hull.detector

    def forward(self, rays: Rays) -> tuple[Tensor, Tensor]:
        """Views (views, i, j), and the first feature of the brighter hit, likewise."""
        count, hits = rays.places.shape[:2]
        found = self.texture(rays.places.flatten(0, 1)).unflatten(0, (count, hits))
        # ASSUME: of the source's three features that are to be the colour, the one that is to be
        # the brightness, of whichever hit has more.
        shown = self._images(found[..., :1].amax(dim=1, keepdim=True), rays)
        turned = found[..., 3 : 3 + HARMONICS] * rays.harmonics[rays.targets[0]][:, None]
        found = torch.cat([found[..., :3], turned, found[..., 3 + HARMONICS :]], dim=-1)
        views = self.renderer(self._images(found, rays))
        i, j = self.detector
        return views[:, 0, :i, :j], shown[:, 0, :i, :j]

    def _images(self, found: Tensor, rays: Rays) -> Tensor:
        """Features (rays, hits, c) as images (views, hits * c, i, j); 0 where no ray meets."""
        values = found.flatten(1)
        images = values.new_zeros(rays.views, *self.canvas, values.shape[1])
        return images.index_put(tuple(rays.targets), values).permute(0, 3, 1, 2)


class Fit:
    """The fit to one patient: texture, renderer, optimiser, and their step."""

    def __init__(self, given: Measurement, settings: Settings, context: Context):
        torch.manual_seed(context.seed)
        self.given, self.settings, self.device = given, settings, context.device
        self.scale = intensity_scale(given)
        self.hull = HullPoints.of(given, settings.level)
        self.network = Rendering(settings, self.hull).to(context.device)
        groups = self.network.texture.groups()
        for group in groups:
            group["lr"] = settings.texture_rate
        renderer = {"params": self.network.renderer.parameters(), "lr": settings.learning_rate}
        self.optimizer = torch.optim.Adam([*groups, renderer])
        steps = max(1, settings.steps)
        self.scheduler = scheduler(self.optimizer, settings.schedule, settings.learning_rate, steps)
        self.parts = {
            "network": self.network,
            "optimizer": self.optimizer,
            "scheduler": self.scheduler,
        }
        self.images = torch.from_numpy(scaled_projections(given, self.scale)).to(context.device)
        self.rays: dict[tuple[int, ...], Rays] = {}

    def step(self, number: int) -> float:
        """Take a step; returns its loss."""
        some = torch.randperm(len(self.images))[: self.settings.images].sort().values
        truth = self.images[some.to(self.device)]
        found, shown = self.network(self._rays(tuple(some.tolist())))
        loss = functional.l1_loss(found, truth) + functional.l1_loss(shown, truth)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.scheduler.step()
        return loss.item()

    @torch.no_grad()
    def views(self, angles: np.ndarray) -> np.ndarray:
        """Views (views, i, j) float32 at some angles, in the patient's units."""
        low, span = self.scale
        found, _ = self.network.eval()(Rays(self.hull, angles, self.device))
        return np.float32(low + span * found.cpu().numpy())

    def _rays(self, some: tuple[int, ...]) -> Rays:
        """Rays of some of the given views, kept where all of them are taken in each step."""
        if some not in self.rays:
            self.rays = {some: Rays(self.hull, self.given.angles[list(some)], self.device)}
        return self.rays[some]


def predicted(
    given: Measurement, wanted: Measurement, settings: Settings, context: Context
) -> np.ndarray:
    """Fit to the given views and render the wanted ones: (views, i, j) float32."""
    require_parallel_maxima("deferred_neural_rendering", given)
    fit = Fit(given, settings, context)
    optimise(fit.parts, fit.step, settings.steps, context)
    return fit.views(wanted.angles)
