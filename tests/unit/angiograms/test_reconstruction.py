"""Reconstruction from angiograms: tiles, steps towards line integrals, and the weights' files."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from angiovox.angiograms import network, reconstruction, weights
from angiovox.angiograms.channels import COUNT, prepare
from angiovox.angiograms.measurement import Angiograms
from angiovox.errors import CorruptFileError, InputError
from angiovox.geometry.cone_beam import CArm
from angiovox.geometry.grid import Grid
from angiovox.methods.unet.network import ResidualUNet
from angiovox.projectors.line_integral import line_integral
from angiovox.projectors.voxel_backprojection import back_project

GRID = Grid((48, 44, 40), (0.8,) * 3)
ARM = CArm(1200.0, 785.0, (90, 80), (1.0, 1.0))
NOISE, CONTRAST = 0.004, 0.03


def tube() -> np.ndarray:
    x, y, z = np.indices(GRID.shape)
    return ((x - 20) ** 2 + (y - 20 - z / 5) ** 2 < 7).astype(np.float32)


@pytest.fixture(scope="module")
def angiograms() -> Angiograms:
    views = ARM.views([0.0, 90.0], [20.0, 0.0])
    noise = np.random.default_rng(1).normal(0, NOISE, views.shape)
    integrals = CONTRAST * line_integral(tube(), GRID, views) + noise
    return Angiograms(
        integrals.astype(np.float32),
        np.ones(views.shape, bool),
        np.full(2, NOISE),
        views,
        np.array([[0.0, 20.0], [90.0, 0.0]]),
        (ARM, ARM),
        ("a", "b"),
    )


@pytest.fixture(scope="module")
def model() -> dict:
    torch.manual_seed(1)
    shape = {"inputs": COUNT, "channels": 4, "levels": 3}
    return {"network": ResidualUNet(**shape).state_dict(), "shape": shape, "edge": 32}


@pytest.mark.parametrize("shape", [(200, 96, 97), (48, 44, 40), (97, 168, 240)])
def test_every_voxel_is_given_by_a_tile_and_none_near_its_edge(shape):
    given = np.zeros(shape, int)
    for start, tile in reconstruction._tiles(shape):
        own, within = reconstruction._inner(start, tile, shape)
        assert given[own].shape == np.empty(tile)[within].shape
        given[own] += 1
        for part, edge, first, end in zip(within, tile, start, shape, strict=True):
            assert part.start >= reconstruction.OVERLAP or first == 0
            assert edge - part.stop >= reconstruction.OVERLAP or first + edge == end
    assert given.min() >= 1


def test_tiles_give_what_the_whole_gives(angiograms, model, monkeypatch):
    for tile in (48, 40):
        monkeypatch.setattr(reconstruction, "TILE", tile)
        prepared = prepare(angiograms, GRID)
        result = reconstruction.apply(model, prepared, GRID)
        assert result.shape == GRID.shape
    # Instance norm sees each tile alone, so that they are near, and not the same.
    monkeypatch.setattr(reconstruction, "TILE", 48)
    whole = reconstruction.apply(model, prepared, GRID)
    assert np.corrcoef(whole.flatten(), result.flatten())[0, 1] > 0.7


def test_what_a_single_view_sees_is_empty(angiograms, model):
    covered = angiograms.measured.copy()
    covered[0, :, : ARM.detector[1] // 2] = False
    half = replace(angiograms, measured=covered)
    wide = Grid((110, 44, 40), GRID.voxel_size)  # beyond the detector of the first view, too
    logits = reconstruction.apply(model, prepare(half, wide), wide).numpy()
    alone = back_project(covered.astype(np.float32), wide, half.views, "sum") < 1.5
    assert alone[0].all() and alone[-1].all()
    assert 0.2 < alone.mean() < 0.8
    assert (logits[alone] == reconstruction.EMPTY_LOGIT).all()
    assert (logits[~alone] > reconstruction.EMPTY_LOGIT).any()


def test_steps_bring_line_integrals_nearer_and_keep_what_is_certainly_empty(angiograms, model):
    straight = reconstruction.reconstruct(angiograms, GRID, model, steps=0)
    fitted = reconstruction.reconstruct(angiograms, GRID, model, steps=20)
    np.testing.assert_allclose(straight.misfit, straight.before)
    assert (fitted.misfit < fitted.before).all()
    rows = fitted.fit_rows(angiograms.labels)
    assert [row["view"] for row in rows] == [*angiograms.labels]
    assert all(row["after_the_fit"] < row["before_the_fit"] for row in rows)
    assert 0 <= fitted.probability.min() <= fitted.probability.max() <= 1


def test_from_a_blurred_truth_steps_go_to_the_truth(angiograms):
    truth = torch.from_numpy(tube())
    blurred = torch.nn.functional.avg_pool3d(truth[None, None], 5, 1, 2)[0, 0]
    logits = torch.logit(blurred.clamp(0.02, 0.98))
    contrast = np.full(2, CONTRAST)
    found = reconstruction.refine(logits, GRID, angiograms, contrast, 60)
    wrong = [float((one.sigmoid() - truth).abs().mean()) for one in (logits, found)]
    assert wrong[1] < 0.8 * wrong[0]


def test_contrast_is_found_of_the_truth(angiograms):
    contrast, misfit = reconstruction._fitted(tube(), GRID, angiograms, 1)
    np.testing.assert_allclose(contrast, CONTRAST, rtol=0.02)
    np.testing.assert_allclose(misfit, 1, rtol=0.05)


def test_pixels_that_were_not_measured_say_nothing(angiograms):
    measured = angiograms.measured.copy()
    measured[:, 40:] = False
    spoilt = angiograms.line_integrals.copy()
    spoilt[:, 40:] = 9
    partial = replace(angiograms, measured=measured)
    other = replace(partial, line_integrals=spoilt)
    logits = torch.zeros(GRID.shape)
    found = [
        reconstruction.refine(logits, GRID, one, np.full(2, CONTRAST), 5)
        for one in (partial, other)
    ]
    torch.testing.assert_close(*found)


def test_a_bundle_gives_back_its_model(tmp_path, model):
    weights.save_weights(tmp_path, model, {"name": "of a test"})
    found = weights.load_weights(tmp_path)
    assert found["shape"] == model["shape"]
    for name, tensor in model["network"].items():
        torch.testing.assert_close(found["network"][name], tensor)
    assert json.loads((tmp_path / weights.METADATA).read_text())["name"] == "of a test"


def test_an_altered_or_absent_or_older_bundle_is_refused(tmp_path, model):
    with pytest.raises(InputError, match="no weights"):
        weights.load_weights(tmp_path)
    weights.save_weights(tmp_path, model, {})
    stored = bytearray((tmp_path / weights.MODEL).read_bytes())
    stored[1000] ^= 1
    (tmp_path / weights.MODEL).write_bytes(stored)
    with pytest.raises(CorruptFileError, match="altered"):
        weights.load_weights(tmp_path)
    shape = model["shape"] | {"inputs": COUNT - 1}
    older = {**model, "shape": shape, "network": ResidualUNet(**shape).state_dict()}
    weights.save_weights(tmp_path, older, {})
    with pytest.raises(InputError, match="channels"):
        weights.load_weights(tmp_path)


def test_training_goes_on_from_a_checkpoint_as_if_never_stopped(tmp_path, monkeypatch):
    from angiovox.angiograms import examples, simulation
    from angiovox.errors import TrainingInterrupted
    from angiovox.method import Context

    monkeypatch.setattr(simulation, "SHAPE", (48, 48, 48))
    monkeypatch.setattr(simulation, "DETECTOR", 96)
    settings = network.Settings(examples=2, epochs=2, channels=4, levels=3, edge=32)

    def run(name: str, stops: int = 0) -> dict:
        asked = iter([False] * stops + [True])
        context = Context(
            seed=1,
            checkpoint=tmp_path / name,
            stamp={"name": "one"},
            stopping=(lambda: next(asked, False)) if stops else (lambda: False),
        )
        return network.fit(settings, tmp_path / "examples", context)[0]

    whole = run("whole.pt")
    with pytest.raises(TrainingInterrupted):
        run("parts.pt", stops=3)
    resumed = run("parts.pt")
    for name, tensor in whole["network"].items():
        torch.testing.assert_close(resumed["network"][name], tensor, rtol=0, atol=0)
    assert len(list((tmp_path / "examples").glob("*.npz"))) == len(
        examples.Examples(tmp_path, settings.examples, 0)
    )


def test_an_example_is_learnt_by_heart(tmp_path, monkeypatch):
    from angiovox.angiograms import simulation
    from angiovox.method import Context

    monkeypatch.setattr(simulation, "SHAPE", (48, 48, 48))
    monkeypatch.setattr(simulation, "DETECTOR", 96)
    settings = network.Settings(examples=1, epochs=40, channels=8, levels=3, edge=40)
    context = Context(seed=1, checkpoint=tmp_path / "by_heart.pt", stamp={"name": "one"})
    _, history = network.fit(settings, tmp_path / "examples", context)
    assert np.mean([row["loss"] for row in history[-4:]]) < 0.85 * history[0]["loss"]
