"""IM-NET: layers of the source, places and codes, three stages, and a fit that resumes."""

import itertools

import numpy as np
import pytest
import torch
from angiovox.errors import InputError, TrainingInterrupted
from angiovox.io.quantization import quantize_fractions
from angiovox.method import Context, Measurement, never
from angiovox.methods import registry
from angiovox.methods.im_net.learner import Sampled, coarsened, occupancy
from angiovox.methods.im_net.method import ImNet, Settings
from angiovox.methods.im_net.network import (
    Decoder,
    ImplicitField,
    centres,
    clipped,
    interpolated,
)
from angiovox.projectors.backprojection import network_inputs
from angiovox.projectors.mip import project_max

pytestmark = pytest.mark.usefixtures("one_thread")

EDGE = 32
ANGLES = np.array([0.0, 90.0])
QUICK = {
    "epochs": 3,
    "learning_rate": 1e-3,
    "batch_size": 1,
    "precision": "fp32",
    "points": 256,
    "width": 32,
    "resolution": EDGE,
}


def patient(seed, edge=EDGE):
    """Two bars side by side along z, seen from two sides, which would allow four; their mask."""
    x, y, z = np.indices((edge,) * 3)
    near, far = np.random.default_rng(seed).integers([6, 20], [12, 26])
    mask = (np.hypot(x - near, y - near) < 2.6) | (np.hypot(x - far, y - far) < 2.6)
    mask &= abs(z - edge / 2) < edge / 3
    seen = project_max(mask.astype(np.float32), ANGLES)
    codes = quantize_fractions(seen).codes
    sums, minima = network_inputs(codes, ANGLES, [np.arange(2)], edge)
    stored = {"sum": sums[0] / np.float32(65535), "min": minima[0] / np.float32(65535)}
    return Measurement(ANGLES, stored), mask


PATIENTS = [patient(seed) for seed in range(2)]


def fit(folder, patients=PATIENTS, seed=1, stopping=never, **given):
    context = Context(seed, "cpu", folder / "checkpoint.pt", {}, str, stopping)
    return ImNet(Settings(**(QUICK | given))).fit(patients, context)


def same(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[k], second[k]) for k in first)


def overlap(state, known, mask):
    found = ImNet().reconstruct(state, known, Context()).probability >= 0.5
    return (found & mask).sum() / (found | mask).sum()


def network(resolution=EDGE, width=32, is_local=False):
    torch.manual_seed(3)
    return ImplicitField(resolution, width, is_local)


# Layers


def test_layers_are_those_of_the_source():
    given = Settings()
    field = ImplicitField(given.resolution, given.width, given.local)
    widths = [layer.out_features for layer in field.decoder.layers if hasattr(layer, "weight")]
    assert widths == [1024, 1024, 1024, 512, 256, 128, 1]
    assert sum(p.numel() for p in field.decoder.parameters()) == 3_054_593
    shapes = [tuple(layer[0].weight.shape) for layer in field.encoder.layers]
    edges = (2, 32, 64, 128, 256)
    assert shapes == [(b, a, 4, 4, 4) for a, b in itertools.pairwise(edges)]
    assert field.encode(torch.rand(1, 2, 64, 64, 64))[0].shape == (1, 256)


@pytest.mark.parametrize("is_local", [False, True])
def test_an_occupancy_is_found_at_each_place_of_each_patient(is_local):
    found = network(is_local=is_local)(torch.rand(2, 2, *[EDGE] * 3), torch.rand(2, 7, 3))
    assert found.shape == (2, 7) and found.dtype == torch.float32


def test_a_global_code_is_one_for_all_places_and_local_codes_are_not():
    """A far voxel changes what a place is told by the global code, and a local map leaves it."""
    volume = torch.rand(1, 2, *[EDGE] * 3)
    other = volume.clone()
    other[..., -1] += 1.0
    place = torch.tensor([[[-0.9, -0.9, -0.9]]])
    field = network(is_local=True)
    assert torch.equal(interpolated(volume, place), interpolated(other, place))
    assert torch.equal(*(network().encode(volume)[0] for _ in range(2)))
    assert not torch.equal(network().encode(volume)[0], network().encode(other)[0])
    assert len(field.encode(volume)) == 5


