"""The plain CNN: its loss on known values, its layers, and its training."""

import numpy as np
import pytest
import torch
from angiovox.errors import InputError, TrainingInterrupted
from angiovox.method import Context, Measurement, never
from angiovox.methods import registry
from angiovox.methods.jaccard_cnn.learner import ByOverlap
from angiovox.methods.jaccard_cnn.method import JaccardCNN, Settings
from angiovox.methods.jaccard_cnn.network import PlainCNN, probabilities
from angiovox.methods.soft_jaccard import soft_jaccard_loss

pytestmark = pytest.mark.usefixtures("one_thread")

QUICK = {"epochs": 2, "precision": "fp32", "learning_rate": 1e-2, "channels": 2, "slab": 8}


def patient(seed, shape=(12, 12, 10)):
    """A bright bar in noise, and its mask."""
    rng = np.random.default_rng(seed)
    mask = np.zeros(shape, dtype=bool)
    x, y = rng.integers(2, 7, 2)
    mask[x : x + 3, y : y + 3] = True
    inputs = {
        kind: np.clip(0.6 * mask + rng.uniform(0, 0.4, shape), 0, 1).astype(np.float32)
        for kind in ("sum", "min")
    }
    return Measurement(np.array([0.0, 90.0]), inputs), mask


PATIENTS = [patient(seed) for seed in range(2)]


def fit(folder, seed=1, stopping=never, patients=PATIENTS, **given):
    context = Context(seed, "cpu", folder / "checkpoint.pt", {}, str, stopping)
    return JaccardCNN(Settings(**(QUICK | given))).fit(patients, context)


def same(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[k], second[k]) for k in first)


# The loss


def test_the_loss_is_one_minus_the_jaccard_index_of_masks():
    first, second = torch.zeros(2, 10), torch.zeros(2, 10)
    first[0, :6] = second[0, 3:9] = 1  # 3 in both, 9 in either
    expected = 1 - (np.array([3, 0]) + 1) / (np.array([9, 0]) + 1)
    assert float(soft_jaccard_loss(first, second)) == pytest.approx(expected.mean())


def test_the_loss_of_probabilities_has_sums_and_products():
    given, truth = torch.tensor([[0.2, 0.7, 0.5]]), torch.tensor([[0.0, 1.0, 1.0]])
    both, either = 1.2, 1.4 + 2.0 - 1.2
    assert float(soft_jaccard_loss(given, truth)) == pytest.approx(1 - (both + 1) / (either + 1))


def test_the_loss_is_none_for_the_truth_and_falls_towards_it():
    truth = (torch.arange(20)[None] < 4).float()
    losses = [float(soft_jaccard_loss(part * truth, truth)) for part in (0, 0.25, 0.5, 1)]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] == 0


def test_empty_space_does_not_weigh():
    """Which is why there is no class weight."""
    given, truth = torch.tensor([[0.9, 0.2]]), torch.tensor([[1.0, 0.0]])
    wide = [torch.nn.functional.pad(part, (0, 1000)) for part in (given, truth)]
    assert float(soft_jaccard_loss(*wide)) == pytest.approx(float(soft_jaccard_loss(given, truth)))


def test_the_learners_loss_is_that_of_its_probabilities_alone():
    torch.manual_seed(1)
    subject = ByOverlap(PlainCNN(2), 8)
    arrays = subject.read(PATIENTS, [0, 1], np.random.default_rng(3))
    given = tuple(map(torch.from_numpy, arrays))
    probability = subject.network(given[0]).sigmoid()
    expected = soft_jaccard_loss(probability, given[1].float())
    assert torch.equal(subject.loss(given, torch.float32)[0], expected)


# The network


def test_layers_are_plain_convolutions_that_see_35_voxels():
    network = PlainCNN(4)
    convolutions = [one for one in network.modules() if isinstance(one, torch.nn.Conv3d)]
    assert [tuple(one.weight.shape[:2]) for one in convolutions] == [(4, 2), *[(4, 4)] * 5, (1, 4)]
    reach = 1 + sum((one.kernel_size[0] - 1) * one.dilation[0] for one in convolutions)
    assert reach == 35
    count = 27 * 2 * 4 + 5 * 27 * 4 * 4 + 6 * 2 * 4 + (4 + 1)
    assert sum(p.numel() for p in network.parameters()) == count


def test_slabs_are_those_of_one_place():
    subject = ByOverlap(PlainCNN(1), 3)
    (seen,), (mask,) = subject.read(PATIENTS, [0], np.random.default_rng(2))
    known, truth = PATIENTS[0]
    sums = known.inputs["sum"]
    place = next(z for z in range(8) if np.array_equal(sums[..., z : z + 3], seen[0]))
    np.testing.assert_array_equal(seen[1], known.inputs["min"][..., place : place + 3])
    np.testing.assert_array_equal(mask[0], truth[..., place : place + 3])


def test_the_middle_of_overlapping_slabs_is_that_of_the_whole():
    """Where a slab's border is out of reach of undilated layers."""
    torch.manual_seed(1)
    network = PlainCNN(1).eval()
    for layer in network.layers:
        layer[0].dilation = layer[0].padding = (1, 1, 1)
    inputs = {
        kind: np.random.default_rng(4).random((6, 6, 60), np.float32)
        for kind in PATIENTS[0][0].inputs
    }
    whole, slabs = (probabilities(network, inputs, slab) for slab in (60, 40))
    assert slabs.shape == (6, 6, 60)
    np.testing.assert_allclose(slabs[..., :14], whole[..., :14], atol=1e-6)


# Training


def test_it_overfits_one_patient(tmp_path):
    known, mask = PATIENTS[0]
    more = {"epochs": 60, "slab": 10, "channels": 4, "schedule": "one-cycle"}
    state, history = fit(tmp_path, patients=PATIENTS[:1], **more)
    found = JaccardCNN().reconstruct(state, known, Context()).probability >= 0.5
    assert history[-1]["loss"] < history[0]["loss"] - 0.3
    assert (found & mask).sum() / (found | mask).sum() > 0.7


def test_stopped_and_resumed_equals_uninterrupted(tmp_path):
    asked = iter(range(100))
    whole, _ = fit(tmp_path / "whole", schedule="one-cycle")
    with pytest.raises(TrainingInterrupted):
        fit(tmp_path / "parts", stopping=lambda: next(asked) >= 3, schedule="one-cycle")
    resumed, _ = fit(tmp_path / "parts", schedule="one-cycle")
    assert same(whole["network"], resumed["network"])


def test_a_seed_gives_its_weights_again_and_another_seed_others(tmp_path):
    first, again, other = (
        fit(tmp_path / str(n), seed, epochs=1)[0]["network"] for n, seed in enumerate((1, 1, 2))
    )
    assert same(first, again)
    assert not same(first, other)


@pytest.mark.parametrize(("key", "value"), [("channels", 0), ("slab", 1.5), ("epochs", -1)])
def test_a_bad_setting_is_refused_with_its_full_key(key, value):
    with pytest.raises(InputError, match=rf"^methods\.jaccard_cnn\.{key}: "):
        registry.create("jaccard_cnn", {key: value})
