"""X2Vision's search: the terms of its loss on known values, and what it finds in views."""

import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from angiovox.errors import TrainingInterrupted
from angiovox.geometry.grid import Grid
from angiovox.geometry.imaging import Imaging
from angiovox.method import Context, Measurement, never, reconstruct
from angiovox.methods.x2vision.method import Settings, X2Vision
from angiovox.methods.x2vision.search import (
    CONCENTRATION,
    Search,
    Views,
    collinearity_prior,
    gaussian_prior,
)
from angiovox.projectors import mip
from angiovox.projectors.line_integral import line_integral, project_max

pytestmark = pytest.mark.usefixtures("one_thread")

EDGE, PER_MM = 16, 0.05
BEAMS = {"integrals": "line_integral", "cone maxima": "maximum"}
SIZES = {"edge": EDGE, "channels": 8, "most_channels": 16, "width": 16, "mapping_layers": 2}
SIZES |= {"batch_size": 8, "learning_rate": 3e-3, "r1_weight": 1.0, "precision": "fp32"}


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


KINDS = pytest.mark.parametrize("kind", ["maxima", "integrals"])


@cache
def prior(kind="maxima", epochs=2, count=8):
    """State of a generator trained on balls."""
    rng = np.random.default_rng(0)
    balls = [ball(rng.uniform(5, 10, 3), rng.uniform(2.5, 5)) for _ in range(count)]
    with tempfile.TemporaryDirectory() as folder:
        context = Context(1, "cpu", Path(folder, "checkpoint.pt"), {}, str)
        method = X2Vision(Settings(**SIZES, epochs=epochs))
        return method.fit([(measured(mask, 4, kind), mask) for mask in balls], context)[0]


def found(folder=None, stopping=never, known=None, state=None, kind="maxima", **given):
    checkpoint = folder / "checkpoint.pt" if folder else None
    context = Context(1, "cpu", checkpoint, {}, str, stopping)
    method = X2Vision(Settings(**SIZES, **({"steps": 4} | given)))
    known = measured(ball(), 4, kind) if known is None else known
    return reconstruct(method, "p", state or prior(kind), known, context).probability


def search(kind="maxima", **given):
    settings = Settings(**SIZES, **given)
    return Search(prior(kind), measured(ball(), 4, kind), settings, Context())


def dice(probability, mask):
    hit = probability >= 0.5
    return 2 * (hit & mask).sum() / (hit.sum() + mask.sum())


# The terms of the loss


def test_the_gaussian_prior_is_half_the_mean_square():
    assert gaussian_prior(torch.tensor([1.0, -1.0, 3.0, 0.0])).item() == 11 / 8


def test_the_collinearity_prior_knows_the_angles_between_latents_alone():
    along = torch.tensor([[1.0, 0.0], [5.0, 0.0]])
    across, against = torch.eye(2), torch.tensor([[1.0, 0.0], [-2.0, 0.0]])
    assert collinearity_prior(along).item() == pytest.approx(0)
    assert collinearity_prior(across).item() == pytest.approx(CONCENTRATION / 2)
    assert collinearity_prior(against).item() == pytest.approx(CONCENTRATION)


@pytest.mark.parametrize("kind", ["maxima", *BEAMS])
def test_projections_of_the_truth_have_no_error_and_those_of_nothing_have(kind):
    mask = ball()
    state = {"level": 0.5} | ({"contrast": PER_MM} if kind == "integrals" else {})
    views = Views(state, measured(mask, 4, kind), "cpu")
    truth = torch.from_numpy(mask.astype(np.float32))
    assert views.error(truth).item() < 0.015  # borders of silhouettes, or rounding
    assert views.error(torch.zeros_like(truth)) > 0.05
    assert views.images.max() == 1


def test_the_contrast_of_line_integrals_is_found_on_the_training_masks():
    assert prior("integrals")["contrast"] == pytest.approx(PER_MM, rel=1e-3)
    assert "contrast" not in prior()


@KINDS
def test_the_search_starts_where_its_priors_are_least(kind):
    subject = search(kind, reprojection_weight=3.0)
    error = subject.views.error(subject.volume())
    assert subject.loss().item() == pytest.approx(3 * error.item(), rel=1e-5)


