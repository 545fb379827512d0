"""Whether the reconstruction looks right from where nobody looked."""

from __future__ import annotations

import numpy as np

from ..projectors.mip import project_max
from .overlap import binary, ratios

HELD_OUT = 3  # views
CLOSED = 10.0  # degrees: an arc without a wider gap sees from all around


def held_out_angles(acquired: np.ndarray, count: int = HELD_OUT) -> np.ndarray:
    """Angles, degrees in [0, 180), from which no projection was acquired, ascending.

    Evenly spaced in the widest gap between the acquired ones, (views,) degrees. An angle and the
    one opposite see the same. An arc from 0 to 90 degrees leaves 112.5, 135 and 157.5. An arc of
    half a circle or more leaves gaps alone: the angles are then in the middle of some of them, as
    far apart as they can be.
    """
    seen = np.unique(np.mod(acquired, 180.0))
    gaps = np.diff(seen, append=seen[0] + 180)
    widest = int(np.argmax(gaps))
    wide = np.flatnonzero(gaps > gaps[widest] / 2)
    if gaps[widest] < CLOSED and len(wide) >= count:
        some = wide[np.arange(count) * len(wide) // count]
        return np.sort(np.mod(seen[some] + gaps[some] / 2, 180))
    steps = np.arange(1, count + 1) / (count + 1)
    return np.sort(np.mod(seen[widest] + gaps[widest] * steps, 180))


def projection_dice(found: np.ndarray, truth: np.ndarray, angles: np.ndarray) -> float:
    """Dice of the silhouettes of two masks, (x, y, z) bool, mean over views.

    angles : (views,) degrees. A silhouette is where the maximum projection is at least 0.5. Where
    both are empty the Dice is 1.
    """
    silhouettes = (binary(project_max(mask.view(np.uint8), angles)) for mask in (found, truth))
    pairs = zip(*silhouettes, strict=True)
    return float(np.mean([ratios(ours, theirs)["dice"] for ours, theirs in pairs]))
