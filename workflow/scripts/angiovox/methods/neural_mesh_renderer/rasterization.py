"""Soft silhouettes of triangle meshes: shares of pixels with gradients to the vertices.

A triangle covers a pixel by the logistic function of the squared distance from the pixel's centre
to its border, positive inside and negative outside; a pixel shows the mesh unless each triangle
leaves it (the aggregation of Liu et al. 2019, section 3.2).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

# ASSUME: the neural mesh renderer's own gradient, made by hand for hard pixels, is not what is used
# here, but the softly covered pixels of Liu et al. 2019, which have one by themselves, with their
# softness: 1e-4 of an image that is 2 wide. As several triangles meet at a border, a mesh looks up
# to half a pixel wider than it is; at a fifth of the softness it learned far slower.
SOFTNESS = 0.1  # squared pixels of an image of 64
FAR = 9.0  # softnesses of squared distance from which on less than 1e-4 is left out


def soft_silhouette(
    points: Tensor, triangles: Tensor, shape: tuple[int, int], softness: float = SOFTNESS
) -> Tensor:
    """How far each pixel shows the mesh, (i, j) in [0, 1].

    points : (n, 2) detector indices of the vertices; pixel centres are at whole numbers.
    triangles : (m, 3). softness : squared pixels.
    """
    triangle, pixel = _pairs(points.detach(), triangles, shape, (FAR * softness) ** 0.5)
    corners = points[triangles[triangle]]
    place = torch.stack([pixel // shape[1], pixel % shape[1]], dim=1).to(points.dtype)
    squared, inside = border_distance(place, corners)
    signed = torch.where(inside, squared, -squared) / softness
    left = points.new_zeros(shape[0] * shape[1])
    left = left.index_add(0, pixel, -functional.softplus(signed))
    return -torch.expm1(left).view(shape)


def border_distance(place: Tensor, corners: Tensor) -> tuple[Tensor, Tensor]:
    """Squared distances (pairs,) to triangles' borders, and whether places are inside.

    place : (pairs, 2). corners : (pairs, 3, 2).
    """
    along = corners.roll(-1, dims=1) - corners
    away = place[:, None] - corners
    part = (away * along).sum(dim=2) / along.square().sum(dim=2).clamp(min=1e-12)
    nearest = away - part.clamp(0, 1)[..., None] * along
    side = along[..., 0] * away[..., 1] - along[..., 1] * away[..., 0]
    inside = (side >= 0).all(dim=1) | (side <= 0).all(dim=1)
    return nearest.square().sum(dim=2).amin(dim=1), inside


def hard_silhouette(points: Tensor, triangles: Tensor, shape: tuple[int, int]) -> Tensor:
    """Pixels whose centre lies in a triangle, (i, j) bool."""
    triangle, pixel = _pairs(points, triangles, shape, 0.0)
    place = torch.stack([pixel // shape[1], pixel % shape[1]], dim=1).to(points.dtype)
    _, inside = border_distance(place, points[triangles[triangle]])
    shown = torch.zeros(shape[0] * shape[1], dtype=torch.bool, device=points.device)
    shown[pixel[inside]] = True
    return shown.view(shape)


def _pairs(
    points: Tensor, triangles: Tensor, shape: tuple[int, int], margin: float
) -> tuple[Tensor, Tensor]:
    """Numbers of triangles and of pixels (pairs,) in the box about a triangle, and a margin."""
    corners = points[triangles]
    last = torch.tensor(shape, device=points.device) - 1
    low = (corners.amin(dim=1) - margin).ceil().long().clamp(min=0)
    high = (corners.amax(dim=1) + margin).floor().long().minimum(last)
    width = (high - low + 1).clamp(min=0)
    count = width.prod(dim=1)
    triangle = torch.arange(len(triangles), device=points.device).repeat_interleave(count)
    number = torch.arange(len(triangle), device=points.device)
    number = number - (count.cumsum(0) - count).repeat_interleave(count)
    i = low[triangle, 0] + number // width[triangle, 1]
    j = low[triangle, 1] + number % width[triangle, 1]
    return triangle, i * shape[1] + j


def silhouette_loss(found: Tensor, truth: Tensor) -> Tensor:
    """1 - IoU of silhouettes in [0, 1], mean over the first axis; (views, i, j)."""
    product = (found * truth).flatten(1).sum(dim=1)
    either = (found + truth).flatten(1).sum(dim=1) - product
    return (1 - product / either.clamp(min=1e-6)).mean()
