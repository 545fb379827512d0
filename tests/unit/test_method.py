"""What a method may give back."""

import numpy as np
import pytest
from angiovox.errors import InputError
from angiovox.method import (
    Centreline,
    Context,
    Measurement,
    Method,
    Needs,
    Reconstruction,
    reconstruct,
)

SHAPE = (4, 5, 6)
MEASUREMENT = Measurement(np.array([0.0, 90.0]), {"sum": np.zeros(SHAPE, np.float32)})
TRIANGLE = np.eye(3), np.array([[0, 1, 2]])
LINE = {"points": np.eye(3), "radii": np.ones(3), "segments": np.array([[0, 1], [1, 2]])}


class Fixed(Method):
    """Gives back what it is made with."""

    name = title = family = reference = "fixed"
    needs = Needs(inputs=("sum",))
    Settings = Reconstruction

    def fit(self, patients, context):
        return {}, []

    def reconstruct(self, state, measurement, context):
        return self.settings


def given(probability, surface=None, centreline=None):
    """What the study makes of a reconstruction."""
    method = Fixed(Reconstruction(probability, surface, centreline))
    return reconstruct(method, "anna", {}, MEASUREMENT, Context())


def test_probabilities_become_float32_and_a_surface_stays():
    found = given(np.full(SHAPE, 0.5), TRIANGLE)
    assert found.probability.dtype == np.float32 and found.surface is TRIANGLE


@pytest.mark.parametrize(
    ("probability", "words"),
    [
        (np.zeros((4, 5)), r"shape \(4, 5\), expected \(4, 5, 6\)"),
        (np.full(SHAPE, np.nan), r"nan to nan, expected \[0, 1\]"),
        (np.full(SHAPE, 1.5), "from 1.5 to 1.5"),
    ],
)
def test_what_is_no_probability_is_refused_with_the_patient(probability, words):
    with pytest.raises(InputError, match=f"^patient anna: .*{words}"):
        given(probability)


@pytest.mark.parametrize(
    ("surface", "words"),
    [
        ((np.eye(2), TRIANGLE[1]), r"\(2, 2\) and \(1, 3\)"),
        ((TRIANGLE[0], np.array([0, 1, 2])), r"\(3, 3\) and \(3,\)"),
        ((TRIANGLE[0] * np.nan, TRIANGLE[1]), "NaN"),
        ((TRIANGLE[0], np.array([[0, 1, 3]])), "vertices it lacks"),
        ((TRIANGLE[0], np.array([[-1, 0, 1]])), "vertices it lacks"),
    ],
)
def test_what_is_no_surface_is_refused_with_the_patient(surface, words):
    with pytest.raises(InputError, match=f"^patient anna: .*{words}"):
        given(np.zeros(SHAPE), surface)


def test_a_centreline_stays():
    line = Centreline(**LINE)
    assert given(np.zeros(SHAPE), centreline=line).centreline is line


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"points": np.eye(2)}, "a centreline of"),
        ({"segments": np.array([[0, 1, 2]])}, r"\(3, 3\) and \(1, 3\)"),
        ({"segments": np.array([[0, 3]])}, "segments of points it lacks"),
        ({"points": np.eye(3) * np.nan}, "points that are NaN"),
        ({"radii": np.ones(2)}, "radii"),
        ({"radii": np.array([1.0, 0, 1])}, "radii"),
        ({"radii": np.array([1.0, np.nan, 1])}, "radii"),
    ],
)
def test_what_is_no_centreline_is_refused_with_the_patient(change, words):
    with pytest.raises(InputError, match=f"^patient anna: .*{words}"):
        given(np.zeros(SHAPE), centreline=Centreline(**(LINE | change)))
