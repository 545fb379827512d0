"""A density field: its network, its rays and rendering, and fits that resume."""

import numpy as np
import pytest
import torch
from angiovox.errors import InputError, TrainingInterrupted
from angiovox.method import Context, never, reconstruct
from angiovox.methods import registry
from angiovox.methods.nerf.method import NeRF
from angiovox.methods.nerf.network import DensityNetwork
from angiovox.methods.nerf.optimise import Course, Fit
from angiovox.methods.nerf.rendering import finer_parts, integral, inverse, largest
from angiovox.methods.nerf.settings import Settings
from angiovox.methods.vessel_projection import half_edge_mm
from angiovox.methods.vessel_views import targets
from ball_views import ball, dice, of_integrals, of_maxima

pytestmark = pytest.mark.usefixtures("one_thread")

EDGE = 12
SMALL = {"rays": 64, "coarse_samples": 8, "fine_samples": 8, "width": 16, "layers": 3, "skip": 1}
QUICK = SMALL | {"steps": 6, "frequencies": 2, "hull_only": True}
KINDS = pytest.mark.parametrize("views_of", [of_maxima, of_integrals], ids=["maxima", "integrals"])
MASK = ball(EDGE)
STATES = {
    of_maxima: {"level": 0.5, "support": 0.3},
    of_integrals: {"contrast": 0.05 / 0.8, "support": 0.3},
}


def run(views_of, measurement, folder=None, seed=1, stopping=never, lines=None, **given):
    checkpoint = folder / "checkpoint.pt" if folder else None
    log = str if lines is None else lines.append
    context = Context(seed, "cpu", checkpoint, {}, log, stopping)
    method = NeRF(Settings(**(QUICK | given)))
    return reconstruct(method, "p", STATES[views_of], measurement, context).probability


def fit(views_of=of_maxima, mask=MASK, **given):
    known = targets(STATES[views_of], views_of(mask))
    settings = Settings(**(QUICK | given))
    support = known.hull >= (0.3 if settings.hull_only else -np.inf)
    return Fit(known, support, settings, Context())


# The network


def test_layers_are_those_of_the_source():
    network = DensityNetwork(Settings())
    shapes = [tuple(layer.weight.shape) for layer in network.hidden]
    assert shapes == [(256, 63), *[(256, 256)] * 3, (256, 319), *[(256, 256)] * 3]
    assert network.last.weight.shape == (1, 256)


def test_the_encoded_place_enters_again_after_the_skip():
    """With all that earlier layers give switched off, the place still decides."""
    network = DensityNetwork(Settings(**SMALL, frequencies=2))
    with torch.no_grad():
        network.hidden[0].weight.zero_()
        network.last.bias.fill_(5)  # so that nothing is cut at 0
    assert network(torch.rand(20, 3)).std() > 0
    network = DensityNetwork(Settings(**(SMALL | {"skip": 0}), frequencies=2))
    with torch.no_grad():
        network.hidden[0].weight.zero_()
        network.last.bias.fill_(5)
    assert network(torch.rand(20, 3)).std() == 0


@pytest.mark.parametrize("density", ["relu", "softplus"])
def test_density_is_not_negative(density):
    network = DensityNetwork(Settings(**SMALL, density=density))
    found = network(torch.rand(200, 3) * 2 - 1)
    assert found.min() >= 0 and found.max() > 0
    assert (found.min() > 0) == (density == "softplus")


# Rays


def test_a_ray_shows_its_maximum_or_its_integral():
    parts = torch.tensor([[0.1, 0.3, 0.8]])
    density = torch.tensor([[1.0, 4.0, 2.0]])
    assert largest(density).tolist() == [4.0]
    expected = 6.0 * (1 * 0.2 + 4 * 0.35 + 2 * 0.45)
    assert integral(density, parts, torch.tensor([6.0])).item() == pytest.approx(expected)


def test_the_integral_of_a_smooth_density_is_its_mean_times_the_length():
    parts = torch.linspace(0, 1, 2001)[None, :-1]
    density = torch.sin(torch.pi * parts)
    found = integral(density, parts, torch.tensor([3.0])).item()
    assert found == pytest.approx(3 * 2 / np.pi, rel=1e-3)


def test_the_inverse_of_a_cumulated_weight():
    edges = torch.tensor([[0.0, 1.0, 2.0, 4.0]])
    weights = torch.tensor([[1.0, 0.0, 3.0]])
    shares = torch.tensor([[0.0, 0.125, 0.2499, 0.25, 0.625, 1.0]])
    expected = torch.tensor([[0.0, 0.5, 0.9996, 2.0, 3.0, 4.0]])
    torch.testing.assert_close(inverse(edges, weights, shares), expected)
    empty = inverse(edges, 0 * weights, torch.tensor([[0.0, 0.5, 1.0]]))
    torch.testing.assert_close(empty, torch.tensor([[0.0, 1.5, 4.0]]))


def test_finer_parts_fall_where_the_coarse_density_is():
    parts = ((torch.arange(10) + 0.5) / 10)[None]
    density = torch.zeros(1, 10)
    density[0, 3], density[0, 7] = 1.0, 3.0
    found = finer_parts(density, parts, 4000)[0]
    near = [((found - parts[0, n]).abs() <= 0.05).float().mean().item() for n in (3, 7)]
    assert near == pytest.approx([0.25, 0.75], abs=0.03)
    assert finer_parts(torch.zeros(1, 10), parts, 4000).std().item() == pytest.approx(
        0.8 / np.sqrt(12), rel=0.1
    )


