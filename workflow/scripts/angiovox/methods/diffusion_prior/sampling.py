"""Samples of masks that explain one patient's views, from noise to volumes."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ...method import Context, Measurement
from ...training.learner import autocast
from ...training.per_patient import optimise
from ...training.trainer import autocast_dtype
from ..vessel_projection import given_images, projected
from ..vessel_views import targets
from .network import Denoiser, noise_levels

OUTSIDE_LOGIT = -20.0  # of a voxel outside the hull
LEAST = 1e-6
LEAST_EMPTY = 0.1  # of a hull, where it is hardly larger than vessels on average
MOST_CONTRAST = 1.5  # times that of the training patients


def reconstructed(state: dict, measurement: Measurement, settings, context: Context) -> np.ndarray:
    """Share of the samples that have a vessel, (x, y, z) float32.

    state : of `learner.trained`. settings : those of `diffusion_prior.method`.
    """
    sampling = Sampling(state, measurement, settings, context)
    if not sampling.hull.any():
        context.log("no voxel lies in the hull of all views; nothing is reconstructed")
        return np.zeros(measurement.shape, dtype=np.float32)
    optimise({"samples": sampling.samples}, sampling.step, settings.steps, context)
    return sampling.mean().cpu().numpy()


class Samples(nn.Module):
    """Volumes on the way from noise to masks of -1 and 1, (samples, 1, x, y, z)."""

    def __init__(self, count: int, edge: int, device: str) -> None:
        super().__init__()
        self.register_buffer("volumes", torch.randn(count, 1, edge, edge, edge).to(device))


class Sampling:
    """The samples of one patient, and the step that takes noise away.

    A step denoises, moves the result towards the patient's views, and adds the noise of the next
    time (Zhu et al. 2023, algorithm 1). Outside of the hull of the views there is no vessel.
    """

    def __init__(self, state: dict, measurement: Measurement, settings, context: Context):
        self.settings, self.device = settings, context.device
        self.dtype = autocast_dtype(settings.precision, torch.device(context.device))
        self.denoiser = Denoiser(**state["built_of"]).to(context.device).eval()
        self.denoiser.load_state_dict(state["network"])
        self.denoiser.requires_grad_(False)
        self.known, self.angles = targets(state, measurement), measurement.angles
        self.shown = given_images(self.known, context.device)
        # As shares of the greatest: noise of the views means the same for maxima and integrals.
        self.scale = self.shown.max().clamp(min=LEAST)
        self.hull = torch.from_numpy(self.known.hull >= state["support"]).to(context.device)
        edge = state["edge"]
        self.in_hull = functional.adaptive_max_pool3d(self.hull[None, None].float(), edge)[0, 0] > 0
        share = float(self.in_hull.float().mean())
        self.evidence = settings.hull_weight * hull_evidence(share, state["filled"])
        # Views weigh as if they had the cube's pixels, so that they do as much beside the prior on
        # any grid.
        self.pixels = len(self.shown) * edge**2
        torch.manual_seed(context.seed)
        self.samples = Samples(settings.samples, edge, context.device)
        self.times = torch.linspace(1, 0, settings.steps + 1, device=context.device)

    @torch.no_grad()
    def step(self, number: int) -> float:
        """Take one time's noise away; returns the error of the projections."""
        now, after = (self.times[n].expand(1) for n in (number, number + 1))
        signal, noise = noise_levels(now, self.denoiser.shift)
        volumes, relative = self.samples.volumes, float(noise / signal)
        moved = [self.towards_views(self.denoised(volume, now), relative) for volume in volumes]
        clean = torch.stack([2 * logits.sigmoid() - 1 for logits, _ in moved])[:, None]
        is_last = number + 1 == self.settings.steps
        left = (volumes - signal * clean) / noise
        self.samples.volumes = clean if is_last else self.noised(clean, left, after)
        return sum(error for _, error in moved) / len(moved)

    def denoised(self, volume: Tensor, now: Tensor) -> Tensor:
        """What the denoiser makes of a sample (1, x, y, z) at a time, logits (x, y, z)."""
        with autocast(volume, self.dtype):
            return self.denoiser(volume[None], now)[0, 0]

    def noised(self, clean: Tensor, left: Tensor, after: Tensor) -> Tensor:
        """Samples with the noise of the next time, a share of it fresh, the rest what was left."""
        share = self.settings.fresh_noise
        fresh = torch.randn(clean.shape).to(self.device)
        signal, noise = noise_levels(after, self.denoiser.shift)
        return signal * clean + noise * ((1 - share) ** 0.5 * left + share**0.5 * fresh)

    def towards_views(self, logits: Tensor, relative_noise: float) -> tuple[Tensor, float]:
        """Logits (x, y, z) whose volume shows the views, held near the denoised ones.

        The error of the projections before the last step comes with them.

        relative_noise : deviation of the sample's noise, in units of its signal.
        """
        logits = (logits + self.evidence).masked_fill(~self.in_hull, OUTSIDE_LOGIT)
        # Zhu et al. 2023: the weight of the denoised volume falls with its noise.
        weight = self.settings.prior_weight / relative_noise**2
        start, error = logits.sigmoid(), torch.zeros(())
        with torch.enable_grad():
            moved = logits.clone().requires_grad_()
            optimizer = torch.optim.Adam([moved], self.settings.data_rate)
            for _ in range(self.settings.data_steps):
                volume = moved.sigmoid() * self.in_hull
                error = self.error(volume)
                loss = self.pixels * error + weight * (volume - start).square().sum()
                (moved.grad,) = torch.autograd.grad(loss, moved)
                optimizer.step()
        return torch.where(self.in_hull, moved.detach(), logits), error.item()

    def error(self, volume: Tensor) -> Tensor:
        """Mean squared error of a volume's projections, as shares of the greatest value shown."""
        seen = projected(self.on_grid(volume), self.known, self.angles)
        if self.known.are_integrals:
            seen = seen * self.contrast(seen.detach())
        return ((seen - self.shown) / self.scale).square().mean()

    # ASSUME: a patient's contrast is what fits best, within these bounds of the training patients'.
    def contrast(self, seen: Tensor) -> Tensor:
        """What line integrals of a mask are multiplied by to be those that were measured."""
        best = (seen * self.shown).sum() / seen.square().sum().clamp(min=LEAST)
        return best.clamp(1 / MOST_CONTRAST, MOST_CONTRAST)

    def on_grid(self, volume: Tensor) -> Tensor:
        """A volume of the cube (x, y, z) on the patient's grid."""
        shape = self.known.grid.shape
        if volume.shape == shape:
            return volume
        given = volume[None, None]
        return functional.interpolate(given, shape, mode="trilinear", align_corners=False)[0, 0]

    def mean(self) -> Tensor:
        """Mean of the samples on the patient's grid, 0 outside the hull."""
        share = (self.samples.volumes.mean(dim=0)[0] + 1) / 2
        return self.on_grid(share).clamp(0, 1) * self.hull


def hull_evidence(share: float, filled: float) -> float:
    """Log-odds that a voxel gains by lying in the hull.

    share : of the volume that the hull is. filled : of volumes that vessels are. All vessels lie in
    the hull, so that by Bayes' rule it is the logarithm of how seldom other voxels do, of which at
    least `LEAST_EMPTY` of the hull are.
    """
    return float(-np.log(max(share - filled, LEAST_EMPTY * share, LEAST) / (1 - filled)))
