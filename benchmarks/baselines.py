"""What else projects and back-projects on a CPU: the paper's text in scipy, scikit-image, ASTRA."""

from __future__ import annotations

import numpy as np
from angiovox.geometry.parallel_beam import projection_angles
from scipy import ndimage
from skimage import transform

try:
    import astra
except ImportError:  # a baseline only: nobody needs it
    astra = None

ANGLES = projection_angles(90)


def rotate(volume: np.ndarray, angle: float, outside: float = 0.0) -> np.ndarray:
    """The text's rotation: bilinear in the plane, the grid kept."""
    return ndimage.rotate(volume, angle, axes=(0, 1), reshape=False, order=1, cval=outside)


def scipy_project(volume: np.ndarray, angle: float) -> np.ndarray:
    """One projection as the paper's text has it."""
    return rotate(volume, angle, outside=volume.min()).max(axis=1)


def scipy_back_project(view: np.ndarray, angle: float, total: np.ndarray) -> None:
    """Add one view as the paper's text has it: repeat along depth, rotate back."""
    total += rotate(np.repeat(view[:, None], total.shape[1], axis=1), -angle)


def iradon(views: np.ndarray) -> np.ndarray:
    """Sum of the views (views, detector) of one slice, by scikit-image."""
    options = {"filter_name": None, "circle": False, "output_size": views.shape[1]}
    mean = transform.iradon(views.T, theta=ANGLES, **options).T
    return mean * (2 * len(ANGLES) / np.pi)


def astra_sum(views: np.ndarray) -> np.ndarray:
    """Sum of the views (views, detector) of one slice, by ASTRA's projector for the CPU."""
    size = views.shape[1]
    rays = astra.create_proj_geom("parallel", 1.0, size, np.radians(ANGLES))
    projector = astra.create_projector("strip", rays, astra.create_vol_geom(size, size))
    handle, result = astra.create_backprojection(np.ascontiguousarray(views), projector)
    astra.data2d.delete(handle)
    astra.projector.delete(projector)
    return result.T


SLICEWISE = {
    "skimage.transform.iradon, no filter": iradon,
    "ASTRA on the CPU, strip": astra_sum if astra else None,
}
