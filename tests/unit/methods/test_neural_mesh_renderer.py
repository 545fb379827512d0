"""The deformed sphere: its topology, soft silhouettes, folds, and a fit that resumes."""

import sys

import numpy as np
import pytest
import torch
from angiovox.errors import InputError, TrainingInterrupted
from angiovox.method import Context, Measurement, never
from angiovox.methods import registry
from angiovox.methods.meshes import occupancy, overlap, sides, wings
from angiovox.methods.neural_mesh_renderer import network as networks
from angiovox.methods.neural_mesh_renderer import rasterization
from angiovox.methods.neural_mesh_renderer.learner import Silhouetted
from angiovox.methods.neural_mesh_renderer.method import NeuralMeshRenderer, Settings
from angiovox.methods.neural_mesh_renderer.network import (
    SphereDeformation,
    resized_points,
    to_indices,
)
from angiovox.methods.neural_mesh_renderer.rasterization import (
    hard_silhouette,
    silhouette_loss,
    soft_silhouette,
)
from angiovox.methods.neural_mesh_renderer.sphere import folding, icosphere
from angiovox.projectors.mip import project_max
from conftest import ROOT

sys.path.append(str(ROOT / "benchmarks"))

from sphere_deformation import best_dice

pytestmark = pytest.mark.usefixtures("one_thread")

EDGE = 16
ANGLES = np.array([0.0, 90.0])
QUICK = {
    "epochs": 2,
    "learning_rate": 1e-3,
    "batch_size": 1,
    "precision": "fp32",
    "resolution": 16,
}
CUBE = np.array(np.meshgrid([0, 1], [0, 1], [0, 1], indexing="ij")).reshape(3, -1).T * 1.0
FACES = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
CUBE_TRIANGLES = np.array([t for a, b, c, d in FACES for t in ((a, b, c), (a, c, d))])
TETRAHEDRON = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) * 1.0
TETRAHEDRON_TRIANGLES = np.array([[0, 1, 2], [0, 2, 3], [0, 3, 1], [1, 3, 2]])


def patient(seed, edge=EDGE):
    """A ball off the middle, seen from two sides, and its mask."""
    place = np.random.default_rng(seed).integers(6, edge - 6, 3)
    radius = np.linalg.norm(np.indices((edge,) * 3).T - place, axis=-1).T
    mask = radius < 4.5
    return Measurement(ANGLES, {"projections": project_max(mask.astype(np.float32), ANGLES)}), mask


PATIENTS = [patient(seed) for seed in range(2)]


def fit(folder, patients=PATIENTS, seed=1, stopping=never, **given):
    context = Context(seed, "cpu", folder / "checkpoint.pt", {}, str, stopping)
    return NeuralMeshRenderer(Settings(**(QUICK | given))).fit(patients, context)


def same(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[k], second[k]) for k in first)


def read(subject, batch=(0, 1)):
    rng = np.random.default_rng(1)
    return tuple(map(torch.from_numpy, subject.read(PATIENTS, list(batch), rng)))


def learner(smoothness=0.0):
    torch.manual_seed(1)
    return Silhouetted(SphereDeformation(2, 16), 2, 16, smoothness)


# The sphere


@pytest.mark.parametrize(("times", "vertices", "triangles"), [(0, 12, 20), (3, 642, 1280)])
def test_the_sphere_is_closed_faces_outwards_and_has_no_hole(times, vertices, triangles):
    points, faces = icosphere(times)
    assert (len(points), len(faces)) == (vertices, triangles)
    np.testing.assert_allclose(np.linalg.norm(points, axis=1), 1)
    assert (np.linalg.det(points[faces]) > 0).all()
    edges, _ = sides(faces)
    assert len(points) - len(edges) + len(faces) == 2
    assert wings(faces).shape == (len(edges), 4)


def test_the_sphere_encloses_its_volume():
    points, faces = icosphere()
    found = occupancy(7 * points + 8, faces, (17, 17, 17)).sum()
    assert found == pytest.approx(4 / 3 * np.pi * 7**3, rel=0.02)


def test_wings_of_an_open_mesh_are_refused():
    with pytest.raises(ValueError, match="3 of 3 edges are not of two triangles"):
        wings(np.array([[0, 1, 2]]))


@pytest.mark.parametrize(
    ("vertices", "triangles", "expected"),
    [(CUBE, CUBE_TRIANGLES, 12.0), (TETRAHEDRON, TETRAHEDRON_TRIANGLES, 6 * (4 / 3) ** 2)],
)
def test_folds_are_one_for_each_right_angle_and_none_where_flat(vertices, triangles, expected):
    folds = folding(torch.from_numpy(vertices)[None], torch.from_numpy(wings(triangles)))
    assert float(folds) == pytest.approx(expected)