def test_places_of_a_ray_lie_in_the_support_and_its_length_is_what_is_inside():
    subject = fit()
    course = Course(subject.rays, subject.drawn, subject.pieces)
    seen, parts = [], subject.rays.parts(len(subject.drawn), 16)
    network = lambda places: seen.append(places) or torch.ones(len(places))  # noqa: E731
    density = course.density(network, parts)
    meets = course.within.any(dim=1)
    assert (density[meets] == 1).float().mean() > 0.9
    assert subject.rays.inside(subject.rays.support, torch.cat(seen)).all()
    along_y = subject.rays.scene.support.sum(axis=1) / EDGE * 2  # the first view looks along y
    first = subject.drawn < EDGE * EDGE
    found = torch.zeros(EDGE * EDGE)
    found[subject.drawn[first]] = course.lengths[first]
    # The projector's rays go from the first voxel's centre to the last's: half a voxel less a side.
    np.testing.assert_allclose(found.view(EDGE, EDGE).numpy(), along_y, atol=0.02)


def test_without_a_hull_rays_are_whole():
    subject = fit(hull_only=False)
    course = Course(subject.rays, subject.drawn, subject.pieces)
    first, last = course.ends
    assert course.within.all() and len(subject.drawn) == 10 * EDGE * EDGE
    parts = subject.rays.parts(len(subject.drawn), 5)
    torch.testing.assert_close(inverse(course.edges, course.within, parts), parts)
    torch.testing.assert_close(course.lengths, (last - first).norm(dim=1))


# The loss


@KINDS
def test_the_loss_adds_the_squared_errors_of_both_networks(views_of):
    subject = fit(views_of)
    values = {"coarse": 0.5, "fine": 0.25}
    with torch.no_grad():
        for name, value in values.items():
            network = getattr(subject, name)
            network.last.weight.zero_()
            network.last.bias.fill_(value)
    rays = subject.drawn
    course = Course(subject.rays, rays, subject.pieces)
    scale = course.lengths if subject.are_integrals else course.within.any(dim=1).float()
    shown = subject.shown[rays]
    expected = sum(((value * scale - shown) ** 2).mean().item() for value in values.values())
    assert subject.loss(rays).item() == pytest.approx(expected, rel=0.02)


def test_line_integrals_are_in_half_edges():
    subject = fit(of_integrals)
    known = targets(STATES[of_integrals], of_integrals(MASK))
    thickest = 0.6 * EDGE / half_edge_mm(known)  # the ball's diameter
    assert subject.shown.max().item() == pytest.approx(thickest, rel=0.15)


def test_the_rate_falls_to_a_tenth_in_so_many_steps():
    subject, rates = fit(decay_steps=100), []
    for number in (0, 50, 100):
        subject.step(number)
        rates.append(subject.optimizer.param_groups[0]["lr"])
    assert rates == pytest.approx([5e-4, 5e-4 * 0.1**0.5, 5e-5])


# The fit


@KINDS
def test_what_is_found_lies_in_the_hull(views_of):
    measurement = views_of(MASK)
    found = run(views_of, measurement)
    hull = targets(STATES[views_of], measurement).hull >= 0.3
    assert found.any() and not found[~hull].any()


@KINDS
@pytest.mark.parametrize("steps", [1, 5])
def test_stopped_and_resumed_equals_uninterrupted(tmp_path, views_of, steps):
    measurement = views_of(MASK)
    whole = run(views_of, measurement)
    asked = iter(range(100))
    with pytest.raises(TrainingInterrupted, match=f"^stopped after {steps} of 6 steps"):
        run(views_of, measurement, tmp_path, stopping=lambda: next(asked) >= steps)
    np.testing.assert_array_equal(run(views_of, measurement, tmp_path), whole)


def test_a_seed_repeats_itself_and_another_is_another():
    first, again, other = (run(of_maxima, of_maxima(MASK), seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_views_without_a_vessel_give_an_empty_volume():
    lines = []
    found = run(of_maxima, of_maxima(np.zeros_like(MASK)), lines=lines)
    assert not found.any() and "nothing is reconstructed" in lines[0]


@pytest.mark.parametrize(
    "bad",
    [{"steps": 0}, {"skip": 8}, {"coarse_samples": 2}, {"density": "exp"}, {"hull_only": 1}]
    + [{"decay_steps": 0}, {"learning_rate": 0}],
)
def test_a_bad_setting_is_refused_with_its_full_key(bad):
    (key,) = bad
    with pytest.raises(InputError, match=rf"^methods\.nerf\.{key}: "):
        registry.create("nerf", bad)


FAST = {"learning_rate": 5e-3, "decay_steps": 200, "rays": 256, "coarse_samples": 16}
FAST |= {"fine_samples": 16, "width": 48, "layers": 4, "skip": 2, "frequencies": 3, "steps": 150}


@pytest.mark.thorough
@pytest.mark.parametrize(("arc", "of_hull"), [(180.0, False), (90.0, True)])
def test_a_ball_is_recovered_from_ten_views(arc, of_hull):
    """A quarter circle leaves corners that no view rules out: the hull is what comes back."""
    mask = ball(24, 0.25)
    measurement = of_maxima(mask, arc=arc)
    found = run(of_maxima, measurement, **FAST)
    shape = targets(STATES[of_maxima], measurement).hull >= 0.5 if of_hull else mask
    print(f"Dice {dice(found, shape):.3f}, with the ball {dice(found, mask):.3f}")
    assert dice(found, shape) > 0.95


@pytest.mark.thorough
def test_a_ball_is_recovered_from_ten_views_of_line_integrals():
    mask = ball(24, 0.25)
    found = run(of_integrals, of_integrals(mask), **FAST)
    print(f"Dice {dice(found, mask):.3f}")
    assert dice(found, mask) > 0.95
