"""Gaussians: their closed forms, their control, the loss's terms, and a fit that resumes."""

import math

import numpy as np
import pytest
import torch
from angiovox.errors import InputError, TrainingInterrupted
from angiovox.geometry.cone_beam import study_views
from angiovox.geometry.grid import Grid
from angiovox.geometry.imaging import Imaging
from angiovox.geometry.views import parallel_views
from angiovox.method import Context, Measurement, never
from angiovox.methods import registry
from angiovox.methods.gaussians import cloud as clouds
from angiovox.methods.gaussians.cloud import Cloud, rotation_matrices
from angiovox.methods.gaussians.control import Control, adapt
from angiovox.methods.gaussians.line_integrals import line_integrals
from angiovox.methods.gaussians.losses import image_loss, ssim_map, total_variation
from angiovox.methods.gaussians.method import Gaussians, Settings
from angiovox.methods.gaussians.model import spacing
from angiovox.methods.gaussians.voxelization import voxelize
from angiovox.methods.vessel_views import (
    LEFT_OUT,
    LEFT_OUT_OF_INTEGRALS,
    UNDILUTED,
    VESSEL,
    fitted,
    targets,
)
from angiovox.metrics.overlap import scores
from angiovox.projectors.line_integral import line_integral
from angiovox.projectors.mip import project_max
from skimage.metrics import structural_similarity

pytestmark = pytest.mark.usefixtures("one_thread")

CUT = math.exp(-4.5)  # of a Gaussian's peak, where its window may end
GRID = Grid((24, 20, 22), (0.75, 0.75, 0.75), (1.0, -2.0, 0.5))
ANGLES = np.array([0.0, 33.0, 90.0])
CONE = study_views(ANGLES, GRID, 240, 150)
RATES = {"position": 1e-2, "density": 1e-1, "scale": 1e-2, "rotation": 1e-2}
SMALL = {"steps": 6, "points": 60, "control_every": 2, "control_from": 1, "control_until": 6}


def some(count, seed=1, spread=0.2):
    """Centres (mm), covariances (mm^2) and densities in the middle of the grid, in float64."""
    torch.manual_seed(seed)
    room = torch.tensor(GRID.shape) * torch.tensor(GRID.voxel_size)
    centre = torch.tensor(GRID.centre) + spread * (torch.rand(count, 3) - 0.5) * room
    axes = rotation_matrices(torch.randn(count, 4)) * (0.8 + 0.6 * torch.rand(count, 1, 3))
    return (one.double() for one in (centre, axes @ axes.mT, 0.5 + torch.rand(count)))


def in_voxels(centre, covariance):
    size = torch.tensor(GRID.voxel_size).double()
    return torch.from_numpy(GRID.to_index(centre.numpy())), covariance / (size[:, None] * size)


def everywhere(centre, covariance, density):
    """The sum at each voxel, without windows."""
    index = torch.from_numpy(np.moveaxis(np.indices(GRID.shape), 0, -1)).double()
    offset = index[..., None, :] - centre
    form = torch.einsum("xyzni,nij,xyznj->xyzn", offset, torch.linalg.inv(covariance), offset)
    return (density * torch.exp(-form / 2)).sum(dim=-1)


# The closed forms


@pytest.mark.parametrize("spread", [0.2, 1.5])
def test_voxels_are_the_sum_of_gaussians_but_for_their_windows(spread):
    centre, covariance, density = some(8, spread=spread)
    place, shape = in_voxels(centre, covariance)
    found, exact = voxelize(place, shape, density, GRID.shape), everywhere(place, shape, density)
    assert 0 < (exact - found).abs().max() < CUT * density.sum()
    torch.testing.assert_close(found.sum(), exact.sum(), rtol=0.03, atol=0.1)


def test_a_gaussian_outside_of_the_grid_is_nowhere():
    centre, covariance, density = some(3)
    place, shape = in_voxels(centre + 100, covariance)
    assert not voxelize(place, shape, density, GRID.shape).any()
    assert not line_integrals(centre + 100, covariance, density, CONE).any()


@pytest.mark.parametrize("beam", ["parallel", "cone"])
def test_line_integrals_are_those_of_many_samples(beam):
    """Along the ray of each pixel, in a beam that opens by 20 degrees."""
    views = parallel_views(ANGLES, GRID) if beam == "parallel" else CONE
    centre, covariance, density = some(2)
    starts, stops = (torch.from_numpy(ends) for ends in views.rays())
    share = torch.linspace(0, 1, 1500).double()[:, None, None]
    offset = starts + share * (stops - starts) - centre[:, None, None]
    form = torch.einsum("nsri,nij,nsrj->nsr", offset, torch.linalg.inv(covariance), offset)
    sampled = (density[:, None] * torch.exp(-form / 2).sum(dim=1)).sum(dim=0)
    sampled = (sampled * (stops - starts).norm(dim=1) / 1499).view(views.shape)
    found = line_integrals(centre, covariance, density, views)
    assert 0 < (sampled - found).abs().max() < CUT * sampled.max()
    assert float(found.sum()) == pytest.approx(float(sampled.sum()), rel=0.02)