def test_each_prior_counts_as_much_as_its_weight():
    weights = {"w_weight": 0.2, "collinearity_weight": 0.3, "noise_weight": 0.5}
    subject = search(**weights)
    w, *noise = subject.latent
    with torch.no_grad():
        w += 2 * subject.deviation * torch.randn(w.shape[1], 1)
        for one in noise:
            one += 3
    spread = ((w - subject.mean) / subject.deviation).square().mean() / 2
    expected = 10 * subject.views.error(subject.volume()) + 0.2 * spread + 0.5 * 9 / 2
    expected = expected + 0.3 * collinearity_prior(w[0])
    assert subject.loss().item() == pytest.approx(expected.item(), rel=1e-5)


def test_a_heavier_prior_keeps_the_latents_nearer_to_their_mean():
    moved = []
    for weight in (0.0, 10.0):
        subject = search(w_weight=weight)
        for number in range(5):
            subject.step(number)
        moved.append(((subject.latent[0] - subject.mean) / subject.deviation).abs().mean().item())
    assert moved[1] < moved[0]


# The search


@KINDS
def test_steps_bring_the_projections_nearer(kind):
    subject = search(kind)
    losses = [subject.step(number) for number in range(15)]
    assert losses[-1] < 0.8 * losses[0]


def test_latents_and_noise_of_each_layer_move_and_the_generator_does_not():
    subject = search()
    weights = [one.clone() for one in subject.generator.parameters()]
    before = [one.detach().clone() for one in subject.latent]
    subject.step(0)
    for old, new in zip(before, subject.latent, strict=True):
        assert (old != new).any()
    assert (subject.latent[0] != before[0]).any(dim=2).all()
    for old, new in zip(weights, subject.generator.parameters(), strict=True):
        assert (old == new).all()


def test_a_start_at_the_best_of_random_latents_is_no_worse_than_at_their_mean():
    errors, starts = [], []
    for candidates in (0, 3, 20):
        subject = search(candidates=candidates)
        errors.append(subject.views.error(subject.volume()).item())
        starts.append(subject.latent[0].detach())
        assert (subject.latent[0] == subject.latent[0][:, :1]).all()
    assert errors[2] <= errors[1] <= errors[0] and errors[2] < errors[0]
    assert (starts[0] == search().mean).all()
    assert (starts[2] == search(candidates=20).latent[0]).all()


@pytest.mark.parametrize("views", [2, 3, 10])
def test_one_prior_serves_every_number_of_views(views):
    assert found(known=measured(ball(), views)).any()


def test_the_hull_cuts_what_is_found_where_that_is_asked():
    known, settings = measured(ball()), {"steps": 3}
    hull = Views(prior(), known, "cpu").hull(0).numpy() > 0
    whole = found(known=known, **settings)
    assert whole[~hull].any()
    np.testing.assert_array_equal(found(known=known, hull_only=True, **settings), whole * hull)
    wider = Views(prior(), known, "cpu").hull(1).numpy() > 0
    assert wider[hull].all() and wider.sum() > hull.sum()


def test_another_grid_has_the_same_field_of_view():
    fine = ball((17.5, 12.5, 16.5), 8.6, 3 * (32,))
    known = measured(fine)
    probability = found(known=known)
    assert probability.shape == fine.shape
    coarse = found(known=known, hull_only=True)
    assert coarse.shape == fine.shape


@pytest.mark.parametrize("steps", [1, 3])
@KINDS
def test_a_stopped_and_resumed_search_equals_an_uninterrupted_one(tmp_path, steps, kind):
    (tmp_path / "whole").mkdir()
    whole = found(tmp_path / "whole", kind=kind)
    asked = iter(range(100))
    with pytest.raises(TrainingInterrupted, match=f"^stopped after {steps} of 4 steps"):
        found(tmp_path, stopping=lambda: next(asked) >= steps, kind=kind)
    np.testing.assert_array_equal(found(tmp_path, kind=kind), whole)


def test_the_search_repeats_itself():
    np.testing.assert_array_equal(found(), found())


@pytest.mark.thorough
def test_a_ball_is_recovered_from_ten_views():
    """By the defaults' weights, from a prior of balls of which none is this one."""
    mask = ball()
    result = found(known=measured(mask, 10), state=prior(epochs=40, count=64), steps=100)
    print(f"Dice {dice(result, mask):.3f}")
    assert dice(result, mask) > 0.95
