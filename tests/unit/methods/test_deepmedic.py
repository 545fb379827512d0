"""DeepMedic: sizes of its paths, its segments, its loss, and its training."""

import itertools

import numpy as np
import pytest
import torch
from angiovox.errors import InputError, TrainingInterrupted
from angiovox.method import Context, Measurement, never
from angiovox.methods import registry
from angiovox.methods.deepmedic import network as networks
from angiovox.methods.deepmedic import segments
from angiovox.methods.deepmedic.learner import L1, L2, Segmenting, penalty
from angiovox.methods.deepmedic.method import DeepMedic, Settings
from angiovox.methods.soft_jaccard import soft_jaccard_loss

pytestmark = pytest.mark.usefixtures("one_thread")

QUICK = {"epochs": 2, "precision": "fp32", "batch_size": 2, "width": 1, "joint": 4}
QUICK |= {"segment": 22, "inference_segment": 26, "segments": 4}


def patient(seed, shape=(12, 11, 10)):
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
    return DeepMedic(Settings(**(QUICK | given))).fit(patients, context)


def same(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[k], second[k]) for k in first)


# Sizes


def test_the_network_has_the_maps_of_the_original():
    network = networks.DeepMedic(2, 10, 250)
    maps = [2, 30, 30, 40, 40, 40, 40, 50, 50]
    path = [(after, before, 3, 3, 3) for before, after in itertools.pairwise(maps)]
    joint = [(250, 150, 3, 3, 3), (250, 250, 1, 1, 1), (1, 250, 1, 1, 1)]
    kernels = [tuple(p.shape) for p in network.parameters() if p.ndim == 5]
    assert kernels == [*path * 3, *joint]
    norms = 3 * sum(maps[1:-1]) + 150 + 250 + 250  # scale, shift and PReLU's slope of each map
    expected = sum(int(np.prod(shape)) for shape in kernels) + 3 * norms + 1
    assert sum(p.numel() for p in network.parameters()) == expected == 2_007_891


def test_a_segment_of_37_gives_19_and_is_seen_from_69_and_105_voxels():
    """37 - 8 * 2 - 2; 7 and 5 coarse voxels come out of 23 and 21."""
    assert networks.output_edge(37) == 19
    assert [networks.seen_edge(37, factor) for factor in (1, 3, 5)] == [37, 3 * 23, 5 * 21]
    assert networks.output_edge(45) == 27


@pytest.mark.parametrize("segment", [19, 22, 25, 37, 38, 45])
def test_all_edges_of_a_segment_have_a_common_centre(segment):
    edges = [networks.seen_edge(segment, factor) for factor in networks.FACTORS]
    assert edges[0] == segment
    assert len({edge % 2 for edge in [*edges, networks.output_edge(segment)]}) == 1
    for factor, edge in zip(networks.FACTORS, edges, strict=True):
        assert edge - factor * networks.PATH_LOSS >= segment - networks.PATH_LOSS


@pytest.mark.parametrize("segment", [19, 22])
def test_what_comes_out_is_the_segments_centre(segment):
    network = networks.DeepMedic(1, 1, 2).eval()
    seen = torch.rand(1, 1, *[networks.context_edge(segment)] * 3)
    with torch.no_grad():
        assert network(seen, segment).shape == (1, 1, *[segment - 18] * 3)


def test_a_path_sees_17_voxels_and_adds_maps_of_two_layers_before():
    path = networks.Path(1, 1).eval()
    assert path(torch.rand(1, 1, 19, 19, 19)).shape == (1, 5, 3, 3, 3)
    with torch.no_grad():
        for layer in path.layers[1:]:
            layer[-1].weight.zero_()
        assert path(torch.rand(1, 1, 17, 17, 17)).abs().sum() == 0
        path.layers[1][-1].weight[:, :, 1, 1, 1] = 1
        volume = torch.rand(1, 1, 17, 17, 17)
        second = path.layers[1](path.layers[0](volume))[:, :, 6, 6, 6]
        expected = torch.nn.functional.pad(second, (0, 2))  # layers 4, 6 and 8 hand it on
        torch.testing.assert_close(path(volume)[:, :, 0, 0, 0], expected)


# Segments


def test_a_crop_is_the_volume_where_there_is_one_and_0_elsewhere():
    volume = np.random.default_rng(1).random((2, 5, 6, 4)) + 1
    wide = np.pad(volume, ((0, 0), *[(9, 9)] * 3))
    for first in ([-3, -2, -9], [0, 0, 0], [2, 4, 1], [-1, 5, 3], [5, 6, 4]):
        x, y, z = np.add(first, 9)
        expected = wide[:, x : x + 8, y : y + 8, z : z + 8]
        np.testing.assert_array_equal(segments.crop(volume, np.array(first), 8), expected)


def test_blocks_lie_in_the_volume_and_half_of_them_on_a_vessel():
    mask = np.zeros((20, 20, 20), dtype=bool)
    mask[3, 17, 9] = True
    rng = np.random.default_rng(1)
    firsts = np.array([segments.drawn_block(mask, 3, rng) for _ in range(400)])
    assert firsts.min() == 0 and firsts.max() == 17
    centred = (firsts == [2, 16, 8]).all(axis=1).mean()
    assert 0.42 < centred < 0.58


