"""X2CT: its layers as its source states them, its losses, its three connections, its training."""

import copy

import numpy as np
import pytest
import torch
from angiovox.errors import InputError, TrainingInterrupted
from angiovox.method import Context, Measurement, never
from angiovox.methods import registry
from angiovox.methods.x2ct.encoder import Encoder
from angiovox.methods.x2ct.learner import Pair, Reconstructing, projection_loss
from angiovox.methods.x2ct.method import X2CT, Settings
from angiovox.methods.x2ct.network import Discriminator, Generator, along_rays
from angiovox.methods.x2ct.views import orthogonal_pair
from angiovox.projectors.mip import project_max

pytestmark = pytest.mark.usefixtures("one_thread")

TINY = {"channels": 4, "growth": 2, "layers": 1, "halvings": 2, "decoder_channels": 2}
QUICK = {"epochs": 2, "precision": "fp32", "learning_rate": 3e-3, "discriminator_channels": 2}
QUICK |= TINY | {"batch_size": 1}
EDGE = 16


def patient(seed, angles=(0.0, 90.0), shape=3 * (EDGE,)):
    """Maximum projections of two bars, and their mask."""
    rng = np.random.default_rng(seed)
    mask = np.zeros(shape, bool)
    x, y, z = rng.integers(2, EDGE - 5, 3)
    mask[x : x + 3, y : y + 3] = mask[:, y : y + 3, z : z + 3] = True
    angles = np.array(angles)
    views = project_max(mask.astype(np.uint16), angles).astype(np.float32)
    return Measurement(angles, {"projections": 90 * views + 10}), mask


PATIENTS = [patient(seed) for seed in range(3)]


def parameters(network):
    return sum(p.numel() for p in network.parameters())


def network(**changes):
    torch.manual_seed(1)
    return Generator(**({"edge": EDGE} | TINY | changes)).eval()


def learner(**weights):
    torch.manual_seed(1)
    settings = Settings(**(QUICK | weights))
    judge = Discriminator(2) if settings.gan_weight else None
    return Reconstructing(Pair(Generator(EDGE, **TINY), judge), EDGE, settings)


def read(subject, batch=(0,), seed=5):
    arrays = subject.read(PATIENTS, list(batch), np.random.default_rng(seed))
    return tuple(map(torch.from_numpy, arrays))


def fit(folder, seed=1, stopping=never, patients=PATIENTS, **given):
    context = Context(seed, "cpu", folder / "checkpoint.pt", {}, str, stopping)
    return X2CT(Settings(**(QUICK | given))).fit(patients, context)


def same(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[k], second[k]) for k in first)


def without_seconds(history):
    return [{key: row[key] for key in row if key != "seconds"} for row in history]


# Layers, as the source states them


def dense(inputs, layers, growth=32):
    """Parameters of a dense block: 1x1 to four growths, 3x3 to one, with biases."""
    widths = [inputs + number * growth for number in range(layers)]
    return sum(w * 4 * growth + 4 * growth + 9 * 4 * growth * growth + growth for w in widths)


def test_the_encoder_has_the_channels_and_the_parameters_of_the_original():
    encoder = Encoder(channels=64, growth=32, layers=6, halvings=5)
    assert encoder.channels == [64, 128, 256, 512, 512, 704]
    expected = 49 * 64 + 64
    for inputs, layers, outputs in [
        (64, 6, 128),
        (128, 12, 256),
        (256, 24, 512),
        (512, 16, 512),
        (512, 6, None),
    ]:
        inner = inputs + 32 * layers
        expected += 9 * inputs**2 + inputs + dense(inputs, layers)
        expected += 0 if outputs is None else inner * outputs + outputs
    assert parameters(encoder) == expected


