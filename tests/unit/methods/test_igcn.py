"""IGCN: its template, images and graphs, the terms of its loss, and a fit that resumes."""

import itertools

import numpy as np
import pytest
import torch
from angiovox.errors import InputError, TrainingInterrupted
from angiovox.method import Context, Measurement, never
from angiovox.methods import registry
from angiovox.methods.igcn.learner import Deforming, Template, mapping_loss, pixel_means
from angiovox.methods.igcn.method import Igcn, Settings
from angiovox.methods.igcn.network import GraphNetwork, ImageUNet, averaging, sampled
from angiovox.methods.igcn.network import Igcn as Networks
from angiovox.methods.igcn.template import (
    displacements,
    enclosed,
    neighbours,
    template,
    to_indices,
)
from angiovox.methods.mean_mask import mean_mask
from angiovox.methods.meshes import occupancy, sides
from angiovox.projectors.mip import project_max

pytestmark = pytest.mark.usefixtures("one_thread")

EDGE = 16
ANGLES = np.array([0.0, 90.0])
QUICK = {
    "epochs": 2,
    "learning_rate": 2e-3,
    "precision": "fp32",
    "channels": 4,
    "levels": 3,
    "hidden": 16,
    "cell": 1,
}


def patient(shift, edge=EDGE):
    """A ball off the middle of the volume, seen from two sides, and its mask."""
    place = np.array([7.0, 7.0, 8.0]) + shift
    radius = np.linalg.norm(np.moveaxis(np.indices((edge,) * 3), 0, -1) - place, axis=-1)
    mask = radius < 3.6
    return Measurement(ANGLES, {"projections": project_max(mask.astype(np.float32), ANGLES)}), mask


PATIENTS = [patient((0, 0, 0)), patient((2, 1, -1))]


def fit(folder, patients=PATIENTS, seed=1, stopping=never, **given):
    context = Context(seed, "cpu", folder / "checkpoint.pt", {}, str, stopping)
    return Igcn(Settings(**(QUICK | given))).fit(patients, context)


def same(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[k], second[k]) for k in first)


def learner(mapping=0.0, laplacian=0.0):
    torch.manual_seed(1)
    surface = Template(*template(mean_mask(PATIENTS), 1))
    network = Networks(surface.places, neighbours(surface.triangles), 4, 3, 16)
    return Deforming(network, surface, 2, mapping, laplacian)


def read(subject, batch=(0, 1)):
    rng = np.random.default_rng(1)
    return tuple(map(torch.from_numpy, subject.read(PATIENTS, list(batch), rng)))


# The template


@pytest.mark.parametrize("cell", [1, 2])
def test_the_template_of_one_patient_is_that_patients_surface(cell):
    _, mask = PATIENTS[0]
    places, triangles = template(mask.astype(np.float32), cell)
    _, which = sides(triangles)
    assert (np.bincount(which.ravel()) == 2).all()
    found = occupancy(to_indices(places, mask.shape), triangles, mask.shape)
    assert found.sum() == pytest.approx(mask.sum(), rel=0.02)
    assert enclosed(places, triangles) * mask.size == pytest.approx(mask.sum(), rel=0.01)
    assert iou(found, mask) > 0.7


def test_the_template_of_many_encloses_as_much_as_a_mean_patient():
    many = [patient(shift) for shift in itertools.product((-1, 0, 1), repeat=3)]
    mean = mean_mask(many)
    places, triangles = template(mean, 1)
    volume = occupancy(to_indices(places, mean.shape), triangles, mean.shape).sum()
    assert volume == pytest.approx(np.mean([mask.sum() for _, mask in many]), rel=0.02)


def test_masks_without_a_vessel_are_refused():
    with pytest.raises(InputError, match="no training mask has a vessel"):
        template(np.zeros((4, 4, 4), np.float32), 1)


def test_a_vertex_is_sent_to_the_nearest_point_of_the_patients_surface():
    _, mask = PATIENTS[0]
    places, _ = template(mask.astype(np.float32), 1)
    assert np.abs(displacements(places, mask)).max() < 0.1 / EDGE  # another level of the mask
    moved = displacements(places + [0.5, 0, 0], mask)
    right = places[:, 0].argmax()
    assert moved[right, 0] == pytest.approx(-0.5, abs=0.02)
    assert not displacements(places, np.zeros_like(mask)).any()


def test_places_do_not_depend_on_the_shape():
    _, mask = PATIENTS[0]
    fine = mask.repeat(2, axis=0).repeat(2, axis=1).repeat(2, axis=2)
    coarse, _ = template(mask.astype(np.float32), 1)
    finer, _ = template(fine.astype(np.float32), 2)
    np.testing.assert_allclose(coarse, finer, atol=1e-6)


# Networks


def test_layers_are_those_of_the_source():
    given = Settings()
    network = ImageUNet(given.channels, given.levels)
    widths = [20, 40, 80, 160, 320, 640]
    found = [[tuple(layer.weight.shape) for layer in block[::2]] for block in network.down]
    edges = itertools.pairwise((3, *widths))
    assert found == [[(wide, narrow, 3, 3), (wide, wide, 3, 3)] for narrow, wide in edges]
    assert network.last.weight.shape == (3, 20, 1, 1)
    graph = GraphNetwork(np.array([[0, 1], [1, 0]]), 2, given.hidden)
    assert [layer.in_features for layer in graph.layers] == [6, *[256] * 9]
    assert sum(p.numel() for p in graph.parameters()) == 528_899


@pytest.mark.parametrize("size", [(16, 16), (9, 13), (1, 5)])
def test_a_map_has_the_images_size(size):
    assert ImageUNet(2, 3)(torch.rand(2, 3, *size)).shape == (2, 3, *size)


