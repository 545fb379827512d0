"""What every reconstruction method promises, asked of each of them."""

import dataclasses
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from angiovox import method as interface
from angiovox.errors import InputError
from angiovox.io import model_files
from angiovox.methods import registry
from conftest import ROOT

SCRIPTS = ROOT / "workflow/scripts"
SHAPE = (12, 10, 9)
FAST = {"epochs": 1, "precision": "fp32"}
QUICK = {
    "dae": FAST,
    "unet": FAST | {"channels": 2, "levels": 3},
    "consistent": {"refinement_steps": 1},
    "cgan": FAST | {"channels": 4, "slices": 4},
    "l1_cgan": FAST | {"channels": 4, "slices": 4},
}
EVERY_METHOD = pytest.mark.parametrize("name", registry.names())


def patient(seed, shape=SHAPE):
    """All inputs there are, of a bar in noise, and its mask."""
    rng = np.random.default_rng(seed)
    mask = np.zeros(shape, dtype=bool)
    mask[3:6, 4:7] = True
    inputs = {
        kind: np.clip(0.5 * mask + rng.uniform(0, 0.5, shape), 0, 1).astype(np.float32)
        for kind in ("sum", "min")
    }
    inputs["projections"] = rng.uniform(0, 100, (2, shape[0], shape[2])).astype(np.float32)
    return interface.Views(np.array([0.0, 90.0]), inputs), mask


@cache
def fitted(name):
    """A method with the state and the history of one fit, which all tests of it share."""
    method = registry.load(name)
    settings = registry.settings_of(name, QUICK.get(name, {}))
    base = fitted(method.BASE)[1] if hasattr(method, "BASE") else None
    with tempfile.TemporaryDirectory() as folder:
        context = interface.Context(1, "cpu", Path(folder, "checkpoint.pt"), {}, str, base=base)
        return method, *method.fit([patient(1), patient(2)], settings, context)


def test_the_names_are_the_modules_of_the_folder():
    folders = {path.parent.name for path in (SCRIPTS / "angiovox/methods").glob("*/method.py")}
    assert {registry.module_name(name).split(".")[2] for name in registry.names()} == folders
    assert {"dae", "hull", "backprojection", "cgan", "l1_cgan"} <= {*registry.names()}


@pytest.mark.parametrize("name", ["nerf", "", "__init__", "dae.py", "../losses", "methods.dae"])
def test_an_unknown_method_is_refused_with_the_ones_there_are(name):
    with pytest.raises(InputError) as refused:
        registry.load(name)
    assert repr(name) in str(refused.value)
    assert ", ".join(registry.names()) in str(refused.value)


@EVERY_METHOD
def test_a_method_says_what_it_is(name):
    method = registry.load(name)
    assert method.TITLE
    assert isinstance(method.TRAINED, bool)
    assert set(method.INPUTS) <= {"projections", "sum", "min"}
    assert method.INPUTS
    assert method.__doc__
    assert dataclasses.is_dataclass(method.Settings)
    assert method.Settings.__dataclass_params__.frozen


def test_titles_tell_methods_apart():
    titles = [registry.load(name).TITLE for name in registry.names()]
    assert len(set(titles)) == len(titles)


@EVERY_METHOD
def test_settings_left_out_are_the_defaults(name):
    assert registry.settings_of(name, {}) == registry.load(name).Settings()


@EVERY_METHOD
def test_an_unknown_setting_is_refused_with_its_full_key(name):
    with pytest.raises(InputError, match=rf"^methods\.{name}\.colour: .*valid: ") as refused:
        registry.settings_of(name, {"colour": 1})
    for field in dataclasses.fields(registry.load(name).Settings):
        assert field.name in str(refused.value)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("epochs", 0),
        ("epochs", "ten"),
        ("epochs", None),
        ("learning_rate", -1),
        ("batch_size", 0),
        ("focal_gamma", -1),
        ("schedule", "cosine"),
        ("precision", 16),
    ],
)
def test_a_bad_value_is_refused_with_its_full_key(key, value):
    with pytest.raises(InputError, match=rf"^methods\.dae\.{key}: ") as refused:
        registry.settings_of("dae", {key: value})
    assert repr(value) in str(refused.value)


def test_given_settings_replace_the_defaults_and_no_others():
    default, changed = (registry.settings_of("dae", given) for given in ({}, {"epochs": 3}))
    assert changed == dataclasses.replace(default, epochs=3)


@EVERY_METHOD
def test_fit_and_reconstruct_give_probabilities_of_the_patients_shape(name):
    method, state, _ = fitted(name)
    for shape in (SHAPE, (8, 16, 5)):
        known, _ = patient(7, shape)
        probability = method.reconstruct(state, known, "cpu")
        assert probability.shape == shape
        assert probability.dtype == np.float32
        assert 0 <= probability.min() <= probability.max() <= 1


@EVERY_METHOD
def test_a_method_looks_at_nothing_but_the_inputs_it_names(name):
    method, state, _ = fitted(name)
    known, _ = patient(7)
    named = {kind: known.inputs[kind] for kind in method.INPUTS}
    np.testing.assert_array_equal(
        method.reconstruct(state, interface.Views(known.angles, named), "cpu"),
        method.reconstruct(state, known, "cpu"),
    )


@EVERY_METHOD
def test_reconstruction_leaves_inputs_alone_and_repeats_itself(name):
    method, state, _ = fitted(name)
    known, _ = patient(7)
    before = {kind: array.copy() for kind, array in known.inputs.items()}
    first = method.reconstruct(state, known, "cpu")
    np.testing.assert_array_equal(method.reconstruct(state, known, "cpu"), first)
    for kind, array in before.items():
        np.testing.assert_array_equal(known.inputs[kind], array)


@EVERY_METHOD
def test_a_model_from_disk_reconstructs_the_same(tmp_path, name):
    method, state, _ = fitted(name)
    model_files.save_model(tmp_path / "model.pt", state)
    known, _ = patient(7)
    np.testing.assert_array_equal(
        method.reconstruct(model_files.load_model(tmp_path / "model.pt"), known, "cpu"),
        method.reconstruct(state, known, "cpu"),
    )


@EVERY_METHOD
def test_the_history_has_epochs_and_iou(name):
    _, _, history = fitted(name)
    assert [row["epoch"] for row in history] == list(range(1, len(history) + 1))
    assert all(0 <= row["iou"] <= 1 for row in history)


def test_reading_the_config_does_not_load_torch():
    """Seconds before every dry run otherwise."""
    code = (
        "import sys\nfrom angiovox.methods import registry\n"
        "for name in registry.names(): registry.settings_of(name, {})\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=SCRIPTS).returncode == 0
