"""The projectors of `projection` and `backprojection` in torch: for GPUs and for gradients.

They take tensors of any floating type on any device that has float64 for the geometry, and carry
gradients to their tensor. Views are taken one at a time, so that neither a result nor its graph
ever holds a volume per view. On a GPU, sums by scattering may differ in their last bits from run to
run.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from .geometry import rotation_table


def project_max(volume: Tensor, angles: np.ndarray) -> Tensor:
    """Rotate about z, then take the maximum along the second axis, for each angle.

    Parameters
    ----------
    volume : (x, y, z) floating-point tensor of finite numbers.
    angles : (views,) degrees; see `geometry.rotation_table` for the sense of rotation.

    Returns
    -------
    (views, detector, z) tensor like `volume`, as `projection.project_max` gives it.

    Raises
    ------
    ValueError : the tensor is not three-dimensional, or not of a floating type.
    """
    _check(volume, "volume has 3 axes (x, y, z)")
    nx, ny, nz = volume.shape
    # As in `projection`: bilinear, and the minimum from outside the grid.
    outside = volume.min()
    images = []
    for cos, sin in rotation_table(angles):
        x, y, visible = _turn(nx, ny, cos, sin, volume.device)
        turned = torch.where(visible[:, None], _blend(volume, x, y), outside)
        # `max` keeps one index per ray for the gradient, where `amax` would keep the whole volume.
        images.append(turned.view(nx, ny, nz).max(dim=1).values)
    return torch.stack(images)


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
    ValueError : the tensor is not three-dimensional, or not of a floating type.
    """
    _check(volume, "volume has 3 axes (x, y, z)")
    nx, ny, nz = volume.shape
    lines = volume.reshape(nx * ny, nz)
    images = []
    for cos, sin in rotation_table(angles):
        lower, upper, fraction, visible = _bins(nx, ny, cos, sin, volume)
        image = volume.new_zeros(nx, nz)
        for index, weight in ((lower, 1 - fraction), (upper, fraction)):
            share = lines * (weight * visible)[:, None]
            # `index_add` would keep each view's share for the gradient, a whole volume.
            image = image.scatter_add(0, index[:, None].expand(-1, nz), share)
        images.append(image)
    return torch.stack(images)


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
    ValueError : as many angles as projections are needed; the tensor is not three-dimensional, or
        not of a floating type.
    """
    _check(projections, "stack of projections has 3 axes (views, detector, z)")
    if len(projections) != len(angles):
        raise ValueError(f"{len(projections)} projections but {len(angles)} angles")
    nx, nz = projections.shape[1:]
    total = projections.new_zeros(nx * depth, nz)
    least = torch.full_like(total, torch.inf)
    winner = torch.zeros_like(total, dtype=torch.int16)
    all_bins = []
    for view, (cos, sin) in enumerate(rotation_table(angles)):
        lower, upper, fraction, visible = bins = _bins(nx, depth, cos, sin, projections)
        image = projections[view]
        value = torch.lerp(image[lower], image[upper], fraction[:, None])
        total = total + value * visible[:, None]
        nearer = visible[:, None] & (value.detach() < least)
        least = torch.where(nearer, value.detach(), least)
        winner.masked_fill_(nearer, view)
        all_bins.append(bins)
    bound = _pick(projections, winner.long(), all_bins)
    return total.view(nx, depth, nz), bound.view(nx, depth, nz)


def _pick(projections: Tensor, winner: Tensor, all_bins: list[tuple[Tensor, ...]]) -> Tensor:
    """Value (x * y, z) of each voxel in the view that `winner` (x * y, z) names.

    Read once after the loop: a minimum in it would keep a volume per view for the gradient.
    """
    lower, upper, fraction, visible = map(torch.stack, zip(*all_bins, strict=True))
    nx, nz = projections.shape[1:]
    rows = projections.reshape(-1, nz)
    line = torch.arange(len(winner), device=winner.device)[:, None]
    near = rows.gather(0, winner * nx + lower[winner, line])
    far = rows.gather(0, winner * nx + upper[winner, line])
    value = torch.lerp(near, far, fraction[winner, line])
    return torch.where(visible.any(dim=0)[:, None], value, projections.max())


def _blend(volume: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Bilinear values (n, z) of an (x, y, z) volume at n places (x, y) of its plane."""
    nx, ny, nz = volume.shape
    lines = volume.reshape(nx * ny, nz)
    x0, x1, fx = _neighbours(x, nx, volume.dtype)
    y0, y1, fy = _neighbours(y, ny, volume.dtype)
    value = lines[x0 * ny + y0] * ((1 - fx) * (1 - fy))[:, None]
    value = value + lines[x0 * ny + y1] * ((1 - fx) * fy)[:, None]
    value = value + lines[x1 * ny + y0] * (fx * (1 - fy))[:, None]
    return value + lines[x1 * ny + y1] * (fx * fy)[:, None]


def _bins(
    nx: int, ny: int, cos: float, sin: float, like: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Detector bins on either side of each voxel, the upper one's weight, and what is visible."""
    u, _, visible = _turn(nx, ny, cos, -sin, like.device)
    return *_neighbours(u, nx, like.dtype), visible


def _turn(
    nx: int, ny: int, cos: float, sin: float, device: torch.device
) -> tuple[Tensor, Tensor, Tensor]:
    """Where the points of a plane (nx, ny) fall once turned, and which of them inside it.

    Three flat tensors (nx * ny,). Rotated frame to patient's; with `-sin` it is the way back.
    """
    # In float64 whatever the volume is in: the edge must fall as it does in the numba kernels.
    x = torch.arange(nx, dtype=torch.float64, device=device)[:, None] - (nx - 1) / 2
    y = torch.arange(ny, dtype=torch.float64, device=device)[None, :] - (ny - 1) / 2
    first = (nx - 1) / 2 + cos * x + sin * y
    second = (ny - 1) / 2 - sin * x + cos * y
    visible = (first >= 0) & (first <= nx - 1) & (second >= 0) & (second <= ny - 1)
    return first.flatten(), second.flatten(), visible.flatten()


def _neighbours(position: Tensor, count: int, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    """Indices below and above each position of an axis, and the upper one's linear weight."""
    position = position.clamp(0, count - 1)
    lower = position.long().clamp(max=max(count - 2, 0))
    return lower, (lower + 1).clamp(max=count - 1), (position - lower).to(dtype)


def _check(tensor: Tensor, kind: str) -> None:
    if tensor.ndim != 3:
        raise ValueError(f"a {kind}, this tensor has shape {tuple(tensor.shape)}")
    if not tensor.is_floating_point():
        raise ValueError(f"a tensor of {tensor.dtype}: convert it to a floating type first")
