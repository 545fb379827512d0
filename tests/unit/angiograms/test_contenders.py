"""Methods under comparison: what each gives, and from where it says that it has looked."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from angiovox.angiograms.channels import COUNT
from angiovox.angiograms.contenders import BASELINES, calibrated, network, without_phases
from angiovox.angiograms.measurement import Angiograms
from angiovox.angiograms.phases import PHASES
from angiovox.geometry.cone_beam import CArm
from angiovox.geometry.grid import Grid
from angiovox.methods.unet.network import ResidualUNet
from angiovox.projectors.attenuation import CONTRAST
from angiovox.projectors.line_integral import line_integral

ARM = CArm(1195, 810, (64, 64), (1.5, 1.5))
GRID = Grid((40, 40, 40), (1.0, 1.0, 1.0))
ANGLES = np.array([[0.0, 0.0], [90.0, 0.0]])
POSES = np.tile([0.0, 0.0, 0.02, 1.0, 0.0, 2.0], (2, 1))


@pytest.fixture(scope="module")
def angiograms():
    volume = np.zeros(GRID.shape, np.float32)
    volume[18:22, 19:23, 4:36] = CONTRAST
    views = ARM.views(*ANGLES.T)
    images = line_integral(volume, GRID, views)
    images += np.random.default_rng(1).normal(0, 0.005, images.shape).astype(np.float32)
    measured = np.ones(images.shape, bool)
    return Angiograms(
        images, measured, np.full(2, 0.005), views, ANGLES, (ARM, ARM), ("LAO 0", "LAO 90")
    )


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(3)
    shape = {"inputs": COUNT, "channels": 4, "levels": 3}
    return {"network": ResidualUNet(**shape).state_dict(), "shape": shape}


def turned(angiograms, grid, log, threads):
    """A calibration that moves all views alike."""
    return SimpleNamespace(angiograms=angiograms.at(angiograms.views.moved(POSES)))


@pytest.mark.parametrize("name", [*BASELINES])
def test_a_baseline_finds_the_tube_from_where_the_header_says(angiograms, name):
    contender = BASELINES[name]
    found = contender.reconstruct(angiograms, GRID, 1)
    assert found.views is angiograms.views
    assert found.score[20, 21, 20] > 10 * np.median(found.score) + 0.1
    assert 0 <= found.score.min() <= found.score.max() <= contender.highest


def test_a_network_gives_probabilities(angiograms, model):
    contender = network(model)
    found = contender.reconstruct(angiograms, GRID, 1)
    assert contender.highest is None
    assert found.score.shape == GRID.shape
    assert 0 <= found.score.min() < found.score.max() <= 1
    assert found.views is angiograms.views


def test_a_calibration_is_asked_first_and_its_views_are_kept(angiograms):
    contender = calibrated(BASELINES["hull"], turned)
    assert contender.title == "Visual hull, calibrated"
    assert contender.highest == BASELINES["hull"].highest
    found = contender.reconstruct(angiograms, GRID, 1)
    moved = angiograms.views.moved(POSES)
    np.testing.assert_array_equal(found.views.source, moved.source)
    other = BASELINES["hull"].reconstruct(angiograms.at(moved), GRID, 1)
    np.testing.assert_array_equal(found.score, other.score)


def test_a_method_without_phases_is_given_none(angiograms, model):
    images = angiograms.line_integrals[:, None] / PHASES
    known = replace(angiograms, phases=np.repeat(images, PHASES, axis=1))
    contender = network(model)
    found, given = (
        without_phases(contender).reconstruct(known, GRID, 1),
        contender.reconstruct(angiograms, GRID, 1),
    )
    np.testing.assert_array_equal(found.score, given.score)
    assert (contender.reconstruct(known, GRID, 1).score != found.score).any()
