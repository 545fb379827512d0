"""Stage 1 of Zhao et al. 2022: the network's sizes, the views as channels and target, no masks."""

import dataclasses

import numpy as np
import pytest
import torch
from angiovox.errors import InputError, TrainingInterrupted
from angiovox.geometry.grid import Grid
from angiovox.geometry.imaging import Imaging
from angiovox.method import Context, Measurement, never
from angiovox.methods import registry
from angiovox.methods.self_supervised import learner as training
from angiovox.methods.self_supervised import network as networks
from angiovox.methods.self_supervised.method import SelfSupervised, Settings
from angiovox.methods.self_supervised.views import scaled_views, spread_views
from angiovox.projectors.torch_projectors import project_max

pytestmark = pytest.mark.usefixtures("one_thread")

ANGLES = np.array([0.0, 90.0])
QUICK = {"epochs": 2, "learning_rate": 1e-2, "batch_size": 1, "channels": 1, "slab": 8}
QUICK |= {"largest_mean": 1.0}


def patient(seed, shape=(16, 16, 10)):
    """Maxima of a bright bar in noise, in units of their own, and its mask."""
    rng = np.random.default_rng(seed)
    mask = np.zeros(shape, dtype=bool)
    x, y = rng.integers(4, 10, 2)
    mask[x : x + 3, y : y + 3] = True
    volume = torch.from_numpy((100 * mask + rng.uniform(0, 20, shape)).astype(np.float32))
    return Measurement(ANGLES, {"projections": project_max(volume, ANGLES).numpy()}), mask


PATIENTS = [patient(seed) for seed in range(2)]


def fit(folder, seed=1, stopping=never, patients=PATIENTS, **given):
    context = Context(seed, "cpu", folder / "checkpoint.pt", {}, str, stopping)
    return SelfSupervised(Settings(**(QUICK | given))).fit(patients, context)


def same(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[k], second[k]) for k in first)


def without_seconds(history):
    return [{key: row[key] for key in row if key != "seconds"} for row in history]


# The network


def test_the_network_has_the_sizes_of_the_original():
    network = networks.UNet3D(8, 16)
    kernels = [p for p in network.parameters() if p.ndim == 5]
    double = [(16, 8), (16, 16), (32, 16), (32, 32), (64, 32), (64, 64), (128, 64), (128, 128)]
    double += [(256, 128), (256, 256)]
    up = [(256, 128), (128, 64), (64, 32), (32, 16)]
    back = [(128, 256), (128, 128), (64, 128), (64, 64), (32, 64), (32, 32), (16, 32), (16, 16)]
    assert [tuple(k.shape) for k in kernels] == [
        *((*pair, 3, 3, 3) for pair in double),
        *((*pair, 4, 4, 4) for pair in up),
        *((*pair, 3, 3, 3) for pair in back),
        (1, 16, 1, 1, 1),
    ]
    norms = [one for one in network.modules() if isinstance(one, torch.nn.BatchNorm3d)]
    assert len(norms) == len(double) + len(back)
    assert sum(p.numel() for p in network.parameters()) == 8_088_001


@pytest.mark.parametrize("shape", [(5, 9, 3), (33, 16, 2)])
def test_any_shape_comes_back_in_its_own_range(shape):
    torch.manual_seed(1)
    found = networks.UNet3D(2, 1)(torch.rand(2, 2, *shape))
    assert found.shape == (2, 1, *shape)
    assert found.amin((1, 2, 3, 4)).tolist() == [0, 0]
    assert found.amax((1, 2, 3, 4)).tolist() == pytest.approx([1, 1])


def test_scaling_by_the_own_range_takes_away_offset_and_unit():
    volume = torch.rand(2, 1, 3, 3, 3)
    scaled = networks.to_own_range(volume)
    torch.testing.assert_close(networks.to_own_range(5 * volume - 2), scaled)
    assert networks.to_own_range(torch.ones(1, 1, 2, 2, 2)).abs().sum() == 0


class Own(torch.nn.Module):
    """Gives back its first channel."""

    def forward(self, volume):
        return volume[:, :1]


def test_overlapping_slabs_are_averaged_and_bright_slices_emptied():
    channels = torch.rand(2, 4, 4, 20)
    channels[0, :, :, 5] = 0.99
    whole = networks.score(Own(), channels, 8, 1.0)
    np.testing.assert_allclose(whole, channels[0], atol=1e-6)
    emptied = networks.score(Own(), channels, 8, 0.9)
    assert not emptied[:, :, 5].any()
    np.testing.assert_array_equal(np.delete(emptied, 5, 2), np.delete(whole, 5, 2))


# Views


def test_each_view_has_a_range_of_its_own():
    known, _ = PATIENTS[0]
    other = known.inputs["projections"] * np.float32([3, 0.5])[:, None, None] - 7
    scaled = scaled_views(known)
    assert scaled.min(axis=(1, 2)).tolist() == [0, 0] and scaled.max(axis=(1, 2)).tolist() == [1, 1]
    moved = dataclasses.replace(known, inputs={"projections": other})
    np.testing.assert_allclose(scaled_views(moved), scaled, atol=1e-5)


