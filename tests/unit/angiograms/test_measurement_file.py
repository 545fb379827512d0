"""Angiograms are the same once written and read again."""

from dataclasses import replace

import numpy as np
import pytest
from angiovox.angiograms import measurement_file
from angiovox.angiograms.measurement import Angiograms
from angiovox.angiograms.phases import PHASES
from angiovox.errors import CorruptFileError
from angiovox.geometry.cone_beam import CArm


@pytest.fixture
def angiograms():
    random = np.random.default_rng(3)
    arms = (CArm(1200, 785, (9, 7), (0.5, 0.6), (1.0, -2.0)), CArm(1100, 760, (9, 7), (0.4, 0.4)))
    views = arms[0].views([0.0, 90.0], [20.0, 0.0])
    return Angiograms(
        line_integrals=random.normal(size=views.shape).astype(np.float32),
        measured=random.random(views.shape) < 0.9,
        noise=np.array([0.01, 0.02]),
        views=views.moved(random.normal(0, 0.01, (2, 6))),
        angles=np.array([[0.0, 20.0], [90.0, 0.0]]),
        arms=arms,
        labels=("AP, CRA 20", "LAO 90"),
        warnings=("the filling may have changed",),
        phases=random.normal(size=(2, PHASES, *views.detector)).astype(np.float32),
    )


def test_everything_comes_back(angiograms, tmp_path):
    header = angiograms.arms[0].views([0.0, 90.0], [20.0, 0.0])
    measurement_file.save(tmp_path / "m.npz", angiograms, header, np.array([0.04, 0.05]))
    again, again_header, contrast = measurement_file.load(tmp_path / "m.npz")
    for name in (*measurement_file.ARRAYS, "phases"):
        before, after = getattr(angiograms, name), getattr(again, name)
        assert before.dtype == after.dtype and np.array_equal(before, after), name
    assert again.views.as_dict() == angiograms.views.as_dict()
    assert again_header.as_dict() == header.as_dict() != again.views.as_dict()
    assert (again.arms, again.labels, again.warnings) == (
        angiograms.arms,
        angiograms.labels,
        angiograms.warnings,
    )
    assert contrast.tolist() == [0.04, 0.05]


def test_phases_that_are_not_known_stay_so(angiograms, tmp_path):
    unknown = replace(angiograms, phases=None)
    measurement_file.save(tmp_path / "m.npz", unknown, unknown.views, unknown.noise)
    assert measurement_file.load(tmp_path / "m.npz")[0].phases is None


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_file_that_was_cut_short_is_refused_in_a_sentence(angiograms, tmp_path, share):
    path = tmp_path / "m.npz"
    measurement_file.save(path, angiograms, angiograms.views, angiograms.noise)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(CorruptFileError, match=r"m\.npz"):
        measurement_file.load(path)


def test_a_file_that_is_missing_is_no_corrupt_one(tmp_path):
    with pytest.raises(FileNotFoundError):
        measurement_file.load(tmp_path / "gone.npz")
