"""Single-image tomography: its layers as they are known, its two steps, its training."""

import numpy as np
import pytest
import torch
from angiovox.errors import InputError, TrainingInterrupted
from angiovox.method import Context, Measurement, never
from angiovox.methods import registry
from angiovox.methods.henzler.learner import Regressing, frontal_first
from angiovox.methods.henzler.method import Henzler, Settings
from angiovox.methods.henzler.network import Coarse, Tomography
from angiovox.projectors.mip import project_max

pytestmark = pytest.mark.usefixtures("one_thread")

TINY = {"channels": 4, "pools": 2, "fusion_channels": 2}
QUICK = {"epochs": 2, "precision": "fp32", "learning_rate": 3e-3, "batch_size": 1} | TINY
EDGE = 16


def patient(seed, angles=(0.0,)):
    """Maximum projections of two bars, and their mask."""
    rng = np.random.default_rng(seed)
    mask = np.zeros(3 * (EDGE,), bool)
    x, y, z = rng.integers(2, EDGE - 5, 3)
    mask[x : x + 3, y : y + 3] = mask[x : x + 3, :, z : z + 3] = True
    angles = np.array(angles)
    views = project_max(mask.astype(np.uint16), angles).astype(np.float32)
    return Measurement(angles, {"projections": 90 * views + 10}), mask


def patients(angles=(0.0,)):
    return [patient(seed, angles) for seed in range(3)]


def network(**changes):
    torch.manual_seed(1)
    return Tomography(EDGE, views=1, **(TINY | changes))


def fit(folder, seed=1, stopping=never, given=None, **settings):
    context = Context(seed, "cpu", folder / "checkpoint.pt", {}, str, stopping)
    return Henzler(Settings(**(QUICK | settings))).fit(given or patients(), context)


def same(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[k], second[k]) for k in first)


def without_seconds(history):
    return [{key: row[key] for key in row if key != "seconds"} for row in history]


# Layers


def test_the_coarse_network_has_the_parameters_of_the_known_one():
    """64 channels, 256 further on, blocks of 3 3 3 5 going down and 3 going up, 128 of depth."""

    def basic(inputs, outputs, kernel):
        return kernel**2 * inputs * outputs + 2 * outputs  # no bias, but batch norm's two

    def block(inputs, outputs):
        inner = inputs // 2 if inputs == outputs else inputs
        shortcut = 0 if inputs == outputs else basic(inputs, outputs, 1)
        return (
            basic(inputs, inner, 1) + basic(inner, inner, 3) + basic(inner, outputs, 3) + shortcut
        )

    first = basic(1, 64, 7) + block(64, 128) + 2 * block(128, 128) + block(128, 256)
    rest = (3 + 3 + 3 + 5 + 3) * block(256, 256) + 4 * 256 * 16
    last = basic(256, 256, 1) + 256 * 128
    with torch.device("meta"):
        coarse = Coarse(depth=128)
    assert sum(p.numel() for p in coarse.parameters()) == first + rest + last


def test_resolutions_are_halved_once_and_at_each_pool():
    seen = []
    coarse = Coarse(depth=8, channels=2)
    for part in (coarse.first, *coarse.down, *coarse.up):
        part.register_forward_hook(lambda *given: seen.append(given[-1].shape[2]))
    volume = coarse(torch.rand(1, 1, 64, 64))
    assert seen == [32, 16, 8, 4, 2, 4, 8, 16, 32]
    assert volume.shape == (1, 32, 8, 32)


def test_the_channels_are_the_depth():
    """A change of one channel's weights changes one plane along y."""
    coarse, image = Coarse(depth=8, channels=2, pools=2).eval(), torch.rand(1, 1, EDGE, EDGE)
    with torch.no_grad():
        before = coarse(image)
        coarse.last[-1].weight[3] += 1
        changed = (coarse(image) != before).any(dim=3).any(dim=1)[0]
    assert changed.tolist() == [place == 3 for place in range(8)]


