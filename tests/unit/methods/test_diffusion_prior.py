"""The diffusion prior: its denoiser, a training that sees masks alone, and samples under views."""

import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from angiovox.errors import InputError, TrainingInterrupted
from angiovox.geometry.grid import Grid
from angiovox.geometry.imaging import Imaging
from angiovox.method import Context, Measurement, never, reconstruct
from angiovox.methods import registry
from angiovox.methods.diffusion_prior.learner import Averaged, Denoising, with_noise
from angiovox.methods.diffusion_prior.method import DiffusionPrior, Settings
from angiovox.methods.diffusion_prior.network import PRIOR_LOGIT, Denoiser, noise_levels, sines
from angiovox.methods.diffusion_prior.sampling import (
    MOST_CONTRAST,
    OUTSIDE_LOGIT,
    Sampling,
    hull_evidence,
)
from angiovox.projectors import mip
from angiovox.projectors.line_integral import line_integral, project_max

pytestmark = pytest.mark.usefixtures("one_thread")

EDGE, PER_MM = 16, 0.05
BEAMS = {"integrals": "line_integral", "cone maxima": "maximum"}
SIZES = {"edge": EDGE, "channels": 8, "levels": 3, "decay": 0.9}
SIZES |= {"batch_size": 4, "learning_rate": 3e-3, "precision": "fp32"}
KINDS = pytest.mark.parametrize("kind", ["maxima", "integrals"])


def ball(centre=(8.5, 6.0, 8.0), radius=4.3, shape=3 * (EDGE,)):
    away = np.linalg.norm(np.moveaxis(np.indices(shape), 0, -1) - centre, axis=-1)
    return away < radius


def measured(mask, views=4, kind="maxima"):
    """Maxima of a parallel or a cone beam, or line integrals of 0.05 per mm."""
    if kind == "maxima":
        angles = np.linspace(0, 90, views)
        return Measurement(
            angles, {"projections": mip.project_max(mask.astype(np.float32), angles)}
        )
    grid = Grid(mask.shape, (1.0, 1.0, 1.0))
    imaging = Imaging(EDGE, views, BEAMS[kind], "cone", -100, 200)
    volume, project = (
        (mask, project_max) if kind == "cone maxima" else (PER_MM * mask, line_integral)
    )
    seen = project(volume.astype(np.float32), grid, imaging.views(grid))
    inputs = {"projections": seen.astype(np.float32)}
    return Measurement(imaging.angles, inputs, grid, None, imaging, imaging.views(grid))


def balls(count, seed=0):
    rng = np.random.default_rng(seed)
    return [ball(rng.uniform(5, 10, 3), rng.uniform(2.5, 5)) for _ in range(count)]


def fit(folder, seed=1, stopping=never, kind="maxima", given=None, **settings):
    patients = given or [(measured(mask, 4, kind), mask) for mask in balls(8)]
    context = Context(seed, "cpu", folder / "checkpoint.pt", {}, str, stopping)
    return DiffusionPrior(Settings(**(SIZES | {"epochs": 2} | settings))).fit(patients, context)


@cache
def prior(kind="maxima", epochs=2, count=8):
    """State of a denoiser trained on balls."""
    patients = [(measured(mask, 4, kind), mask) for mask in balls(count)]
    with tempfile.TemporaryDirectory() as folder:
        return fit(Path(folder), kind=kind, given=patients, epochs=epochs)[0]


def found(folder=None, stopping=never, known=None, state=None, kind="maxima", seed=1, **given):
    context = Context(seed, "cpu", folder / "checkpoint.pt" if folder else None, {}, str, stopping)
    method = DiffusionPrior(Settings(**SIZES, **({"steps": 4, "samples": 2} | given)))
    known = measured(ball(), 4, kind) if known is None else known
    return reconstruct(method, "p", state or prior(kind), known, context).probability


def sampling(kind="maxima", **given):
    settings = Settings(**SIZES, **({"samples": 1} | given))
    return Sampling(prior(kind), measured(ball(), 4, kind), settings, Context())


def dice(probability, mask):
    hit = probability >= 0.5
    return 2 * (hit & mask).sum() / (hit.sum() + mask.sum())


# The denoiser


def test_signal_and_noise_are_those_of_the_cosine_schedule_and_their_squares_add_up_to_1():
    times = torch.linspace(0.01, 0.99, 9)
    signal, noise = noise_levels(times, 1.0)
    torch.testing.assert_close(signal, torch.cos(torch.pi / 2 * times))
    torch.testing.assert_close(signal**2 + noise**2, torch.ones(9))
    ratios = [torch.div(*noise_levels(times, shift)) for shift in (1.0, 0.25)]
    torch.testing.assert_close(ratios[1], ratios[0] / 4)


