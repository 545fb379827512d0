"""Scores of a trial: what is perfect, what is worse, and what is no artery at all."""

import numpy as np
import pytest
from angiovox.angiograms.alignment import Truth
from angiovox.angiograms.trial_scores import lesion_rows, scores, spurious_parts
from angiovox.geometry.grid import Grid
from angiovox.metrics.lesions import Sphere
from angiovox.phantoms.lesion_placement import Lesion
from angiovox.vessels.graph import Arteries
from angiovox.vessels.voxelize import occupancy

GRID = Grid((64, 64, 64), (0.5, 0.5, 0.5))
RADIUS = 1.5


def tube(radius=RADIUS, shift=(0.0, 0.0, 0.0)):
    """A bent tube, in mm from the middle of the grid."""
    points = np.array([[-12.0, -6.0, -10.0], [0.0, 0.0, 0.0], [11.0, -3.0, 10.0]]) + shift
    radii = np.full(3, radius)
    return Arteries(
        points, radii, np.ones(3), np.array([[0, 1], [1, 2]]), np.zeros(2, dtype=int), ("tube",)
    )


def mask(arteries):
    return occupancy(arteries, GRID.shape, 0.5)[0] >= 0.5


LESIONS = (
    Lesion("aneurysm", "fork", "tube", (0.0, 0.0, 0.0), {"size_mm": 4.0, "neck_mm": 2.0}),
    Lesion("stenosis", "tube", "tube", (11.0, -3.0, 10.0), {"degree": 0.6, "length_mm": 3.0}),
)
SPHERES = tuple(
    Sphere(tuple(GRID.to_index(np.array(one.position))), size / 2)
    for one, size in zip(LESIONS, (4.0, 3.0), strict=True)
)


@pytest.fixture(scope="module")
def truth():
    share, _ = occupancy(tube(), GRID.shape, 0.5)
    return Truth(share, tube(), LESIONS, SPHERES, GRID, np.zeros(6))


def test_a_perfect_result_scores_one_without_spurious_parts(truth):
    found = scores(truth.mask, truth)
    for name in ("dice", "precision", "recall", "cldice", "nsd_1mm", "centreline_recall"):
        assert found[name] == 1, name
    for name in ("missed", "hd95_mm", "assd_mm", "spurious_parts", "spurious_mm3"):
        assert found[name] == 0, name
    assert found["radius_error_mm"] < 0.1
    assert found["radius_error_share"] < 0.1


def test_the_further_a_result_is_shifted_the_lower_it_scores(truth):
    found = [scores(mask(tube(shift=(0.0, mm, 0.0))), truth) for mm in (0.0, 0.5, 1.0, 2.0)]
    assert (np.diff([one["dice"] for one in found]) < 0).all()
    assert (np.diff([one["assd_mm"] for one in found]) > 0).all()
    assert (np.diff([one["missed"] for one in found]) > 0).all()
    assert found[2]["hd95_mm"] == pytest.approx(1.0, abs=0.3)


@pytest.mark.parametrize("radius", [1.0, 2.0])
def test_radii_are_compared_with_those_of_the_arteries(truth, radius):
    found = scores(mask(tube(radius)), truth)
    assert found["radius_bias_mm"] == pytest.approx(radius - RADIUS, abs=0.1)
    assert found["radius_error_mm"] == pytest.approx(abs(radius - RADIUS), abs=0.1)
    assert found["radius_error_share"] == pytest.approx(abs(radius - RADIUS) / RADIUS, abs=0.1)


def test_half_of_the_arteries_is_half_of_the_centreline(truth):
    half = truth.mask.copy()
    half[32:] = False
    found = scores(half, truth)
    assert found["centreline_recall"] == pytest.approx(0.52, abs=0.1)
    assert found["missed"] == pytest.approx(1 - found["recall"])
    assert found["precision"] == 1


def test_nothing_found_has_no_distances(truth):
    found = scores(np.zeros(GRID.shape, bool), truth)
    assert found["dice"] == found["centreline_recall"] == 0
    assert found["missed"] == 1
    assert not {"hd95_mm", "assd_mm", "radius_error_mm"} & set(found)


def test_parts_that_touch_no_artery_are_counted_from_10_mm3_on(truth):
    found = truth.mask.copy()
    found[2:7, 2:7, 50:55] = True  # 125 voxels of 1/8 mm³
    found[50:52, 50:52, 2:4] = True  # 8
    parts = spurious_parts(found, truth.mask, 0.125)
    assert parts == {"spurious_parts": 1, "spurious_mm3": 133 * 0.125}


def test_what_hangs_on_an_artery_is_not_spurious(truth):
    found = truth.mask.copy()
    x, y, z = np.argwhere(found)[0]
    found[x, y:, z] = True
    assert spurious_parts(found, truth.mask, 1.0)["spurious_parts"] == 0


def test_each_lesion_is_looked_for_where_it_lies(truth):
    whole = lesion_rows(truth.mask, truth)
    assert [row["kind"] for row in whole] == ["aneurysm", "stenosis"]
    assert [row["size_mm"] for row in whole] == [4.0, 3.0]
    assert [row["found"] for row in whole] == [1.0, 1.0]
    assert whole[0]["degree"] is None
    assert whole[1]["degree"] == 0.6
    half = truth.mask.copy()
    half[44:] = False  # without the end where the stenosis is
    assert [row["found"] for row in lesion_rows(half, truth)] == [1.0, 0.0]
