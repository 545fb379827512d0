"""The opposite view: the mirrored one in a parallel beam, a new one in a cone beam."""

import numpy as np
import pytest
import torch
from angiovox.geometry.cone_beam import study_views
from angiovox.geometry.grid import Grid
from angiovox.geometry.views import parallel_views
from angiovox.projectors import torch_line_integral
from angiovox.projectors.torch_projectors import project_max, project_sum

ANGLES = np.array([0.0, 17.3, 90.0, 131.9])
PROJECTORS = pytest.mark.parametrize("project", [project_max, project_sum])
GRID = Grid((10, 10, 6), (4.0, 4.0, 4.0))


def volume(shape, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).normal(10, 30, shape)).double()


def mirrored(projections):
    return projections.flip(1)


@PROJECTORS
@pytest.mark.parametrize("shape", [(9, 9, 4), (12, 7, 3)])
def test_in_the_studys_parallel_beam_it_is_the_mirrored_view(project, shape):
    given = volume(shape)
    here, there = project(given, ANGLES), project(given, ANGLES + 180)
    torch.testing.assert_close(there, mirrored(here))
    assert not torch.allclose(there, here)


@PROJECTORS
def test_at_0_and_180_degrees_it_is_so_to_the_bit(project):
    given = volume((8, 8, 5))
    assert torch.equal(project(given, [180.0]), mirrored(project(given, [0.0])))


@pytest.mark.parametrize("kind", ["line_integral", "project_max"])
def test_rays_of_a_parallel_beam_mirror_and_those_of_a_cone_beam_do_not(kind):
    project, given = getattr(torch_line_integral, kind), volume(GRID.shape).abs()
    both = [0.0, 180.0]
    parallel = project(given, GRID, parallel_views(np.array(both), GRID))
    torch.testing.assert_close(parallel[1:], mirrored(parallel[:1]))
    cone = project(given, GRID, study_views(np.array(both), GRID, 300, 150))
    difference = (cone[1:] - mirrored(cone[:1])).abs().max()
    assert difference > 0.1 * cone.abs().max()
