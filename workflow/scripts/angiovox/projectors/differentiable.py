"""The line integral with its gradient to the volume: by torch on a GPU, by numba on a CPU.

On a CPU the kernels of `line_integral` take a tenth of the time of those of `torch_line_integral`
(benchmarks/cone_beam.md), which gradients to poses need.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ..geometry.grid import Grid
from ..geometry.views import Views
from . import line_integral as by_numba
from . import torch_line_integral as by_torch


def line_integral(volume: Tensor, grid: Grid, views: Views, threads: int = 1) -> Tensor:
    """Integrate a volume along the ray of each pixel.

    volume : (x, y, z) float32 or float64 tensor. threads : of numba; results do not depend on them.
    Returns (views, i, j) like it, in its units times
    mm, with a gradient of first order.

    Raises ValueError for a volume of another shape than the grid's.
    """
    if volume.device.type != "cpu":
        return by_torch.line_integral(volume, grid, views)
    return _ByNumba.apply(volume, grid, views, threads)


class _ByNumba(torch.autograd.Function):
    @staticmethod
    def forward(ctx, volume: Tensor, grid: Grid, views: Views, threads: int) -> Tensor:
        ctx.geometry = grid, views, threads
        return torch.from_numpy(by_numba.line_integral(volume.detach().numpy(), *ctx.geometry))

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        values = gradient.detach().contiguous().numpy()
        return (
            torch.from_numpy(by_numba.line_integral_adjoint(values, *ctx.geometry)),
            None,
            None,
            None,
        )