def test_a_finer_sphere_is_less_folded():
    folds = [
        float(folding(torch.from_numpy(points)[None], torch.from_numpy(wings(faces))) / len(faces))
        for points, faces in map(icosphere, (1, 2, 3))
    ]
    assert folds[0] > 4 * folds[1] > 16 * folds[2] > 0


# Silhouettes


def bumpy(seed=1, scale=5.0):
    """A deformed sphere from one side: points on an image of 24 x 20 pixels, and triangles."""
    points, faces = icosphere(2)
    rng = np.random.default_rng(seed)
    points = scale * points * (1 + 0.2 * np.sin(3 * points[:, :1] + rng.uniform(0, 6)))
    slanting = points[:, :2] + points[:, 2:] * [0.3, 0.2]  # no two vertices in one place
    return torch.from_numpy(slanting + [11.3, 9.1]), torch.from_numpy(faces)


def test_a_hard_silhouette_is_where_the_volume_is_seen():
    points, faces = icosphere()
    found = hard_silhouette(
        torch.from_numpy(6.2 * points[:, :2] + 9.5), torch.from_numpy(faces), (20, 20)
    )
    i, j = np.indices((20, 20))
    assert (found.numpy() != (np.hypot(i - 9.5, j - 9.5) < 6.2)).sum() <= 4


@pytest.mark.parametrize("seed", [1, 2])
def test_a_soft_silhouette_is_the_hard_one_but_for_its_border(seed):
    points, faces = bumpy(seed)
    hard = hard_silhouette(points, faces, (24, 20))
    soft = soft_silhouette(points, faces, (24, 20))
    assert (soft[hard] >= 0.5).all()
    found = soft >= 0.5
    assert (found & hard).sum() / (found | hard).sum() > 0.75
    sharp = soft_silhouette(points, faces, (24, 20), softness=1e-5)
    assert torch.equal(sharp >= 0.5, hard)


def test_a_soft_silhouettes_gradient_is_that_of_differences(monkeypatch):
    monkeypatch.setattr(rasterization, "FAR", 40.0)  # else a pair more or less is a small jump
    points, faces = bumpy(scale=3.0)
    weight = torch.rand(24, 20, dtype=torch.float64)

    def seen(given):
        return (weight * soft_silhouette(given, faces, (24, 20))).sum()

    given = points.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(seen(given), given)
    way = torch.randn(points.shape, dtype=torch.float64, generator=torch.manual_seed(2))
    step = 1e-5
    difference = (seen(points + step * way) - seen(points - step * way)) / (2 * step)
    assert float((gradient * way).sum()) == pytest.approx(float(difference), rel=1e-2)


def test_what_lies_outside_the_image_is_not_seen():
    points, faces = bumpy()
    assert not soft_silhouette(points + 100, faces, (24, 20)).any()
    moved = soft_silhouette(points + torch.tensor([3.0, 0.0]), faces, (24, 20))
    torch.testing.assert_close(moved[3:], soft_silhouette(points, faces, (24, 20))[:-3])


@pytest.mark.parametrize(("found", "expected"), [([1, 1, 0, 0], 0), ([0, 0, 1, 1], 1)])
def test_the_loss_is_one_minus_the_iou(found, expected):
    truth = torch.tensor([[[1.0, 1, 0, 0]], [[1, 0, 1, 0]]])
    given = torch.tensor([[found], [[1, 1, 1, 1]]], dtype=torch.float32)
    assert float(silhouette_loss(given, truth)) == pytest.approx((expected + 0.5) / 2)


def test_resized_points_keep_their_place_between_the_edges():
    corners = torch.tensor([[-0.5, -0.5], [23.5, 9.5], [11.5, 4.5]])
    found = resized_points(corners, (24, 10), 16)
    torch.testing.assert_close(found, torch.tensor([[-0.5, -0.5], [15.5, 15.5], [7.5, 7.5]]))


# The network and its training


