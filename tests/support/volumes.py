"""Volumes that several tests look at."""

import numpy as np


def plain_ct(shape=(40, 40, 40), seed=0):
    """A head in HU, not subtracted (air -1000, tissue 40, bone 700 to 1500, vessels 300), and its
    vessels."""
    rng = np.random.default_rng(seed)
    x, y, z = (np.linspace(-1, 1, n).reshape(np.roll([-1, 1, 1], k)) for k, n in enumerate(shape))
    radius = np.sqrt(x**2 + y**2 + z**2)
    vessels = ((np.hypot(x - 0.1, y) < 0.08) | (np.hypot(y, z + 0.2) < 0.06)) & (radius < 0.8)
    bone = (radius >= 0.84) & (radius < 0.96)
    head = np.where(radius < 0.96, 40.0, -1000.0)
    head = np.where(bone, rng.uniform(700, 1500, shape), np.where(vessels, 300, head))
    return (head + rng.normal(0, 10, shape)).astype(np.float32), vessels