@pytest.mark.parametrize(("edge", "millions"), [(128, 11.6), (64, 1.4)])
def test_connection_a_has_the_parameters_of_the_original(edge, millions):
    with torch.device("meta"):
        linear = Generator(edge).branches[0].connection_a
    coarsest = 256 * (edge // 32) ** 3
    assert parameters(linear) == 704 * coarsest + coarsest
    assert parameters(linear) / 1e6 == pytest.approx(millions, abs=0.06)


def test_the_decoders_have_the_widths_and_the_parameters_of_the_original():
    with torch.device("meta"):
        generator = Generator(128)
    widths, encoded = [16, 16, 32, 64, 128, 256], [64, 128, 256, 512, 512]

    def conv(inputs, outputs, kernel=27):
        return kernel * inputs * outputs + outputs

    branch = fused = 0
    for level in range(5):
        fine, coarse = widths[level], widths[level + 1]
        up, merge = conv(coarse, fine), conv(2 * fine, fine)
        link = conv(encoded[level], fine, kernel=1) + conv(fine, fine)
        two = 2 * conv(coarse, coarse) if level < 4 else 0
        branch += up + merge + link + two
        fused += up + merge + conv(fine, fine)
    own = generator.branches[0]
    assert parameters(own) == parameters(own.encoder) + parameters(own.connection_a) + branch
    rest = fused + conv(16, 1, kernel=343)
    assert parameters(generator) == 2 * parameters(own) + rest


def test_the_discriminator_has_the_parameters_and_the_strides_of_the_original():
    with torch.device("meta"):
        judge = Discriminator(64)
    pairs = zip((3, 64, 128, 256, 512), (64, 128, 256, 512, 1), strict=True)
    assert parameters(judge) == sum(64 * one * other + other for one, other in pairs)
    convolutions = [layer for layer in judge.layers if isinstance(layer, torch.nn.Conv3d)]
    assert [layer.stride[0] for layer in convolutions] == [2, 2, 2, 1, 1]


# The three connections


def test_a_volume_is_at_least_0_and_as_wide_as_its_views():
    found = network()(torch.rand(2, 2, EDGE, EDGE))
    assert found.shape == (2, 1, EDGE, EDGE, EDGE) and (found >= 0).all()


def test_a_generator_that_finds_nothing_can_still_learn():
    subject, pair = network(), torch.rand(1, 2, EDGE, EDGE)
    torch.nn.init.constant_(subject.last.bias, -100.0)
    assert not subject(pair).any()
    (subject.train()(pair) - 1).square().mean().backward()
    assert subject.last.bias.grad < 0


def test_views_that_change_places_transpose_the_volume():
    """With branches that change places too, and the fused decoder's kernels transposed."""
    straight = network()
    swapped = copy.deepcopy(straight)
    swapped.branches = swapped.branches[::-1]
    for part in (swapped.up, swapped.fuse, swapped.last):
        for layer in part.modules():
            if isinstance(layer, torch.nn.Conv3d | torch.nn.ConvTranspose3d):
                layer.weight.data = layer.weight.data.transpose(2, 3).contiguous()
    pair = torch.rand(1, 2, EDGE, EDGE)
    with torch.no_grad():
        expected = straight(pair).transpose(2, 3)
        torch.testing.assert_close(swapped(pair.flip(1)), expected, atol=1e-5, rtol=1e-4)
        assert (straight(pair) - expected).abs().max() > 1e-3


def test_what_is_seen_comes_in_by_connections_a_and_b_alone():
    """With A held, B tells two pairs of views apart; without B nothing does."""
    subject = network()
    for branch in subject.branches:
        held = torch.rand(1, branch.connection_a.out_features)
        branch.connection_a.forward = lambda means, held=held: held
    one, other = torch.rand(2, 1, 2, EDGE, EDGE)
    assert not torch.equal(subject(one), subject(other))
    for branch in subject.branches:
        for link in branch.connection_b:
            link.forward = lambda feature, link=link: 0 * type(link).forward(link, feature)
    assert torch.equal(subject(one), subject(other))


def test_by_connection_c_each_branch_learns_of_the_other_view():
    subject, pair = network(), torch.rand(1, 2, EDGE, EDGE, requires_grad=True)
    calls = []
    subject.branches[0].merge[0].register_forward_hook(lambda *given: calls.append(given[-1]))
    subject(pair)
    (gradient,) = torch.autograd.grad(calls[0].square().sum(), pair)
    assert (gradient.abs().sum(dim=(0, 2, 3)) > 0).all()


def test_dropout_is_in_the_training_alone():
    subject, pair = network(), torch.rand(1, 2, EDGE, EDGE)
    assert torch.equal(subject(pair), subject(pair))
    subject.train()
    assert not torch.equal(subject(pair), subject(pair))


# Views


def test_a_pair_shows_x_and_z_then_y_and_z():
    known, mask = patient(1)
    frontal, lateral = orthogonal_pair(known, EDGE)
    np.testing.assert_allclose(frontal, mask.max(axis=1), atol=1e-6)
    np.testing.assert_allclose(lateral, mask.max(axis=0), atol=1e-6)


@pytest.mark.parametrize("angles", [(90, 0), (-90, 0), (0, 270), (180, 90), (90, 180), (-90, 180)])
def test_views_from_behind_and_from_the_other_side_are_mirrored(angles):
    expected = orthogonal_pair(patient(1)[0], EDGE)
    found = orthogonal_pair(patient(1, angles)[0], EDGE)
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("angles", [(0, 45), (0, 180), (45, 135), (0,), (0, 45, 90), (0, 84)])
def test_views_that_are_not_orthogonal_are_refused_with_their_angles(angles):
    known = Measurement(np.array(angles), {"projections": np.ones((len(angles), 4, 4))})
    with pytest.raises(InputError, match=r"0 and 90 degrees; these are at .*\b" + str(angles[-1])):
        orthogonal_pair(known, EDGE)


def test_the_discriminator_sees_each_view_along_its_own_rays():
    pair = torch.rand(1, 2, 5, 5)
    seen = along_rays(pair)
    assert seen.shape == (1, 2, 5, 5, 5)
    for place in range(5):
        assert torch.equal(seen[0, 0, :, place], pair[0, 0])
        assert torch.equal(seen[0, 1, place], pair[0, 1])


# Losses


def test_the_projection_loss_is_that_of_means_along_three_axes():
    made, truth = torch.zeros(1, 1, 4, 4, 4), torch.zeros(1, 1, 4, 4, 4)
    truth[0, 0, 1] = 1  # a plane: the mean along x is 1/4 everywhere, along y and z 1 in a quarter
    assert projection_loss(made, truth).item() == pytest.approx(0.25)
    made[0, 0, 2] = 1  # moved along x: seen from y and from z alone, in half of the pixels
    assert projection_loss(made, truth).item() == pytest.approx((0 + 0.5 + 0.5) / 3)


def test_the_generators_loss_weighs_its_three_terms():
    pair, truth = read(learner())
    made = torch.full_like(truth, 0.5)
    parts = [
        learner(gan_weight=g, mse_weight=m, projection_weight=p).generator_loss(
            pair, made, truth, torch.float32
        )
        for g, m, p in ((0.0, 1.0, 0.0), (0.0, 1.0, 1.0), (1.0, 1.0, 0.0))
    ]
    mse, projections, verdict = parts[0], parts[1] - parts[0], parts[2] - parts[0]
    assert mse.item() == pytest.approx(0.25)
    assert projections.item() == pytest.approx(projection_loss(made, truth).item(), rel=1e-5)
    judged = learner().network.discriminator(pair, made)
    torch.testing.assert_close(verdict, (judged - 1).square().mean())
    total = learner().generator_loss(pair, made, truth, torch.float32)
    torch.testing.assert_close(total, 0.1 * verdict + 10 * mse + 10 * projections)


def test_the_discriminators_loss_is_least_where_truth_is_1_and_made_is_0():
    subject = learner(gan_weight=1.0)
    pair, truth = read(subject)
    verdicts = iter([torch.tensor([1.0]), torch.tensor([0.0])] * 3)
    subject.network.discriminator.forward = lambda *_: next(verdicts)
    made = torch.zeros_like(truth)
    assert subject.discriminator_loss(pair, made, truth, torch.float32) == 0
    next(verdicts)
    assert subject.discriminator_loss(pair, made, truth, torch.float32) == 2


def test_a_step_moves_the_generator_and_then_the_discriminator_by_its_own_loss():
    subject = learner()
    given = read(subject)
    before = copy.deepcopy(subject.network)
    optimizers = subject.optimizers(1e-3)
    assert [*optimizers] == ["generator", "discriminator"]
    descended = []
    plain = subject.descend

    def watched(loss, optimizer, scaler):
        frozen = {name: p.clone() for name, p in subject.network.named_parameters()}
        plain(loss, optimizer, scaler)
        moved = {
            n.split(".")[0] for n, p in subject.network.named_parameters() if (p != frozen[n]).any()
        }
        descended.append(moved)

    subject.descend = watched
    subject.step(given, torch.float32, optimizers, torch.amp.GradScaler("cpu", enabled=False))
    assert descended == [{"generator"}, {"discriminator"}]
    assert not same(before.state_dict(), subject.network.state_dict())


# Fitting


@pytest.mark.parametrize("gan_weight", [0.0, 0.1])
def test_it_finds_the_vessels_that_it_was_shown(tmp_path, gan_weight):
    given = {"epochs": 150, "channels": 8, "decoder_channels": 4}
    given |= {"gan_weight": gan_weight, "schedule": "one-cycle"}
    state, history = fit(tmp_path, patients=PATIENTS[:1], **given)
    known, mask = PATIENTS[0]
    found = X2CT().reconstruct(state, known, Context()).probability >= 0.5
    assert history[0]["iou"] < 0.3
    assert (found & mask).sum() / (found | mask).sum() > 0.8


@pytest.mark.parametrize("gan_weight", [0.0, 0.1])
@pytest.mark.parametrize("steps", [2, 3])
def test_stopped_and_resumed_equals_uninterrupted(tmp_path, gan_weight, steps):
    """Dropout's random numbers included."""
    asked = iter(range(100))
    how = {"gan_weight": gan_weight, "schedule": "linear-decay"}
    whole, whole_history = fit(tmp_path / "whole", **how)
    with pytest.raises(TrainingInterrupted):
        fit(tmp_path / "parts", stopping=lambda: next(asked) >= steps, **how)
    resumed, history = fit(tmp_path / "parts", **how)
    assert same(whole["network"], resumed["network"])
    assert without_seconds(history) == without_seconds(whole_history)


def test_a_seed_gives_its_weights_again_and_another_seed_others(tmp_path):
    first, again, other = (
        fit(tmp_path / str(n), seed=seed, epochs=1)[0]["network"]
        for n, seed in enumerate((1, 1, 2))
    )
    assert same(first, again) and not same(first, other)


def test_the_model_holds_the_generator_alone(tmp_path):
    state, _ = fit(tmp_path, epochs=1)
    assert state["edge"] == EDGE
    assert state["network"].keys() == Generator(EDGE, **TINY).state_dict().keys()


def test_the_gan_and_the_cnn_are_one_generator_trained_in_two_ways(tmp_path):
    gan, cnn = (fit(tmp_path / str(w), gan_weight=w, epochs=1)[0] for w in (0.1, 0.0))
    assert gan["network"].keys() == cnn["network"].keys()
    assert not same(gan["network"], cnn["network"])


@pytest.mark.parametrize(
    ("key", "value"),
    [("channels", 0), ("halvings", 6), ("gan_weight", -1), ("mse_weight", 0), ("layers", 1.5)],
)
def test_a_bad_setting_of_x2ct_is_refused_with_its_full_key(key, value):
    with pytest.raises(InputError, match=rf"^methods\.x2ct_gan\.{key}: "):
        registry.create("x2ct_gan", {key: value})