def test_layers_are_those_of_the_source():
    given = Settings()
    network = SphereDeformation(given.views, given.resolution)
    shapes = [tuple(layer.weight.shape) for layer in network.layers if hasattr(layer, "weight")]
    assert shapes == [
        (64, 2, 5, 5),
        (128, 64, 5, 5),
        (256, 128, 5, 5),
        (1024, 256 * 8 * 8),
        (1024, 1024),
        (512, 1024),
        (1024, 512),
        (2048, 1024),
    ]
    assert network.offsets.weight.shape == (642 * 3, 2048)
    start = network(torch.rand(1, 2, 64, 64))[0]
    assert (start - network.sphere).abs().max() < 0.05


def test_the_weight_of_the_folds_is_added():
    plain, weighted = learner(), learner(smoothness=0.5)
    given = read(plain)
    vertices = plain.network(given[0])
    difference = weighted.loss(given, torch.float32)[0] - plain.loss(given, torch.float32)[0]
    torch.testing.assert_close(difference, 0.5 * folding(vertices, plain.wings).mean())


def test_a_right_mesh_has_nearly_no_loss_and_the_sphere_has_much():
    subject = learner()
    given = read(subject, [0])
    ball = PATIENTS[0][1]
    centre = torch.from_numpy(np.argwhere(ball).mean(axis=0)).float()
    shift = (centre + 0.5) / EDGE * 2 - 1
    before, *_ = subject.loss(given, torch.float32)
    torch.nn.init.zeros_(subject.network.offsets.weight)
    subject.network.sphere.mul_(4.5 / EDGE * 2 / 0.5).add_(shift)
    after, hits, union = subject.loss(given, torch.float32)
    assert after < 0.8 * before
    assert hits / union > 0.9
    assert subject.iou(given, torch.float32) == pytest.approx(float(hits / union))


def test_hits_and_union_are_those_of_the_voxels():
    subject = learner()
    given = read(subject)
    _, hits, union = subject.loss(given, torch.float32)
    indices = to_indices(subject.network(given[0]), given[4].shape[1:])
    assert (hits, union) == overlap(indices, subject.network.triangles, given[4])


@pytest.fixture
def narrow(monkeypatch):
    """Few weights: those of the source are 10 million, which each checkpoint writes."""
    monkeypatch.setattr(networks, "CONVOLUTIONS", (4, 4, 4))
    monkeypatch.setattr(networks, "ENCODED", (16, 16, 8))
    monkeypatch.setattr(networks, "DECODED", (16, 16))


def test_it_overfits_one_patient(tmp_path):
    known, mask = PATIENTS[0]
    state, history = fit(tmp_path, 20 * [PATIENTS[0]], learning_rate=3e-4)
    found = NeuralMeshRenderer().reconstruct(state, known, Context())
    assert history[-1]["loss"] < 0.8 * history[0]["loss"]
    assert iou(found.probability, mask) > 0.5
    assert found.surface[0].shape == (642, 3) and found.surface[1].shape == (1280, 3)


def iou(share, mask):
    return ((share >= 0.5) & mask).sum() / ((share >= 0.5) | mask).sum()


@pytest.mark.parametrize("steps", [1, 3])
def test_stopped_and_resumed_equals_uninterrupted(tmp_path, narrow, steps):
    asked = iter(range(100))
    whole, _ = fit(tmp_path / "whole")
    with pytest.raises(TrainingInterrupted):
        fit(tmp_path / "parts", stopping=lambda: next(asked) >= steps)
    resumed, _ = fit(tmp_path / "parts")
    assert same(whole["network"], resumed["network"])


def test_a_seed_gives_its_weights_again_and_another_seed_others(tmp_path, narrow):
    first, again, other = (
        fit(tmp_path / str(n), seed=seed, epochs=1)[0]["network"]
        for n, seed in enumerate((1, 1, 2))
    )
    assert same(first, again) and not same(first, other)


@pytest.mark.parametrize(
    ("key", "value"), [("views", 0), ("resolution", 20), ("resolution", 4), ("smoothness", -1)]
)
def test_a_bad_setting_is_refused_with_its_full_key(key, value):
    with pytest.raises(InputError, match=rf"^methods\.neural_mesh_renderer\.{key}: "):
        registry.create("neural_mesh_renderer", {key: value})


def test_a_sphere_fitted_directly_holds_a_ball_and_no_ring():
    """What topology alone costs: the true surface is given, and the vertices are free."""
    x, y, z = np.indices((20, 20, 20)) - 9.5
    ball = np.sqrt(x**2 + y**2 + z**2) < 6
    ring = np.hypot(np.hypot(x, z) - 6.5, y) < 1.6
    of_ball, of_ring = best_dice(ball, steps=80), best_dice(ring, steps=80)
    assert of_ball > 0.9
    assert of_ring < of_ball - 0.1