def test_there_is_no_noise_at_time_0_and_nothing_else_at_time_1():
    signal, noise = noise_levels(torch.tensor([0.0, 1.0]), 0.25)
    assert (signal[0] > 0.999, noise[0] < 0.01) == (True, True)
    assert (signal[1] < 0.001, noise[1] > 0.999) == (True, True)


def test_noise_of_a_time_has_its_deviation():
    torch.manual_seed(1)
    times = torch.tensor([0.2, 0.8])
    clean = torch.ones(2, 1, 32, 32, 32)
    signal, noise = noise_levels(times, 0.25)
    for volume, share, deviation in zip(with_noise(clean, times, 0.25), signal, noise, strict=True):
        assert volume.mean().item() == pytest.approx(share.item(), abs=0.02)
        assert volume.std().item() == pytest.approx(deviation.item(), rel=0.02)


def test_before_it_has_learned_a_voxel_is_judged_by_itself_by_bayes_rule():
    times = torch.tensor([0.3, 0.9])
    noisy = torch.randn(2, 1, EDGE, EDGE, EDGE)
    signal, noise = (part[:, None, None, None, None] for part in noise_levels(times, 0.25))
    vessel, rest = (torch.distributions.Normal(sign * signal, noise) for sign in (1, -1))
    expected = PRIOR_LOGIT + vessel.log_prob(noisy) - rest.log_prob(noisy)
    torch.testing.assert_close(Denoiser(8, 3, 0.25)(noisy, times), expected, atol=1e-3, rtol=1e-3)


def test_the_network_looks_at_neighbours_and_at_the_time():
    torch.manual_seed(1)
    denoiser = Denoiser(8, 3, 0.25)
    for weights in denoiser.parameters():
        if not weights.any():
            torch.nn.init.normal_(weights, std=0.1)
    noisy = torch.randn(1, 1, EDGE, EDGE, EDGE)
    other = noisy.clone()
    other[..., 8:, :, :] += 3
    with torch.no_grad():
        before, after = (denoiser(volume, torch.tensor([0.7])) for volume in (noisy, other))
        later = denoiser(noisy, torch.tensor([0.4])) - denoiser(noisy, torch.tensor([0.7]))
    assert (before - after)[..., 6, 6, 6].abs() > 0.01
    signal, noise = noise_levels(torch.tensor([0.4, 0.7]), 0.25)
    first, second = (2 * signal / noise**2).tolist()
    assert (later - (first - second) * noisy).abs().max() > 0.01


def test_sines_tell_times_apart():
    times = torch.linspace(0, 1, 50)
    apart = torch.cdist(sines(times), sines(times)) + 10 * torch.eye(50)
    assert apart.min() > 1


# The training


def test_the_loss_is_the_cross_entropy_of_the_mask_without_noise():
    learner = Denoising(Averaged(Denoiser(8, 3, 0.25)), EDGE, 0.9)
    truth = torch.from_numpy(ball().astype(np.float32))[None, None]
    torch.manual_seed(1)
    loss, hits, union = learner.loss((truth,), torch.float32)
    torch.manual_seed(1)
    times = torch.rand(1)
    assert times > 0.5
    noisy = with_noise(2 * truth - 1, times, 0.25)
    probability = learner.network.denoiser(noisy, times).sigmoid().double().clamp(1e-12, 1 - 1e-12)
    expected = -torch.where(truth > 0, probability, 1 - probability).log().mean()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-3)
    assert 0 <= int(hits) <= int(union)


def test_a_step_moves_the_averaged_weights_behind_the_others():
    learner = Denoising(Averaged(Denoiser(8, 3, 0.25)), EDGE, 0.9)
    network = learner.network
    before = [one.clone() for one in network.averaged.parameters()]
    truth = torch.from_numpy(ball().astype(np.float32))[None, None]
    scaler = torch.amp.GradScaler("cpu", enabled=False)
    learner.step((truth,), torch.float32, learner.optimizers(1e-3), scaler)
    moved = 0.0
    weights = network.denoiser.parameters(), network.averaged.parameters(), before
    for new, mean, old in zip(*weights, strict=True):
        torch.testing.assert_close(mean, old.lerp(new, 1 - 2 / 11))  # (1 + 1) / (10 + 1) is kept
        moved = max(moved, (new - old).abs().max().item())
    assert moved > 1e-4


