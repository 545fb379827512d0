"""Places of a volume on its views: what is projected lies where the projectors put it."""

import numpy as np
import pytest
import torch
from angiovox.geometry.cone_beam import study_views
from angiovox.geometry.grid import Grid
from angiovox.geometry.imaging import Imaging
from angiovox.method import Measurement
from angiovox.methods.view_images import (
    evenly_spread,
    images,
    index_matrices,
    projected,
    silhouettes,
)
from angiovox.projectors.mip import project_max

SHAPE = (14, 14, 9)
ANGLES = np.array([0.0, 30.0, 90.0])
GRID = Grid(SHAPE, (0.5, 0.5, 0.5), (1.0, -1.0, 0.0))
ALL = np.arange(len(ANGLES))


def parallel(volume):
    return Measurement(ANGLES, {"projections": project_max(volume, ANGLES)})


def cone(volume):
    views = study_views(ANGLES, GRID, 1200, 785)
    imaging = Imaging(14, 3, "line_integral", "cone")
    kinds = {"projections": np.zeros(views.shape, np.float32)}
    return Measurement(ANGLES, kinds, GRID, imaging=imaging, views=views)


@pytest.mark.parametrize("beam", [parallel, cone])
@pytest.mark.parametrize("place", [(3, 8, 2), (10, 5, 7), (6, 6, 4)])
def test_a_voxels_silhouette_is_about_its_point(beam, place):
    volume = np.zeros(SHAPE, np.float32)
    volume[
        place[0] - 1 : place[0] + 2, place[1] - 1 : place[1] + 2, place[2] - 1 : place[2] + 2
    ] = 1
    known = beam(volume)
    points = projected(
        torch.tensor([place], dtype=torch.float32),
        torch.from_numpy(index_matrices(known, ALL)),
    )[:, 0]
    for shown, point in zip(silhouettes(volume, known, ALL), points.numpy(), strict=True):
        assert shown.any()
        np.testing.assert_allclose(np.argwhere(shown).mean(axis=0), point, atol=0.5)


def test_images_are_scaled_by_the_range_of_all_views_that_were_given():
    stack = np.stack([np.full((4, 3), value, np.float32) for value in (10, 20, 30)])
    known = Measurement(ANGLES, {"projections": stack})
    found = images(known, np.array([0, 1]))
    np.testing.assert_allclose(found[:, 0, 0], [0, 0.5])
    assert found.dtype == np.float32


def test_images_of_line_integrals_are_fractions_of_a_fixed_length():
    known = cone(None)
    known.inputs["projections"][:] = 1e-3
    once = images(known, ALL)
    known.inputs["projections"][0] = 2e-3
    assert images(known, ALL)[1:].mean() == pytest.approx(once[1:].mean())
    assert images(known, ALL)[0].mean() == pytest.approx(2 * once[0].mean())


@pytest.mark.parametrize(
    ("count", "most", "expected"), [(5, 2, [0, 4]), (5, 3, [0, 2, 4]), (2, 6, [0, 1]), (1, 2, [0])]
)
def test_views_are_spread_from_the_first_to_the_last(count, most, expected):
    assert evenly_spread(count, most).tolist() == expected
