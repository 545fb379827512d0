"""The conditional GAN: two networks in one step, each moved by its own term; slices one by one."""

import numpy as np
import pytest
import torch
from angiovox.errors import InputError, TrainingInterrupted
from angiovox.io.quantization import quantize_fractions
from angiovox.method import Context, Measurement, never
from angiovox.methods import registry
from angiovox.methods.conditional_gan.learner import NOISE, Adversarial, Pair
from angiovox.methods.conditional_gan.method import ConditionalGAN, Settings
from angiovox.methods.conditional_gan.network import Discriminator, Generator, probabilities
from entries import variant

pytestmark = pytest.mark.usefixtures("one_thread")

CHANNELS = 4
QUICK = {"epochs": 2, "precision": "fp32", "learning_rate": 1e-2, "channels": CHANNELS, "slices": 4}


def patient(seed, shape=(16, 16, 8)):
    """A bright bar in noise, and its mask."""
    rng = np.random.default_rng(seed)
    mask = np.zeros(shape, dtype=bool)
    x, y = rng.integers(2, min(shape[:2]) - 5, 2)
    mask[x : x + 4, y : y + 4] = True
    inputs = {
        kind: np.clip(0.6 * mask + rng.uniform(0, 0.4, shape), 0, 1).astype(np.float32)
        for kind in ("sum", "min")
    }
    return Measurement(np.array([0.0, 90.0]), inputs), mask


PATIENTS = [patient(seed) for seed in range(3)]


def learner(l1_weight=0.0, slices=4, seed=1):
    torch.manual_seed(seed)
    return Adversarial(Pair(CHANNELS), slices, l1_weight)


def read(subject, batch=(0,), seed=5, patients=PATIENTS):
    arrays = subject.read(patients, list(batch), np.random.default_rng(seed))
    return tuple(map(torch.from_numpy, arrays))


def fit(folder, l1_weight=0.0, seed=1, stopping=never, patients=PATIENTS, **given):
    context = Context(seed, "cpu", folder / "checkpoint.pt", {}, str, stopping)
    settings = Settings(**(QUICK | {"l1_weight": l1_weight} | given))
    return ConditionalGAN(settings).fit(patients, context)


def gradients(network):
    return {
        name: None if p.grad is None else p.grad.clone() for name, p in network.named_parameters()
    }


def same(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[k], second[k]) for k in first)


def without_seconds(history):
    return [{key: row[key] for key in row if key != "seconds"} for row in history]


# Gradients


def parts(subject):
    """What the terms are given: what was seen, true masks, and masks of the generator."""
    seen, truth, _ = read(subject)
    return seen, truth.float(), subject.network.generator(seen).sigmoid()


def test_the_discriminators_term_moves_no_parameter_of_the_generator():
    subject = learner()
    subject.discriminator_loss(*parts(subject)).backward()
    assert all(p.grad is None for p in subject.network.generator.parameters())
    assert all(p.grad.abs().sum() > 0 for p in last_layers(subject.network.discriminator))


def test_the_generators_term_moves_no_parameter_of_the_discriminator():
    subject = learner()
    seen, _, made = parts(subject)
    subject.generator_loss(seen, made).backward()
    assert all(p.grad is None for p in subject.network.discriminator.parameters())
    assert all(p.grad.abs().sum() > 0 for p in last_layers(subject.network.generator))


def last_layers(network):
    return [*network.parameters()][-2:]


def test_one_step_gives_each_network_the_gradients_of_its_own_term():
    subject = learner()
    given = read(subject)
    subject.loss(given, torch.float32)[0].backward()
    together = gradients(subject.network)
    subject.network.zero_grad()
    seen, truth, noise = given
    made = subject.network.generator(seen).sigmoid() + NOISE * noise[0]
    subject.generator_loss(seen, made).backward()
    subject.discriminator_loss(seen, truth + NOISE * noise[1], made).backward()
    apart = gradients(subject.network)
    for name, gradient in together.items():
        torch.testing.assert_close(gradient, apart[name], msg=lambda text, at=name: f"{at}: {text}")


