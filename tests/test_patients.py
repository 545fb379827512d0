"""Patients read from disk give a method what it asked for, and no more."""

import numpy as np
import pytest
from angiovox import files
from angiovox.geometry import projection_angles, view_indices
from angiovox.patients import StoredPatients

NUM_PROJECTIONS = 10
AFFINE = np.diag([-1.0, -1.0, 1.0, 1.0])


@pytest.fixture
def stored(tmp_path):
    """Paths of two patients' projections, sums and masks, with the arrays in them."""
    rng = np.random.default_rng(0)
    arrays = {"projections": [], "sum": [], "masks": []}
    paths = {kind: [] for kind in arrays}
    for number in range(2):
        own = {
            "projections": rng.random((NUM_PROJECTIONS, 4, 5), dtype=np.float32),
            "sum": rng.random((4, 4, 5), dtype=np.float32),
            "masks": rng.random((4, 4, 5)) > 0.5,
        }
        for kind, array in own.items():
            arrays[kind].append(array)
            paths[kind].append(str(tmp_path / f"{kind}-{number}.nii"))
            files.save_volume(paths[kind][-1], array, AFFINE)
    return arrays, paths


def test_projections_and_angles_are_those_of_the_view_count(stored):
    arrays, paths = stored
    patients = StoredPatients({"projections": paths["projections"]}, NUM_PROJECTIONS, views=3)
    chosen = view_indices(NUM_PROJECTIONS, 3)
    for index, whole in enumerate(arrays["projections"]):
        views, _ = patients[index]
        np.testing.assert_array_equal(views.inputs["projections"], whole[chosen])
        np.testing.assert_array_equal(views.angles, projection_angles(NUM_PROJECTIONS)[chosen])


def test_only_what_was_asked_for_is_there(stored):
    arrays, paths = stored
    views, _ = StoredPatients({"sum": paths["sum"]}, NUM_PROJECTIONS, views=2)[1]
    assert list(views.inputs) == ["sum"]
    np.testing.assert_array_equal(views.inputs["sum"], arrays["sum"][1])


def test_a_mask_comes_only_where_its_path_was_given(stored):
    arrays, paths = stored
    blind = StoredPatients({"sum": paths["sum"]}, NUM_PROJECTIONS, 2)
    seeing = StoredPatients({"sum": paths["sum"]}, NUM_PROJECTIONS, 2, paths["masks"])
    assert blind[0][1] is None
    np.testing.assert_array_equal(seeing[0][1], arrays["masks"][0])


def test_patients_can_be_counted_and_run_out(stored):
    patients = StoredPatients({"sum": stored[1]["sum"]}, NUM_PROJECTIONS, 2)
    assert len(patients) == len(list(patients)) == 2
    for index in (-1, 2):
        with pytest.raises(IndexError):
            patients[index]