def test_a_line_integral_through_the_centre_has_its_closed_form():
    """Along the axis of scale s: density s sqrt(2 pi)."""
    grid = Grid((9, 9, 9), (1.0, 1.0, 1.0))
    centre, scale = torch.zeros(1, 3).double(), torch.tensor([1.0, 1.5, 2.0]).double()
    for angle, s in ((0.0, 1.5), (90.0, 1.0)):
        views = parallel_views(np.array([angle]), grid)
        covariance = torch.diag(scale**2)[None]
        found = line_integrals(centre, covariance, torch.tensor([0.7]).double(), views)
        assert float(found[0, 4, 4]) == pytest.approx(0.7 * s * math.sqrt(2 * math.pi))


@pytest.mark.parametrize("render", ["voxels", "parallel", "cone"])
def test_gradients_are_those_of_differences(render):
    given = [one.requires_grad_() for one in some(2)]

    def seen(centre, covariance, density):
        if render == "voxels":
            size = torch.tensor(GRID.voxel_size).double()
            place = (centre - torch.from_numpy(GRID.first)) / size
            return voxelize(place, covariance / size[0] ** 2, density, GRID.shape).square().sum()
        views = parallel_views(ANGLES, GRID) if render == "parallel" else CONE
        return line_integrals(centre, covariance, density, views).square().sum()

    gradient = torch.autograd.grad(seen(*given), given)
    for number in range(3):
        way = torch.randn(given[number].shape).double()
        way = way + way.mT if number == 1 else way
        step = 1e-6
        moved = [
            [one + sign * step * way if k == number else one for k, one in enumerate(given)]
            for sign in (1, -1)
        ]
        difference = float((seen(*moved[0]) - seen(*moved[1])).detach()) / (2 * step)
        assert float((gradient[number] * way).sum()) == pytest.approx(difference, rel=0.02)