def test_a_step_down_each_terms_gradient_lowers_that_term():
    subject = learner()
    seen, truth, made = parts(subject)
    terms = {
        "generator": lambda: subject.generator_loss(
            seen, subject.network.generator(seen).sigmoid()
        ),
        "discriminator": lambda: subject.discriminator_loss(seen, truth, made),
    }
    for name, term in terms.items():
        before = term()
        subject.network.zero_grad()
        before.backward(retain_graph=True)
        with torch.no_grad():
            for parameter in getattr(subject.network, name).parameters():
                parameter -= 1e-3 * parameter.grad
        assert term() < before


def test_the_l1_term_adds_its_weight_times_the_mean_absolute_error():
    plain, weighted = learner(), learner(l1_weight=100.0)
    given = read(plain)
    seen, truth, _ = given
    error = (plain.network.generator(seen).sigmoid() - truth.float()).abs().mean()
    difference = weighted.loss(given, torch.float32)[0] - plain.loss(given, torch.float32)[0]
    torch.testing.assert_close(difference, 100 * error)
    assert difference > 0


def test_hits_and_union_are_those_of_what_was_generated():
    subject = learner()
    given = read(subject)
    predicted = subject.network.generator(given[0]) >= 0
    _, hits, union = subject.loss(given, torch.float32)
    assert (hits, union) == ((predicted & given[1]).sum(), (predicted | given[1]).sum())
    assert subject.iou(given, torch.float32) == pytest.approx(int(hits) / int(union))


# What a step reads


def test_slices_and_masks_are_those_of_one_place():
    subject = learner(slices=5)
    seen, truth, noise = read(subject)
    known, mask = PATIENTS[0]
    places = [
        next(z for z in range(8) if np.array_equal(known.inputs["sum"][:, :, z], one[0]))
        for one in seen.numpy()
    ]
    assert places == sorted(set(places))
    np.testing.assert_array_equal(seen[:, 1], known.inputs["min"][:, :, places].transpose(2, 0, 1))
    np.testing.assert_array_equal(truth[:, 0], mask[:, :, places].transpose(2, 0, 1))
    assert noise.shape == (2, *truth.shape)


def test_which_slices_and_what_noise_is_a_matter_of_the_given_chance():
    subject = learner()
    first, again, other = (read(subject, seed=seed) for seed in (1, 1, 2))
    assert all(map(torch.equal, first, again))
    assert not any(map(torch.equal, first[::2], other[::2]))


@pytest.mark.parametrize(("slices", "expected"), [(1, 1), (5, 5), (8, 8), (100, 8)])
def test_a_patient_with_fewer_slices_gives_all_it_has(slices, expected):
    assert [len(part) for part in read(learner(slices=slices))[:2]] == [expected] * 2


def test_a_batch_holds_slices_of_each_of_its_patients():
    subject = learner(slices=8)
    both, first, second = (read(subject, batch)[1] for batch in ([0, 1], [0], [1]))
    assert torch.equal(both, torch.cat([first, second]))


# Networks


@pytest.mark.parametrize("shape", [(12, 10, 9), (8, 16, 5), (1, 1, 1), (33, 17, 3)])
def test_any_shape_comes_back_and_trains(shape):
    known, _ = patient(1, (40, 40, 12))
    inputs = {kind: array[tuple(map(slice, shape))] for kind, array in known.inputs.items()}
    mask = patient(1, (40, 40, 12))[1][tuple(map(slice, shape))]
    subject = learner(slices=3)
    given = read(subject, patients=[(Measurement(known.angles, inputs), mask)])
    loss, _, _ = subject.loss(given, torch.float32)
    loss.backward()
    assert all(p.grad.isfinite().all() for p in subject.network.parameters())
    found = probabilities(subject.network.generator, inputs)
    assert found.shape == shape
    assert found.dtype == np.float32
    assert 0 <= found.min() <= found.max() <= 1


def test_the_discriminator_judges_patches_of_34_voxels():
    """The gradient of one verdict says what it depends on; norms, which see all, are left out."""
    network = Discriminator(CHANNELS)
    layers = [layer for layer in network.layers.modules() if not list(layer.children())]
    layers = [layer for layer in layers if not isinstance(layer, torch.nn.InstanceNorm2d)]
    given = torch.randn(1, 3, 96, 96, requires_grad=True)
    verdicts = torch.nn.Sequential(*layers)(given)
    verdicts[0, 0, 11, 11].backward()
    assert [len(np.unique(axis)) for axis in given.grad[0].abs().sum(0).numpy().nonzero()] == [
        34,
        34,
    ]


