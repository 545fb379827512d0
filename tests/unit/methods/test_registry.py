"""What every reconstruction method promises, asked of each of them."""

import dataclasses
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from angiovox.errors import InputError
from angiovox.geometry.cone_beam import study_views
from angiovox.geometry.grid import Grid
from angiovox.io import model_files
from angiovox.method import Context, Measurement, Needs
from angiovox.methods import registry
from angiovox.projectors.attenuation import CONTRAST
from angiovox.projectors.line_integral import line_integral
from conftest import ROOT
from entries import NAMES, create

SCRIPTS = ROOT / "workflow/scripts"
SHAPE = (12, 10, 9)
FAST = {"epochs": 1, "precision": "fp32"}
QUICK = {
    "dae": FAST,
    "unet": FAST | {"channels": 2, "levels": 3},
    "consistent": {"refinement_steps": 1},
    "cgan": FAST | {"channels": 4, "slices": 4},
    "l1_cgan": FAST | {"channels": 4, "slices": 4},
    "sirt": {"iterations": 2},
    "self_supervised": FAST | {"channels": 1, "batch_size": 1, "largest_mean": 1.0},
    "jaccard_cnn": FAST | {"channels": 2},
    "deepmedic": FAST
    | {"width": 1, "joint": 4, "segments": 2, "batch_size": 1}
    | {"segment": 25, "inference_segment": 31},
    "x2ct_gan": FAST
    | {"channels": 2, "growth": 1, "layers": 1, "halvings": 2, "decoder_channels": 2}
    | {"discriminator_channels": 2},
    "henzler": FAST | {"channels": 2, "pools": 2, "fusion_channels": 2},
    "im_net": FAST | {"points": 16, "width": 8, "resolution": 32},
    "igcn": FAST | {"channels": 2, "levels": 2, "hidden": 4},
    "neural_mesh_renderer": FAST | {"resolution": 8},
    "gaussians": {"steps": 2, "points": 20},
    "idr": {"steps": 2, "width": 40, "pixels": 16, "samples": 8},
    "dvr": {"steps": 2, "width": 8, "pixels": 16, "samples": 8},
    "x2vision": FAST
    | {"steps": 2, "edge": 8, "channels": 2, "most_channels": 4, "width": 4, "mapping_layers": 1},
    "diffusion_prior": FAST
    | {"steps": 2, "samples": 1, "data_steps": 2, "edge": 8, "channels": 8, "levels": 2},
    "nerf": {"steps": 2, "width": 8, "rays": 16, "coarse_samples": 4, "fine_samples": 4},
    "nerp": {"steps": 2, "prior_steps": 2, "width": 8, "layers": 2, "frequencies": 4},
}
EVERY_METHOD = pytest.mark.parametrize("name", NAMES)
EVERY_CLASS = pytest.mark.parametrize("name", registry.classes())


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
    angles, grid = np.array([0.0, 90.0]), Grid(shape, (1.0, 1.0, 1.0))
    beam = study_views(angles, grid, 1200, 785)
    contrast = (CONTRAST * inputs["min"]).astype(np.float32)
    inputs["line_integrals"] = line_integral(contrast, grid, beam)
    return Measurement(angles, inputs, grid, beam), mask


@cache
def fitted(name):
    """A method with the state and the history of one fit, which all tests of it share."""
    method = create(name, **QUICK.get(name, {}))
    start = method.needs.starts_from
    base = fitted(start)[1] if start else None
    with tempfile.TemporaryDirectory() as folder:
        context = Context(1, "cpu", Path(folder, "checkpoint.pt"), {}, str, base=base)
        return method, *method.fit([patient(1), patient(2)], context)


def test_each_folder_holds_a_method_of_its_own_name():
    folders = {path.parent.name for path in (SCRIPTS / "angiovox/methods").glob("*/method.py")}
    assert {cls.__module__.split(".")[2] for cls in registry.classes().values()} == folders
    assert {"dae", "unet", "hull", "backprojection", "cgan"} <= {*registry.classes()}