def test_the_denoiser_is_trained_without_views(tmp_path):
    (tmp_path / "other").mkdir()
    blank = [
        (Measurement(np.array([0.0, 90.0]), {"projections": np.ones((2, EDGE, EDGE))}), mask)
        for mask in balls(8)
    ]
    first, _ = fit(tmp_path)
    other, _ = fit(tmp_path / "other", given=blank)
    for name, tensor in first["network"].items():
        torch.testing.assert_close(other["network"][name], tensor, atol=0, rtol=0)


@pytest.mark.parametrize("steps", [1, 3])
def test_a_stopped_and_resumed_training_equals_an_uninterrupted_one(tmp_path, steps):
    (tmp_path / "whole").mkdir()
    whole, _ = fit(tmp_path / "whole")
    asked = iter(range(100))
    with pytest.raises(TrainingInterrupted):
        fit(tmp_path, stopping=lambda: next(asked) >= steps)
    resumed, _ = fit(tmp_path)
    for name, tensor in whole["network"].items():
        torch.testing.assert_close(resumed["network"][name], tensor, atol=0, rtol=0)


def test_a_seed_gives_its_weights_again_and_another_seed_others(tmp_path):
    states = []
    for number, seed in enumerate((1, 1, 2)):
        (tmp_path / str(number)).mkdir()
        states.append(fit(tmp_path / str(number), seed=seed)[0]["network"])
    assert all((states[0][name] == states[1][name]).all() for name in states[0])
    assert any((states[0][name] != states[2][name]).any() for name in states[0])


def test_one_prior_serves_every_number_of_views_and_is_trained_on_the_pool():
    needs = DiffusionPrior().needs
    assert needs.shared_across_views and needs.requires_training and needs.one_job_per_patient
    drawn = []

    class Patients(list):
        def drawn(self, index, rng):
            drawn.append(index)
            return self[index]

    patients = Patients((None, mask) for mask in balls(3))
    learner = Denoising(Averaged(Denoiser(8, 3, 0.25)), EDGE, 0.9)
    learner.read(patients, [2, 0], np.random.default_rng(1))
    assert drawn == [2, 0]


# The samples


@pytest.mark.parametrize("kind", ["maxima", *BEAMS])
def test_the_truth_shows_the_views_and_nothing_does_not(kind):
    subject = sampling(kind)
    truth = torch.from_numpy(ball().astype(np.float32))
    assert subject.error(truth).item() < 0.06  # borders of silhouettes are half of a vessel
    assert subject.error(torch.zeros_like(truth)).item() > 2 * subject.error(truth).item()


@KINDS
def test_steps_towards_the_views_bring_projections_nearer_within_the_hull(kind):
    subject = sampling(kind)
    start = torch.full(3 * (EDGE,), -2.0)
    before = subject.error(start.masked_fill(~subject.in_hull, OUTSIDE_LOGIT).sigmoid())
    found, error = subject.towards_views(start, 10.0)
    assert error < 0.7 * before.item()
    assert (found[~subject.in_hull] == OUTSIDE_LOGIT).all()


def test_less_noise_holds_the_denoised_volume_where_it_was():
    start, moved = torch.full(3 * (EDGE,), -2.0), []
    for noise in (10.0, 1e-3):
        subject = sampling(hull_weight=0.0)
        found, _ = subject.towards_views(start, noise)
        inside = subject.in_hull
        moved.append((found[inside].sigmoid() - start[inside].sigmoid()).abs().mean().item())
    assert moved[1] < moved[0] / 2


def test_many_steps_explain_the_views_by_nothing_outside_the_hull():
    subject = sampling("integrals", data_steps=60)
    found, error = subject.towards_views(torch.full(3 * (EDGE,), -2.0), 10.0)
    assert subject.error(found.sigmoid()).item() == pytest.approx(error, rel=0.1, abs=1e-4)


def test_views_weigh_as_much_on_any_grid():
    known = measured(ball((17.5, 12.5, 16.5), 8.6, 3 * (32,)))
    settings = Settings(**SIZES, samples=1)
    assert Sampling(prior(), known, settings, Context()).pixels == sampling().pixels == 4 * EDGE**2


def test_the_hull_tells_a_voxel_how_seldom_others_lie_in_it():
    """Of 1,000 voxels 100 are in the hull, of which 10 are vessel: the odds rise from 1 to 99 to 1
    to 9."""
    assert hull_evidence(0.1, 0.01) == pytest.approx(np.log((1 / 9) / (1 / 99)))
    assert sampling(hull_weight=0.0).evidence == 0
    assert sampling(hull_weight=1.0).evidence == pytest.approx(4 * sampling().evidence)


def test_a_hull_smaller_than_vessels_on_average_is_not_taken_for_certain():
    assert hull_evidence(0.01, 0.02) == pytest.approx(hull_evidence(0.01, 0.009), rel=0.01)


