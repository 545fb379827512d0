"""IDR's signed distance: its start as a sphere, its loss, its schedules, and fits that resume."""

import numpy as np
import pytest
import torch
from angiovox.errors import InputError, TrainingInterrupted
from angiovox.geometry.cone_beam import study_views
from angiovox.geometry.grid import Grid
from angiovox.geometry.imaging import Imaging
from angiovox.method import Context, Measurement, never, reconstruct
from angiovox.methods import registry
from angiovox.methods.idr.method import Idr, Settings
from angiovox.methods.idr.network import SignedDistance
from angiovox.methods.idr.optimise import Fit, mask_loss, slopes
from angiovox.methods.meshes import occupancy
from angiovox.methods.silhouette_rays import Scene
from angiovox.projectors.line_integral import line_integral
from angiovox.projectors.mip import project_max

pytestmark = pytest.mark.usefixtures("one_thread")

EDGE = 16
ANGLES = np.linspace(0, 90, 4)
QUICK = {"steps": 6, "pixels": 64, "samples": 12, "width": 32, "layers": 4, "frequencies": 2}
SMALL = {
    "learning_rate": 2e-3,
    "pixels": 256,
    "samples": 24,
    "width": 48,
    "layers": 4,
    "hull_only": True,
}


def ball(edge=EDGE, centre=(8.5, 6.0, 8.0), radius=4.3):
    away = np.linalg.norm(np.moveaxis(np.indices(3 * (edge,)), 0, -1) - centre, axis=-1)
    return away < radius


def measured(mask, angles=ANGLES):
    return Measurement(angles, {"projections": project_max(mask.astype(np.float32), angles)})


KNOWN = measured(ball())


def found(folder=None, seed=1, stopping=never, known=KNOWN, lines=None, **given):
    checkpoint = folder / "checkpoint.pt" if folder else None
    log = str if lines is None else lines.append
    context = Context(seed, "cpu", checkpoint, {}, log, stopping)
    method = Idr(Settings(**(QUICK | given)))
    return reconstruct(method, "p", {"level": 0.5}, known, context)


def fit(**given):
    return Fit(Scene.of(KNOWN, 0.5, None), Settings(**(QUICK | given)), Context())


def dice(probability, mask):
    hit = probability >= 0.5
    return 2 * (hit & mask).sum() / (hit.sum() + mask.sum())


class Ball(torch.nn.Module):
    """The exact distance to a ball of radius 0.5 about the middle."""

    def forward(self, places):
        return places.norm(dim=-1) - 0.5


# The network


def test_layers_are_those_of_the_source():
    given = Settings()
    network = SignedDistance(given.width, given.layers, given.frequencies, given.radius)
    shapes = [tuple(layer.weight.shape) for layer in network.layers]
    place = 3 + 6 * 6
    assert shapes == [(512, place), (512, 512), (512, 512), (512 - place, 512)] + 4 * [
        (512, 512)
    ] + [(1, 512)]


@pytest.mark.parametrize("radius", [0.3, 0.6])
def test_it_starts_nearly_as_the_distance_to_a_sphere(radius):
    torch.manual_seed(1)
    network = SignedDistance(256, 8, 6, radius)
    ways = torch.nn.functional.normalize(torch.randn(200, 3), dim=1)
    away = torch.tensor([0.3, 0.6, 0.9])  # softplus rounds the middle off
    with torch.no_grad():
        distance = network(away[:, None, None] * ways)
    found_mean = distance.mean(dim=1)
    torch.testing.assert_close(found_mean, away - radius, atol=0.12, rtol=0)
    assert (found_mean.diff() > 0.5 * away.diff()).all()
    assert (network(torch.zeros(1, 3)) < 0).all()


def test_slopes_are_lengths_of_gradients_and_have_one_themselves():
    places = torch.randn(20, 3)
    torch.testing.assert_close(slopes(Ball(), places), torch.ones(20))
    linear = torch.nn.Linear(3, 1)
    found_slopes = slopes(linear, places)
    torch.testing.assert_close(found_slopes, linear.weight.norm().expand(20))
    found_slopes.sum().backward()
    assert linear.weight.grad.abs().sum() > 0


# The loss


@pytest.mark.parametrize("alpha", [1.0, 50.0])
def test_the_mask_loss_is_the_cross_entropy_divided_by_alpha(alpha):
    least = torch.tensor([0.3, 0.02, -0.01, -0.2, 0.1])
    shown = torch.tensor([0.0, 0, 0, 1, 1])
    chance = torch.sigmoid(-alpha * least.double())
    terms = [-(1 - chance[:3]).log(), -chance[4:].log()]  # the fourth meets what it should
    expected = torch.cat(terms).sum() / 5 / alpha
    assert float(mask_loss(least, shown, alpha)) == pytest.approx(float(expected), rel=1e-4)


def test_the_least_distance_along_a_ray_is_that_of_its_nearest_place():
    subject = fit(samples=400)
    subject.network = Ball()
    numbers = torch.arange(0, subject.shown.numel(), 7)
    least, places, is_met = subject.least_distance(numbers)
    first, last = subject.rays.ends(numbers)
    along = torch.nn.functional.normalize(last - first, dim=1)
    nearest = (first - (first * along).sum(dim=1, keepdim=True) * along).norm(dim=1) - 0.5
    both = is_met & ((last - first).norm(dim=1) > 1.9)  # of full length: the nearest is on it
    assert both.sum() > 50
    torch.testing.assert_close(least[both], nearest[both], atol=1e-3, rtol=0)
    torch.testing.assert_close(Ball()(places)[both], least[both])


