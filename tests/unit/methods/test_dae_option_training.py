"""Options of the paper's network in its loss and in trainings."""

import numpy as np
import pytest
import torch
from angiovox.errors import InputError, TrainingInterrupted
from angiovox.method import Context, Measurement
from angiovox.methods import registry
from angiovox.methods.denoising_autoencoder import augmentation, extended, physics
from angiovox.methods.denoising_autoencoder.focal_loss import focal_loss
from angiovox.methods.denoising_autoencoder.method import Settings
from angiovox.methods.denoising_autoencoder.network import DenoisingAutoencoder
from bent_arteries import patients

pytestmark = pytest.mark.usefixtures("one_thread")

ALL = {"input_channels": "both", "augment": True, "projection_weight": 0.1, "geometry_weight": 0.01}
OPTIONS = [
    {"input_channels": "silhouettes"},
    {"input_channels": "both"},
    {"augment": True},
    {"projection_weight": 0.1},
    {"geometry_weight": 0.01},
    ALL,
]


def given_to(settings, network=None, seed=0):
    learner = extended.Extended(
        network or DenoisingAutoencoder(settings.inputs), settings, physics.RadiusRange(1.0, 1.2)
    )
    arrays = learner.read(patients(), [0, 1], np.random.default_rng(seed))
    return learner, tuple(map(torch.from_numpy, arrays))


def test_the_loss_is_the_focal_loss_and_the_weighted_terms():
    torch.manual_seed(0)
    network = DenoisingAutoencoder()
    losses = {}
    for options in ({}, {"projection_weight": 0.3}, {"geometry_weight": 0.3}):
        learner, given = given_to(Settings(**options), network)
        losses[(*options, "none")[0]] = learner.loss(given, torch.float32)[0].detach()
    logits = network(given[0])
    focal = focal_loss(logits, given[1], 0.5, 0.2)
    torch.testing.assert_close(losses["none"], focal)
    found = logits.sigmoid()[:, 0]
    radii = torch.stack([learner.radii.loss(one) for one in found]).mean()
    torch.testing.assert_close(losses["geometry_weight"], focal + 0.3 * radii)
    _, (*_, shown, angles, _) = given_to(Settings(projection_weight=0.3), network)
    pairs = zip(found, shown, angles.numpy(), strict=True)
    projections = torch.stack([physics.projection_loss(*one) for one in pairs]).mean()
    torch.testing.assert_close(losses["projection_weight"], focal + 0.3 * projections)


def test_augmentation_moves_input_target_and_views_alike():
    learner, given = given_to(Settings(input_channels="both", augment=True, projection_weight=0.1))
    volume, target, shown, angles = learner._changed(given)
    for number, change in enumerate(given[4].numpy()):
        mask = augmentation.moved_volume(given[1][number].float(), change) >= 0.5
        assert torch.equal(target[number], mask)
        channel = augmentation.moved_volume(given[0][number], change)[1]
        torch.testing.assert_close(volume[number, 1], channel)
        expected, at = augmentation.moved_views(given[2][number], given[3][number].numpy(), change)
        assert torch.equal(shown[number], expected)
        np.testing.assert_array_equal(angles[number], at)
    assert not torch.equal(volume[0], given[0][0]) and len(np.unique(given[4], axis=0)) == 2


def context(folder, stopping=lambda: False, seed=1):
    folder.mkdir(exist_ok=True)
    return Context(seed, "cpu", folder / "checkpoint.pt", {}, str, stopping)


def fitted(options, folder, data, epochs=2, seed=1, stopping=lambda: False):
    how = {"precision": "fp32", "learning_rate": 0.01, "epochs": epochs} | options
    method = registry.create("dae", how)
    return method, *method.fit(data, context(folder, stopping, seed))


class Stops:
    """Asks to stop at one step."""

    def __init__(self, at):
        self.left = at

    def __call__(self):
        self.left -= 1
        return self.left < 0


@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: "-".join(options))
def test_a_stopped_training_goes_on_bit_for_bit(tmp_path, options):
    data = patients(3, edge=16)
    whole = fitted(options, tmp_path / "whole", data)[1]["network"]
    with pytest.raises(TrainingInterrupted, match="1 of 3 steps"):
        fitted(options, tmp_path / "parts", data, stopping=Stops(4))
    resumed = fitted(options, tmp_path / "parts", data)[1]["network"]
    other = fitted(options, tmp_path / "other", data, seed=2)[1]["network"]
    assert all(torch.equal(resumed[name], value) for name, value in whole.items())
    assert not all(torch.equal(other[name], value) for name, value in whole.items())


@pytest.mark.parametrize(("augment", "epochs", "least"), [(False, 40, 0.6), (True, 90, 0.4)])
def test_one_patient_is_learnt(tmp_path, augment, epochs, least):
    """A patient that is turned at every step is not learnt by heart, and takes longer."""
    data = patients(1, edge=16)
    how = ALL | {"augment": augment, "schedule": "one-cycle", "learning_rate": 0.02}
    method, state, history = fitted(how, tmp_path, data, epochs)
    assert history[-1]["iou"] > 2 * history[0]["iou"]
    views, mask = data[0]
    asked = {kind: views.inputs[kind] for kind in method.needs.inputs}
    found = method.reconstruct(state, Measurement(views.angles, asked), context(tmp_path))
    assert found.probability.shape == mask.shape
    assert found.probability.min() >= 0 and found.probability.max() <= 1
    agreeing = (found.probability >= 0.5) & mask
    assert agreeing.sum() / ((found.probability >= 0.5) | mask).sum() > least


def test_without_options_it_is_the_papers_network_and_needs_the_sum_alone():
    needs = registry.create("dae", {}).needs
    assert needs.inputs == needs.to_fit == ("sum",)
    assert Settings().is_papers
    assert not any(Settings(**options).is_papers for options in OPTIONS)


def test_projections_are_needed_by_fits_that_compare_them_only():
    needs = {repr(options): registry.create("dae", options).needs for options in OPTIONS}
    assert needs[repr({"projection_weight": 0.1})].inputs == ("sum",)
    assert "projections" in needs[repr({"projection_weight": 0.1})].to_fit
    assert needs[repr({"input_channels": "both"})].inputs == ("sum", "projections")
    assert needs[repr({"augment": True})].to_fit == ("sum",)


def test_slabs_give_what_the_whole_volume_gives():
    torch.manual_seed(0)
    network = DenoisingAutoencoder(2).eval()
    volume = torch.rand(2, 2 * extended.SLAB + 5, 8, 9)
    with torch.no_grad():
        whole = network(volume[None])[0, 0].sigmoid().numpy()
    found = extended.probabilities(network, volume.numpy())
    np.testing.assert_allclose(found, whole, atol=1e-5)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("input_channels", "colour"),
        ("augment", 1),
        ("projection_weight", -1),
        ("geometry_weight", "a"),
    ],
)
def test_values_out_of_range_are_refused(key, value):
    with pytest.raises(InputError, match=rf"^methods\.dae\.{key}: {value!r}"):
        registry.create("dae", {key: value})