@pytest.mark.parametrize(
    ("value", "expected", "slope"), [(0.3, 0.3, 1), (-2.0, -0.02, 0.01), (3.0, 1.02, 0.01)]
)
def test_the_output_is_clipped_with_a_slope_that_still_learns(value, expected, slope):
    given = torch.tensor([value], requires_grad=True)
    found = clipped(given)
    found.backward()
    assert found.item() == pytest.approx(expected) and given.grad.item() == pytest.approx(slope)


# Places


def test_interpolation_at_a_voxels_centre_gives_that_voxel():
    volume = torch.rand(2, 3, 4, 5, 6)
    cells = torch.tensor([[0, 0, 0], [3, 1, 2], [2, 4, 5]])
    found = interpolated(volume, centres(cells, (4, 5, 6)).expand(2, -1, -1))
    expected = volume[:, :, cells[:, 0], cells[:, 1], cells[:, 2]].transpose(1, 2)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


def test_a_cells_centre_is_the_mean_of_its_voxels_centres():
    voxels = torch.cartesian_prod(*[torch.arange(4, 8)] * 3)
    torch.testing.assert_close(
        centres(torch.tensor([1, 1, 1]), (12, 8, 20), factor=4),
        centres(voxels, (12, 8, 20)).mean(0),
    )


@pytest.mark.parametrize("shape", [(8, 8, 8), (7, 9, 5)])
def test_a_cell_is_vessel_where_one_of_its_voxels_is(shape):
    mask = torch.zeros(shape, dtype=torch.bool)
    mask[5, 2, 4] = True
    assert coarsened(mask, 4).nonzero().tolist() == [[1, 0, 1]]
    assert torch.equal(coarsened(mask, 1), mask)


# Training


def learner(points=64, steps=9, support=0.5):
    return Sampled(network(), points, support, steps, EDGE)


def test_three_stages_halve_the_cells():
    subject = learner(steps=9)
    found = []
    for _ in range(10):
        found.append(subject.coarsening)
        subject.network.steps_taken += 1
    assert found == [4] * 3 + [2] * 3 + [1] * 4


def test_points_lie_in_the_hull_and_know_the_mask():
    subject, (known, mask) = learner(points=500), PATIENTS[0]
    subject.network.steps_taken += 9
    hull = torch.from_numpy(known.inputs["min"] >= 0.5)
    places, truth = subject.sampled(hull, torch.from_numpy(mask), seed=4)
    cells = ((places + 1) * EDGE / 2 - 0.5).round().long()
    assert hull[tuple(cells.T)].all() and 0 < truth.mean() < 1
    assert torch.equal(truth > 0, torch.from_numpy(mask)[tuple(cells.T)])
    again, other = (subject.sampled(hull, torch.from_numpy(mask), seed=s)[0] for s in (4, 5))
    assert torch.equal(places, again) and not torch.equal(places, other)


@pytest.mark.parametrize(("bias", "loss"), [(0.0, "share"), (1.0, "rest"), (0.5, 0.25)])
def test_the_loss_is_the_mean_squared_error_at_the_points(bias, loss):
    subject = learner(points=300)
    with torch.no_grad():
        subject.network.decoder.layers[-1].weight.zero_()
        subject.network.decoder.layers[-1].bias.fill_(bias)
    rng = np.random.default_rng(1)
    given = tuple(map(torch.from_numpy, subject.read(PATIENTS, [0, 1], rng)))
    hull = given[0][:, 1] >= 0.5
    truth = [
        subject.sampled(*each)[1] for each in zip(hull, given[1], given[2].tolist(), strict=True)
    ]
    share = float(torch.stack(truth).mean())
    expected = {"share": share, "rest": 1 - share}.get(loss, loss)
    found, hits, union = subject.loss(given, torch.float32)
    assert float(found.detach()) == pytest.approx(expected, abs=1e-6)
    assert int(hits) <= int(union) and int(union) > 0


