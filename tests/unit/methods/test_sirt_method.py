"""SIRT as a method: its support, its threshold, and vessels that it finds."""

import json
from dataclasses import replace

import numpy as np
import pytest
from angiovox.geometry.affine import isotropic_affine
from angiovox.geometry.cone_beam import study_views
from angiovox.geometry.grid import Grid
from angiovox.geometry.imaging import Imaging
from angiovox.io import model_files, nifti
from angiovox.method import Context, Measurement, reconstruct
from angiovox.methods import registry
from angiovox.methods.dataset import PatientDataset
from angiovox.methods.sirt.method import LEFT_OUT, Sirt
from angiovox.metrics.overlap import scores
from angiovox.projectors.attenuation import CONTRAST
from angiovox.projectors.line_integral import line_integral
from angiovox.projectors.voxel_backprojection import back_project

GRID = Grid((32,) * 3, (0.75,) * 3)
BEAM = {"source_detector_mm": 1200, "source_isocentre_mm": 785}
NOISE = 0.01  # of line integrals, of which a vessel's is 0.15


def tubes(seed):
    """Winding tubes of 2 to 4 mm along the three axes."""
    rng = np.random.default_rng(seed)
    x, y, z = np.moveaxis(GRID.to_mm(np.moveaxis(np.indices(GRID.shape), 0, -1)), -1, 0)
    mask = np.zeros(GRID.shape, bool)
    for along, one, other in ((x, y, z), (y, z, x), (z, x, y)):
        phase, place, radius = rng.uniform(0, 6), rng.uniform(-6, 6, 2), rng.uniform(1, 2)
        shift = 2 * np.sin(0.4 * along + phase)
        mask |= np.hypot(one - place[0] - shift, other - place[1]) < radius
    return mask & (np.maximum.reduce(np.abs([x, y, z])) < 10.5)


def patient(seed, views=8, mask=None, strength=1.0):
    """Line integrals of tubes full of contrast, with noise, and their mask."""
    mask = tubes(seed) if mask is None else mask
    angles = np.linspace(-100, 100, views)
    beam = study_views(angles, GRID, **BEAM)
    integrals = line_integral(strength * CONTRAST * mask, GRID, beam).astype(np.float32)
    integrals += np.random.default_rng(seed).normal(0, NOISE, beam.shape).astype(np.float32)
    return Measurement(angles, {"line_integrals": integrals}, GRID, beam), mask


def fitted(patients, **settings):
    method = Sirt(Sirt.Settings(**settings))
    return method, *method.fit(patients, Context())


def iou(method, state, measurement, mask):
    found = reconstruct(method, "p", state, measurement, Context()).probability
    return scores(found, mask)["iou"]


@pytest.fixture(scope="module")
def training():
    return [patient(1), patient(2)]


@pytest.mark.parametrize("support", [True, False])
def test_vessels_of_a_new_patient_are_found(training, support):
    method, state, history = fitted(training, support=support)
    reached = [iou(method, state, *one) for one in training]
    assert [row["iou"] for row in history] == [pytest.approx(np.mean(reached))]
    new = iou(method, state, *patient(3))
    print(f"support {support}: IoU {history[0]['iou']:.3f} in training, {new:.3f} of a new patient")
    assert new > 0.7


def test_more_views_and_more_iterations_find_more(training):
    found = {}
    for views, iterations in ((8, 2), (8, 30), (3, 30)):
        method, state, _ = fitted([patient(1, views), patient(2, views)], iterations=iterations)
        found[views, iterations] = iou(method, state, *patient(3, views))
    assert found[8, 30] > found[8, 2] + 0.05 and found[8, 30] > found[3, 30] + 0.05


def test_the_support_keeps_nearly_all_vessel_of_every_training_patient(training):
    faint = patient(4, strength=0.6)
    level = Sirt().survey([*training, faint])["level"]
    kept = []
    for measurement, mask in (*training, faint):
        geometry = measurement.grid, measurement.cone_beam, "minimum"
        support = back_project(measurement.inputs["line_integrals"], *geometry) >= level
        kept.append(support[mask].mean())
        assert support.mean() < 0.7
    assert 1 - 2 * LEFT_OUT < min(kept) < 1
    assert level < Sirt().survey(training)["level"]


