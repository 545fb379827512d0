"""NeRP: its network, the embedding of a prior, the fit to views, and fits that resume."""

import dataclasses

import numpy as np
import pytest
import torch
from angiovox.errors import InputError, TrainingInterrupted
from angiovox.method import Context, Needs, never, reconstruct
from angiovox.methods import registry
from angiovox.methods.nerp.method import NeRP
from angiovox.methods.nerp.network import Nerp
from angiovox.methods.nerp.optimise import (
    Embedding,
    Reconstructing,
    embedded,
    new_network,
    values_at,
    voxel_places,
)
from angiovox.methods.nerp.settings import Settings
from angiovox.methods.vessel_projection import half_edge_mm, projected
from angiovox.methods.vessel_views import targets
from ball_views import ball, dice, of_integrals, of_maxima

pytestmark = pytest.mark.usefixtures("one_thread")

EDGE = 12
SMALL = {"width": 32, "layers": 3, "frequencies": 24, "hull_only": True}
QUICK = SMALL | {"steps": 6, "prior_steps": 4, "learning_rate": 3e-4}
LEVELS = {"level": 0.5, "support": 0.1}
KINDS = pytest.mark.parametrize("views_of", [of_maxima, of_integrals], ids=["maxima", "integrals"])
MASK, OTHER = ball(EDGE), ball(EDGE, 0.3, (0.4, 0.55, 0.5))


@pytest.fixture(scope="module")
def fitted():
    """A state for maxima and for integrals, by the function that makes views."""
    method = NeRP(Settings(**QUICK))
    return {
        of: method.fit([(of(one), one) for one in (OTHER, ball(EDGE, 0.25))], Context())[0]
        for of in (of_maxima, of_integrals)
    }


def run(state, measurement, folder=None, seed=1, stopping=never, lines=None, **given):
    checkpoint = folder / "checkpoint.pt" if folder else None
    log = str if lines is None else lines.append
    context = Context(seed, "cpu", checkpoint, {}, log, stopping)
    method = NeRP(Settings(**(QUICK | given)))
    return reconstruct(method, "p", state, measurement, context).probability


def second_stage(measurement, rate=1e-3, **given):
    settings = Settings(**(SMALL | given))
    known = targets(LEVELS, measurement)
    network = new_network(settings, Context())
    support = known.hull >= LEVELS["support"]
    return Reconstructing(network, known, support, measurement.angles, rate, "cpu")


# The network


def test_layers_are_those_of_the_source():
    network = new_network(Settings(), Context())
    assert network.matrix.shape == (3, 256)
    assert network.matrix.std().item() == pytest.approx(4, rel=0.1)
    shapes = [layer.linear.weight.shape for layer in network.sines]
    assert shapes == [(256, 512), *[(256, 256)] * 6] and network.last.weight.shape == (1, 256)
    assert {layer.omega for layer in network.sines} == {30.0}
    weights = sum(parameter.numel() for parameter in network.parameters())
    assert weights == pytest.approx(0.53e6, rel=0.02)


def test_a_layer_is_the_sine_of_its_scaled_sum_and_starts_within_the_bounds_of_siren():
    network = Nerp(16, 3, 10, 4.0, 30.0)
    first, second = network.sines
    given = torch.randn(5, 20)
    torch.testing.assert_close(first(given), torch.sin(30 * first.linear(given)))
    for layer, bound in ((first, 1 / 20), (second, np.sqrt(6 / 16) / 30)):
        assert bound / 2 < layer.linear.weight.abs().max().item() <= bound


def test_features_are_sines_and_cosines_of_cycles_per_edge():
    network = Nerp(4, 2, 1, 1.0, 1.0)
    network.matrix.copy_(torch.tensor([[1.0], [0], [0]]))  # one cycle from -1 to 1
    seen = []
    network.sines = torch.nn.Sequential(torch.nn.Identity())
    network.sines.register_forward_hook(lambda *call: seen.append(call[1][0]))
    network.last = torch.nn.Linear(2, 1)
    network(torch.tensor([[-1.0, 0, 0], [-0.5, 9, 9], [1.0, 0, 0]]))
    expected = torch.tensor([[0.0, 1], [1, 0], [0, 1]])
    torch.testing.assert_close(seen[0], expected, atol=1e-5, rtol=0)


def test_values_of_many_places_and_their_gradients_do_not_depend_on_how_they_are_split(
    monkeypatch,
):
    network, places = Nerp(8, 3, 6, 4.0, 30.0), torch.rand(50, 3)
    found = []
    for most in (100, 7):
        monkeypatch.setattr("angiovox.methods.nerp.optimise.AT_A_TIME", most)
        network.zero_grad()
        values = values_at(network, places)
        values.square().sum().backward()
        found.append((values.detach(), network.sines[0].linear.weight.grad.clone()))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