def test_a_rotation_turns_by_twice_the_quaternions_angle():
    angle = 0.4
    quaternion = 3 * torch.tensor([[math.cos(angle / 2), 0, 0, math.sin(angle / 2)]])
    expected = torch.tensor(
        [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
    )
    torch.testing.assert_close(rotation_matrices(quaternion)[0, :2, :2], expected)


# The loss


def test_ssim_is_scikit_images_inside():
    rng = np.random.default_rng(1)
    first, second = rng.uniform(0, 1, (2, 40, 36))
    second = (first + second) / 2
    found = ssim_map(*(torch.from_numpy(one)[None] for one in (first, second)))[0].numpy()
    how = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    _, full = structural_similarity(first, second, full=True, data_range=1, **how)
    inside = np.s_[6:-6, 6:-6]
    np.testing.assert_allclose(found[inside], full[inside], atol=1e-6)
    same = ssim_map(*2 * (torch.from_numpy(first)[None],))
    torch.testing.assert_close(same, torch.ones_like(same))


def test_the_loss_is_l1_and_a_weight_of_one_minus_ssim():
    first, second = torch.rand(2, 1, 16, 16)
    plain = (first - second).abs().mean()
    torch.testing.assert_close(image_loss(first, second, 0.0), plain)
    torch.testing.assert_close(
        image_loss(first, second, 0.25), plain + 0.25 * (1 - ssim_map(first, second).mean())
    )


def test_total_variation_is_a_mean_over_pairs():
    block = torch.zeros(2, 3, 4)
    block[1] = 2.0
    pairs = 1 * 3 * 4 + 2 * 2 * 4 + 2 * 3 * 3
    assert float(total_variation(block)) == pytest.approx(2.0 * 12 / pairs)


# The cloud and its control


def cloud(count=5, voxel=0.05):
    torch.manual_seed(3)
    values = {
        "position": torch.rand(count, 3) - 0.5,
        "density": torch.randn(count),
        "scale": torch.randn(count, 3),
        "rotation": torch.randn(count, 4),
    }
    found = Cloud(values, RATES, 10, voxel)
    found.position.grad, found.values["density"].grad = torch.ones(count, 3), torch.ones(count)
    found.step(0)
    return found


def test_parameters_and_bounds_are_those_of_the_source():
    given = Settings()
    assert (given.position_rate, given.density_rate) == (0.0002, 0.01)
    assert (given.scale_rate, given.rotation_rate) == (0.005, 0.001)
    assert (given.dssim_weight, given.tv_weight, given.tv_edge) == (0.25, 0.05, 32)
    assert (given.control_every, given.control_from, given.control_until) == (100, 500, 15_000)
    found = cloud(voxel=0.0001)
    assert found.narrowest == 2 * 0.0005 and found.widest == 2 * 0.5
    assert (found.scale > found.narrowest).all() and (found.scale < found.widest).all()
    assert found.optimizer.defaults["eps"] == 1e-15
    assert cloud(voxel=0.05).narrowest == 0.025


def test_rates_fall_exponentially_to_a_tenth():
    found = cloud()
    for number, share in ((5, 10**-0.5), (10, 0.1)):
        found.step(number)
        rates = [group["lr"] for group in found.optimizer.param_groups]
        assert rates == pytest.approx([share * RATES[name] for name in clouds.NAMES])


def test_density_and_scale_come_back_from_their_parameters():
    found = cloud()
    density, scale = torch.tensor([1e-4, 0.3, 5.0]), torch.tensor([0.1, 0.5, 0.9])
    torch.testing.assert_close(torch.nn.functional.softplus(found.raw_density(density)), density)
    span = found.widest - found.narrowest
    back = found.narrowest + span * torch.sigmoid(found.raw_scale(scale))
    torch.testing.assert_close(back, scale)


def control(**given):
    return Control(**({"gradient": 1e9, "split": 0.1, "least_density": 1e-5, "most": 99} | given))


def test_a_clone_shares_the_density_and_nothing_else_changes():
    found = cloud()
    before = {name: value.detach().clone() for name, value in found.values.items()}
    density = found.density.detach().clone()
    found.gradient[2] = 1e12
    adapt(found, control(split=9.0), torch.ones(5, dtype=bool))
    assert len(found) == 6 and not found.gradient.any()
    torch.testing.assert_close(found.density[[2, 5]], density[[2, 2]] / 2)
    for name in ("position", "scale", "rotation"):
        assert torch.equal(found.values[name][:5], before[name])
        assert torch.equal(found.values[name][5], before[name][2])


def test_parts_of_a_split_are_smaller_lie_within_it_and_share_its_density():
    found = cloud()
    whole = {"scale": found.scale[2].detach(), "density": found.density[2].detach()}
    place = found.position[2].detach().clone()
    found.gradient[2] = 1e12
    adapt(found, control(split=0.0), torch.ones(5, dtype=bool))
    assert len(found) == 6
    torch.testing.assert_close(found.scale[4:], (whole["scale"] / 1.6).expand(2, 3))
    torch.testing.assert_close(found.density[4:].sum(), whole["density"])
    assert ((found.position[4:] - place).norm(dim=1) < 5 * whole["scale"].max()).all()


def test_empty_ones_and_those_outside_are_removed_with_what_adam_knows():
    found = cloud()
    kept = found.position[[0, 3, 4]].detach().clone()
    moments = found.optimizer.state[found.position]["exp_avg"][[0, 3, 4]].clone()
    with torch.no_grad():
        found.values["density"][1] = -20.0
    adapt(found, control(), torch.tensor([True, True, False, True, True]))
    assert torch.equal(found.position, kept)
    assert torch.equal(found.optimizer.state[found.position]["exp_avg"], moments)
    with pytest.raises(InputError, match=r"least_density: none of 3 Gaussians .* reaches 1e-05"):
        adapt(found, control(), torch.zeros(3, dtype=bool))


def test_no_more_than_allowed_are_added():
    found = cloud()
    found.gradient[:] = 1e12
    adapt(found, control(most=5), torch.ones(5, dtype=bool))
    assert len(found) == 5


def test_spacing_is_the_distance_to_three_neighbours():
    places = np.array(np.meshgrid(*3 * [np.arange(4.0)])).reshape(3, -1).T
    assert spacing(2 * places, 9.0) == pytest.approx(np.full(64, 2.0))
    assert spacing(places[:2], 9.0) == pytest.approx([9.0, 9.0])


# A patient


def ball(edge, views=10, seed=1, radius=0.3):
    """A ball off the middle, its maxima of a parallel beam, and its mask."""
    middle = edge / 2 + np.random.default_rng(seed).uniform(-0.1, 0.1, 3) * edge
    distance = np.linalg.norm(np.indices((edge,) * 3).T - middle, axis=-1).T
    volume = np.clip(radius * edge - distance + 0.5, 0, 1).astype(np.float32)
    angles = np.linspace(0, 90, views)
    return Measurement(angles, {"projections": project_max(volume, angles)}), volume >= 0.5


def of_integrals(edge, views=10, seed=1, radius=0.3):
    """Line integrals of the same ball in a cone beam, 0.05 per mm, and its mask."""
    grid = Grid((edge,) * 3, (1.0, 1.0, 1.0))
    imaging = Imaging(edge, views, "line_integral", "cone", -100, 200)
    _, mask = ball(edge, views, seed, radius)
    seen = line_integral(0.05 * mask.astype(np.float32), grid, imaging.views(grid))
    inputs = {"projections": seen.astype(np.float32)}
    return (
        Measurement(imaging.angles, inputs, grid, None, imaging, imaging.views(grid)),
        mask,
    )


KINDS = pytest.mark.parametrize("patient", [ball, of_integrals], ids=["maxima", "integrals"])


def run(patient, state, checkpoint=None, seed=1, stopping=never, lines=None, **given):
    log = str if lines is None else lines.append
    context = Context(seed, "cpu", checkpoint, {}, log, stopping)
    method = Gaussians(Settings(**(SMALL | given)))
    return method.reconstruct(state, patient, context).probability


@KINDS
def test_fit_finds_what_stands_for_vessel_and_the_hull_keeps_it(patient):
    training = [patient(16, seed=seed) for seed in (2, 3)]
    state, quality = fitted(training)
    assert all(value > 0.8 for value in quality.values())
    for measurement, mask in training:
        known = targets(state, measurement)
        left_out = LEFT_OUT_OF_INTEGRALS if known.are_integrals else LEFT_OUT
        lost = (known.hull < state["support"])[mask].sum()
        assert lost <= left_out * mask.sum() + 1  # between two voxels, the level is interpolated
        if "contrast" in state:
            assert state["contrast"] == pytest.approx(0.05, rel=0.01)
            assert known.images.max() == pytest.approx(0.6 * 16 / UNDILUTED, rel=0.15)
        else:
            assert VESSEL < known.images.max() <= 1


@KINDS
def test_stopped_and_resumed_equals_uninterrupted(tmp_path, patient):
    measurement, _ = patient(12)
    state, _ = fitted([patient(12, seed=2)])
    whole = run(measurement, state)
    for after in (1, 3, 5):
        asked, path = iter(range(100)), tmp_path / f"{after}.pt"
        with pytest.raises(TrainingInterrupted, match=f"^stopped after {after} of 6 steps"):
            run(measurement, state, path, stopping=lambda a=after, k=asked: next(k) >= a)
        lines = []
        np.testing.assert_array_equal(run(measurement, state, path, lines=lines), whole)
        assert lines[0] == f"resuming after {after} of 6 steps"


@KINDS
def test_a_seed_repeats_itself_and_another_differs(patient):
    measurement, _ = patient(12)
    state, _ = fitted([patient(12, seed=2)])
    first, again, other = (run(measurement, state, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 1e-3


def test_where_no_view_shows_a_vessel_nothing_is_found():
    measurement, _ = ball(12)
    assert not run(measurement, {"level": 0.5, "support": 2.0}).any()


def test_nothing_is_found_outside_of_the_hull():
    measurement, _ = ball(12, views=3)
    state = {"level": 0.5, "support": 0.5}
    found = run(measurement, state)
    assert found.any() and not found[targets(state, measurement).hull < 0.5].any()


@pytest.mark.thorough
@KINDS
def test_a_ball_is_recovered_from_ten_views(patient):
    """From a quarter circle the hull alone reaches 0.93 on maxima; line integrals are of 200."""
    measurement, mask = patient(20)
    state, _ = fitted([patient(20, seed=seed) for seed in (2, 3)])
    rates = {"position_rate": 2e-3, "density_rate": 5e-2, "scale_rate": 2e-2}
    given = {"steps": 60, "points": 2000, "control_until": 0, "start_density": 0.05}
    found = run(measurement, state, **given, **rates)
    hull = targets(state, measurement).hull >= state["support"]
    dice, of_hull = (scores(one, mask)["dice"] for one in (found, hull.astype(np.float32)))
    print(f"Dice {dice:.3f}, of the hull {of_hull:.3f}")
    assert dice > 0.95


@pytest.mark.parametrize(
    ("key", "value"),
    [("steps", 0), ("points", 1.5), ("tv_weight", -1), ("control_until", -1), ("split_scale", 0)],
)
def test_a_bad_setting_is_refused_with_its_full_key(key, value):
    with pytest.raises(InputError, match=rf"^methods\.gaussians\.{key}: "):
        registry.create("gaussians", {key: value})
