"""Bent tubes for arteries, and what a study measures of them."""

from __future__ import annotations

import numpy as np
from angiovox.method import Measurement
from angiovox.projectors import backprojection, mip

EDGE = 24
ANGLES = np.array([0.0, 30.0, 90.0])


def arteries(seed=0, edge=EDGE):
    """Two bent tubes within the circle that turns about z without leaving the grid."""
    rng = np.random.default_rng(seed)
    x, y, z = np.indices((edge, edge, edge)) - (edge - 1) / 2
    mask = np.zeros(x.shape, dtype=bool)
    for radius in (2.2, 1.6):
        a, b, phase = rng.uniform(-3, 3, 3)
        centre_x, centre_y = a + 2 * np.sin(z / 5 + phase), b + 2 * np.cos(z / 6 + phase)
        mask |= (x - centre_x) ** 2 + (y - centre_y) ** 2 < radius**2
    return mask & (abs(z) < edge / 3)


def measured(mask, angles=ANGLES, noise=0.1, seed=0):
    """The views of a mask in noise, and the sum of their back-projections as codes."""
    rng = np.random.default_rng(seed)
    grey = (mask + rng.uniform(0, noise, mask.shape)).astype(np.float32)
    projections = mip.project_max(grey, angles)
    whole = [np.arange(len(angles))]
    sums, _ = backprojection.network_inputs(projections, angles, whole, mask.shape[1])
    return Measurement(angles, {"sum": sums[0], "projections": projections})


def patients(count=2, edge=EDGE):
    masks = [arteries(seed, edge) for seed in range(count)]
    return [(measured(mask, seed=seed), mask) for seed, mask in enumerate(masks)]
