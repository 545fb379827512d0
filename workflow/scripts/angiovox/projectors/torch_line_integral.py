"""The projectors of `line_integral` in torch: for GPUs, and for gradients.

Gradients flow to the volume, through the exact adjoint, and to six numbers of pose for each view.
They are of first order. Besides tensors, results and gradients, `torch_rays.BUDGET` bytes are held
at most, whatever the size: rays go block by block, and a block is computed anew for its gradient.
Geometry is float64, so that results equal those of numba to 1e-5 of the largest value.

Results do not depend on the number of threads. On a GPU, gradients and the adjoint may differ in
their last bits from run to run, since what meets in a voxel is added in any order.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ..geometry.grid import Grid
from ..geometry.views import Views
from .torch_rays import GRADIENT_BYTES, SAMPLE_BYTES, Lines, blocks


def line_integral(volume: Tensor, grid: Grid, views: Views, poses: Tensor | None = None) -> Tensor:
    """Integrate a volume along the ray of each pixel.

    Parameters
    ----------
    volume : (x, y, z) float32 or float64 tensor.
    grid : where its voxels lie. views : the geometry, or any list of rays (`Views.of_rays`).
    poses : (views, 6) rotation vectors in radians and translations in mm that move each view's
        source and detector, see `Views.moved`; None for none.

    Returns
    -------
    (views, i, j) tensor like `volume`, in its units times mm, as `line_integral.line_integral` has
        it.

    Raises
    ------
    ValueError : the volume's shape is not the grid's, or its type neither float32 nor float64;
        poses of another shape.
    """
    return _project(volume, grid, views, poses, largest=False)


def project_max(volume: Tensor, grid: Grid, views: Views, poses: Tensor | None = None) -> Tensor:
    """Take the greatest sample along the ray of each pixel, 0 where it meets nothing above.

    Parameters and errors are those of `line_integral`. The gradient flows to the voxels around the
    place that gives the maximum.
    """
    return _project(volume, grid, views, poses, largest=True)


def line_integral_adjoint(projections: Tensor, grid: Grid, views: Views) -> Tensor:
    """Apply the adjoint of `line_integral` without poses; its gradient is the line integral.

    projections : (views, i, j) float32 or float64 tensor. Returns (x, y, z) like it, in its units
    times mm.

    Raises ValueError for another shape than that of the views, or another type.
    """
    _check(projections, views.shape, "projections", "views")
    return _Adjoint.apply(projections, grid, views, *geometry_tensors(views, projections.device))


def geometry_tensors(views: Views, device: torch.device, poses: Tensor | None = None) -> list:
    """Source, origin, u and v of views as float64 tensors, moved by poses with their gradient.

    Raises ValueError for poses of another shape than (views, 6).
    """
    arrays = (views.source, views.origin, views.u, views.v)
    source, origin, u, v = (torch.tensor(array, device=device) for array in arrays)
    if poses is None:
        return [source, origin, u, v]
    if poses.shape != (len(views), 6):
        raise ValueError(f"poses of shape {tuple(poses.shape)}, expected {(len(views), 6)}")
    poses = poses.to(source)
    shift, weight = poses[:, 3:], source[:, 3:]
    x, y, z = poses[:, :3].unbind(1)
    none = torch.zeros_like(x)
    cross = torch.stack([none, -z, y, z, none, -x, -y, x, none], dim=1).view(-1, 3, 3)
    turn = torch.linalg.matrix_exp(cross)

    def turned(vectors: Tensor) -> Tensor:
        return (turn @ vectors[..., None])[..., 0]

    moved = torch.cat([turned(source[:, :3]) + weight * shift, weight], dim=1)
    return [moved, turned(origin) + shift, turned(u), turned(v)]


def _project(
    volume: Tensor, grid: Grid, views: Views, poses: Tensor | None, largest: bool
) -> Tensor:
    _check(volume, grid.shape, "volume", "grid")
    geometry = geometry_tensors(views, volume.device, poses)
    return _Project.apply(volume, grid, views, largest, *geometry)


def _check(tensor: Tensor, shape: tuple[int, ...], name: str, owner: str) -> None:
    if tensor.shape != shape:
        raise ValueError(f"{name} of shape {tuple(tensor.shape)}, expected {shape} of the {owner}")
    if tensor.dtype not in (torch.float32, torch.float64):
        raise ValueError(f"{name} of {tensor.dtype}: convert it to float32 or float64")


def _walk(
    volume: Tensor, grid: Grid, views: Views, geometry: Sequence[Tensor], largest: bool
) -> tuple[Tensor, Tensor | None]:
    """Line integrals, or maxima and the planes where they are, -1 for a maximum of 0 outside."""
    result = volume.new_empty(math.prod(views.shape))
    winners = torch.empty_like(result, dtype=torch.int32) if largest else None
    for rays, *part in blocks(grid, views, geometry, SAMPLE_BYTES):
        lines = Lines(grid, views, rays, *part)
        values = lines.values(volume.reshape(-1), lines.every_plane)
        if largest:
            greatest, plane = values.max(dim=1)
            result[rays], winners[rays] = greatest.clamp(min=0), plane.where(greatest > 0, -1).int()
        else:
            result[rays] = values.sum(dim=1) * lines.length
    return result.view(views.shape), winners


class _Project(torch.autograd.Function):
    """Line integrals or maxima; gradients to the volume and to the views' geometry."""

    @staticmethod
    def forward(ctx, volume, grid, views, largest, *geometry):
        result, winners = _walk(volume, grid, views, geometry, largest)
        ctx.grid_and_views = grid, views
        ctx.save_for_backward(volume, winners, *geometry)
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient):
        volume, winners, *geometry = ctx.saved_tensors
        to_volume = to_geometry = None
        if ctx.needs_input_grad[0]:
            to_volume = _spread(gradient, *ctx.grid_and_views, geometry, winners)
        if ctx.needs_input_grad[4]:
            to_geometry = _pull(gradient, volume, *ctx.grid_and_views, geometry, winners)
        return to_volume, None, None, None, *(to_geometry or [None] * len(geometry))