def test_voxels_lie_in_the_middle_of_their_part_of_the_cube():
    places = voxel_places(np.ones((4, 2, 1), bool)).numpy()
    np.testing.assert_allclose(np.unique(places[:, 0]), [-0.75, -0.25, 0.25, 0.75])
    np.testing.assert_allclose(np.unique(places[:, 1]), [-0.25, 0.25])
    assert not places[:, 2].any()


# The stages


def test_the_prior_is_learned_by_its_mean_squared_error_with_decaying_weights():
    settings = Settings(**SMALL)
    stage = Embedding(
        new_network(settings, Context()), MASK, np.ones(MASK.shape, bool), settings, "cpu"
    )
    (group,) = stage.optimizer.param_groups
    assert (group["lr"], group["weight_decay"]) == (1e-4, 1e-4)
    with torch.no_grad():
        found = stage.network(stage.places).numpy()
    assert stage.step() == pytest.approx(np.mean((found - MASK.ravel()) ** 2), rel=1e-4)


def test_an_image_is_embedded():
    settings = Settings(**(SMALL | {"prior_steps": 60, "prior_rate": 2e-3, "scale": 1.0}))
    state, history = embedded(MASK.astype(np.float32), settings, Context())
    network = new_network(settings, Context())
    network.load_state_dict(state)
    with torch.no_grad():
        values = values_at(network, voxel_places(np.ones(MASK.shape, bool))).numpy()
    assert dice(values.reshape(MASK.shape), MASK) > 0.9
    losses = [row["loss"] for row in history]
    assert losses[-1] < losses[0] / 4 and history[-1]["iou"] > 0.7


@KINDS
def test_the_views_are_learned_by_half_of_their_mean_squared_error(views_of):
    stage = second_stage(views_of(MASK))
    (group,) = stage.optimizer.param_groups
    assert (group["lr"], group["weight_decay"]) == (1e-3, 0)
    known = stage.known
    with torch.no_grad():
        volume = stage.volume()
        assert not volume[~stage.support].any() and volume[stage.support].any()
        found = projected(volume, known, stage.angles).numpy()
    unit = half_edge_mm(known) if known.are_integrals else 1
    expected = 0.5 * np.mean((found - known.images / unit) ** 2)
    assert stage.step() == pytest.approx(expected, rel=1e-4)


@KINDS
def test_projections_of_the_mask_are_the_views(views_of):
    """In both units; brightness is in units of Otsu's level, which is not quite a half here."""
    measurement = views_of(MASK)
    state, off = {"support": 0.1, "level": 0.5}, 0.04
    if views_of is of_integrals:
        state, off = {"support": 0.1, "contrast": 0.05 / 0.8}, 1e-4
    known = targets(state, measurement)
    found = projected(torch.from_numpy(MASK.astype(np.float32)), known, measurement.angles)
    unit = half_edge_mm(known) if known.are_integrals else 1
    np.testing.assert_allclose(found.numpy(), known.images / unit, atol=off)


# The prior


def test_the_rate_and_the_start_follow_from_the_prior(fitted, monkeypatch):
    measurement, seen = of_maxima(MASK), []
    monkeypatch.setattr(
        "angiovox.methods.nerp.optimise.optimise",
        lambda parts, step, steps, context: seen.append((parts, steps)),
    )
    has_earlier = dataclasses.replace(measurement, prior=OTHER)
    for prior, given in (
        ("none", has_earlier),
        ("mean", has_earlier),
        ("earlier", measurement),
        ("earlier", has_earlier),
    ):
        run(fitted[of_maxima], given, prior=prior)
    rates = [parts["optimizer"].param_groups[0]["lr"] for parts, _ in seen]
    assert rates == [1e-4, 3e-4, 3e-4, 3e-4]
    assert [steps for _, steps in seen] == [6, 6, 6, 10]
    mean = fitted[of_maxima]["network"]["last.weight"]
    starts = [torch.equal(parts["network"].last.weight, mean) for parts, _ in seen]
    assert starts == [False, True, True, False]
    frequencies = fitted[of_maxima]["network"]["matrix"]
    assert torch.equal(seen[1][0]["network"].matrix, frequencies)


def test_where_views_say_nothing_the_earlier_volume_stays(fitted):
    """One view tells nothing about depth: of two balls in line, the earlier volume decides."""
    near, far = ball(EDGE, 0.15, (0.5, 0.25, 0.5)), ball(EDGE, 0.15, (0.5, 0.7, 0.5))
    measurement = of_maxima(near | far, views=1)
    given = {"prior_steps": 150, "prior_rate": 1e-3, "steps": 20, "scale": 1.0}
    for one, other in ((near, far), (far, near)):
        prior = dataclasses.replace(measurement, prior=one)
        found = run(fitted[of_maxima], prior, **given)
        assert found[one].mean() > found[other].mean() + 0.5


