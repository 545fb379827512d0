"""Views from points and textures of the visual hull, from volumes, and from the nearest view."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from angiovox.errors import InputError, TrainingInterrupted
from angiovox.geometry.imaging import Imaging
from angiovox.method import Context, Measurement, never
from angiovox.projectors.mip import project_max
from angiovox.view_prediction.predictor import ViewPredictor, predict
from angiovox.view_prediction.registry import PREDICTORS
from angiovox.view_prediction.scores import view_scores
from angiovox.view_prediction.volume_rendering import rendered

pytestmark = pytest.mark.usefixtures("one_thread")

EDGE, FIVE, WANTED = 16, np.linspace(0, 90, 5), np.array([10.0, 60.0])
QUICK = {
    "nearest_view": {},
    "grey_hull": {},
    "deferred_neural_rendering": {
        "steps": 5,
        "texture_rate": 0.05,
        "learning_rate": 0.005,
        "features": 12,
        "levels": 2,
        "channels": 4,
    },
    "npbg": {"epochs": 2, "steps": 5, "learning_rate": 0.005, "descriptors": 4, "channels": 4},
    "npbg_plus_plus": {
        "epochs": 2,
        "learning_rate": 0.005,
        "features": 4,
        "channels": 4,
        "encoder": 4,
    },
}
FITTED = ("deferred_neural_rendering", "npbg")  # to a patient
TRAINED = ("npbg", "npbg_plus_plus")  # on others
RUNS = {"first": 1, "again": 1, "other": 2}


def bars(seed):
    """Two crossed bars, and a little noise."""
    rng = np.random.default_rng(seed)
    x, y, z = rng.integers(2, EDGE - 5, 3)
    volume = rng.uniform(0, 0.05, 3 * (EDGE,)).astype(np.float32)
    volume[x : x + 3, y : y + 3] = volume[:, y : y + 3, z : z + 3] = 1
    return volume


def example(seed, angles=FIVE, wanted=WANTED):
    """Given and wanted views of a volume, in units of their own."""
    of_angles = (Measurement(a, {"projections": 300 * project_max(bars(seed), a)}) for a in
                 (angles, wanted))  # fmt: skip
    return tuple(of_angles)


def made(name, **settings):
    kind = PREDICTORS[name]
    return kind(kind.Settings(**(QUICK[name] | settings)))


def trained(name, folder, seeds=(1, 2, 3), seed=1, stopping=never, **settings):
    context = Context(seed, "cpu", folder / "training.pt", {}, str, stopping)
    return made(name, **settings).fit([example(one) for one in seeds], context)[0]


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """States of all predictors, after as little training as there is."""
    folders = {name: tmp_path_factory.mktemp(name) for name in QUICK}
    return {name: trained(name, folder, epochs=1) if name in TRAINED else {}
            for name, folder in folders.items()}  # fmt: skip


def views(name, state, given, wanted, seed=1, **settings):
    return predict(made(name, **settings), "one", state, given, wanted, Context(seed))


def error(found, wanted):
    return np.abs(found - wanted.inputs["projections"]).mean()


# What every predictor has to do


@pytest.mark.parametrize("name", QUICK)
def test_a_view_has_the_shape_and_the_unit_of_those_given(models, name):
    given, wanted = example(7)
    found = views(name, models[name], given, wanted)
    assert (found.shape, found.dtype) == ((2, EDGE, EDGE), np.float32)
    shifted = replace(given, inputs={"projections": 2 * given.inputs["projections"] - 1024})
    again = views(name, models[name], shifted, wanted)
    np.testing.assert_allclose(again, 2 * found - 1024, atol=1.0)


@pytest.mark.parametrize("name", QUICK)
def test_the_wanted_projections_are_not_seen(models, name):
    given, wanted = example(7)
    other = replace(wanted, inputs={"projections": 5 * wanted.inputs["projections"]})
    found = [views(name, models[name], given, one) for one in (wanted, other)]
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("name", FITTED)
def test_a_seed_repeats_itself_and_another_one_differs(models, name):
    given, wanted = example(7)
    found = {run: views(name, models[name], given, wanted, seed) for run, seed in RUNS.items()}
    np.testing.assert_array_equal(found["first"], found["again"])
    if name == "deferred_neural_rendering":  # that starts from random weights
        assert np.abs(found["first"] - found["other"]).max() > 0


@pytest.mark.parametrize("name", TRAINED)
def test_a_training_repeats_itself_and_another_seed_differs(name, tmp_path):
    first, again, other = (
        trained(name, tmp_path / run, (1, 2), seed, epochs=1) for run, seed in RUNS.items()
    )
    (part,) = first
    equal = [
        all(torch.equal(first[part][k], one[part][k]) for k in first[part])
        for one in (again, other)
    ]
    assert equal == [True, False]


@pytest.mark.parametrize("name", [*FITTED, "npbg_plus_plus", "grey_hull"])
def test_line_integrals_are_refused(models, name):
    given, wanted = example(7)
    imaging = Imaging(EDGE, 5, kind="line_integral", beam="cone")
    with pytest.raises(InputError, match=f"{name} predicts maxima.*line_integral in a cone"):
        views(name, models[name], replace(given, imaging=imaging), wanted)


@pytest.mark.parametrize(
    ("name", "wrong", "message"),
    [
        ("deferred_neural_rendering", {"features": 11}, "features: 11"),
        ("deferred_neural_rendering", {"steps": 1.5}, "steps: 1.5"),
        ("npbg", {"descriptors": 8}, "descriptors: 8 must be fewer than twice the channels, 4"),
        (
            "npbg",
            {"schedule": "one-cycle"},
            "'one-cycle' must be one of constant, linear",
        ),
        ("npbg_plus_plus", {"features": 7}, "features: 7 and 1 must be fewer"),
        ("npbg_plus_plus", {"level": 0}, "level"),
    ],
)
def test_settings_out_of_range_are_refused(name, wrong, message):
    with pytest.raises(ValueError, match=message):
        made(name, **wrong)


@pytest.mark.parametrize("name", [*FITTED, "npbg_plus_plus", "grey_hull"])
def test_views_that_share_no_point_have_an_empty_hull_and_still_a_prediction(models, name):
    images = np.zeros((2, EDGE, EDGE), np.float32)
    images[0, 4:8, 2:5] = images[1, 4:8, 9:12] = 1  # at other heights
    given = Measurement(np.array([0.0, 90.0]), {"projections": images})
    found = views(name, models[name], given, Measurement(WANTED, {}))
    assert found.shape == (2, EDGE, EDGE)
    if name == "grey_hull":
        assert not found.any()


# Fitted to a patient


@pytest.mark.parametrize("name", FITTED)
def test_a_fit_brings_the_given_views_nearer(models, name):
    given, _ = example(7)
    before, after = (
        error(views(name, models[name], given, given, steps=steps), given) for steps in (0, 40)
    )
    assert after < 0.5 * before


@pytest.mark.parametrize("name", FITTED)
def test_a_stopped_fit_goes_on_as_if_it_had_never_stopped(models, name, tmp_path):
    given, wanted = example(7)
    asked = iter([False] * 3 + [True])
    context = Context(1, "cpu", tmp_path / "fit.pt", {}, str, lambda: next(asked))
    run = made(name), "one", models[name], given, wanted
    with pytest.raises(TrainingInterrupted, match="after 3 of 5"):
        predict(*run, context)
    resumed = predict(*run, replace(context, stopping=never))
    np.testing.assert_array_equal(resumed, views(name, models[name], given, wanted))


def test_more_views_than_go_into_a_step_are_all_fitted_to(models):
    """Single views are drawn by chance; after enough of them all are nearer."""
    given, _ = example(7)
    for name in FITTED:
        before, after = (
            views(name, models[name], given, given, images=1, steps=steps) for steps in (0, 40)
        )
        truth = given.inputs["projections"]
        apart = [np.abs(found - truth).mean(axis=(1, 2)) for found in (before, after)]
        assert (apart[1] < apart[0]).all()


# Trained on others


def test_a_stopped_pretraining_goes_on_as_if_it_had_never_stopped(tmp_path):
    whole = trained("npbg", tmp_path / "whole")["renderer"]
    asked = iter([False] * 4 + [True])
    with pytest.raises(TrainingInterrupted):
        trained("npbg", tmp_path / "parts", stopping=lambda: next(asked))
    resumed = trained("npbg", tmp_path / "parts")["renderer"]
    assert all(torch.equal(whole[key], resumed[key]) for key in whole)


def test_npbg_plus_plus_learns_one_patient_by_heart(tmp_path):
    given, wanted = example(1)
    before, after = (
        trained("npbg_plus_plus", tmp_path / str(epochs), seeds=(1,), epochs=epochs)
        for epochs in (1, 40)
    )
    errors = [error(views("npbg_plus_plus", one, given, wanted), wanted) for one in (before, after)]
    assert errors[1] < 0.5 * errors[0]


def test_npbg_plus_plus_takes_any_number_of_views_in_any_order(models):
    given, wanted = example(7)
    order = np.array([3, 0, 4, 1, 2])
    mixed = Measurement(FIVE[order], {"projections": given.inputs["projections"][order]})
    run = "npbg_plus_plus", models["npbg_plus_plus"]
    found = views(*run, given, wanted)
    np.testing.assert_allclose(views(*run, mixed, wanted), found, atol=0.05)
    fewer, _ = example(7, FIVE[[0, 4]])
    assert np.abs(views(*run, fewer, wanted) - found).max() > 0.1


# Opponents


class OfVolume(ViewPredictor):
    """Projects a volume that it is told."""

    name = title = reference = "of_volume"

    def fit(self, examples, context):
        return {}, []

    def predict(self, state, given, wanted, context):
        return project_max(self.settings, wanted.angles)


def test_views_of_the_true_volume_are_exact():
    volume = 300 * bars(7)
    given, wanted = (
        Measurement(a, {"projections": project_max(volume, a)}) for a in (FIVE, WANTED)
    )
    found = predict(OfVolume(volume), "one", {}, given, wanted, Context())
    for image, truth in zip(found, wanted.inputs["projections"], strict=True):
        assert view_scores(image, truth, 300.0, 150.0) == {"psnr": np.inf, "ssim": 1, "dice": 1}


def test_probabilities_are_shown_as_bright_as_the_given_views():
    given, wanted = example(7)
    np.testing.assert_allclose(
        rendered(bars(7) / 2 + 0.25, given, wanted), wanted.inputs["projections"], atol=0.01
    )
    empty = rendered(np.zeros(3 * (EDGE,), np.float32), given, wanted)
    np.testing.assert_allclose(empty, given.inputs["projections"].mean(), rtol=1e-5)


def test_the_nearest_view_is_repeated():
    given, wanted = example(7, wanted=np.array([10.0, 12.0, 44.0, 359.0]))
    found = views("nearest_view", {}, given, wanted)
    np.testing.assert_array_equal(found, given.inputs["projections"][[0, 1, 2, 0]])


def test_the_grey_hull_has_the_given_views_and_bounds_the_others():
    _, wanted = example(7)
    at_right_angles, _ = example(7, np.array([0.0, 90.0]))
    found = views("grey_hull", {}, at_right_angles, at_right_angles)
    np.testing.assert_allclose(found, at_right_angles.inputs["projections"], rtol=1e-5)
    bound = views("grey_hull", {}, at_right_angles, wanted)
    assert (bound > 0.9 * wanted.inputs["projections"]).all()  # what interpolation takes off


@pytest.mark.parametrize("name", ["nearest_view", "grey_hull", "npbg"])
def test_a_turned_patient_has_the_same_views_from_turned_angles(models, name):
    """A quarter turn: nothing of these knows where the angles begin."""
    given, wanted = example(7)
    turned = [replace(part, angles=part.angles + 90) for part in (given, wanted)]
    how = {"steps": 1} if name == "npbg" else {}
    found = views(name, models[name], given, wanted, **how)
    again = views(name, models[name], *turned, **how)
    np.testing.assert_allclose(again, found, atol=0.05 if how else 1e-3)
