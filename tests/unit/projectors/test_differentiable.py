"""The line integral that gradients flow through to the volume."""

import numpy as np
import pytest
import torch
from angiovox.geometry.cone_beam import CArm
from angiovox.geometry.grid import Grid
from angiovox.projectors import torch_line_integral
from angiovox.projectors.differentiable import line_integral

GRID = Grid((9, 8, 7), (1.0, 1.1, 1.2))
VIEWS = CArm(1200, 800, (14, 12), (1.5, 1.5)).views([0, 70], [10, -25])


def volume(dtype=torch.float64):
    return torch.from_numpy(np.random.default_rng(0).random(GRID.shape)).to(dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_equals_that_of_torch(dtype):
    found = line_integral(volume(dtype), GRID, VIEWS)
    expected = torch_line_integral.line_integral(volume(dtype), GRID, VIEWS)
    assert found.dtype == dtype
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


def test_gradients_equal_finite_differences():
    given = volume().requires_grad_()
    assert torch.autograd.gradcheck(lambda v: line_integral(v, GRID, VIEWS), (given,))


def test_a_volume_of_another_shape_is_refused():
    with pytest.raises(ValueError, match="shape"):
        line_integral(torch.zeros(3, 3, 3), GRID, VIEWS)
