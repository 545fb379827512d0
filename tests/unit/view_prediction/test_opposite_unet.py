"""The opposite view: mirrored, and predicted by a 2D U-Net."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from angiovox.errors import InputError, TrainingInterrupted
from angiovox.geometry.cone_beam import study_views
from angiovox.geometry.grid import Grid
from angiovox.geometry.imaging import Imaging
from angiovox.method import Context, Measurement, never
from angiovox.projectors.attenuation import CONTRAST
from angiovox.projectors.line_integral import line_integral
from angiovox.projectors.mip import project_max
from angiovox.view_prediction.mirror import Mirror
from angiovox.view_prediction.opposite_unet import OppositeUNet, Settings
from angiovox.view_prediction.predictor import ViewPredictor, predict
from angiovox.view_prediction.registry import PREDICTORS

pytestmark = pytest.mark.usefixtures("one_thread")

EDGE, GRID = 16, Grid((16, 16, 16), (1.0, 1.0, 1.0))
QUICK = {"epochs": 2, "precision": "fp32", "batch_size": 2, "channels": 4}
LINE_INTEGRALS = Imaging(EDGE, 2, kind="line_integral", beam="cone")
BOTH = np.array([0.0, 180.0])


def bars(seed):
    """Two crossed bars, always in the posterior part of the volume."""
    x, z = np.random.default_rng(seed).integers(1, EDGE - 4, 2)
    volume = np.zeros(3 * (EDGE,), np.float32)
    volume[x : x + 3, 11:14] = volume[:, 11:14, z : z + 3] = 1
    return volume


def in_cone_beam(seed):
    """Line integrals from both sides, with the source so near that they are unlike."""
    views = study_views(BOTH, GRID, 60, 30)
    images = line_integral(CONTRAST * bars(seed), GRID, views)
    both = ([0], [1])
    return tuple(
        Measurement(BOTH[one], {"projections": images[one]}, GRID, None, LINE_INTEGRALS, views[one])
        for one in both
    )


def in_parallel_beam(seed):
    """The paper's maxima from both sides."""
    images = project_max(bars(seed), BOTH)
    return tuple(Measurement(BOTH[[i]], {"projections": images[[i]]}) for i in (0, 1))


def fit(folder, examples, seed=1, stopping=never, **settings):
    context = Context(seed, "cpu", folder / "checkpoint.pt", {}, str, stopping)
    return OppositeUNet(Settings(**(QUICK | settings))).fit(examples, context)


def network_view(state, given, wanted):
    return predict(OppositeUNet(), "one", state, given, wanted, Context())


def mirrored_view(given, wanted):
    return predict(Mirror(), "one", {}, given, wanted, Context())


def error(found, wanted):
    return np.abs(found - wanted.inputs["projections"]).mean()


def same(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[k], second[k]) for k in first)


# The mirrored view


def test_the_mirror_is_the_opposite_view_of_a_parallel_beam_to_the_bit():
    given, wanted = in_parallel_beam(1)
    np.testing.assert_array_equal(mirrored_view(given, wanted), wanted.inputs["projections"])


def test_in_a_cone_beam_the_mirror_is_wrong():
    given, wanted = in_cone_beam(1)
    truth = wanted.inputs["projections"]
    assert np.abs(mirrored_view(given, wanted) - truth).max() > 0.1 * truth.max()


def test_of_several_views_the_opposite_one_is_mirrored():
    angles = np.array([-90.0, 45.0, 181.0])
    views = np.random.default_rng(0).normal(size=(3, 5, 4)).astype(np.float32)
    given = Measurement(angles, {"projections": views})
    found = mirrored_view(given, Measurement(np.array([0.0, -135.0, 90.0]), {}))
    np.testing.assert_array_equal(found, views[[2, 1, 0], ::-1])


@pytest.mark.parametrize("method", ["mirror", "opposite_unet"])
def test_without_an_opposite_view_there_is_no_prediction(method, tmp_path):
    state, _ = fit(tmp_path, [in_cone_beam(1)], epochs=1)
    given, wanted = in_cone_beam(1)
    askew = replace(wanted, angles=np.array([170.0]))
    with pytest.raises(InputError, match=r"at 170 degrees .* at -10 degrees; given are 0"):
        predict(PREDICTORS[method](), "one", state, given, askew, Context())


# The network


def test_training_starts_at_the_mirrored_view(tmp_path):
    """The first step's loss is the mirror's error."""
    example = in_cone_beam(1)
    _, history = fit(tmp_path, [example], epochs=1, batch_size=1)
    scale = 15 * CONTRAST
    assert history[0]["loss"] == pytest.approx(error(mirrored_view(*example), example[1]) / scale)


