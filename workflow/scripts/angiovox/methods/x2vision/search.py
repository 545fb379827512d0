"""The search of a frozen generator's latents and noise that explain one patient's views."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ...method import Context, Measurement
from ...projectors import torch_line_integral, torch_projectors
from ...projectors.differentiable import line_integral
from ...training.learner import autocast
from ...training.per_patient import optimise
from ...training.trainer import autocast_dtype
from ..silhouettes import visual_hull
from ..view_images import geometry
from ..view_levels import brightness
from .learner import BUILT_OF
from .network import Generator

# ASSUME: the concentration of the von Mises density is 1; the source does not say it.
CONCENTRATION = 1.0
LEAST_DEVIATION = 1e-6


def reconstructed(state: dict, measurement: Measurement, settings, context: Context) -> np.ndarray:
    """Probabilities (x, y, z) float32 of the volume that was found.

    state : of `learner.trained`. settings : those of `x2vision.method`.
    """
    search = Search(state, measurement, settings, context)
    parts = {"latent": search.latent, "optimizer": search.optimizer}
    optimise(parts, search.step, settings.steps, context)
    with torch.no_grad():
        found = search.volume()
        # ASSUME: the hull cuts what was found; the search does without, since what a volume shows
        # outside of the silhouettes tells the latents as much as what it shows inside.
        if settings.hull_only:
            found = found * search.views.hull(settings.margin)
        return found.cpu().numpy()


class Search:
    """Latents and noise of one patient, and the step that changes them.

    Both start where they are likeliest, w at its mean in each layer and noise at 0, or w at the
    best of some random ones.
    """

    def __init__(self, state: dict, measurement: Measurement, settings, context: Context):
        self.settings, device = settings, context.device
        self.dtype = autocast_dtype(settings.precision, torch.device(device))
        self.generator = Generator(**{key: state[key] for key in BUILT_OF}).to(device).eval()
        self.generator.load_state_dict(state["network"])
        self.generator.requires_grad_(False)
        self.mean = state["w_mean"].to(device)
        self.deviation = state["w_deviation"].to(device).clamp(min=LEAST_DEVIATION)
        # ASSUME: the search starts at the mean of w, as Marinescu et al. 2020 do, and at no noise.
        start = [self.mean.repeat(1, self.generator.latents, 1)]
        start += [torch.zeros(shape, device=device) for shape in self.generator.noise_shapes]
        self.latent = nn.ParameterList(nn.Parameter(values) for values in start)
        # ASSUME: Adam at 0.1 for 500 steps, as in the published code of Marinescu et al. 2020, from
        # whom the priors of w are; steps and rate of X2Vision are not known.
        self.optimizer = torch.optim.Adam(self.latent.parameters(), settings.search_rate)
        self.views = Views(state, measurement, device)
        if settings.candidates:
            self.start_at_best(settings.candidates, context.seed)

    # ASSUME: a start at the best of random w is no part of the source; from the mean alone the
    # search may end where no vessel is.
    @torch.no_grad()
    def start_at_best(self, count: int, seed: int) -> None:
        """Start at the w, of the mean and random ones, whose volume has the least error."""
        width = self.generator.width
        z = torch.randn(count, width, generator=torch.Generator().manual_seed(seed))
        candidates = torch.cat([self.mean[None], self.generator.mapping(z.to(self.mean.device))])
        errors = []
        for w in candidates:
            self.latent[0].copy_(w.expand_as(self.latent[0]))
            errors.append(self.views.error(self.volume()))
        best = candidates[int(torch.stack(errors).argmin())]
        self.latent[0].copy_(best.expand_as(self.latent[0]))

    def step(self, number: int) -> float:
        """Take a step; returns its loss."""
        loss = self.loss()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def loss(self) -> Tensor:
        """Error of the projections and the three priors, weighted."""
        (w, *noise), weights = self.latent, self.settings
        return (
            weights.reprojection_weight * self.views.error(self.volume())
            + weights.w_weight * gaussian_prior((w - self.mean) / self.deviation)
            + weights.collinearity_weight * collinearity_prior(w[0])
            + weights.noise_weight * gaussian_prior(torch.cat([one.flatten() for one in noise]))
        )

    def volume(self) -> Tensor:
        """Probabilities (x, y, z) on the patient's grid, of the latents as they are."""
        w, *noise = self.latent
        with autocast(w, self.dtype):
            found = self.generator(w, noise).sigmoid()
        shape = self.views.shape
        if found.shape[2:] != shape:
            found = functional.interpolate(found, shape, mode="trilinear", align_corners=False)
        return found[0, 0]


class Views:
    """A patient's views as a volume's projections have to be."""

    def __init__(self, state: dict, measurement: Measurement, device: str):
        self.measurement, self.shape, self.device = measurement, measurement.shape, device
        self.grid, self.views = geometry(measurement)
        self.silhouettes = brightness(measurement) >= np.float32(state["level"])
        self.is_of_integrals = "contrast" in state
        images = self.silhouettes.astype(np.float32)
        self.scale = 1.0
        if self.is_of_integrals:
            # ASSUME: line integrals are compared as shares of the patient's greatest.
            given = measurement.inputs["projections"] / np.float32(state["contrast"])
            self.scale = max(float(given.max()), LEAST_DEVIATION)
            images = (given / np.float32(self.scale)).astype(np.float32)
        self.images = torch.from_numpy(images).to(device)

    # ASSUME: each term is a mean over its numbers, as in the published code of Marinescu et al.
    # 2020, so that the weights mean the same for any number of views and any grid.
    def error(self, volume: Tensor) -> Tensor:
        """Mean squared error of a volume's projections."""
        return (self.projected(volume) / self.scale - self.images).square().mean()

    def projected(self, volume: Tensor) -> Tensor:
        """Projections of a volume (x, y, z): maxima, or line integrals in mm."""
        if self.is_of_integrals:
            return line_integral(volume, self.grid, self.views)
        if self.measurement.views is None:
            return torch_projectors.project_max(volume, self.measurement.angles)
        return torch_line_integral.project_max(volume, self.grid, self.views)

    def hull(self, margin: int) -> Tensor:
        """1 in the visual hull of the silhouettes, widened by a margin, else 0, (x, y, z)."""
        hull = visual_hull(self.silhouettes, self.grid, self.views, margin)
        return torch.from_numpy(hull.astype(np.float32)).to(self.device)


def gaussian_prior(values: Tensor) -> Tensor:
    """Mean of -log N(values | 0, 1), but for its constant."""
    return values.square().mean() / 2


def collinearity_prior(w: Tensor) -> Tensor:
    """Mean of -log of the von Mises density of angles between latents, but for its constant.

    w : (latents, width). It is 0 where all have the same direction.
    """
    direction = functional.normalize(w, dim=1)
    return CONCENTRATION * (1 - direction @ direction.T).mean()
