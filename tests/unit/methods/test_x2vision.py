"""X2Vision's prior: the generator, the discriminator, and a training that sees masks alone."""

import math

import numpy as np
import pytest
import torch
from angiovox.errors import InputError, TrainingInterrupted
from angiovox.method import Context, Measurement, never
from angiovox.methods import registry
from angiovox.methods.mask_cubes import cube
from angiovox.methods.x2vision.discriminator import Discriminator, spread
from angiovox.methods.x2vision.learner import R1_EVERY, Adversarial, Networks
from angiovox.methods.x2vision.method import Settings, X2Vision
from angiovox.methods.x2vision.network import (
    MAPPING_RATE,
    Generator,
    Linear,
    Mapping,
    ModulatedConvolution,
    doubled,
)
from torch import nn
from torch.nn import functional

pytestmark = pytest.mark.usefixtures("one_thread")

EDGE = 8
SIZES = {"edge": EDGE, "channels": 2, "most_channels": 4, "width": 6, "mapping_layers": 2}
QUICK = SIZES | {"epochs": 2, "batch_size": 2, "precision": "fp32"}


def patients(views=None, count=4):
    """Bars at some places, with projections that have nothing to do with them."""
    rng, found = np.random.default_rng(1), []
    for number in range(count):
        mask = np.zeros(3 * (EDGE,), dtype=bool)
        mask[2:4, number : number + 3] = True
        seen = rng.uniform(0, 1, (2, EDGE, EDGE)) if views is None else np.full((2, EDGE, EDGE), 1)
        known = {"projections": seen.astype(np.float32)}
        found.append((Measurement(np.array([0.0, 90.0]), known), mask))
    return found


def fit(folder, seed=1, stopping=never, given=None, **settings):
    context = Context(seed, "cpu", folder / "checkpoint.pt", {}, str, stopping)
    return X2Vision(Settings(**(QUICK | settings))).fit(given or patients(), context)


def networks():
    torch.manual_seed(1)
    return Networks(Generator(**SIZES), Discriminator(EDGE, 2, 4))


# The generator


@pytest.mark.parametrize("edge", [8, 32, 64])
def test_each_layer_has_a_latent_and_noise_of_its_edge(edge):
    """2 log2(edge) - 2 latents, as StyleGAN2 has."""
    generator = Generator(**(SIZES | {"edge": edge}))
    assert generator.latents == 2 * math.log2(edge) - 2
    edges = [shape[-1] for shape in generator.noise_shapes]
    assert edges == [
        4,
        *(one for level in range(3, int(math.log2(edge)) + 1) for one in 2 * [2**level]),
    ]


def test_channels_double_at_each_half_of_the_edge_up_to_the_most():
    generator = Generator(64, 16, 100, 6, 2)
    assert [output.convolution.weight.shape[1] for output in generator.outputs] == [
        100,
        100,
        64,
        32,
        16,
    ]
    judge = Discriminator(64, 16, 100)
    assert [block.skip.weight.shape[:2] for block in judge.blocks] == [
        (32, 16),
        (64, 32),
        (100, 64),
        (100, 100),
    ]


def test_a_demodulated_convolution_forgets_the_size_of_its_style_and_keeps_the_variance():
    torch.manual_seed(1)
    layer = ModulatedConvolution(16, 8, 6, 3, demodulate=True)
    volume, w = torch.randn(1, 16, 12, 12, 12), torch.randn(1, 6)
    found = layer(volume, w)
    with torch.no_grad():
        layer.style.weight.mul_(3)
        layer.style.bias.mul_(3)
    torch.testing.assert_close(layer(volume, w), found, atol=1e-5, rtol=1e-5)
    inside = found[:, :, 1:-1, 1:-1, 1:-1]
    assert inside.std(dim=(2, 3, 4)).mean().item() == pytest.approx(1, abs=0.1)
    layer.demodulate = False
    assert layer(volume, w).std() > 2 * found.std()


def test_a_style_scales_the_channels_that_come_in():
    layer = ModulatedConvolution(2, 1, 6, 1, demodulate=False)
    with torch.no_grad():
        layer.style.weight.zero_()
        layer.style.bias.copy_(torch.tensor([1.0, 0.0]))
    volume = torch.randn(1, 2, 3, 3, 3)
    blind = volume.clone()
    blind[:, 1] = 7
    torch.testing.assert_close(layer(volume, torch.randn(1, 6)), layer(blind, torch.randn(1, 6)))


