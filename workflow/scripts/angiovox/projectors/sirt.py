"""Simultaneous iterative reconstruction (SIRT) of line integrals, within a box and a support.

Each iteration spreads what the line integrals lack along their rays: x + C A' R (b - A x), with R
and C the reciprocals of the sums of rows and columns of the projector A. Without constraints the
residual, weighted by R, never grows, and x goes to a weighted least-squares solution. With a box it
is projected gradient descent: it goes to such a solution within the box. Reference: J. Gregor and
T. Benson, IEEE Trans Med Imaging 27(7), 2008; after P. Gilbert, J Theor Biol 36(1), 1972.
"""

from __future__ import annotations

import numpy as np

from ..errors import InputError
from ..geometry.grid import Grid
from ..geometry.views import Views
from .attenuation import CONTRAST
from .line_integral import line_integral, line_integral_adjoint


def sirt(
    line_integrals: np.ndarray,
    grid: Grid,
    views: Views,
    iterations: int,
    box: tuple[float, float] = (0.0, CONTRAST),
    support: np.ndarray | None = None,
    shortest_mm: float = 0.0,
    threads: int = 1,
) -> np.ndarray:
    """Reconstruct attenuation from its line integrals.

    Parameters
    ----------
    line_integrals : (views, i, j) attenuation by contrast above the background, dimensionless;
        noise may take it below 0.
    grid : voxels to fill. views : the geometry of the line integrals.
    iterations : from a volume of zeros on; 0 gives that back.
    box : least and greatest value per mm; that of undiluted contrast is `attenuation.CONTRAST`.
    support : (x, y, z) bool, where there may be anything; None for everywhere. The projector is
        that of its voxels alone.
    shortest_mm : rays that pass less of the support are left out: divided by so little, their
        noise would outweigh all else.
    threads : the result does not depend on their number.

    Returns
    -------
    (x, y, z) float32, per mm; 0 outside of the support and where no ray passes.

    Raises
    ------
    ValueError : line integrals or support of another shape than views or grid, an empty box.
    InputError : NaN or infinity among the line integrals.
    """
    _check(line_integrals, grid, views, box, support)
    inside = np.ones(grid.shape, bool) if support is None else support.astype(bool, copy=False)
    geometry = grid, views, threads
    measured = line_integrals.astype(np.float32, copy=False)
    lengths = line_integral(inside, *geometry)
    lengths[lengths < shortest_mm] = 0
    per_ray, used = _reciprocal(lengths), (lengths > 0).astype(np.float32)
    per_voxel = inside * _reciprocal(line_integral_adjoint(used, *geometry))
    x = np.zeros(grid.shape, np.float32)
    for _ in range(iterations):
        residual = per_ray * (measured - line_integral(x, *geometry))
        x += per_voxel * line_integral_adjoint(residual, *geometry)
        np.clip(x, *box, out=x, where=per_voxel > 0)
    return x


def _check(
    line_integrals: np.ndarray,
    grid: Grid,
    views: Views,
    box: tuple[float, float],
    support: np.ndarray | None,
) -> None:
    if line_integrals.shape != views.shape:
        raise ValueError(f"line integrals of {line_integrals.shape}, views have {views.shape}")
    if support is not None and support.shape != grid.shape:
        raise ValueError(f"a support of shape {support.shape} on a grid of {grid.shape}")
    if not box[0] < box[1]:
        raise ValueError(f"a box from {box[0]:g} to {box[1]:g} is empty")
    if not np.isfinite([line_integrals.min(), line_integrals.max()]).all():
        raise InputError("line integrals with NaN or infinity cannot be reconstructed")


def _reciprocal(sums: np.ndarray) -> np.ndarray:
    """1 over sums, and 0 where a sum is 0."""
    return np.divide(1, sums, out=np.zeros_like(sums), where=sums > 0)
