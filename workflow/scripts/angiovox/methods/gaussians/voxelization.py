"""The sum of Gaussians at the voxels of a grid, with its gradient to all of their parameters."""

from __future__ import annotations

import torch
from torch import Tensor

from .windows import REACH, along, groups, outside, scatter_add


def voxelize(
    centre: Tensor, covariance: Tensor, density: Tensor, shape: tuple[int, int, int]
) -> Tensor:
    """Sum density exp(-d' C^-1 d / 2) of Gaussians at voxel centres, within 3 standard deviations.

    Parameters
    ----------
    centre : (n, 3) voxel indices. covariance : (n, 3, 3) squared voxels. density : (n,).
    shape : (x, y, z) of the grid, whose voxel centres are at whole numbers.

    Returns
    -------
    (x, y, z), in units of the density.
    """
    precision = torch.linalg.inv(covariance)
    half = REACH * covariance.detach().diagonal(dim1=1, dim2=2).sqrt()
    memory = centre.new_zeros(shape[0] * shape[1] * shape[2])
    for chosen, index in groups(centre, half, shape):
        offset = [index[axis] - centre[chosen, axis, None] for axis in range(3)]
        form = _quadratic(precision[chosen], offset, outside(index, shape))
        values = density[chosen, None, None, None] * torch.exp(-0.5 * form)
        memory = scatter_add(memory, values, index, shape)
    return memory.view(shape)


def _quadratic(precision: Tensor, offset: list[Tensor], beyond: list[Tensor]) -> Tensor:
    """d' P d (m, x, y, z) of offsets on the axes; planes of two axes are summed first."""
    single = [
        along(precision[:, axis, axis, None] * offset[axis].square() + beyond[axis], axis, 3)
        for axis in range(3)
    ]
    double = [2 * along(precision[:, a, b, None] * offset[a], a, 3) for a, b in PAIRS]
    y, z = along(offset[1], 1, 3), along(offset[2], 2, 3)
    plane = single[0] + single[1] + double[0] * y
    return plane + (single[2] + double[1] * z) + double[2] * z


PAIRS = ((0, 1), (0, 2), (1, 2))