def test_the_eikonal_term_has_its_weight():
    losses, terms = [], []
    for weight in (0.0, 0.1):
        subject = fit(eikonal_weight=weight)
        torch.manual_seed(2)
        losses.append(subject.loss(50.0).item())
        subject.network = Ball()
        terms.append(subject.loss(50.0).item())
    assert losses[1] > losses[0]
    assert terms[0] > 0 and terms[1] == pytest.approx(terms[0], rel=0.5)  # a distance has none


def test_alpha_doubles_and_the_rate_is_halved_at_the_sources_epochs():
    subject = fit(steps=2000)
    epochs = (0, 249, 250, 500, 750, 1000, 1250, 1999)
    assert [subject.alpha(e / 2000) for e in epochs] == [50, 50, 100, 200, 400, 800, 1600, 1600]
    rates = []
    for epoch in (999, 1000, 1499, 1500):
        subject.step(epoch)
        rates.append(subject.optimizer.param_groups[0]["lr"])
    assert rates == [1e-4, 0.5e-4, 0.5e-4, 0.25e-4]


def test_a_start_from_the_hull_learns_its_distance_first():
    subject = fit(start="hull", steps=240, learning_rate=3e-3, pixels=256)
    assert subject.hull_steps == 60 and fit().hull_steps == 0
    losses = [subject.step(number) for number in range(60)]
    assert np.mean(losses[-5:]) < 0.2 * losses[0]
    hull = subject.rays.scene.hull
    assert dice(subject.reconstruction().probability, hull) > 0.8


def test_the_network_is_asked_within_the_hull_only():
    subject = Fit(Scene.of(KNOWN, 0.5, 1), Settings(**QUICK, hull_only=True), Context())
    seen = []
    plain = subject.network.forward
    subject.network.forward = lambda places: seen.append(places.detach()) or plain(places)
    subject.step(0)
    subject.reconstruction()
    places = torch.cat([one.reshape(-1, 3) for one in seen])
    assert subject.rays.inside(subject.rays.support, places).float().mean() > 0.99
    assert subject.rays.scene.support.mean() < 0.5


# The fit


def test_what_is_found_lies_in_the_hull_and_its_surface_encloses_it():
    result = found(hull_only=True, start="hull", **{"steps": 60, "learning_rate": 3e-3})
    support = Scene.of(KNOWN, 0.5, 2).support
    assert not result.probability[~support].any()
    share = occupancy(result.surface[0].astype(np.float64), result.surface[1], 3 * (EDGE,))
    assert dice(share, result.probability >= 0.5) > 0.9


@pytest.mark.parametrize("steps", [1, 5])
def test_stopped_and_resumed_equals_uninterrupted(tmp_path, steps):
    how = {"start": "hull", "poses": True}
    (tmp_path / "whole").mkdir()
    whole = found(tmp_path / "whole", **how)
    asked = iter(range(100))
    with pytest.raises(TrainingInterrupted, match=f"^stopped after {steps} of 6 steps"):
        found(tmp_path, stopping=lambda: next(asked) >= steps, **how)
    resumed = found(tmp_path, **how)
    np.testing.assert_array_equal(whole.probability, resumed.probability)


def test_a_seed_repeats_itself_and_another_is_another():
    first, again, other = (found(seed=seed).probability for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_views_without_a_vessel_give_an_empty_volume():
    lines = []
    result = found(known=measured(np.zeros(3 * (EDGE,), bool)), lines=lines)
    assert not result.probability.any() and result.surface is None
    assert "nothing is reconstructed" in lines[0]


def test_the_level_is_that_of_the_training_masks():
    patients = [(measured(ball(radius=r)), ball(radius=r)) for r in (3.0, 5.0)]
    _, (row,) = Idr().fit(patients, Context())
    assert row["iou"] > 0.95
    wrong = [(known, mask[::-1]) for known, mask in patients]
    assert Idr().fit(wrong, Context())[1][0]["iou"] < row["iou"]


def test_poses_are_logged_where_they_are_found():
    lines = []
    found(poses=True, lines=lines)
    assert sum("moved by" in line for line in lines) == len(ANGLES)
    lines.clear()
    found(lines=lines)
    assert not any("moved by" in line for line in lines)


@pytest.mark.parametrize(
    "bad",
    [
        {"steps": 0},
        {"start": "cube"},
        {"layers": 1},
        {"width": 39},
        {"poses": 1},
        {"margin": -1},
        {"alpha": 0},
    ],
)
def test_a_bad_setting_is_refused_with_its_full_key(bad):
    (key,) = bad
    with pytest.raises(InputError, match=rf"^methods\.idr\.{key}: "):
        registry.create("idr", bad)


# What it recovers


@pytest.mark.thorough
def test_a_ball_is_recovered_from_ten_views():
    mask = ball(24, (13.0, 10.0, 12.0), 6.0)
    known = measured(mask, np.linspace(0, 90, 10))
    result = found(known=known, **(SMALL | {"steps": 300, "frequencies": 6}))
    print(f"Dice {dice(result.probability, mask):.3f}")
    assert dice(result.probability, mask) > 0.95


@pytest.mark.thorough
def test_a_ball_is_recovered_from_line_integrals_of_a_cone_beam():
    grid, angles = Grid(3 * (EDGE,), 3 * (1.0,)), np.linspace(-90, 90, 8)
    views = study_views(angles, grid, source_detector_mm=600, source_isocentre_mm=400)
    seen = line_integral(ball().astype(np.float32), grid, views)
    imaging = Imaging(EDGE, 8, "line_integral", "cone", -90, 180)
    known = Measurement(angles, {"projections": seen}, grid, imaging=imaging, views=views)
    state, _ = Idr().fit([(known, ball())], Context())
    method = Idr(Settings(**(SMALL | {"steps": 200, "start": "hull"})))
    result = reconstruct(method, "p", state, known, Context(1))
    assert dice(result.probability, ball()) > 0.9
