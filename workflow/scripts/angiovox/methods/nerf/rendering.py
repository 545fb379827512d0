"""Densities at places on rays: what a ray shows of them, and where to look more closely."""

from __future__ import annotations

import torch
from torch import Tensor

LEAST_WEIGHT = 1e-5  # of each piece of a ray, so that none is never looked at


def largest(density: Tensor) -> Tensor:
    """The maximum along each ray, (rays,), of densities (rays, samples)."""
    return density.amax(dim=1)


# ASSUME: a sample stands for the ray between the middles to its neighbours; NeRF's stands for what
# follows it, which leaves out what lies before the first.
def integral(density: Tensor, parts: Tensor, lengths: Tensor) -> Tensor:
    """The line integral along each ray, (rays,), in the unit of its length.

    density, parts : (rays, samples), at ascending parts of the ray, from 0 to 1. lengths : (rays,).
    """
    start, stop = torch.zeros_like(parts[:, :1]), torch.ones_like(parts[:, :1])
    edges = torch.cat([start, (parts[:, 1:] + parts[:, :-1]) / 2, stop], dim=1)
    return (density * edges.diff(dim=1)).sum(dim=1) * lengths


# ASSUME: a ray's weights are its densities; NeRF's, the light that a place adds to the pixel, would
# be these with the light that is absorbed before, of which X-rays and maxima have no counterpart.
def finer_parts(density: Tensor, parts: Tensor, count: int) -> Tensor:
    """Draw parts of each ray more often where a coarse field is dense, (rays, count).

    density, parts : (rays, samples), ascending. They come from pieces between the middles of
    neighbouring samples, each of constant probability: that of the sample within (Mildenhall et al.
    2020, section 5.2).
    """
    edges = (parts[:, 1:] + parts[:, :-1]) / 2
    random = torch.rand(len(parts), count, device=parts.device)
    return inverse(edges, density[:, 1:-1] + LEAST_WEIGHT, random)


def inverse(edges: Tensor, weights: Tensor, shares: Tensor) -> Tensor:
    """Places (rays, n) before which shares (rays, n) of the weight of each ray lie.

    edges : (rays, pieces + 1), ascending. weights : (rays, pieces), spread evenly over each piece;
    where all of a ray are 0 they count as equal.
    """
    total = weights.sum(dim=1, keepdim=True)
    weights = torch.where(total > 0, weights, 1.0)
    reached = torch.cat([torch.zeros_like(total), weights.cumsum(dim=1)], dim=1)
    wanted = shares * reached[:, -1:]
    piece = torch.searchsorted(reached, wanted, right=True).sub(1).clamp(0, weights.shape[1] - 1)
    within = (wanted - reached.gather(1, piece)) / weights.gather(1, piece).clamp(min=1e-12)
    start, stop = edges.gather(1, piece), edges.gather(1, piece + 1)
    return start + within.clamp(0, 1) * (stop - start)
