"""What becomes of arteries of each calibre."""

from __future__ import annotations

import numpy as np
from scipy.spatial import KDTree

# Radius in mm from which each class begins. At the default study's 0.75 mm a thin artery is one or
# two voxels wide; arteries of the circle of Willis are medium, and thick is the internal carotid.
CLASSES = {"thin": 0.0, "medium": 0.75, "thick": 1.5}


def calibre_scores(
    lines: tuple[np.ndarray, np.ndarray],
    radii: tuple[np.ndarray, np.ndarray],
    voxel_mm: np.ndarray,
) -> dict[str, float]:
    """Error of the radius along the true centreline, and how much of that was found.

    A point of the true centreline is found where a point of the found centreline lies within reach:
    the true radius there and the largest edge of a voxel. Its radius is compared with that of
    the nearest such point; a point that is missed has a found radius of 0.

    Parameters
    ----------
    lines : of the found and the true centreline, (n, 3) indices.
    radii : along both, mm (`radii`).

    Returns
    -------
    For each class of `CLASSES` by true radius: radius_error_{class}_mm, the mean absolute error,
    and centreline_recall_{class}. No entry for a class without a true point.
    """
    (found, true), (ours, theirs) = lines, radii
    reached = np.zeros(len(true), dtype=bool)
    there = np.zeros(len(true))
    if len(found) and len(true):
        apart, nearest = KDTree(found * voxel_mm).query(true * voxel_mm)
        reached = apart <= theirs + np.max(voxel_mm)
        there = np.where(reached, ours[nearest], 0)
    kinds = np.searchsorted(list(CLASSES.values()), theirs, side="right") - 1
    values = {}
    for number, name in enumerate(CLASSES):
        of_class = kinds == number
        if of_class.any():
            error = np.abs(there - theirs)[of_class]
            values[f"radius_error_{name}_mm"] = float(error.mean())
            values[f"centreline_recall_{name}"] = float(reached[of_class].mean())
    return values