def test_a_layers_rate_scales_its_gradient_and_not_what_it_gives():
    gradients, found = [], []
    for rate in (1.0, MAPPING_RATE):
        torch.manual_seed(1)
        layer = Linear(6, 4, rate, bias=0.5)
        found.append(layer(torch.ones(1, 6)))
        found[-1].sum().backward()
        gradients.append(layer.weight.grad)
    torch.testing.assert_close(found[0], found[1])
    torch.testing.assert_close(MAPPING_RATE * gradients[0], gradients[1])


def test_the_mapping_knows_the_direction_of_z_alone():
    mapping, z = Mapping(6, 3), torch.randn(2, 6)
    torch.testing.assert_close(mapping(5 * z), mapping(z), atol=1e-5, rtol=1e-4)
    assert (mapping(z[:1]) - mapping(z[1:])).abs().max() > 0.1


def test_doubling_is_the_sources_filter_after_zeros_between_voxels():
    volume = torch.randn(1, 1, 5, 5, 5)
    spaced = torch.zeros(1, 1, 10, 10, 10)
    spaced[..., ::2, ::2, ::2] = volume
    one = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 4
    kernel = (one[:, None, None] * one[:, None] * one)[None, None]
    filtered = functional.conv3d(functional.pad(spaced, 6 * (2,)), kernel)[..., :-1, :-1, :-1]
    inside = (..., slice(2, -2), slice(2, -2), slice(2, -2))
    torch.testing.assert_close(doubled(volume)[inside], filtered[inside])


def test_noise_counts_as_much_as_its_strength():
    generator = networks().generator
    w, noise = torch.randn(2, generator.latents, 6), generator.noise(2)
    silent = [torch.zeros_like(one) for one in noise]
    torch.testing.assert_close(generator(w, noise), generator(w, silent))
    with torch.no_grad():
        generator.layers[-1].strength.fill_(0.5)
    assert (generator(w, noise) - generator(w, silent)).abs().max() > 0.01


def test_each_latent_changes_its_layer_and_what_follows():
    generator = networks().generator
    w = torch.randn(1, generator.latents, 6)
    noise = [torch.zeros(shape) for shape in generator.noise_shapes]
    before = generator(w, noise)
    assert before.shape == (1, 1, EDGE, EDGE, EDGE)
    for number in range(generator.latents):
        other = w.clone()
        other[:, number] += 3
        assert (generator(other, noise) - before).abs().max() > 1e-3


# The discriminator


def test_volumes_of_a_batch_that_are_the_same_have_no_spread():
    volume = torch.randn(1, 3, 4, 4, 4)
    assert spread(volume.expand(4, -1, -1, -1, -1)).abs().max() < 1e-3
    both = torch.cat([torch.ones_like(volume), -torch.ones_like(volume)])
    torch.testing.assert_close(spread(both), torch.ones(2, 1, 4, 4, 4))


class Judge(nn.Module):
    """A verdict that is a weighted sum of the voxels."""

    def __init__(self, weight):
        super().__init__()
        self.weight = nn.Parameter(weight)

    def forward(self, mask):
        return (mask * self.weight).sum(dim=(1, 2, 3, 4))[:, None]


def test_r1_is_the_squared_length_of_the_gradient_at_true_masks():
    network = networks()
    network.discriminator = Judge(torch.randn(EDGE, EDGE, EDGE))
    found = Adversarial(network, EDGE, 10.0).gradient_at(torch.rand(3, 1, EDGE, EDGE, EDGE))
    assert found.item() == pytest.approx(
        network.discriminator.weight.square().sum().item(), rel=1e-5
    )
    found.backward()
    torch.testing.assert_close(
        network.discriminator.weight.grad, 2 * network.discriminator.weight.detach()
    )


def test_r1_counts_every_sixteenth_step_sixteen_times():
    losses = {}
    for steps in (0, 1):
        for weight in (0.0, 2.0):
            network = networks()
            network.steps.fill_(steps)
            learner = Adversarial(network, EDGE, weight)
            optimizers = {name: Recorded() for name in ("generator", "discriminator")}
            learner.descend = lambda loss, one, scaler: one.losses.append(loss.item())
            torch.manual_seed(2)
            truth = torch.rand(2, 1, EDGE, EDGE, EDGE)
            learner.step((truth,), torch.float32, optimizers, None)
            losses[steps, weight] = optimizers["discriminator"].losses[0]
            gradient = learner.gradient_at(truth).item()
    assert losses[1, 2.0] == losses[1, 0.0]
    added = losses[0, 2.0] - losses[0, 0.0]
    assert added == pytest.approx(R1_EVERY * 2.0 / 2 * gradient, rel=1e-3)


class Recorded:
    """An optimiser of which only the losses are of interest."""

    def __init__(self):
        self.losses = []