class _Adjoint(torch.autograd.Function):
    """Each pixel's value along its ray."""

    @staticmethod
    def forward(ctx, projections, grid, views, *geometry):
        ctx.grid_and_views = grid, views
        ctx.save_for_backward(*geometry)
        return _spread(projections, grid, views, geometry, None)

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient):
        result, _ = _walk(gradient, *ctx.grid_and_views, ctx.saved_tensors, largest=False)
        return result, *[None] * (len(ctx.needs_input_grad) - 1)


def _spread(
    values: Tensor, grid: Grid, views: Views, geometry: Sequence[Tensor], winners: Tensor | None
) -> Tensor:
    """Adjoint of a line integral, or of a maximum whose planes are known: (x, y, z)."""
    memory, values = values.new_zeros(math.prod(grid.shape)), values.reshape(-1)
    for rays, *part in blocks(grid, views, geometry, SAMPLE_BYTES):
        lines = Lines(grid, views, rays, *part)
        if winners is None:
            lines.spread(values[rays] * lines.length.to(values), lines.every_plane, memory)
        else:
            lines.spread(values[rays], winners[rays, None].long(), memory)
    return memory.view(grid.shape)


def _pull(
    gradient: Tensor,
    volume: Tensor,
    grid: Grid,
    views: Views,
    geometry: Sequence[Tensor],
    winners: Tensor | None,
) -> list[Tensor]:
    """Gradients to the views' geometry: each block is computed once more, with its graph."""
    totals, gradient = [torch.zeros_like(tensor) for tensor in geometry], gradient.reshape(-1)
    for rays, of_views, tensors in blocks(grid, views, geometry, GRADIENT_BYTES):
        leaves = [tensor.detach().requires_grad_() for tensor in tensors]
        with torch.enable_grad():
            lines = Lines(grid, views, rays, of_views, leaves)
            if winners is None:
                values = lines.values(volume.reshape(-1), lines.every_plane).sum(dim=1)
                values = values * lines.length
            else:
                values = lines.values(volume.reshape(-1), winners[rays, None].long())[:, 0]
        parts = torch.autograd.grad(values, leaves, gradient[rays].to(values))
        for total, part in zip(totals, parts, strict=True):
            total[of_views] += part
    return totals
