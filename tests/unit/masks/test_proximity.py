"""Near is what a dilation by one voxel holds."""

import numpy as np
from angiovox.geometry.affine import LPS_TO_RAS, isotropic_affine
from angiovox.masks.proximity import is_near
from scipy import ndimage


def test_near_is_what_a_dilation_by_one_voxel_holds():
    rng = np.random.default_rng(0)
    truth, affine = rng.random((9, 8, 7)) < 0.05, isotropic_affine((9, 8, 7), 0.7)
    indices = rng.uniform(-0.5, np.array(truth.shape) - 0.5, (500, 3))
    points = indices @ (LPS_TO_RAS @ affine)[:3, :3].T + (LPS_TO_RAS @ affine)[:3, 3]
    dilated = ndimage.binary_dilation(truth, np.ones((3, 3, 3)))
    expected = dilated[tuple(np.rint(indices).astype(int).clip(0).T)]
    assert 0 < expected.sum() < 500
    np.testing.assert_array_equal(is_near(truth, points, affine), expected)