def test_the_contrast_of_line_integrals_is_the_patients_own_within_bounds():
    subject = sampling("integrals")
    for factor, found in ((1.2, 1.2), (0.8, 0.8), (9.0, MOST_CONTRAST), (0.1, 1 / MOST_CONTRAST)):
        seen = subject.shown / factor
        assert subject.contrast(seen).item() == pytest.approx(found, rel=1e-4)


def test_each_step_leaves_the_noise_of_the_next_time_and_the_last_one_none():
    subject = sampling(steps=5)
    for number in range(5):
        subject.step(number)
        spread = subject.samples.volumes[0, 0][~subject.in_hull].std().item()
        _, noise = noise_levels(subject.times[number + 1], subject.denoiser.shift)
        assert spread == pytest.approx(noise.item() if number < 4 else 0, rel=0.06, abs=1e-6)
    assert subject.samples.volumes.abs().max() <= 1


def test_noise_that_is_not_drawn_anew_is_what_was_left():
    clean, left = torch.rand(2, 1, 4, 4, 4), torch.randn(2, 1, 4, 4, 4)
    after = torch.tensor([0.5])
    signal, noise = noise_levels(after, 0.25)
    kept = sampling(fresh_noise=0.0).noised(clean, left, after)
    torch.testing.assert_close(kept, signal * clean + noise * left)
    drawn = sampling(fresh_noise=1.0)
    torch.manual_seed(4)
    first = drawn.noised(clean, left, after)
    torch.manual_seed(4)
    torch.testing.assert_close(drawn.noised(clean, -left, after), first)


def test_samples_differ_and_their_mean_comes_back():
    subject = sampling(steps=3, samples=3)
    for number in range(3):
        subject.step(number)
    volumes = (subject.samples.volumes[:, 0] + 1) / 2
    assert (volumes[0] - volumes[1]).abs().max() > 0.01
    torch.testing.assert_close(subject.mean(), volumes.mean(dim=0) * subject.hull)


@pytest.mark.parametrize("views", [2, 3, 10])
def test_one_prior_reconstructs_from_every_number_of_views(views):
    known = measured(ball(), views)
    assert found(known=known).any()


@KINDS
def test_another_grid_has_the_same_field_of_view(kind):
    fine = ball((17.5, 12.5, 16.5), 8.6, 3 * (32,))
    result = found(known=measured(fine, 4, kind), kind=kind)
    assert result.shape == fine.shape and result.any()


def test_views_that_show_nothing_give_nothing():
    known = measured(np.zeros(3 * (EDGE,), dtype=bool))
    assert not found(known=known).any()


@pytest.mark.parametrize("steps", [1, 3])
@KINDS
def test_stopped_and_resumed_samples_equal_uninterrupted_ones(tmp_path, steps, kind):
    (tmp_path / "whole").mkdir()
    whole = found(tmp_path / "whole", kind=kind)
    asked = iter(range(100))
    with pytest.raises(TrainingInterrupted, match=f"^stopped after {steps} of 4 steps"):
        found(tmp_path, stopping=lambda: next(asked) >= steps, kind=kind)
    np.testing.assert_array_equal(found(tmp_path, kind=kind), whole)


def test_a_seed_gives_its_samples_again_and_another_seed_others():
    first, again, other = (found(seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


@pytest.mark.thorough
@KINDS
def test_a_ball_is_recovered_from_ten_views(kind):
    """From a prior of balls of which none is this one."""
    mask = ball()
    state = prior(kind, epochs=30, count=64)
    result = found(known=measured(mask, 10, kind), state=state, kind=kind, steps=25)
    print(f"Dice {dice(result, mask):.3f}")
    assert dice(result, mask) > 0.95


def test_defaults_are_those_of_the_sources():
    given = Settings()
    assert (given.learning_rate, given.decay, given.steps) == (2e-4, 0.9999, 100)
    assert given.prior_weight == pytest.approx(0.05**2)


@pytest.mark.parametrize(
    "bad",
    [
        {"edge": 24},
        {"levels": 0},
        {"steps": 0},
        {"samples": 0},
        {"shift": 0},
        {"fresh_noise": 1.5},
        {"decay": 2},
        {"hull_weight": -1},
        {"data_rate": 0},
    ],
)
def test_a_bad_setting_of_the_diffusion_prior_is_refused_with_its_full_key(bad):
    (key,) = bad
    with pytest.raises(InputError, match=rf"^methods\.diffusion_prior\.{key}: "):
        registry.create("diffusion_prior", bad)