def test_outside_the_hull_nothing_is_found():
    known, _ = PATIENTS[0]
    stored = torch.from_numpy(np.stack([known.inputs["sum"], known.inputs["min"]]))[None]
    field = network()
    torch.nn.init.constant_(field.decoder.layers[-1].bias, 1.0)
    found = occupancy(field, stored, 0.5, EDGE, at_once=100)
    assert not found[stored[0, 1] < 0.5].any() and found[stored[0, 1] >= 0.5].mean() > 0.5
    torch.testing.assert_close(found, occupancy(field, stored, 0.5, EDGE))


def test_local_codes_overfit_one_patient(tmp_path):
    known, mask = PATIENTS[0]
    given = {"points": 512, "learning_rate": 3e-3, "width": 64, "local": True}
    state, history = fit(tmp_path, 20 * [PATIENTS[0]], schedule="one-cycle", **given)
    hull = known.inputs["min"] >= state["support"]
    assert (hull & mask).sum() / (hull | mask).sum() < 0.6
    assert overlap(state, known, mask) > 0.75
    assert history[-1]["loss"] < history[0]["loss"] / 3


def test_the_decoder_of_a_global_code_overfits_one_patient():
    """The coordinates of two bars, which the code says nothing of; it takes hundreds of steps."""
    known, mask = PATIENTS[0]
    subject, hull = learner(points=512), torch.from_numpy(known.inputs["min"] >= 0.5)
    field, code = network(width=256), [torch.rand(1, 256)]
    subject.network.steps_taken += 9
    optimizer = torch.optim.Adam(field.decoder.parameters(), 3e-4, betas=subject.betas)
    losses = []
    for step in range(600):
        places, truth = subject.sampled(hull, torch.from_numpy(mask), step)
        loss = (field.occupancy(code, places[None])[0] - truth).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert np.mean(losses[:20]) > 0.2 and np.mean(losses[-20:]) < 0.1


@pytest.mark.parametrize("steps", [1, 4, 5])
def test_stopped_and_resumed_equals_uninterrupted(tmp_path, steps):
    asked = iter(range(100))
    whole, _ = fit(tmp_path / "whole")
    with pytest.raises(TrainingInterrupted):
        fit(tmp_path / "parts", stopping=lambda: next(asked) >= steps)
    resumed, _ = fit(tmp_path / "parts")
    assert same(whole["network"], resumed["network"])


def test_a_seed_gives_its_weights_again_and_another_seed_others(tmp_path):
    first, again, other = (
        fit(tmp_path / str(n), seed=seed)[0]["network"] for n, seed in enumerate((1, 1, 2))
    )
    assert same(first, again) and not same(first, other)


@pytest.mark.parametrize("local", [False, True])
def test_any_shape_reconstructs_and_codes_as_the_fractions_they_stand_for(tmp_path, local):
    state, _ = fit(tmp_path, epochs=1, local=local)
    inputs = {k: v[:20, :, 3:14] for k, v in PATIENTS[0][0].inputs.items()}
    codes = {kind: quantize_fractions(array) for kind, array in inputs.items()}
    stored = Measurement(ANGLES, {kind: one.codes for kind, one in codes.items()})
    plain = Measurement(ANGLES, {kind: one.values() for kind, one in codes.items()})
    found = [ImNet().reconstruct(state, known, Context()).probability for known in (stored, plain)]
    assert found[0].shape == (20, EDGE, 11)
    np.testing.assert_allclose(*found, atol=1e-5)


@pytest.mark.parametrize(
    ("key", "value"),
    [("width", 12), ("resolution", 16), ("resolution", 40), ("points", 0), ("local", 1)],
)
def test_a_bad_setting_is_refused_with_its_full_key(key, value):
    with pytest.raises(InputError, match=rf"^methods\.im_net\.{key}: "):
        registry.create("im_net", {key: value})


def test_a_local_decoder_is_far_smaller():
    globally, locally = (network(64, 1024, is_local).decoder for is_local in (False, True))
    assert isinstance(locally, Decoder)
    assert 10 * sum(p.numel() for p in locally.parameters()) < sum(
        p.numel() for p in globally.parameters()
    )