@pytest.mark.parametrize("is_empty", [True, False])
def test_an_empty_mask_or_a_small_volume_gives_blocks_too(is_empty):
    mask = np.full((2, 3, 2), not is_empty)
    block = segments.drawn_block(mask, 5, np.random.default_rng(1))
    assert block.tolist() == [0, 0, 0]


def test_masks_are_those_of_the_segments_centre():
    subject = Segmenting(networks.DeepMedic(2, 1, 2), 22, 4, 0.0)
    volume = np.arange(12 * 11 * 10, dtype=np.float32).reshape(12, 11, 10) + 1
    known = Measurement(np.array([0.0, 90.0]), {"sum": volume, "min": volume})
    (seen,), (mask,) = subject.read([(known, volume > 500)], [0], np.random.default_rng(4))
    middle = networks.centre(torch.from_numpy(seen)[None], 4)[0, 0].numpy()
    np.testing.assert_array_equal(mask[0], middle > 500)
    assert seen.shape == (2, *[networks.context_edge(22)] * 3)


def test_dense_inference_at_full_resolution_does_not_depend_on_the_segments():
    torch.manual_seed(1)
    network = networks.DeepMedic(2, 1, 2, factors=(1,)).eval()
    inputs = PATIENTS[0][0].inputs
    whole, parts = (_full_resolution(network, inputs, segment) for segment in (30, 23))
    assert whole.shape == (12, 11, 10) and whole.std() > 0
    np.testing.assert_allclose(parts, whole, atol=1e-6)


def _full_resolution(network, inputs, segment):
    volume, edge = segments.channels(inputs), networks.output_edge(segment)
    result = np.zeros(volume.shape[1:], dtype=np.float32)
    for block in segments.blocks(result.shape, edge):
        seen = segments.crop(volume, block - (segment - edge) // 2, segment)
        with torch.no_grad():
            found = network(torch.from_numpy(seen)[None], segment)[0, 0].numpy()
        inside = result[tuple(slice(first, first + edge) for first in block)]
        inside[:] = found[tuple(map(slice, inside.shape))]
    return result


def test_blocks_fill_a_volume_once():
    filled = np.zeros((7, 4, 5), dtype=int)
    for block in segments.blocks(filled.shape, 3):
        filled[tuple(slice(first, first + 3) for first in block)] += 1
    assert (filled == 1).all()


# Loss and training


def test_the_loss_is_cross_entropy_with_penalties_and_the_iou_term_by_its_weight():
    torch.manual_seed(1)
    network = networks.DeepMedic(2, 1, 2).eval()
    plain, weighted = (Segmenting(network, 19, 4, weight) for weight in (0.0, 2.0))
    arrays = plain.read(PATIENTS, [0, 1], np.random.default_rng(3))
    given = tuple(map(torch.from_numpy, arrays))
    target = given[1].float()
    probability = network(given[0], 19).sigmoid()
    entropy = -torch.where(target > 0, probability, 1 - probability).log().mean()
    base, more = (one.loss(given, torch.float32)[0] for one in (plain, weighted))
    torch.testing.assert_close(base, entropy + penalty(network))
    torch.testing.assert_close(more - base, 2 * soft_jaccard_loss(probability, target))


def test_penalties_are_of_kernels_alone():
    layers = torch.nn.Sequential(torch.nn.Conv3d(1, 1, 1), torch.nn.BatchNorm3d(1))
    torch.nn.init.constant_(layers[0].weight, -3.0)
    assert penalty(layers).item() == pytest.approx(3 * L1 + 9 * L2)


def test_rmsprop_has_the_originals_numbers():
    subject = Segmenting(networks.DeepMedic(2, 1, 2), 19, 4, 0.0)
    (group,) = subject.optimizers(1e-3)["all"].param_groups
    found = [group[key] for key in ("lr", "alpha", "eps", "momentum", "weight_decay")]
    assert found == [1e-3, 0.9, 1e-4, 0.6, 0]


def test_an_epoch_has_its_segments_of_all_patients_alike():
    subject = Segmenting(torch.nn.Identity(), 19, 9, 0.0)
    order = subject.order(range(3), np.random.default_rng(1))
    assert sorted(order) == sorted([0, 1, 2] * 3)


def test_it_overfits_one_patient(tmp_path):
    known, mask = PATIENTS[0]
    more = {"epochs": 40, "segments": 2, "segment": 28, "inference_segment": 28, "width": 2}
    more |= {"learning_rate": 3e-3, "joint": 16, "schedule": "constant"}
    state, history = fit(tmp_path, patients=PATIENTS[:1], **more)
    found = DeepMedic().reconstruct(state, known, Context()).probability
    assert history[-1]["loss"] < history[0]["loss"]
    assert found[mask].mean() > found[~mask].mean() + 0.3


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


@pytest.mark.parametrize(("key", "value"), [("width", 0), ("segment", 18), ("iou_weight", -1)])
def test_a_bad_setting_is_refused_with_its_full_key(key, value):
    with pytest.raises(InputError, match=rf"^methods\.deepmedic\.{key}: "):
        registry.create("deepmedic", {key: value})
