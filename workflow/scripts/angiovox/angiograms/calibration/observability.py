"""What of a pose views can tell, in the terms of a C-arm."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from ...geometry.views import Views
from .refinement import Prior

# Angles are positive to LAO and cranial, the roll by the right-hand rule about the way from the
# detector to the source; shifts of the C-arm are along the detector's u, to the source, along v.
PARAMETERS = (
    "primary_deg", "secondary_deg", "roll_deg", "shift_u_mm", "shift_depth_mm", "shift_v_mm",
)  # fmt: skip
UP = np.array([0.0, 0.0, 1.0])


def c_arm_motion(views: Views, poses: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """Poses (views, 6) from the header as changes (views, 6) of `PARAMETERS`, to first order.

    centre : (3,) mm, where shifts are told.
    """
    turns = Rotation.from_rotvec(poses[:, :3]).as_matrix()
    shifts = turns @ centre + poses[:, 3:] - centre
    vectors = np.concatenate([poses[:, :3], shifts], axis=1)
    return np.einsum("vpq,vq->vp", _from_pose(views), vectors)


def determined_share(views: Views, hessian: np.ndarray, prior: Prior) -> np.ndarray:
    """Share (views, 6) of the variance of `PARAMETERS` that data removed.

    A view is compared with the mean of all others, as motion of all together is never seen.

    hessian : (6 views, 6 views) of the data, in the prior's standard deviations.
    """
    count = len(views)
    if count < 2:
        return np.zeros((count, 6))
    posterior = np.linalg.inv(hessian + np.eye(6 * count))
    shares = np.empty((count, 6))
    for view, to_parameters in enumerate(_from_pose(views)):
        against = np.full(count, -1 / (count - 1))
        against[view] = 1
        change = to_parameters @ np.kron(against, np.diag(prior.sizes))
        after = np.einsum("pq,qr,pr->p", change, posterior, change)
        shares[view] = 1 - after / (change**2).sum(axis=1)
    return np.clip(shares, 0, 1)


def _from_pose(views: Views) -> np.ndarray:
    """Matrices (views, 6, 6) from a rotation vector (radians) and a shift to `PARAMETERS`."""
    u, v = (axes / np.linalg.norm(axes, axis=1, keepdims=True) for axes in (views.u, views.v))
    to_source = np.cross(v, u)
    matrices = np.zeros((len(views), 6, 6))
    # The primary angle turns about z, the secondary against u, the roll about the central ray.
    turns = np.stack([np.broadcast_to(UP, u.shape), -u, to_source], axis=2)
    matrices[:, :3, :3] = np.degrees(np.linalg.pinv(turns))
    matrices[:, 3:, 3:] = np.stack([u, to_source, v], axis=1)
    return matrices