def test_the_losses_do_not_saturate():
    """softplus(-D) of generated volumes for the generator; both of its halves for the other."""
    network = networks()
    learner = Adversarial(network, EDGE, 0.0)
    true, made = torch.zeros(1, 1, 1, 1, 1), torch.ones(1, 1, 1, 1, 1)
    learner.verdicts = lambda masks, dtype: -2 + 5 * masks.flatten(1)
    log = lambda x: math.log1p(math.exp(x))  # noqa: E731
    assert learner.generator_loss(made, torch.float32).item() == pytest.approx(log(-3))
    loss = learner.discriminator_loss(true, made, torch.float32).item()
    assert loss == pytest.approx(log(2) + log(3))


def test_a_step_moves_the_generator_by_its_loss_and_the_discriminator_by_its_own():
    network = networks()
    learner = Adversarial(network, EDGE, 1.0)
    optimizers = learner.optimizers(1e-3)
    scaler = torch.amp.GradScaler("cpu", enabled=False)
    parts = {
        name: [one.detach().clone() for one in part.parameters()]
        for name, part in network.named_children()
    }
    learner.step((torch.rand(2, 1, EDGE, EDGE, EDGE),), torch.float32, optimizers, scaler)
    for name, part in network.named_children():
        moved = [
            (new != old).any() for new, old in zip(part.parameters(), parts[name], strict=True)
        ]
        assert any(moved), name
    generator, averaged = network.generator.parameters(), network.averaged.parameters()
    for new, mean, old in zip(generator, averaged, parts["averaged"], strict=True):
        assert ((mean - old) * (new - mean) >= 0).all()  # between what it was and what it is


# Masks


def test_a_mask_of_the_cubes_edge_stays_as_it_is():
    mask = np.random.default_rng(1).uniform(size=3 * (EDGE,)) < 0.3
    np.testing.assert_array_equal(cube(mask, EDGE), mask)


def test_a_coarser_voxel_is_vessel_where_any_of_it_is():
    mask = np.random.default_rng(1).uniform(size=(16, 16, 16)) < 0.1
    some = mask.reshape(8, 2, 8, 2, 8, 2).any(axis=(1, 3, 5))
    np.testing.assert_array_equal(cube(mask, 8), some)


@pytest.mark.parametrize("shape", [(12, 10, 9), (4, 6, 20)])
def test_a_cube_has_the_field_of_view_of_any_grid(shape):
    mask = np.zeros(shape, dtype=bool)
    mask[shape[0] // 2 :] = True
    found = cube(mask, EDGE)
    assert found[EDGE // 2 :].all() and not found[: EDGE // 2 - 1].any()


# The training


def test_the_generator_is_trained_without_views(tmp_path):
    (tmp_path / "other").mkdir()
    first, _ = fit(tmp_path)
    other, _ = fit(tmp_path / "other", given=patients(views="none"))
    for name, tensor in first["network"].items():
        torch.testing.assert_close(other["network"][name], tensor, atol=0, rtol=0)


def test_the_state_has_mean_and_deviation_of_the_latents_that_the_mapping_gives(tmp_path):
    state, _ = fit(tmp_path)
    generator = Generator(**SIZES)
    generator.load_state_dict(state["network"])
    with torch.no_grad():
        w = generator.mapping(torch.randn(4000, 6))
    torch.testing.assert_close(state["w_mean"], w.mean(dim=0), atol=0.06, rtol=0)
    torch.testing.assert_close(state["w_deviation"], w.std(dim=0), atol=0.06, rtol=0)


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
    needs = X2Vision().needs
    assert needs.shared_across_views and needs.requires_training and needs.one_job_per_patient
    drawn = []

    class Patients(list):
        def drawn(self, index, rng):
            drawn.append(index)
            return self[index]

    Adversarial(networks(), EDGE, 1.0).read(Patients(patients()), [2, 0], np.random.default_rng(1))
    assert drawn == [2, 0]


def test_defaults_are_those_of_the_sources():
    given = Settings()
    weights = given.w_weight, given.collinearity_weight, given.noise_weight
    assert weights == (0.1, 0.05, 10.0)
    assert (given.learning_rate, given.r1_weight, given.width, given.mapping_layers) == (
        2e-3,
        10,
        512,
        8,
    )
    assert Adversarial.betas == (0.0, 0.99)


@pytest.mark.parametrize(
    "bad",
    [
        {"edge": 24},
        {"edge": 4},
        {"steps": 0},
        {"width": 0},
        {"r1_weight": -1},
        {"search_rate": 0},
        {"hull_only": 1},
        {"margin": -1},
    ],
)
def test_a_bad_setting_of_x2vision_is_refused_with_its_full_key(bad):
    (key,) = bad
    with pytest.raises(InputError, match=rf"^methods\.x2vision\.{key}: "):
        registry.create("x2vision", bad)
