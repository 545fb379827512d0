"""The back-projection of `voxel_backprojection` in torch: for GPUs, and for gradients.

Gradients flow to the projections and to six numbers of pose for each view. Voxels go block by
block, and a block is computed anew for its gradient, so that besides tensors, results and gradients
no more than `BUDGET` bytes are held at a time, and the blocks once more while they are joined.
Geometry is float64. Results do not depend on the number of threads; on a GPU, gradients may differ
in their last bits from run to run.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from ..geometry.grid import Grid
from ..geometry.views import Views
from .kernels.voxels import EDGE
from .torch_line_integral import geometry_tensors
from .voxel_backprojection import check_back_projection

BUDGET = 256 << 20
SAMPLE_BYTES = 300  # of a voxel in a view, with what its gradient keeps


def back_project(
    projections: Tensor, grid: Grid, views: Views, combine: str, poses: Tensor | None = None
) -> Tensor:
    """Sample each view where it sees each voxel, and combine the views.

    Parameters
    ----------
    projections : (views, i, j) float32 or float64 tensor.
    grid : voxels to fill. views : the projections' geometry.
    combine : "sum", "mean" or "minimum", as in `voxel_backprojection.back_project`. The gradient of
        a minimum flows to the view that has it.
    poses : (views, 6) that move each view, see `Views.moved`; None for none.

    Returns
    -------
    (x, y, z) tensor like `projections`, in their units.

    Raises
    ------
    ValueError : the projections' shape is not that of the views; another combination or type; poses
        of another shape.
    """
    check_back_projection(projections.shape, views, combine)
    if projections.dtype not in (torch.float32, torch.float64):
        raise ValueError(f"projections of {projections.dtype}: convert them to float32 or float64")
    matrices = _index_matrices(grid, *geometry_tensors(views, projections.device, poses))
    count, size = math.prod(grid.shape), max(1, BUDGET // (SAMPLE_BYTES * len(views)))
    kept = {"use_reentrant": False, "preserve_rng_state": False}
    parts = [
        checkpoint(_combine, projections, matrices, grid, start, combine, size, **kept)
        for start in range(0, count, size)
    ]
    return torch.cat(parts).view(grid.shape)


def _index_matrices(grid: Grid, source: Tensor, origin: Tensor, u: Tensor, v: Tensor) -> Tensor:
    """Projection matrices (views, 3, 4) of voxel indices; see `Views.matrices`."""
    columns = [
        torch.nn.functional.pad(part, (0, 1), value=k == 2) for k, part in enumerate((u, v, origin))
    ]
    system = torch.stack([*columns, source], dim=2)
    to_mm = torch.diag(system.new_tensor([*grid.voxel_size, 1.0]))
    to_mm[:3, 3] = system.new_tensor(grid.first)
    return (torch.linalg.inv(system) @ to_mm)[:, :3]


def _combine(
    images: Tensor, matrices: Tensor, grid: Grid, start: int, combine: str, size: int
) -> Tensor:
    """A block of voxels, by their numbers in C order."""
    voxel = torch.arange(start, min(start + size, math.prod(grid.shape)), device=images.device)
    _, ny, nz = grid.shape
    index = torch.stack([voxel // (ny * nz), voxel // nz % ny, voxel % nz, torch.ones_like(voxel)])
    a, b, c = (matrices @ index.to(matrices)).unbind(dim=1)
    value, seen = _sample(images, a / c, b / c, c > 0)
    if combine == "minimum":
        least = value.where(seen, torch.inf).amin(dim=0)
        return least.where(seen.any(dim=0), images.max())
    total = value.where(seen, 0).sum(dim=0)
    return total / seen.sum(dim=0).clamp(min=1) if combine == "mean" else total


def _sample(images: Tensor, i: Tensor, j: Tensor, before: Tensor) -> tuple[Tensor, Tensor]:
    """Bilinear samples (views, voxels) of images, and which of them lie on the detector."""
    _, rows, columns = images.shape
    seen = before & (i >= -EDGE) & (i <= rows - 1 + EDGE)
    seen &= (j >= -EDGE) & (j <= columns - 1 + EDGE)
    (i0, i1, f), (j0, j1, g) = _between(i, rows, images.dtype), _between(j, columns, images.dtype)
    view = torch.arange(len(images), device=images.device)[:, None]
    low = (1 - g) * images[view, i0, j0] + g * images[view, i0, j1]
    high = (1 - g) * images[view, i1, j0] + g * images[view, i1, j1]
    return (1 - f) * low + f * high, seen


def _between(place: Tensor, count: int, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    """Pixels below and above a place, and the weight of the one above."""
    place = place.clamp(0, count - 1)
    below = place.detach().long().clamp(max=max(count - 2, 0))
    return below, (below + 1).clamp(max=count - 1), (place - below).to(dtype)
