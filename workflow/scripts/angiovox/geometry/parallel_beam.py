"""The parallel beam: angles, view subsets, and the sense of rotation.

Arrays are (x, y, z): x to the patient's left, y to posterior, z to superior. Voxel centres sit at
integer indices and the gantry turns about z through ((nx - 1) / 2, (ny - 1) / 2).
"""

from __future__ import annotations

import numpy as np


def projection_angles(num_projections: int, first: float = 0.0, arc: float = 90.0) -> np.ndarray:
    """Angles of the full acquisition in degrees, shape (num_projections,) (paper, section 2.1).

    first : the first angle. arc : from it to the last one; the paper's is a quarter circle.

    Raises ValueError for fewer than two projections.
    """
    if num_projections < 2:
        raise ValueError(f"{num_projections} projections: at least 2 are needed (first and last)")
    # ASSUME: 90 projections from 0 to 90 degrees inclusive are evenly spaced, 90/89 degrees apart.
    return np.linspace(first, first + arc, num_projections)


def view_indices(num_projections: int, views: int) -> np.ndarray:
    """Indices of the projections used for a view count, shape (views,), first and last included.

    A constant step with the last projection appended wherever one gives exactly `views` (46, 24
    and 10 of 90: every 2nd, 4th and 10th); evenly spaced otherwise (5, 3, 2). Paper, section 2.1.

    Raises ValueError when the count cannot be given.
    """
    if not 2 <= views <= num_projections:
        raise ValueError(f"{views} views: choose between 2 and {num_projections}")
    last = num_projections - 1
    # ASSUME: 46, 24 and 10 views are every 2nd, 4th and 10th projection plus the last one; 5, 3
    # and 2 views are evenly spaced, as the angles named under Figure 2 are.
    if views > 5:
        for step in range(1, last + 1):
            indices = np.union1d(np.arange(0, num_projections, step), [last])
            if len(indices) == views:
                return indices
    return np.round(np.linspace(0, last, views)).astype(np.int64)


def rotation_table(angles: np.ndarray) -> np.ndarray:
    """Cosine and sine of each angle (degrees), shape (views, 2), exact at right angles.

    The rotated frame has a detector axis u and a depth axis v. Seen in the patient's (x, y) they
    are (cos, -sin) and (sin, cos): at 0 degrees u is x and v is y; at 90 degrees u is -y and v is
    x. This is the sense of `scipy.ndimage.rotate(volume, angle, axes=(0, 1))`.
    """
    radians = np.radians(np.atleast_1d(np.asarray(angles, dtype=np.float64)))
    table = np.stack([np.cos(radians), np.sin(radians)], axis=1)
    right = np.isclose(np.abs(table), 1.0, rtol=0, atol=1e-12).any(axis=1)
    table[right] = np.round(table[right])
    return table
