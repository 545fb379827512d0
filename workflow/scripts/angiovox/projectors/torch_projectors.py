"""The projectors of `mip` and `backprojection` in torch: for GPUs and for gradients.

They take tensors of any floating type on any device that has float64 for the geometry, and carry
gradients of any order to their tensor. What they hold besides tensors, results and gradients is
bounded, see `torch_sampling`. A graph keeps nothing for a sum, and for a maximum or minimum one
small integer: which sample it is.

Weights and sums are float32 where the tensor's type is shorter: a float16 or bfloat16 result is the
float32 result of the same values, rounded once. Sums beyond 65504 are infinite in float16.

Results do not depend on the number of threads. On a GPU the gradients of maxima and minima may
differ in their last bits from run to run, since what meets in a voxel is added in any order;
nothing else does.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..geometry.parallel_beam import rotation_table
from .torch_sampling import Samples, gather, pick, put, scatter, search


def project_max(volume: Tensor, angles: np.ndarray) -> Tensor:
    """Rotate about z, then take the maximum along the second axis, for each angle.

    Parameters
    ----------
    volume : (x, y, z) floating-point tensor of finite numbers.
    angles : (views,) degrees; see `parallel_beam.rotation_table` for the sense of rotation.

    Returns
    -------
    (views, detector, z) tensor like `volume`, as `mip.project_max` gives it. The gradient
        of a maximum flows to the voxels around the place on its ray that gives it.

    Raises
    ------
    ValueError : the tensor is not three-dimensional, empty, or not of a floating type.
    """
    _check(volume, "volume has 3 axes (x, y, z)")
    return _largest(volume, _rays(angles, *volume.shape[:2], volume.device), sign=1)


def project_sum(volume: Tensor, angles: np.ndarray) -> Tensor:
    """Split each voxel by linear weights over its two detector bins, and sum, for each angle.

    This is the exact adjoint of the sum that `back_project` gives: for any volume and projections
    `(project_sum(volume) * projections).sum() == (volume * back_project(projections)[0]).sum()`.

    Parameters
    ----------
    volume : (x, y, z) floating-point tensor.
    angles : (views,) degrees.

    Returns
    -------
    (views, detector, z) tensor like `volume`, in its units times voxels.

    Raises
    ------
    ValueError : the tensor is not three-dimensional, empty, or not of a floating type.
    """
    _check(volume, "volume has 3 axes (x, y, z)")
    voxels = _voxels(angles, *volume.shape[:2], volume.device)
    return _Linear.apply(volume, scatter, gather, voxels)


def back_project(projections: Tensor, angles: np.ndarray, depth: int) -> tuple[Tensor, Tensor]:
    """Repeat each projection along depth, rotate it back, and combine all views.

    Parameters
    ----------
    projections : (views, detector, z) floating-point tensor.
    angles : (views,) degrees, the same as those projected at.
    depth : length of the y axis of the volume; x is as long as the detector.

    Returns
    -------
    total, bound : (x, y, z) tensors like `projections`, the sum and the minimum over views, as
        `backprojection.back_project` gives them. The gradient of the minimum flows to the view
        that gives it.

    Raises
    ------
    ValueError : as many angles as projections are needed; the tensor is not three-dimensional,
        empty, or not of a floating type.
    """
    _check(projections, "stack of projections has 3 axes (views, detector, z)")
    if len(projections) != len(angles):
        raise ValueError(f"{len(projections)} projections but {len(angles)} angles")
    voxels = _voxels(angles, projections.shape[1], depth, projections.device)
    total = _Linear.apply(projections, gather, scatter, voxels)
    return total, _largest(projections, voxels, sign=-1)


class _Linear(torch.autograd.Function):
    """A linear map and its adjoint: the gradient of either is the other, as often as one asks."""

    @staticmethod
    def forward(tensor, operate, adjoint, samples, known=(), *kept):
        """`known` holds the map's result where there is one already."""
        return known[0] if known else operate(tensor, samples, *kept)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.maps = inputs[1:4]
        ctx.save_for_backward(*inputs[5:])

    @staticmethod
    def backward(ctx, gradient):
        operate, adjoint, samples = ctx.maps
        result = _Linear.apply(gradient, adjoint, operate, samples, (), *ctx.saved_tensors)
        return result, *[None] * (len(ctx.needs_input_grad) - 1)


def _largest(tensor: Tensor, samples: Samples, sign: int) -> Tensor:
    """The largest (sign 1) or smallest (sign -1) sample of each target.

    A target without any takes the least or the greatest value of the tensor, in this order.
    """
    wanted = tensor.requires_grad and torch.is_grad_enabled()
    with torch.no_grad():
        value, *places = search(tensor, samples, sign, wanted)
    if not wanted:
        return value
    return _Linear.apply(tensor, pick, put, samples, (value,), *places)


def _rays(angles: np.ndarray, nx: int, ny: int, device: torch.device) -> Samples:
    """Rays (views, detector) through a plane (x, y): bilinear, a sample at each depth."""
    table = torch.as_tensor(rotation_table(angles), device=device)

    def places(target, step, dtype):
        cos, sin = table[target // nx].unbind(-1)
        x, y, visible = _turn(nx, ny, cos, sin, target % nx, step)
        (x0, fx), (y0, fy) = _below(x, nx, dtype), _below(y, ny, dtype)
        weights = [(1 - fx) * (1 - fy), (1 - fx) * fy, fx * (1 - fy), fx * fy]
        return torch.where(visible, x0 * ny + y0, nx * ny), weights

    across, along = ny * (nx > 1), int(ny > 1)
    offsets = (0, along, across, across + along)
    return Samples((nx, ny), (len(table), nx), ny, offsets, places)


def _voxels(angles: np.ndarray, nx: int, ny: int, device: torch.device) -> Samples:
    """Voxels (x, y) on lines of detectors (views, detector): linear, a sample in each view."""
    table = torch.as_tensor(rotation_table(angles), device=device)

    def places(target, step, dtype):
        cos, sin = table[step].unbind(-1)
        u, _, visible = _turn(nx, ny, cos, -sin, target // ny, target % ny)
        u0, fraction = _below(u, nx, dtype)
        return torch.where(visible, step * nx + u0, len(table) * nx), [1 - fraction, fraction]

    return Samples((len(table), nx), (nx, ny), len(table), (0, int(nx > 1)), places)


def _turn(
    nx: int, ny: int, cos: Tensor, sin: Tensor, first: Tensor, second: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Where points of a plane (nx, ny) fall once turned, and which of them inside it.

    Rotated frame to patient's; with `-sin` it is the way back.
    """
    # In float64 whatever the volume is in: the edge must fall as it does in the numba kernels.
    first, second = first.double() - (nx - 1) / 2, second.double() - (ny - 1) / 2
    x = (nx - 1) / 2 + cos * first + sin * second
    y = (ny - 1) / 2 - sin * first + cos * second
    return x, y, (x >= 0) & (x <= nx - 1) & (y >= 0) & (y <= ny - 1)


def _below(position: Tensor, count: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Index below each position of an axis, and the linear weight of the one above."""
    position = position.clamp(0, count - 1)
    lower = position.long().clamp_(max=max(count - 2, 0))
    return lower, (position - lower).to(dtype)


def _check(tensor: Tensor, kind: str) -> None:
    if tensor.ndim != 3 or not tensor.numel():
        raise ValueError(f"a {kind}, this tensor has shape {tuple(tensor.shape)}")
    if not tensor.is_floating_point():
        raise ValueError(f"a tensor of {tensor.dtype}: convert it to a floating type first")