def test_a_training_starts_from_the_coarse_volume_and_the_fusion_corrects_it():
    subject, image = network(fusion_channels=8).eval(), torch.rand(1, 1, EDGE, EDGE)
    with torch.no_grad():
        coarse, fine = subject(image)
        assert fine.shape == (1, EDGE, EDGE, EDGE)
        enlarged = torch.nn.functional.interpolate(coarse[None], scale_factor=2, mode="trilinear")
        torch.testing.assert_close(fine, enlarged[0])
        torch.nn.init.ones_(subject.fusion.layers[-1].weight)
        assert not torch.allclose(subject(image)[1], fine)


def test_the_fusion_sees_the_view_at_full_resolution():
    """Detail of one pixel, of which half the resolution knows a mean, is in the fine volume."""
    subject = network(fusion_channels=8)
    torch.nn.init.ones_(subject.fusion.layers[-1].weight)
    coarse = torch.zeros(1, 8, 8, 8)
    image = torch.zeros(1, 1, EDGE, EDGE, requires_grad=True)
    fine = subject.fusion(coarse, image)
    (gradient,) = torch.autograd.grad(fine[0, 8, :, 8].sum(), image)
    assert gradient[0, 0, 8, 8] != 0 and gradient[0, 0, 0, 0] == 0


# Views


def test_the_frontal_view_comes_first_and_another_one_beside_it():
    known, mask = patient(1, (90.0, 0.0))
    first, second = frontal_first(known, EDGE)
    np.testing.assert_allclose(first, mask.max(axis=1), atol=1e-6)
    np.testing.assert_allclose(second[::-1], mask.max(axis=0), atol=1e-6)


def test_a_study_without_a_frontal_view_is_refused_with_its_angles():
    with pytest.raises(InputError, match="at 0 degrees; got 30, 90"):
        frontal_first(patient(1, (30.0, 90.0))[0], EDGE)


# Loss


def test_the_loss_is_the_squared_error_of_both_volumes():
    subject = Regressing(network(), EDGE)
    subject.network.forward = lambda views: (torch.full((1, 8, 8, 8), 0.5), torch.zeros_like(truth))
    truth = torch.zeros(1, EDGE, EDGE, EDGE)
    truth[:, :8] = 1  # half of the voxels: the fine error is 1/2, the coarse one 1/4
    loss, hits, union = subject.loss((torch.zeros(1, 1, EDGE, EDGE), truth), torch.float32)
    assert loss.item() == pytest.approx(0.25 + 0.5)
    assert (hits, union) == (0, 8 * EDGE**2)


# Fitting


@pytest.mark.parametrize("angles", [(0.0,), (0.0, 90.0)])
def test_it_finds_the_vessels_that_it_was_shown(tmp_path, angles):
    given = {"epochs": 150, "channels": 8, "learning_rate": 1e-2, "schedule": "one-cycle"}
    known, mask = patient(0, angles)
    state, history = fit(tmp_path, given=[(known, mask)] * 2, **given | {"batch_size": 2})
    found = Henzler().reconstruct(state, known, Context()).probability >= 0.5
    assert state["views"] == len(angles) and history[0]["iou"] < 0.3
    assert (found & mask).sum() / (found | mask).sum() > 0.8


@pytest.mark.parametrize("steps", [2, 3])
def test_stopped_and_resumed_equals_uninterrupted(tmp_path, steps):
    asked = iter(range(100))
    how = {"schedule": "linear-decay"}
    whole, whole_history = fit(tmp_path / "whole", **how)
    with pytest.raises(TrainingInterrupted):
        fit(tmp_path / "parts", stopping=lambda: next(asked) >= steps, **how)
    resumed, history = fit(tmp_path / "parts", **how)
    assert same(whole["network"], resumed["network"])
    assert without_seconds(history) == without_seconds(whole_history)


def test_a_seed_gives_its_weights_again_and_another_seed_others(tmp_path):
    first, again, other = (
        fit(tmp_path / str(n), seed=seed, epochs=1)[0]["network"]
        for n, seed in enumerate((1, 1, 2))
    )
    assert same(first, again) and not same(first, other)


@pytest.mark.parametrize(
    ("key", "value"), [("channels", 0), ("pools", 0), ("fusion_channels", 2.5)]
)
def test_a_bad_setting_of_henzler_is_refused_with_its_full_key(key, value):
    with pytest.raises(InputError, match=rf"^methods\.henzler\.{key}: "):
        registry.create("henzler", {key: value})
