"""A ball in a small grid, as views show it: what fitted methods are tested on."""

import numpy as np
from angiovox.geometry.grid import Grid
from angiovox.geometry.imaging import Imaging
from angiovox.method import Measurement
from angiovox.projectors.line_integral import line_integral
from angiovox.projectors.mip import project_max

CONTRAST = 0.05  # per mm


def ball(edge, part=0.3, place=(0.54, 0.42, 0.5)):
    """Mask (x, y, z) of a ball whose radius and centre are parts of the edge."""
    centre = np.multiply(place, edge)
    return part * edge > np.linalg.norm(np.indices((edge,) * 3).T - centre, axis=-1).T


def of_maxima(mask, views=10, arc=180.0):
    """Maxima of a parallel beam, spread over an arc; one of 180 degrees without its end."""
    angles = np.linspace(0, arc, views, endpoint=arc < 180)
    return Measurement(angles, {"projections": project_max(mask.astype(np.float32), angles)})


def of_integrals(mask, views=10):
    """Line integrals of a cone beam over 200 degrees."""
    grid = Grid(mask.shape, (1.0, 1.0, 1.0))
    imaging = Imaging(len(mask), views, "line_integral", "cone", -100, 200)
    of = imaging.views(grid)
    seen = line_integral(CONTRAST * mask.astype(np.float32), grid, of).astype(np.float32)
    return Measurement(imaging.angles, {"projections": seen}, grid, None, imaging, of)


def dice(probability, mask):
    """Overlap of what is at least 0.5 with a mask."""
    hit = probability >= 0.5
    return 2 * (hit & mask).sum() / (hit.sum() + mask.sum())
