"""DVR's occupancy network: which place of a ray is judged, its losses, and fits that resume."""

import numpy as np
import pytest
import torch
from angiovox.errors import InputError, TrainingInterrupted
from angiovox.method import Context, Measurement, never, reconstruct
from angiovox.methods import registry
from angiovox.methods.dvr.method import Dvr, Settings
from angiovox.methods.dvr.network import OccupancyNetwork
from angiovox.methods.dvr.optimise import Fit
from angiovox.methods.meshes import occupancy
from angiovox.methods.silhouette_rays import Scene
from angiovox.projectors.mip import project_max

pytestmark = pytest.mark.usefixtures("one_thread")

EDGE = 16
ANGLES = np.linspace(0, 90, 4)
QUICK = {"steps": 6, "pixels": 64, "samples": 12, "width": 32, "blocks": 2, "frequencies": 2}
SMALL = {"learning_rate": 2e-3, "pixels": 256, "samples": 24, "width": 48, "blocks": 3}


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
    return reconstruct(Dvr(Settings(**(QUICK | given))), "p", {"level": 0.5}, known, context)


def fit(margin=None, **given):
    return Fit(Scene.of(KNOWN, 0.5, margin), Settings(**(QUICK | given)), Context())


def dice(probability, mask):
    hit = probability >= 0.5
    return 2 * (hit & mask).sum() / (hit.sum() + mask.sum())


# The network


def test_layers_are_those_of_the_source():
    given = Settings()
    network = OccupancyNetwork(given.width, given.blocks, given.frequencies)
    assert network.first.weight.shape == (512, 3) and network.last.weight.shape == (1, 512)
    blocks = [(block.first.weight.shape, block.second.weight.shape) for block in network.blocks]
    assert blocks == 5 * [((512, 512), (512, 512))]


def test_blocks_start_as_their_input_but_for_a_constant():
    network = OccupancyNetwork(16, 3, 0)
    given = torch.randn(5, 16)
    for block in network.blocks:
        torch.testing.assert_close(block(given) - given, block.second.bias.expand(5, 16))


# Which place is judged

ASKED = torch.tensor([[1, 1, 1, 1], [1, 1, 1, 1], [0, 1, 1, 0], [0, 0, 1, 1], [0, 0, 0, 0]]).bool()
FOUND = torch.full((5, 4), -1.0)
FOUND[0, 1:3] = 2.0  # the first ray meets something at its second place


PLACES = torch.zeros(*ASKED.shape, 3)


def test_outside_of_the_silhouettes_the_first_occupied_place_or_a_random_one_is_free():
    subject, counts = fit(), np.zeros(ASKED.shape)
    for _ in range(100):
        chosen, is_free, is_vessel = subject.chosen(FOUND, PLACES, ASKED, torch.zeros(5).bool())
        assert is_free.tolist() == [True] * 4 + [False] and not is_vessel.any()
        counts[np.arange(5), chosen.numpy()] += 1
    assert counts[0, 1] == 100
    assert ((counts > 0) == ASKED.numpy())[1:4].all()


def test_in_a_silhouette_a_ray_that_meets_nothing_has_to_meet_something():
    subject = fit()
    chosen, is_free, is_vessel = subject.chosen(FOUND, PLACES, ASKED, torch.ones(5).bool())
    assert not is_free.any()
    assert is_vessel.tolist() == [False, True, True, True, False]
    assert ASKED[torch.arange(5), chosen][is_vessel].all()


def test_the_hulls_depth_is_where_a_ray_enters_it_first():
    subject = fit(depth="hull")
    pixels = torch.from_numpy(np.flatnonzero(subject.rays.scene.silhouettes.ravel()))
    first, last = subject.rays.ends(pixels)
    places = first[:, None] + torch.linspace(0, 1, 64)[:, None] * (last - first)[:, None]
    asked = torch.ones(places.shape[:2], dtype=torch.bool)
    nothing = torch.full(asked.shape, -1.0)
    chosen, _, is_vessel = subject.chosen(nothing, places, asked, subject.shown[pixels])
    assert is_vessel.all()
    in_hull = subject.rays.inside(subject.rays.hull, places)
    number = torch.arange(len(pixels))
    meets = in_hull.any(dim=1)
    assert meets.float().mean() > 0.95 and in_hull[number, chosen][meets].all()
    before = torch.arange(64) < chosen[:, None]
    assert not (in_hull & before)[meets].any()


