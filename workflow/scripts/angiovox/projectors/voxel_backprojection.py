"""Back-projection by voxels, for cone or parallel beams (numba).

Each voxel's centre is projected to each view's detector, whose value there is interpolated between
four pixels (bilinear). A view does not see a voxel before the source or beyond the centres of its
outermost pixels.

Of maxima along rays, the minimum over views bounds the volume from above, as in a parallel beam. Of
line integrals it bounds it too where no value is negative: what a ray passes in a voxel cannot be
more than the whole ray, so that a voxel's value times the ray's chord through it is at most the
line integral. A ray through a voxel's centre has a chord of at least the voxel's shortest edge h:
the minimum over views divided by h is an upper bound, up to interpolation, and that of a vessel of
width d, divided by d, a closer one of its mean along the chord.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ..geometry.grid import Grid
from ..geometry.views import Views
from .kernels.voxels import fill_plane
from .line_integral import as_floats

COMBINATIONS = ("sum", "mean", "minimum")


def back_project(
    projections: np.ndarray, grid: Grid, views: Views, combine: str, threads: int = 1
) -> np.ndarray:
    """Sample each view where it sees each voxel, and combine the views.

    Parameters
    ----------
    projections : (views, i, j) array; float64 is kept, all else becomes float32.
    grid : voxels to fill. views : the projections' geometry.
    combine : "sum", "mean" or "minimum", of the views that see a voxel. Where none does, sum and
        mean are 0 and the minimum is the maximum of all projections.
    threads : share the planes across x; the result does not depend on their number.

    Returns
    -------
    (x, y, z) like the projections, in their units.

    Raises
    ------
    ValueError : the projections' shape is not that of the views; another combination.
    """
    check_back_projection(projections.shape, views, combine)
    images = np.ascontiguousarray(as_floats(projections))
    volume = np.empty(grid.shape, dtype=images.dtype)
    matrices = index_matrices(grid, views)
    unseen = images.max() if combine == "minimum" else images.dtype.type(0)

    def work(x: int) -> None:
        fill_plane(images, matrices, x, COMBINATIONS.index(combine), unseen, volume[x])

    with ThreadPoolExecutor(max_workers=max(1, threads)) as pool:
        list(pool.map(work, range(grid.shape[0])))
    return volume


def check_back_projection(shape: tuple[int, ...], views: Views, combine: str) -> None:
    """Raise ValueError for a shape other than the views', or for an unknown combination."""
    if tuple(shape) != views.shape:
        raise ValueError(f"projections of shape {tuple(shape)}, views have {views.shape}")
    if combine not in COMBINATIONS:
        raise ValueError(f"combine: {combine!r}; there are {', '.join(COMBINATIONS)}")


def index_matrices(grid: Grid, views: Views) -> np.ndarray:
    """Projection matrices (views, 3, 4) of voxel indices instead of mm."""
    to_mm = np.diag([*grid.voxel_size, 1.0])
    to_mm[:3, 3] = grid.first
    return views.matrices @ to_mm