def test_a_slices_result_does_not_depend_on_the_other_slices():
    network = learner().network.generator.eval()
    known, _ = patient(1)
    other = {kind: array.copy() for kind, array in known.inputs.items()}
    for array in other.values():
        array[:, :, :3] = array[:, :, 4:] = 0.5
    before, after = probabilities(network, known.inputs), probabilities(network, other)
    np.testing.assert_allclose(before[:, :, 3], after[:, :, 3], atol=1e-6)
    assert np.abs(before[:, :, 4] - after[:, :, 4]).max() > 1e-3


@pytest.mark.parametrize("at_once", [1, 16 * 16 * 3, 10**9])
def test_how_many_slices_go_through_at_once_changes_nothing(at_once):
    network = learner().network.generator.eval()
    known, _ = patient(1)
    some, all_at_once = (
        probabilities(network, known.inputs, at_once),
        probabilities(network, known.inputs),
    )
    np.testing.assert_allclose(some, all_at_once, atol=1e-6)


def test_codes_reconstruct_as_the_fractions_they_stand_for():
    network = learner().network.generator.eval()
    known, _ = patient(1)
    codes = {kind: quantize_fractions(array) for kind, array in known.inputs.items()}
    coded = probabilities(network, {kind: stored.codes for kind, stored in codes.items()})
    decoded = probabilities(network, {kind: stored.values() for kind, stored in codes.items()})
    np.testing.assert_allclose(coded, decoded, atol=1e-6)


# Fitting


def test_with_l1_it_finds_the_vessel_that_it_was_shown(tmp_path):
    given = {"epochs": 30, "slices": 8, "schedule": "one-cycle", "channels": 8}
    state, history = fit(tmp_path, 100.0, **given)
    known, mask = PATIENTS[0]
    found = ConditionalGAN().reconstruct(state, known, Context()).probability >= 0.5
    assert history[0]["iou"] < 0.1
    assert (found & mask).sum() / (found | mask).sum() > 0.3


@pytest.mark.parametrize("l1_weight", [0.0, 100.0])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("steps", [2, 3, 4])
def test_stopped_and_resumed_equals_uninterrupted(tmp_path, l1_weight, precision, steps):
    asked = iter(range(100))
    how = {"precision": precision, "schedule": "one-cycle"}
    whole, whole_history = fit(tmp_path / "whole", l1_weight, **how)
    with pytest.raises(TrainingInterrupted):
        fit(tmp_path / "parts", l1_weight, stopping=lambda: next(asked) >= steps, **how)
    resumed, history = fit(tmp_path / "parts", l1_weight, **how)
    assert same(whole["network"], resumed["network"])
    assert without_seconds(history) == without_seconds(whole_history)


def test_without_weight_the_l1_term_is_no_more_than_cgan(tmp_path):
    plain, _ = fit(tmp_path / "plain")
    none, _ = fit(tmp_path / "none", l1_weight=0.0)
    some, _ = fit(tmp_path / "some", l1_weight=1.0)
    assert same(plain["network"], none["network"])
    assert not same(plain["network"], some["network"])


def test_a_seed_gives_its_weights_again_and_another_seed_others(tmp_path):
    first, again, other = (
        fit(tmp_path / str(n), seed=seed)[0]["network"] for n, seed in enumerate((1, 1, 2))
    )
    assert same(first, again)
    assert not same(first, other)


def test_the_model_holds_the_generator_and_what_it_takes_to_build_it(tmp_path):
    state, _ = fit(tmp_path, channels=3)
    assert state["channels"] == 3
    assert state["network"].keys() == Generator(3).state_dict().keys()


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [
        ("cgan", "channels", 0),
        ("cgan", "slices", 1.5),
        ("l1_cgan", "l1_weight", -1),
        ("l1_cgan", "epochs", 0),
    ],
)
def test_a_bad_setting_is_refused_with_its_full_key(name, key, value):
    with pytest.raises(InputError, match=rf"^methods\.{name}\.{key}: "):
        registry.create(name, variant(name, **{key: value}))