def test_of_a_parallel_beam_it_learns_to_change_nothing(tmp_path):
    examples = [in_parallel_beam(seed) for seed in range(3)]
    state, history = fit(tmp_path, examples, epochs=3)
    assert [row["loss"] for row in history] == [0, 0, 0]
    given, wanted = in_parallel_beam(7)
    found = network_view(state, given, wanted)
    np.testing.assert_array_equal(found, wanted.inputs["projections"])


def test_of_a_cone_beam_it_learns_one_patient_by_heart(tmp_path):
    example = in_cone_beam(1)
    state, _ = fit(tmp_path, [example], epochs=80, learning_rate=1e-2, channels=8, batch_size=1)
    assert error(network_view(state, *example), example[1]) < 0.2 * error(
        mirrored_view(*example), example[1]
    )


def test_it_is_better_than_the_mirror_on_a_patient_it_has_not_seen(tmp_path):
    """How deep the bars lie is learnt from the others."""
    examples = [in_cone_beam(seed) for seed in range(24)]
    state, _ = fit(tmp_path, examples, epochs=20, learning_rate=3e-3, batch_size=8)
    unseen = [in_cone_beam(seed) for seed in range(100, 110)]
    ours = np.mean([error(network_view(state, *pair), pair[1]) for pair in unseen])
    assert ours < 0.7 * np.mean([error(mirrored_view(*pair), pair[1]) for pair in unseen])


def test_a_seed_repeats_itself_and_another_one_differs(tmp_path):
    examples = [in_cone_beam(seed) for seed in range(3)]
    weights = [fit(tmp_path / name, examples, seed)[0]["network"] for name, seed in RUNS.items()]
    assert same(weights[0], weights[1])
    assert not same(weights[0], weights[2])


RUNS = {"first": 1, "again": 1, "other": 2}


def test_a_stopped_training_goes_on_as_if_it_had_never_stopped(tmp_path):
    examples = [in_cone_beam(seed) for seed in range(5)]
    whole, history = fit(tmp_path / "whole", examples)
    asked = iter([False] * 4 + [True])
    with pytest.raises(TrainingInterrupted):
        fit(tmp_path / "parts", examples, stopping=lambda: next(asked))
    resumed, told = fit(tmp_path / "parts", examples)
    assert same(whole["network"], resumed["network"])
    assert [row["loss"] for row in told] == [row["loss"] for row in history]


def test_predictions_do_not_depend_on_the_unit(tmp_path):
    """Maxima in other units give the same view in these units."""
    given, wanted = in_parallel_beam(1)
    state, _ = fit(tmp_path, [in_parallel_beam(seed) for seed in range(3)])
    torch.nn.init.constant_(state["network"]["unet.final_conv.bias"], 0.1)
    scaled = replace(given, inputs={"projections": 200 * given.inputs["projections"] - 50})
    expected = 200 * network_view(state, given, wanted) - 50
    np.testing.assert_allclose(network_view(state, scaled, wanted), expected, atol=1e-3)
    assert error(network_view(state, given, wanted), wanted) > 0.01


@pytest.mark.parametrize("wrong", [{"channels": 0}, {"channels": 1.5}, {"epochs": 0}])
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Settings(**wrong)


# What every predictor has to do


class Given(ViewPredictor):
    """Gives back what it is told to; fails where it is shown the truth."""

    name = title = reference = "given"

    def fit(self, examples, context):
        return {}, []

    def predict(self, state, given, wanted, context):
        assert not wanted.inputs
        return self.settings


@pytest.mark.parametrize(
    ("views", "message"),
    [
        (np.zeros((1, 3, 3)), r"patient one: given gave views of shape \(1, 3, 3\), expected"),
        (np.full((1, EDGE, EDGE), np.nan), "patient one: given gave views with NaN"),
    ],
)
def test_a_wrong_view_is_refused_with_the_patient(views, message):
    with pytest.raises(InputError, match=message):
        predict(Given(views), "one", {}, *in_parallel_beam(1), Context())


def test_no_predictor_is_shown_the_truth():
    given, wanted = in_parallel_beam(1)
    assert "projections" in wanted.inputs
    found = predict(Given(np.ones((1, EDGE, EDGE))), "one", {}, given, wanted, Context())
    assert found.dtype == np.float32


def test_predictors_have_names_of_their_own():
    assert {name: one.name for name, one in PREDICTORS.items()} == {n: n for n in PREDICTORS}