def test_nothing_is_found_outside_of_the_support():
    measurement, _ = patient(3)
    method = Sirt(Sirt.Settings(soft=True, iterations=5))
    for level in (0.02, 0.2, 99.0):
        state = {"level": level, "threshold": 0.3}
        found = method.reconstruct(state, measurement, Context()).probability
        geometry = measurement.grid, measurement.cone_beam, "minimum"
        least = back_project(measurement.inputs["line_integrals"], *geometry)
        assert not found[least < level].any()
    assert not found.any()


def test_the_support_makes_few_iterations_better(training):
    found = []
    for support in (True, False):
        method, state, _ = fitted(training, iterations=5, support=support)
        assert ("level" in state) == support
        found.append(iou(method, state, *patient(3)))
    assert found[0] > found[1]


def test_undiluted_contrast_is_a_score_of_one():
    """So that scores are shares of it, whatever else a patient has."""
    x = np.abs(np.indices(GRID.shape) - 15.5).max(axis=0)
    measurement, mask = patient(1, 12, x < 8)
    score = Sirt(Sirt.Settings(iterations=60)).score({"level": 0.1}, measurement)
    assert score.dtype == np.float32 and score.min() >= 0 and score.max() == 1
    assert score[x < 5].mean() == pytest.approx(1, abs=0.1)
    assert np.median(score[~mask]) < 0.1


def test_patients_without_vessels_do_no_harm(training):
    empty = patient(5, mask=np.zeros(GRID.shape, bool))
    assert Sirt().survey([empty]) == {"level": 0.0}
    assert Sirt().survey([empty, *training]) == Sirt().survey(training)


def test_the_state_is_floats_in_a_file_of_json(training, tmp_path):
    _, state, _ = fitted(training, iterations=2)
    assert set(state) == {"level", "threshold"}
    assert all(type(value) is float for value in state.values())
    model_files.save_model(tmp_path / "model.pt", state)
    assert json.loads((tmp_path / "model.pt").read_bytes().split(b"\nsha256")[0]) == state


def test_a_soft_entry_has_the_mask_of_the_hard_one(training):
    measurement, _ = patient(3)
    soft, state, _ = fitted(training, iterations=3, soft=True)
    graded, binary = (
        one.reconstruct(state, measurement, Context()).probability
        for one in (soft, Sirt(replace(soft.settings, soft=False)))
    )
    np.testing.assert_array_equal(graded >= 0.5, binary == 1)
    assert len(np.unique(graded)) > 10
    assert soft.needs.gives_probabilities and not Sirt().needs.gives_probabilities


@pytest.mark.parametrize("bad", [{"iterations": 0}, {"support": 1}, {"soft": "no"}])
def test_bad_settings_are_refused_by_name(bad):
    (key,) = bad
    with pytest.raises(Exception, match=rf"^methods\.sirt\.{key}: "):
        registry.create("sirt", bad)


def test_it_reads_its_patients_from_the_studys_files(tmp_path):
    """As the jobs `fit` and `reconstruct` do: line integrals of all views, and masks."""
    count, affine = 10, isotropic_affine(GRID.shape, 0.75)
    paths = {"line_integrals": [], "masks": []}
    for seed in (1, 2):
        mask = tubes(seed)
        angles = np.linspace(0, 90, count)
        integrals = line_integral(CONTRAST * mask, GRID, study_views(angles, GRID, **BEAM))
        for kind, array in (("line_integrals", integrals), ("masks", mask)):
            paths[kind].append(str(tmp_path / f"{kind}-{seed}.nii"))
            nifti.save_volume(paths[kind][-1], array, affine)
    method = registry.create("sirt", {"iterations": 8})
    options = {"imaging": Imaging(32, count), "views": [5, 5], "cone_beam": BEAM}
    given = {"line_integrals": paths["line_integrals"]}
    to_fit = PatientDataset.for_method(
        method.needs, given, to_fit=True, masks=paths["masks"], **options
    )
    state, _ = method.fit(to_fit, Context())
    blind, unknown = PatientDataset.for_method(method.needs, given, **options)[0]
    assert unknown is None and iou(method, state, blind, tubes(1)) > 0.5