def test_a_channel_is_its_view_at_every_depth_and_no_other():
    views = torch.rand(2, 6, 4)
    front, side = spread_views(views, ANGLES, 6)
    assert all(torch.equal(front[:, y], views[0]) for y in range(6))
    assert all(torch.equal(side[x], views[1].flip(0)) for x in range(6))


def test_maxima_of_what_is_spread_show_the_view_again():
    views = torch.rand(2, 6, 4)
    for view, at, channel in zip(views, ANGLES, spread_views(views, ANGLES, 6), strict=True):
        torch.testing.assert_close(project_max(channel, [at])[0], view)


def test_another_beam_is_refused_with_its_keys(tmp_path):
    known, _ = PATIENTS[0]
    imaging = Imaging(16, 2, kind="line_integral", beam="cone")
    grid = Grid((16, 16, 16), (1.0, 1.0, 1.0))
    other = dataclasses.replace(known, imaging=imaging, grid=grid, views=imaging.views(grid))
    words = "projection.kind: line_integral and projection.beam: cone"
    with pytest.raises(InputError, match=words):
        fit(tmp_path, patients=[(other, None)])


# Loss and training


def learner(network):
    return training.SelfSupervised(network, 8)


def read(subject, batch=(0, 1), seed=3, patients=PATIENTS):
    arrays = subject.read(patients, list(batch), np.random.default_rng(seed))
    return tuple(map(torch.from_numpy, arrays))


def test_the_loss_is_the_mean_squared_error_of_maximum_projections():
    """Of a network that gives the front view back at all depths: its own view has no error."""
    subject = learner(Own())
    given = read(subject)
    assert given[0].shape == (2, 2, 16, 8)
    front, side = given[0].unbind(1)
    along = front.amax(1, keepdim=True).expand_as(side)  # seen from the side, its maxima over x
    expected = (along - side).square().mean() / 2
    torch.testing.assert_close(subject.loss(given, torch.float32)[0], expected)


def test_slabs_hold_the_views_rows_of_one_place():
    views, *_ = read(learner(Own()), (0,))
    whole = scaled_views(PATIENTS[0][0])
    places = [z for z in range(3) if np.array_equal(whole[..., z : z + 8], views[0])]
    assert len(places) == 1


def test_masks_of_noise_give_the_same_model_and_history_bit_for_bit(tmp_path):
    rng = np.random.default_rng(9)
    noise = [(known, rng.random(mask.shape) < 0.5) for known, mask in PATIENTS]
    none = [(known, None) for known, _ in PATIENTS]
    (state, history), *others = (
        fit(tmp_path / str(n), patients=given) for n, given in enumerate((PATIENTS, noise, none))
    )
    for other, other_history in others:
        assert same(state["network"], other["network"])
        assert without_seconds(other_history) == without_seconds(history)


def test_it_overfits_the_views_of_one_patient(tmp_path):
    known, _ = PATIENTS[0]
    more = {"epochs": 40, "slab": 10, "channels": 2}
    state, history = fit(tmp_path, patients=PATIENTS[:1], **more)
    assert history[-1]["loss"] < history[0]["loss"] / 3
    found = SelfSupervised().reconstruct(state, known, Context()).probability >= 0.5
    shown = project_max(torch.from_numpy(found.astype(np.float32)), ANGLES).numpy() > 0.5
    views = scaled_views(known) > 0.5
    assert (shown & views).sum() / (shown | views).sum() > 0.5


def test_stopped_and_resumed_equals_uninterrupted(tmp_path):
    asked = iter(range(100))
    whole, _ = fit(tmp_path / "whole")
    with pytest.raises(TrainingInterrupted):
        fit(tmp_path / "parts", stopping=lambda: next(asked) >= 3)
    resumed, _ = fit(tmp_path / "parts")
    assert same(whole["network"], resumed["network"])


def test_a_seed_gives_its_weights_again_and_another_seed_others(tmp_path):
    first, again, other = (
        fit(tmp_path / str(n), seed, epochs=1)[0]["network"] for n, seed in enumerate((1, 1, 2))
    )
    assert same(first, again)
    assert not same(first, other)


def test_it_is_not_calibrated_which_would_take_masks():
    assert not SelfSupervised().needs.gives_probabilities
    assert SelfSupervised().needs.to_fit == ("projections",)


@pytest.mark.parametrize(("key", "value"), [("channels", 0), ("slab", "all"), ("largest_mean", 0)])
def test_a_bad_setting_is_refused_with_its_full_key(key, value):
    with pytest.raises(InputError, match=rf"^methods\.self_supervised\.{key}: "):
        registry.create("self_supervised", {key: value})
