"""Measures of `benchmarks/phantoms_and_trees.py` on arteries whose measures are known."""

import sys

import numpy as np
import pytest
from angiovox.vessels.graph import Arteries
from conftest import ROOT

sys.path.append(str(ROOT / "benchmarks"))

import phantoms_and_trees_classifier as classifier
import phantoms_and_trees_measures as measures


def arteries(*courses: np.ndarray, joined: bool = False, radius: float = 1.0) -> Arteries:
    """Arteries along courses (n, 3); joined ones begin at the first's last point."""
    points, segments, count = [], [], 0
    for number, course in enumerate(courses):
        numbers = count + np.arange(len(course))
        if joined and number:
            numbers = np.concatenate([[len(courses[0]) - 1], numbers[1:] - 1])
            course = course[1:]
        points.append(course)
        segments.append(np.stack([numbers[:-1], numbers[1:]], axis=1))
        count += len(course)
    segments = np.concatenate(segments)
    points = np.concatenate(points)
    full = np.ones(len(points))
    return Arteries(points, radius * full, full, segments, np.zeros(len(segments), int), ("one",))


def line(start: list[float], end: list[float]) -> np.ndarray:
    return np.linspace(start, end, 81)


def test_direction_is_the_share_of_length_near_an_axis():
    crossed = arteries(line([-10, 0, 0], [10, 0, 0]), line([0, -5, 5], [0, 5, 5]))
    found = measures._directions(crossed)
    assert found["left-right, all"] == pytest.approx(2 / 3)
    assert found["front-back, thick"] == pytest.approx(1 / 3)
    assert found["up-down, all"] == 0
    assert np.isnan(found["up-down, thin"])


def test_a_circle_has_its_curvature_and_no_torsion():
    turn = np.linspace(0, 1.8 * np.pi, 400)
    circle = 10 * np.stack([np.cos(turn), np.sin(turn), 0 * turn], axis=1)
    found = measures._curvature([measures._course(circle, np.ones(400))])
    assert found["curvature, median, 1/mm"] == pytest.approx(0.1, rel=0.03)
    assert found["torsion, median, 1/mm"] == pytest.approx(0, abs=1e-3)


def test_bends_stand_in_the_band_of_their_wavelength():
    far = np.linspace(-20, 20, 400)
    wave = np.stack([far, np.sin(2 * np.pi * far / 11), 0 * far], axis=1)
    short, middle, long = list(
        measures._wavelengths([measures._course(wave, np.ones(400))]).values()
    )[:3]
    assert middle > 4 * max(short, long)


def test_daughters_part_by_their_angle_and_go_on_as_one_course():
    fork = arteries(
        line([0, 0, -20], [0, 0, 0]),
        line([0, 0, 0], [15, 0, 0]),
        line([0, 0, 0], [0, 0, 15]),
        joined=True,
    )
    found = measures._branching(fork)
    assert found["angle between daughters, degrees"] == pytest.approx(90)
    assert (found["forks"], found["tips and ends"]) == (1, 3)
    lengths = [measures.along(points)[-1] for points, _ in measures._courses(fork)]
    assert sorted(lengths) == pytest.approx([15, 35])


@pytest.mark.parametrize(
    ("other", "parallel", "crossing"),
    [(([-10, 2, 0], [10, 2, 0]), 1, 0), (([0, -10, 2], [0, 10, 2]), 0, 1)],
)
def test_neighbours_are_told_by_their_angle(other, parallel, crossing):
    found = measures._neighbours(arteries(line([-10, 0, 0], [10, 0, 0]), line(*other)))
    assert found["of them parallel (30 degrees)"] == pytest.approx(100 / 40 * parallel)
    assert found["of them crossing (60 degrees)"] == pytest.approx(100 / 40 * crossing)


def test_what_is_joined_is_no_neighbour():
    bent = arteries(line([-6, 0, 0], [0, 0, 0]), line([0, 0, 0], [0, 6, 0]), joined=True)
    assert measures._neighbours(bent)["pairs nearer than 3 mm, per 100 mm"] == 0


def test_accuracy_counts_people_and_not_cubes():
    is_tree = np.array([True] * 4 + [False] * 2)
    person = np.array([0, 0, 1, 1, 0, 1])
    told = classifier.Told(np.array([1.0, -1, 1, 1, -1, -1]), is_tree, person).row()
    assert told["balanced_accuracy"] == pytest.approx((0.75 + 1) / 2)
    assert told["auc"] == pytest.approx(0.875)
    assert told["low"] < told["balanced_accuracy"] < told["high"]


def test_nobody_is_in_training_and_in_test():
    person = np.arange(40) % 20
    shared = []

    def predict(train: np.ndarray, test: np.ndarray) -> np.ndarray:
        shared.extend(set(person[train]) & set(person[test]))
        return np.zeros(len(test))

    classifier.tell(predict, np.arange(40) < 20, person)
    assert shared == []
