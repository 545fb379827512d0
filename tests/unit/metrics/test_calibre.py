"""Radius by calibre, and lesions: tubes and spheres whose size is known."""

import numpy as np
import pytest
from angiovox.geometry.affine import LPS_TO_RAS, isotropic_affine
from angiovox.metrics.calibre import CLASSES, calibre_scores
from angiovox.metrics.lesions import Sphere, lesion_scores, placed
from angiovox.phantoms.acquisition import Acquisition
from angiovox.phantoms.ground_truth import write_lesions
from angiovox.phantoms.lesion_placement import Lesion
from angiovox.vessels.radii import radii
from angiovox.vessels.skeleton import centreline

CUBIC = np.ones(3)


def tube(radius, length=40, edge=31, centre=(15.0, 15.0)):
    x, y = np.indices((edge, edge))
    disc = np.hypot(x - centre[0], y - centre[1]) <= radius
    mask = np.zeros((edge, edge, length + 4), dtype=bool)
    mask[:, :, 2:-2] = disc[:, :, None]
    return mask


def scores(found, truth, voxel_mm=CUBIC):
    lines = tuple(centreline(mask) for mask in (found, truth))
    sizes = tuple(
        radii(mask, line, voxel_mm) for mask, line in zip((found, truth), lines, strict=True)
    )
    return calibre_scores(lines, sizes, voxel_mm)


def test_the_truth_itself_has_no_error_and_full_recall():
    values = scores(tube(4), tube(4), 0.3 * CUBIC)
    assert values["radius_error_medium_mm"] == 0 and values["centreline_recall_medium"] == 1


def test_a_tube_twice_as_wide_is_off_by_its_radius():
    found = scores(tube(8), tube(4))
    assert found["radius_error_thick_mm"] == pytest.approx(4, abs=0.8)
    assert found["centreline_recall_thick"] == 1
    scaled = scores(tube(8), tube(4), 2 * CUBIC)
    assert scaled["radius_error_thick_mm"] == pytest.approx(2 * found["radius_error_thick_mm"])


def test_what_is_missed_has_a_found_radius_of_0():
    truth = tube(4)
    half = truth.copy()
    half[:, :, 22:] = False
    part, nothing = scores(half, truth), scores(np.zeros_like(truth), truth)
    assert nothing["centreline_recall_thick"] == 0
    line = centreline(truth)
    assert nothing["radius_error_thick_mm"] == pytest.approx(radii(truth, line, CUBIC).mean())
    assert 0.4 < part["centreline_recall_thick"] < 0.75
    assert 0 < part["radius_error_thick_mm"] < nothing["radius_error_thick_mm"]


def test_a_tube_beside_the_true_one_is_not_the_true_one():
    """Beyond the true radius and a voxel."""
    truth = tube(2, centre=(8, 15))
    for off, recall in ((0, 1), (2, 1), (7, 0)):
        found = scores(tube(2, centre=(8 + off, 15)), truth)
        assert found["centreline_recall_thick"] == recall


def test_each_artery_counts_in_the_class_of_its_true_calibre():
    edge_mm = 0.5
    truth = tube(0.5, centre=(3, 3)) | tube(2.4, centre=(10, 10)) | tube(5, centre=(22, 22))
    values = scores(truth, truth, edge_mm * CUBIC)
    assert set(values) == {
        f"{kind}{name}{unit}"
        for name in CLASSES
        for kind, unit in (("radius_error_", "_mm"), ("centreline_recall_", ""))
    }
    thin = tube(0.5, centre=(3, 3))
    without = scores(truth & ~thin, truth, edge_mm * CUBIC)
    assert without["centreline_recall_thin"] < 0.2
    assert without["centreline_recall_thick"] == 1


def test_classes_without_a_true_point_have_no_entry():
    assert set(scores(tube(4), tube(0.5))) == {"radius_error_thin_mm", "centreline_recall_thin"}
    assert scores(tube(4), np.zeros_like(tube(4))) == {}


# Lesions


def test_what_the_phantoms_write_lies_where_it_was_planted(tmp_path):
    """LPS millimetres around the isocentre, which is the middle of the grid."""
    import json

    planted = [
        Lesion("aneurysm", "site", "artery", (3.0, -1.5, 6.0), {"size_mm": 5.0, "neck_mm": 2.0}),
        Lesion("stenosis", "site", "artery", (0.0, 0.0, 0.0), {"degree": 0.5, "length_mm": 4.0}),
    ]
    path = tmp_path / "lesions.json"
    nothing = np.zeros((0, 3))
    write_lesions(path, Acquisition(nothing, nothing, None, planted, None))
    affine = isotropic_affine((32, 32, 32), 0.75)
    first, second = placed(json.loads(path.read_text())["lesions"], affine)
    assert second == Sphere((15.5, 15.5, 15.5), 2.0)
    assert first.radius_mm == 2.5
    np.testing.assert_allclose(first.centre, np.array([3, -1.5, 6]) / 0.75 + 15.5)
    there = affine @ [*first.centre, 1]
    np.testing.assert_allclose(LPS_TO_RAS @ there, [3, -1.5, 6, 1])


def test_the_share_found_is_that_of_the_truth_within_the_sphere():
    rng = np.random.default_rng(0)
    truth, found = rng.random((2, 20, 18, 16)) < 0.5
    voxel_mm = np.array([0.5, 0.75, 1.0])
    sphere = Sphere((8.2, 9.1, 6.5), 3.0)
    apart = (np.indices(truth.shape) - np.reshape(sphere.centre, (3, 1, 1, 1))).T * voxel_mm
    inside = (np.linalg.norm(apart, axis=-1) <= 3).T & truth
    share = (inside & found).sum() / inside.sum()
    values = lesion_scores(found, truth, voxel_mm, [sphere])
    assert values == {"lesion_recall": pytest.approx(share), "lesions_found": share >= 0.5}


def test_half_of_a_lesion_is_enough():
    truth = np.ones((9, 9, 9), dtype=bool)
    sphere = [Sphere((4.0, 4.0, 4.0), 2.0)]
    found = truth.copy()
    found[:4] = False
    assert lesion_scores(found, truth, CUBIC, sphere)["lesions_found"] == 1
    found[4] = False
    values = lesion_scores(found, truth, CUBIC, sphere)
    assert values["lesions_found"] == 0 < values["lesion_recall"] < 0.5


def test_lesions_count_alike_and_those_out_of_sight_do_not():
    truth = np.zeros((20, 20, 20), dtype=bool)
    truth[2:5, 2:5, 2:5] = truth[8:18, 8:18, 8:18] = True
    found = truth.copy()
    found[:6] = False
    small, large = Sphere((3.0, 3.0, 3.0), 2.0), Sphere((13.0, 13.0, 13.0), 4.0)
    outside = Sphere((40.0, -9.0, 3.0), 3.0)
    beside = Sphere((3.0, 15.0, 3.0), 2.0)
    values = lesion_scores(found, truth, CUBIC, [small, large, outside, beside])
    assert values == {"lesion_recall": 0.5, "lesions_found": 0.5}
    assert lesion_scores(found, truth, CUBIC, [outside, beside]) == {}
    assert lesion_scores(found, truth, CUBIC, []) == {}