def test_an_earlier_volume_is_looked_at_only_where_the_setting_says_so(fitted):
    measurement = of_maxima(MASK)
    earlier = dataclasses.replace(measurement, prior=OTHER)
    state = fitted[of_maxima]
    assert (run(state, earlier) != run(state, measurement)).any()
    for prior in ("mean", "none"):
        one, other = (run(state, known, prior=prior) for known in (earlier, measurement))
        np.testing.assert_array_equal(one, other)


def test_needs_follow_from_the_prior():
    given = {prior: NeRP(Settings(prior=prior)).needs for prior in ("earlier", "mean", "none")}
    assert [needs.looks_at_prior for needs in given.values()] == [True, False, False]
    assert [needs.requires_training for needs in given.values()] == [True, True, False]
    with pytest.raises(ValueError, match=r"^looks_at_prior: "):
        Needs(("projections",), looks_at_prior=True)


def test_without_a_prior_no_network_is_trained():
    method = NeRP(Settings(**(QUICK | {"prior": "none"})))
    state, _ = method.fit([(of_maxima(MASK), MASK)], Context())
    assert "network" not in state
    assert run(state, of_maxima(MASK), prior="none").any()


# The fit


@KINDS
@pytest.mark.parametrize("has_earlier", [False, True])
def test_stopped_and_resumed_equals_uninterrupted(tmp_path, fitted, views_of, has_earlier):
    measurement, state = views_of(MASK), fitted[views_of]
    if has_earlier:
        measurement = dataclasses.replace(measurement, prior=OTHER)
    given = {"prior_points": 50}
    whole, steps = run(state, measurement, **given), 10 if has_earlier else 6
    for after in (1, 5):
        folder = tmp_path / f"{after}"
        folder.mkdir()
        asked = iter(range(100))
        with pytest.raises(TrainingInterrupted, match=f"^stopped after {after} of {steps} steps"):
            run(state, measurement, folder, stopping=lambda a=after, k=asked: next(k) >= a, **given)
        np.testing.assert_array_equal(run(state, measurement, folder, **given), whole)


def test_an_embedding_stopped_and_resumed_equals_an_uninterrupted_one(tmp_path):
    settings, image = Settings(**(QUICK | {"prior_points": 50})), MASK.astype(np.float32)
    whole, rows = embedded(image, settings, Context())
    asked = iter(range(100))
    path = tmp_path / "checkpoint.pt"
    with pytest.raises(TrainingInterrupted):
        stopping = Context(0, "cpu", path, {}, str, lambda: next(asked) >= 2)
        embedded(image, settings, stopping)
    resumed, again = embedded(image, settings, Context(0, "cpu", path))
    assert again == rows and len(rows) == 4
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_a_seed_repeats_itself_and_another_is_another(fitted):
    given = {"prior": "none"}
    first, again, other = (
        run(fitted[of_maxima], of_maxima(MASK), seed=seed, **given) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_views_without_a_vessel_give_an_empty_volume(fitted):
    lines = []
    state = fitted[of_maxima] | {"support": 0.1}
    found = run(state, of_maxima(np.zeros_like(MASK)), lines=lines)
    assert not found.any() and "nothing is reconstructed" in lines[0]


@pytest.mark.parametrize(
    "bad",
    [{"prior": "old"}, {"steps": 0}, {"layers": 1}, {"prior_points": -1}, {"hull_only": 1}]
    + [{"weight_decay": -1}, {"omega": 0}],
)
def test_a_bad_setting_is_refused_with_its_full_key(bad):
    (key,) = bad
    with pytest.raises(InputError, match=rf"^methods\.nerp\.{key}: "):
        registry.create("nerp", bad)


@pytest.mark.thorough
@pytest.mark.parametrize(("arc", "of_hull"), [(180.0, False), (90.0, True)])
def test_a_ball_is_recovered_from_ten_views(arc, of_hull):
    """A quarter circle leaves corners that no view rules out: the hull is what comes back."""
    mask = ball(20)
    measurement = of_maxima(mask, arc=arc)
    state = LEVELS | {"support": 0.3}
    given = {"prior": "none", "rate_without_prior": 1e-3, "steps": 100, "scale": 1.0}
    found = run(state, measurement, **given)
    shape = targets(state, measurement).hull >= 0.5 if of_hull else mask
    print(f"Dice {dice(found, shape):.3f}, with the ball {dice(found, mask):.3f}")
    assert dice(found, shape) > 0.95


@pytest.mark.thorough
def test_a_ball_is_recovered_from_ten_views_of_line_integrals():
    mask = ball(20)
    state = {"contrast": 0.05 / 0.8, "support": 0.3}
    given = {"prior": "none", "rate_without_prior": 1e-3, "steps": 100, "scale": 1.0}
    found = run(state, of_integrals(mask), **given)
    print(f"Dice {dice(found, mask):.3f}")
    assert dice(found, mask) > 0.95