def test_the_adjacency_averages_a_vertex_and_its_neighbours():
    pairs = neighbours(np.array([[0, 1, 2], [0, 2, 3]]))
    found = averaging(pairs, 4).to_dense()
    torch.testing.assert_close(found.sum(dim=1), torch.ones(4))
    torch.testing.assert_close(found[1], torch.tensor([1, 1, 1, 0]) / 3)
    torch.testing.assert_close(found[0], torch.full((4,), 0.25))


def test_graph_convolutions_do_not_depend_on_the_vertices_order():
    _, triangles = template(PATIENTS[0][1].astype(np.float32), 2)
    count = triangles.max() + 1
    order = np.random.default_rng(1).permutation(count)
    torch.manual_seed(2)
    plain = GraphNetwork(neighbours(triangles), count, 8)
    other = GraphNetwork(neighbours(np.argsort(order)[triangles]), count, 8)
    other.load_state_dict(plain.state_dict())
    features = torch.rand(count, 6)
    torch.testing.assert_close(other(features[order]), plain(features)[order])


def test_samples_are_interpolated_between_pixels():
    i, j = torch.meshgrid(torch.arange(5.0), torch.arange(7.0), indexing="ij")
    maps = torch.stack([i, j, 2 * i - j])[None]
    points = torch.tensor([[[1.0, 2.0], [3.5, 4.25], [0.0, 6.0], [-9.0, 99.0]]])
    expected = torch.tensor([[1, 2, 0], [3.5, 4.25, 2.75], [0, 6, -6], [0, 6, -6]])
    torch.testing.assert_close(sampled(maps, points)[0], expected, atol=1e-4, rtol=0)


# Loss


def test_pixels_hold_the_mean_of_their_vertices():
    points = torch.tensor([[1.2, 2.0], [0.9, 2.3], [3.0, 0.0], [9.0, 0.0]])
    values = torch.tensor([[1.0], [3.0], [7.0], [100.0]])
    mean, shown = pixel_means(points, values, (4, 3))
    assert mean[0, 1, 2] == 2 and mean[0, 3, 0] == 7 and mean.sum() == 9
    assert shown.nonzero().tolist() == [[1, 2], [3, 0]]


def test_the_maps_error_counts_where_vertices_are():
    points, aims = torch.tensor([[[1.0, 2.0], [0.0, 0.0]]]), torch.tensor([[1.0, 0, 0], [0, 2, 0]])
    maps = torch.full((1, 3, 4, 3), 50.0)
    maps[0, :, 1, 2], maps[0, :, 0, 0] = torch.tensor([1.0, 0, 0]), torch.tensor([0, 2.0, 3])
    assert float(mapping_loss(maps, points, aims)) == pytest.approx(9 / 2)
    assert float(mapping_loss(maps, points - 10, aims)) == 0


def test_a_shift_of_the_whole_mesh_is_even_and_one_vertex_alone_is_not():
    subject = learner()
    shift = torch.tensor([0.3, -0.1, 0.2]).expand(len(subject.template.places), 3)
    assert float(subject.unevenness(shift)) == pytest.approx(0, abs=1e-10)
    alone = torch.zeros_like(shift).clone()
    alone[0, 0] = 1
    assert float(subject.unevenness(alone)) > 0.5 / len(shift)


def test_terms_are_added_by_their_weights():
    plain, mapped, smooth = learner(), learner(mapping=10.0), learner(laplacian=1.0)
    given = read(plain, [1])
    pictures, points, aims, _ = (one[0] for one in given)
    maps, vertices = plain.network(pictures, points)
    moved = vertices - plain.network.places
    base = plain.loss(given, torch.float32)[0]
    torch.testing.assert_close(base, (moved - aims).square().sum(dim=1).mean())
    extra = mapped.loss(given, torch.float32)[0] - base
    torch.testing.assert_close(extra, 10 * mapping_loss(maps, points, aims))
    extra = smooth.loss(given, torch.float32)[0] - base
    torch.testing.assert_close(extra, plain.unevenness(moved), atol=1e-7, rtol=1e-3)


def test_images_show_the_template_where_its_vertices_are():
    subject = learner()
    pictures, points, *_ = read(subject, [0])
    own = pictures[0, :, 0]
    for picture, seen in zip(own, points[0], strict=True):
        middle = torch.nonzero(picture > 0).float().mean(dim=0)
        torch.testing.assert_close(seen.mean(dim=0), middle, atol=0.5, rtol=0)
    assert 0 < own.mean() < 0.5 and pictures[0, :, 1].unique().numel() == 1


# Fitting


def test_it_overfits_one_patient():
    """The template of two patients, as the second of them has it."""
    subject = learner()
    given = read(subject, [1])
    optimizer = torch.optim.Adam(subject.network.parameters(), 5e-3)
    losses, overlaps = [], [subject.iou(given, torch.float32)]
    for _ in range(80):
        loss, *_ = subject.loss(given, torch.float32)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    overlaps.append(subject.iou(given, torch.float32))
    assert losses[-1] < losses[0] / 3
    assert overlaps[1] > overlaps[0] + 0.05


def iou(share, mask):
    return ((share >= 0.5) & mask).sum() / ((share >= 0.5) | mask).sum()


@pytest.mark.parametrize("steps", [1, 2, 3])
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


@pytest.mark.parametrize(
    ("key", "value"), [("views", 0), ("levels", 1), ("cell", 0.5), ("mapping_weight", -1)]
)
def test_a_bad_setting_is_refused_with_its_full_key(key, value):
    with pytest.raises(InputError, match=rf"^methods\.igcn\.{key}: "):
        registry.create("igcn", {key: value})