@pytest.mark.parametrize("name", ["dua", "", "__init__", "dae.py", "../losses", "methods.dae"])
@pytest.mark.parametrize("is_variant", [False, True])
def test_an_unknown_method_is_refused_with_the_ones_there_are(name, is_variant):
    with pytest.raises(InputError) as refused:
        registry.create("own" if is_variant else name, {"method": name} if is_variant else {})
    assert str(refused.value).startswith("methods.own.method: " if is_variant else "methods: ")
    assert repr(name) in str(refused.value)
    assert ", ".join(registry.classes()) in str(refused.value)


@EVERY_CLASS
def test_a_method_says_what_it_is(name):
    cls = registry.classes()[name]
    assert cls.name == name and cls.title and cls.family and cls.reference
    assert cls.__doc__ and sys.modules[cls.__module__].__doc__
    assert dataclasses.is_dataclass(cls.Settings)
    assert cls.Settings.__dataclass_params__.frozen


def test_titles_tell_methods_apart():
    titles = [cls.title for cls in registry.classes().values()]
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize("inputs", [(), ("sums",), ("sum", "mask")])
def test_what_no_patient_has_cannot_be_needed(inputs):
    with pytest.raises(ValueError, match=r"^inputs: "):
        Needs(inputs)
    if inputs:
        with pytest.raises(ValueError, match=r"^inputs: "):
            Needs(("sum",), fit_inputs=inputs)


@EVERY_CLASS
def test_settings_left_out_are_the_defaults(name):
    assert registry.create(name, {}).settings == registry.classes()[name].Settings()


@EVERY_CLASS
def test_an_unknown_setting_is_refused_with_its_full_key(name):
    with pytest.raises(InputError, match=r"^methods\.own\.colour: .*valid: ") as refused:
        registry.create("own", {"method": name, "colour": 1})
    for field in dataclasses.fields(registry.classes()[name].Settings):
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
        registry.create("dae", {key: value})
    assert repr(value) in str(refused.value)


def test_given_settings_replace_the_defaults_and_no_others():
    default, changed = (registry.create("dae", given).settings for given in ({}, {"epochs": 3}))
    assert changed == dataclasses.replace(default, epochs=3)


@EVERY_METHOD
def test_fit_and_reconstruct_give_probabilities_of_the_patients_shape(name):
    method, state, _ = fitted(name)
    for shape in (SHAPE, (8, 16, 5)):
        known, _ = patient(7, shape)
        probability = method.reconstruct(state, known, Context()).probability
        assert probability.shape == shape
        assert probability.dtype == np.float32
        assert 0 <= probability.min() <= probability.max() <= 1


@EVERY_METHOD
def test_a_method_looks_at_nothing_but_the_inputs_it_names(name):
    method, state, _ = fitted(name)
    known, _ = patient(7)
    named = {kind: known.inputs[kind] for kind in method.needs.inputs}
    np.testing.assert_array_equal(
        method.reconstruct(state, dataclasses.replace(known, inputs=named), Context()).probability,
        method.reconstruct(state, known, Context()).probability,
    )


@EVERY_METHOD
def test_reconstruction_leaves_inputs_alone_and_repeats_itself(name):
    method, state, _ = fitted(name)
    known, _ = patient(7)
    before = {kind: array.copy() for kind, array in known.inputs.items()}
    first = method.reconstruct(state, known, Context()).probability
    np.testing.assert_array_equal(method.reconstruct(state, known, Context()).probability, first)
    for kind, array in before.items():
        np.testing.assert_array_equal(known.inputs[kind], array)


@EVERY_METHOD
def test_a_model_from_disk_reconstructs_the_same(tmp_path, name):
    method, state, _ = fitted(name)
    model_files.save_model(tmp_path / "model.pt", state)
    known, _ = patient(7)
    np.testing.assert_array_equal(
        method.reconstruct(
            model_files.load_model(tmp_path / "model.pt"), known, Context()
        ).probability,
        method.reconstruct(state, known, Context()).probability,
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
        "for name in registry.classes(): registry.create(name, {})\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=SCRIPTS).returncode == 0