# The losses


def test_the_loss_is_the_cross_entropy_of_the_judged_places():
    subject = fit(free_weight=2.0, occupancy_weight=3.0)
    with torch.no_grad():
        subject.network.last.weight.zero_()
        subject.network.last.bias.fill_(-0.7)  # nothing is occupied
    rays = torch.arange(subject.shown.numel())
    rays = rays[subject.drawn[rays % len(subject.drawn)]].unique()
    shown = subject.shown[rays].float().mean().item()
    free, vessel = np.log1p(np.exp(-0.7)), np.log1p(np.exp(0.7))
    expected = 2 * (1 - shown) * free + 3 * shown * vessel
    assert subject.loss(rays).item() == pytest.approx(expected, rel=1e-4)
    with torch.no_grad():
        subject.network.last.bias.fill_(0.7)  # all is: rays of silhouettes ask for nothing
    expected = 2 * (1 - shown) * np.log1p(np.exp(0.7))
    assert subject.loss(rays).item() == pytest.approx(expected, rel=1e-4)


def test_the_rate_is_halved_at_the_sources_epochs():
    subject, rates = fit(steps=6000), []
    for epoch in (2999, 3000, 4999, 5000):
        subject.step(epoch)
        rates.append(subject.optimizer.param_groups[0]["lr"])
    assert rates == [1e-4, 0.5e-4, 0.5e-4, 0.25e-4]


def test_the_network_is_asked_within_the_hull_only():
    subject = fit(margin=1)
    seen, plain = [], subject.network.forward
    subject.network.forward = lambda places: seen.append(places.detach()) or plain(places)
    for number in range(3):
        subject.step(number)
    places = torch.cat(seen)
    assert subject.rays.inside(subject.rays.support, places).all()
    assert subject.rays.scene.support.mean() < 0.5


# The fit


def test_what_is_found_lies_in_the_hull_and_its_surface_encloses_it():
    how = {"steps": 80, "learning_rate": 3e-3, "pixels": 128}
    result = found(hull_only=True, depth="hull", **how)
    assert not result.probability[~Scene.of(KNOWN, 0.5, 2).support].any()
    assert dice(result.probability, ball()) > 0.6
    share = occupancy(result.surface[0].astype(np.float64), result.surface[1], 3 * (EDGE,))
    assert dice(share, result.probability >= 0.5) > 0.9


@pytest.mark.parametrize("steps", [1, 5])
def test_stopped_and_resumed_equals_uninterrupted(tmp_path, steps):
    (tmp_path / "whole").mkdir()
    whole = found(tmp_path / "whole", depth="hull")
    asked = iter(range(100))
    with pytest.raises(TrainingInterrupted, match=f"^stopped after {steps} of 6 steps"):
        found(tmp_path, stopping=lambda: next(asked) >= steps, depth="hull")
    resumed = found(tmp_path, depth="hull")
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


@pytest.mark.parametrize(
    "bad", [{"steps": 0}, {"depth": "deep"}, {"frequencies": -1}, {"hull_only": 1}, {"margin": 0.5}]
)
def test_a_bad_setting_is_refused_with_its_full_key(bad):
    (key,) = bad
    with pytest.raises(InputError, match=rf"^methods\.dvr\.{key}: "):
        registry.create("dvr", bad)


@pytest.mark.thorough
@pytest.mark.parametrize("depth", ["random", "hull"])
def test_a_ball_is_recovered_from_ten_views(depth):
    mask = ball(24, (13.0, 10.0, 12.0), 6.0)
    known = measured(mask, np.linspace(0, 90, 10))
    result = found(known=known, depth=depth, hull_only=True, **(SMALL | {"steps": 300}))
    print(f"Dice {dice(result.probability, mask):.3f}")
    assert dice(result.probability, mask) > 0.95
