"""The user's config and sheet: what runs is let through, and what cannot run says why."""

import copy
import dataclasses
import shutil
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import yaml
from angiovox.errors import InputError
from angiovox.geometry import affine
from angiovox.io.dicom import writer
from angiovox.methods import registry
from angiovox.phantoms import acquisition
from angiovox.phantoms.arterial_tree import grow
from angiovox.phantoms.contrast import inject
from angiovox.phantoms.settings import EDGE
from angiovox_pipeline import config as study
from angiovox_pipeline import study_methods
from angiovox_pipeline.cohort import check_images, figure_patient, read_cohort
from angiovox_pipeline.study import Study
from conftest import ROOT
from entries import OF_OTHER_STUDIES, OPTIONS_OF_DAE
from plans import merged

DEFAULT = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())
LEADERBOARD = yaml.safe_load((ROOT / "config" / "leaderboard.yaml").read_text())
FIELD = yaml.safe_load((ROOT / "config" / "field.yaml").read_text())
PER_PATIENT = yaml.safe_load((ROOT / "config" / "per_patient.yaml").read_text())
PAPER = yaml.safe_load((ROOT / "config" / "paper.yaml").read_text())
FIELD = yaml.safe_load((ROOT / "config" / "field.yaml").read_text())
SCHEMA = yaml.safe_load((ROOT / "workflow" / "schemas" / "config.schema.yaml").read_text())


def changed(**values):
    """The default config with some keys replaced; `__` stands for the dot."""
    config = copy.deepcopy(DEFAULT)
    for dotted, value in values.items():
        *parents, key = dotted.split("__")
        part = config
        for parent in parents:
            part = part[parent]
        part[key] = value
    return config


def leaves(config, above=()):
    """Dotted names of all keys that hold a value."""
    if not (isinstance(config, dict) and config):
        return [".".join(above)]
    return [name for key, value in config.items() for name in leaves(value, (*above, key))]


def refusal(call, *arguments):
    with pytest.raises(InputError) as refused:
        call(*arguments)
    return str(refused.value)


@pytest.fixture(scope="module")
def series(tmp_path_factory):
    folder = tmp_path_factory.mktemp("series")
    volume = np.random.default_rng(0).normal(0, 50, (16, 16, 16)).astype(np.float32)
    writer.write_series(volume, affine.isotropic_affine(volume.shape, 1.0), folder, "somebody")
    return folder


@pytest.fixture
def cohort(tmp_path, series):
    """Write a sheet from (patient, split) or (patient, split, folder) and give its config."""

    def write(
        *rows, header="patient\tdicom\tsplit", phantoms=0, test_patients=1, calibration=0, seed=1
    ):
        lines = [header]
        for name, split, *folder in rows:
            place = folder[0] if folder else tmp_path / f"dicom-{len(lines)}"
            if not folder:
                shutil.copytree(series, place, dirs_exist_ok=True)
            lines.append(f"{name}\t{place}\t{split}")
        sheet = tmp_path / "patients.tsv"
        sheet.write_text("\n".join(lines) + "\n")
        return changed(
            cohort__sheet=str(sheet),
            cohort__phantoms__count=phantoms,
            cohort__test_patients=test_patients,
            cohort__calibration_patients=calibration,
            cohort__split_seed=seed,
        )

    return write


def look_at_images(config):
    """What a run does with the patients it needs."""
    for patient in read_cohort(config):
        check_images(patient, config["cohort"]["sheet"])


def sides(config):
    """Names by side of the split."""
    result = {"train": set(), "calibration": set(), "test": set()}
    for patient in read_cohort(config):
        result[patient.split].add(patient.name)
    return {split: names for split, names in result.items() if names}


# The config


@pytest.mark.parametrize(
    "other",
    [{}, PAPER, LEADERBOARD, FIELD, PER_PATIENT],
    ids=["default", "paper", "leaderboard", "field", "per_patient"],
)
def test_the_configs_that_come_with_the_workflow_are_valid(other):
    config = merged(DEFAULT, other)
    study.check_config(config)
    found = sides(config)
    cohort = config["cohort"]
    assert len(found["test"]) == cohort["test_patients"]
    assert len(found.get("calibration", [])) == cohort["calibration_patients"]


def test_the_leaderboards_config_is_the_full_cross_product():
    config = merged(DEFAULT, LEADERBOARD)
    chosen = study_methods.methods(config)
    assert set(chosen) == {*DEFAULT["methods"]}
    names = {registry.create(name, method.settings).name for name, method in chosen.items()}
    assert names == {*registry.classes()} - OF_OTHER_STUDIES
    assert all(method.view_counts == config["view_counts"] for method in chosen.values())
    assert len(config["seeds"]) >= 3


def test_the_fields_systems_come_beside_all_methods_of_the_default_study():
    default, field = study_methods.methods(DEFAULT), study_methods.methods(merged(DEFAULT, FIELD))
    assert {name: field[name] for name in default} == default
    assert all(FIELD["methods"][name]["view_counts"] for name in {*field} - {*default})


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (
            changed(storage__back_projections=["min"]),
            ["storage.back_projections: ['min'] is not valid", "[], ['sum'], ['sum', 'min']"],
        ),
        (changed(view_count=[2]), ["'view_count'", "'view_counts'", "masks"]),
        (changed(cohort__phantom={}), ["'cohort.phantom'", "'cohort.phantoms'", "split_seed"]),
        (
            changed(cohort__phantoms__counts=1),
            ["'cohort.phantoms.counts'", "'cohort.phantoms.count'", "injection"],
        ),
        (changed(masks__colour=1), ["'masks.colour'", "max_fraction", "min_fraction"]),
        (changed(masks__windows=[0, 1]), ["'masks.windows'", "'masks.window'", "classes"]),
        (changed(methods__dae__epoch=3), ["methods.dae.epoch", "epochs", "learning_rate"]),
        (
            changed(methods__unet={}) | {"methods": {"dae": {}, "my hull": {}}},
            ["'my hull'", "letter"],
        ),
        (changed(methods__hul=False), ["methods.hul: false", "hull"]),
        (changed(methods__hull__epochs=3), ["methods.hull.epochs", "valid: soft"]),
        (changed(methods__dua={}), ["'dua'", "backprojection, ", "hull"]),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_an_unknown_key_is_named_with_the_keys_there_are(config, words):
    message = refusal(study.check_config, config)
    assert all(word in message for word in words), message


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (dict(view_counts=[91]), ["view_counts", "91", "1 to 90"]),
        (dict(view_counts=[10, 0]), ["view_counts:", "0 is not valid", "at least 1"]),
        (dict(view_counts=[10, 2, 1]), ["view_counts: 1: no method", "a single view"]),
        (dict(view_counts=[]), ["view_counts", "[]", "at least 1"]),
        (dict(view_counts=[5, 2, 5]), ["view_counts", "[5, 2, 5]", "no value twice"]),
        (dict(view_counts=5), ["view_counts", "5", "array"]),
        (
            dict(projection__photons=100),
            ["projection.photons: 100", "no effect on maxima", "projection.kind"],
        ),
        (
            dict(projection__kind="sum"),
            ["projection.kind: 'sum'", "'maximum', 'line_integral'"],
        ),
        (dict(projection__arc_degrees=360), ["projection.arc_degrees: 360", "below 360"]),
        (
            dict(cone_beam__source_isocentre_mm=1300),
            ["source_isocentre_mm", "1300", "below", "1200"],
        ),
        (dict(cone_beam__source_isocentre_mm=30), ["source_isocentre_mm", "30 is within", "33.94"]),
        (dict(projections=1), ["projections", "1 is not valid", "at least 2"]),
        (dict(projections="90"), ["projections", "'90'", "integer"]),
        (dict(volume__shape=15), ["volume.shape", "15", "at least 16"]),
        (dict(volume__shape=64.5), ["volume.shape", "64.5", "integer"]),
        (dict(volume__shape=True), ["volume.shape", "True", "integer"]),
        (dict(volume__voxel_mm=-0.5), ["volume.voxel_mm", "-0.5", "above 0"]),
        (dict(volume__voxel_mm="fine"), ["volume.voxel_mm", "'fine'", "number or null"]),
        (dict(volume__voxel_mm=None), ["volume.voxel_mm", "null", "cohort.phantoms.count"]),
        (dict(volume=None), ["volume", "None", "object"]),
        (
            dict(cohort__phantoms__injection="left"),
            ["cohort.phantoms.injection", "'left'", "'carotid', 'vertebral', 'all'"],
        ),
        (
            dict(cohort__phantoms__centre="nose"),
            ["cohort.phantoms.centre", "'nose'", "'circle', 'head'"],
        ),
        (
            dict(cohort__phantoms__scanner="mri"),
            ["cohort.phantoms.scanner", "'mri'", "'3dra', 'cta'"],
        ),
        (dict(cohort__phantoms__count=1000), ["cohort.phantoms.count", "1000", "at most 999"]),
        (dict(cohort__phantoms__lesions=None), ["cohort.phantoms.lesions", "None", "object"]),
        (dict(cohort__phantoms__centrelines=3), ["cohort.phantoms.centrelines", "3", "string"]),
        (dict(cohort__sheet=["a.tsv"]), ["cohort.sheet", "['a.tsv']", "string or null"]),
        (dict(cohort__test_patients=-1), ["cohort.test_patients", "-1", "at least 0"]),
        (dict(masks__max_fraction=6), ["masks.max_fraction", "6", "at most 1"]),
        (dict(masks__max_border=-1), ["masks.max_border", "-1", "at least 0"]),
        (dict(masks__window=[600, 100]), ["masks.window: [600, 100]", "low below high"]),
        (dict(masks__window=[100, 100.0]), ["masks.window: [100, 100.0]", "low below high"]),
        (dict(masks__window=[100]), ["masks.window", "[100]", "at least 2"]),
        (dict(masks__window=100), ["masks.window", "100", "array or null"]),
        (dict(masks__window=[0, float("inf")]), ["masks.window", "inf", "number"]),
        (dict(masks__classes=1), ["masks.classes", "1", "at least 2"]),
        (dict(masks__classes=6), ["masks.classes", "6", "at most 5"]),
        (dict(masks__classes=3.0), ["masks.classes", "3.0", "integer"]),
        (dict(masks__implausible="skip"), ["masks.implausible", "'skip'", "'stop', 'keep'"]),
        (dict(cohort__leave_out="a"), ["cohort.leave_out", "'a'", "array"]),
        (dict(cohort__leave_out=[7]), ["cohort.leave_out", "7", "string in quotes"]),
        (dict(cohort__leave_out=[None]), ["cohort.leave_out", "None", "string in quotes"]),
        (dict(cohort__leave_out=["a", "a"]), ["cohort.leave_out", "no value twice"]),
        (dict(methods__dae=3), ["methods.dae", "3", "object or null"]),
        (dict(methods__dae__epochs=0), ["methods.dae.epochs", "0"]),
        (dict(methods__dae__precision="fp8"), ["methods.dae.precision", "'fp8'", "bf16"]),
        (dict(seeds=[]), ["seeds", "[]"]),
        (dict(seeds=[2**64]), ["seeds", str(2**64), "at most 4294967295"]),
        (dict(cohort__split_seed=2**64), ["cohort.split_seed", "at most 4294967295"]),
        (dict(cohort__phantoms__seed=2**64), ["cohort.phantoms.seed", "at most 4294967295"]),
        (dict(projections=10**12), ["projections", "at most 10000"]),
        (dict(resources__training_hours=1e300), ["resources.training_hours", "at most 8760"]),
        (dict(resources__torch_threads=0), ["resources.torch_threads", "at least 1"]),
        (dict(seeds=["one"]), ["seeds:", "'one'", "integer"]),
        (dict(leaderboard__beside=None), ["leaderboard.beside", "None", "object"]),
        (dict(leaderboard__beside={2021: "a"}), ["leaderboard.beside", "2021", "in quotes"]),
        (dict(leaderboard__beside={"a|b": "a"}), ["leaderboard.beside", "'a|b'", "without '|'"]),
        (dict(leaderboard__beside={"a\nb": "a"}), ["leaderboard.beside", "on one line"]),
        (dict(leaderboard__beside={"A": ""}), ["leaderboard.beside.A", "''", "folder"]),
        (dict(leaderboard__beside={"A": "{b}"}), ["leaderboard.beside.A", "'{b}'", "wildcard"]),
        (dict(resources__training_hours=0), ["resources.training_hours", "0", "above 0"]),
    ],
    ids=lambda value: " ".join(f"{k}={v}" for k, v in value.items()) if type(value) is dict else "",
)
def test_a_value_that_cannot_run_is_named_with_what_would_be_valid(changes, words):
    message = refusal(study.check_config, changed(**changes))
    assert all(word in message for word in words), message


@pytest.mark.parametrize("key", sorted(DEFAULT))
def test_a_key_that_is_missing_is_named(key):
    config = changed()
    del config[key]
    assert f"'{key}'" in refusal(study.check_config, config)


def test_a_whole_number_written_as_a_fraction_is_refused_where_voxels_are_counted():
    """64.0 would pass as an integer and fail later, as the length of an array."""
    assert "volume.shape" in refusal(study.check_config, changed(volume__shape=64.0))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_voxel_size_that_is_no_size_is_refused(value):
    assert "volume.voxel_mm" in refusal(study.check_config, changed(volume__voxel_mm=value))


def test_mask_limits_that_no_mask_can_meet_are_refused():
    config = changed(masks__min_fraction=0.5, masks__max_fraction=0.1)
    message = refusal(study.check_config, config)
    assert "min_fraction" in message
    assert "max_fraction" in message


def test_a_series_own_voxels_are_allowed_without_phantoms():
    study.check_config(changed(volume__voxel_mm=None, cohort__phantoms__count=0))


@pytest.mark.parametrize("injection", study.WIDEST_MM)
def test_a_voxel_that_may_miss_every_artery_of_the_injection_is_refused(injection):
    widest = study.WIDEST_MM[injection]
    most = study.WIDEST_VOXEL * widest
    given = dict(cohort__phantoms__injection=injection)
    study.check_config(changed(volume__voxel_mm=most, **given))
    message = refusal(study.check_config, changed(volume__voxel_mm=1.01 * most, **given))
    assert f"volume.voxel_mm: {1.01 * most:g} mm" in message
    assert f"injection {injection} has measures {widest:g} mm" in message
    given["cohort__phantoms__count"] = 0
    study.check_config(changed(volume__voxel_mm=1.01 * most, **given))


def test_the_widest_artery_told_of_an_injection_is_about_that_of_patients():
    for patient, (name, widest) in product(map(grow, range(2)), study.WIDEST_MM.items()):
        found = 2 * inject(patient, name)[0].radii.max()
        assert 0.6 * widest < found < 1.15 * widest, (patient.seed, name)


# Lesions of phantoms


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("aneurysm__share", 1.5, ["1.5", "at most 1"]),
        ("malformation__share", -0.1, ["-0.1", "at least 0"]),
        ("aneurysm__size_mm", [-3, 10], ["-3", "above 0"]),
        ("malformation__size_mm", [0, 14], ["0 is not valid", "above 0"]),
        ("stenosis__length_mm", [3], ["[3]", "at least 2"]),
        ("stenosis__length_mm", [3, 4, 8], ["[3, 4, 8]", "at most 2"]),
        ("stenosis__length_mm", 5, ["5", "array"]),
        ("stenosis__degree", [0.4, 1], ["1 is not valid", "below 1"]),
        ("stenosis__degree", [0, 0.8], ["0 is not valid", "above 0"]),
        ("aneurysm__size_mm", [3, float("nan")], ["nan", "number"]),
        ("aneurysm__size_mm", [10, 3], ["[10, 3]", "[least, most]"]),
        ("stenosis__degree", [0.8, 0.4], ["[0.8, 0.4]", "[least, most]"]),
    ],
)
def test_a_measure_of_lesions_that_cannot_be_is_named_with_what_would_be_valid(key, value, words):
    message = refusal(study.check_config, changed(**{f"cohort__phantoms__lesions__{key}": value}))
    assert f"cohort.phantoms.lesions.{key.replace('__', '.')}: " in message
    assert all(word in message for word in words), message


def test_a_kind_of_lesion_that_nobody_can_have_is_named_with_those_there_are():
    config = changed(cohort__phantoms__lesions__aneurism={"share": 1, "size_mm": [3, 10]})
    message = refusal(study.check_config, config)
    assert "'cohort.phantoms.lesions.aneurism'" in message
    assert "did you mean 'cohort.phantoms.lesions.aneurysm'?" in message
    assert "aneurysm, malformation, stenosis" in message


@pytest.mark.parametrize("key", ["aneurysm__size_mm", "stenosis__length_mm"])
def test_a_lesion_larger_than_the_field_of_view_is_refused_with_both_sizes(key):
    """The field is 48 mm: 64 voxels of 0.75 mm; all of it, less an edge, holds a lesion."""
    lesions = f"cohort__phantoms__lesions__{key}"
    study.check_config(changed(**{lesions: [3, 48 - 2 * EDGE]}))
    message = refusal(study.check_config, changed(**{lesions: [3, 48.1 - 2 * EDGE]}))
    assert f"{lesions.replace('__', '.')}: [3, 44.1] does not fit" in message
    assert "the field of view, 48 mm, has room for 44 mm" in message and "share: 0" in message


def test_a_field_around_the_heads_middle_must_hold_the_circle():
    """48 mm by default, which around the circle is enough."""
    message = refusal(study.check_config, changed(cohort__phantoms__centre="head"))
    assert "cohort.phantoms.centre: head" in message and "48 mm" in message and "60 mm" in message
    study.check_config(changed(cohort__phantoms__centre="head", volume__voxel_mm=0.95))


@pytest.mark.parametrize("kind", ["aneurysm", "malformation"])
def test_a_large_lesion_that_nobody_has_is_let_through_here_and_by_the_phantom(kind):
    size = {f"cohort__phantoms__lesions__{kind}__size_mm": [30, 90]}
    share = f"cohort__phantoms__lesions__{kind}__share"
    assert "field of view" in refusal(study.check_config, changed(**size, **{share: 0.01}))
    config = changed(**size, **{share: 0})
    study.check_config(config)
    phantoms, volume = config["cohort"]["phantoms"], config["volume"]
    settings = acquisition.Settings(lesions=phantoms["lesions"])
    told = acquisition.acquire(1, (16,) * 3, volume["voxel_mm"] * 4, settings).lesions
    assert kind not in {lesion.kind for lesion in told}


def test_lesions_do_not_matter_where_there_are_no_phantoms():
    study.check_config(
        changed(cohort__phantoms__count=0, cohort__phantoms__lesions__aneurysm__size_mm=[300, 400])
    )


# Given centrelines


SWC = "1 0 0 0 0 2 -1\n2 0 0 0 10 1.5 1\n"


@pytest.fixture
def centrelines(tmp_path):
    """Write SWC files, by name, and give the config of phantoms that have these arteries."""

    def write(count=4, **texts):
        for name, text in texts.items():
            (tmp_path / f"{name}.swc").write_text(text)
        return changed(
            cohort__phantoms__centrelines=str(tmp_path),
            cohort__phantoms__injection="all",
            cohort__phantoms__count=count,
            cohort__test_patients=1,
            cohort__calibration_patients=0,
        )

    return write


def test_phantoms_take_the_first_files_of_the_folder_by_name(centrelines, tmp_path):
    config = centrelines(4, **dict.fromkeys(["d", "b", "e", "a", "c"], SWC))
    study.check_config(config)
    given = [(patient.name, patient.centreline) for patient in read_cohort(config)]
    assert given == [
        (f"phantom-00{number}", str(tmp_path / f"{name}.swc"))
        for number, name in enumerate("abcd", start=1)
    ]
    assert {patient.centreline for patient in read_cohort(DEFAULT)} == {None}


@pytest.mark.parametrize("injection", ["carotid", "vertebral"])
def test_one_artery_cannot_be_injected_where_centrelines_are_given(centrelines, injection):
    config = centrelines(a=SWC)
    config["cohort"]["phantoms"]["injection"] = injection
    message = refusal(study.check_config, config)
    assert f"cohort.phantoms.injection: '{injection}'" in message
    assert "cohort.phantoms.centrelines" in message
    assert "set it to all" in message


def test_more_phantoms_than_files_are_refused_with_both_numbers(centrelines, tmp_path):
    message = refusal(read_cohort, centrelines(4, a=SWC, b=SWC, c=SWC))
    assert f"cohort.phantoms.centrelines: {tmp_path}: 3 .swc files for 4 phantoms" in message


def test_a_folder_of_centrelines_that_is_missing_or_bare_is_named(centrelines, tmp_path):
    assert "no .swc file in it" in refusal(read_cohort, centrelines())
    config = changed(cohort__phantoms__centrelines=str(tmp_path / "gone"))
    message = refusal(read_cohort, config)
    assert f"cohort.phantoms.centrelines: {tmp_path / 'gone'}: no such folder" in message
    config["cohort"]["phantoms"]["count"] = 0
    assert "gone" not in refusal(read_cohort, config)  # nobody to look for


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (SWC.replace("1.5 1", "-1.5 1"), "line 2: radius -1.5 mm"),
        (SWC.replace("1.5 1", "1.5 2"), "line 2: point 2 is its own ancestor"),
        (SWC.replace(" ", ","), "line 1: expected number type x y z radius parent"),
        ("", "at least two points, this has 0"),
    ],
    ids=["radius", "cycle", "commas", "empty"],
)
def test_a_broken_centreline_is_named_with_file_and_line(centrelines, tmp_path, text, words):
    sound = dict.fromkeys(["a", "b", "d"], SWC)
    message = refusal(read_cohort, centrelines(4, **sound, c=text))
    assert message.startswith(f"cohort.phantoms.centrelines: {tmp_path / 'c.swc'}")
    assert words in message
    assert len(read_cohort(centrelines(3, **sound, c=SWC, z=text))) == 3  # z is nobody's


@pytest.mark.parametrize(
    ("radius", "voxel_mm", "words"),
    [
        (0.34, 0.25, "radius of 0.35 mm or more"),
        (0.36, 0.45, "0.72 mm, cannot be seen in voxels of 0.45 mm"),
        (0.99, 1.2, "1.98 mm, cannot be seen in voxels of 1.2 mm"),
        (20, 24.5, "40 mm, cannot be seen in voxels of 24.5 mm"),
    ],
    ids=["thin", "thin for its voxel", "coarse", "very coarse"],
)
def test_a_tree_too_thin_to_be_measured_or_seen_is_named_with_what_it_lacks(
    centrelines, tmp_path, radius, voxel_mm, words
):
    config = centrelines(4, **dict.fromkeys("abd", SWC.replace(" 2 -1", " 30 -1")))
    (tmp_path / "c.swc").write_text(f"1 0 0 0 0 {radius} -1\n2 0 0 0 10 {radius} 1\n")
    config["volume"]["voxel_mm"] = voxel_mm
    message = refusal(read_cohort, config)
    assert message.startswith(f"cohort.phantoms.centrelines: {tmp_path / 'c.swc'}: ")
    assert words in message and "radii in mm" in message
    # A little more of it is enough.
    wider = 1.05 * radius
    (tmp_path / "c.swc").write_text(f"1 0 0 0 0 {wider} -1\n2 0 0 0 10 {wider} 1\n")
    assert len(read_cohort(config)) == 4


def test_a_tree_with_one_thick_point_only_has_nothing_to_measure(centrelines, tmp_path):
    config = centrelines(4, **dict.fromkeys("abd", SWC))
    (tmp_path / "c.swc").write_text("1 0 0 0 0 3 -1\n2 0 0 0 10 0.2 1\n")
    assert "c.swc: no stretch of artery" in refusal(read_cohort, config)


def test_given_arteries_that_are_thicker_than_grown_ones_allow_coarser_voxels(centrelines):
    config = centrelines(4, **dict.fromkeys("abcd", SWC.replace(" 2 -1", " 5 -1")))
    config["volume"]["voxel_mm"] = 1.1 * study.WIDEST_VOXEL * study.WIDEST_MM["all"]
    study.check_config(config)
    assert len(read_cohort(config)) == 4


# Methods and figures


def test_a_method_may_be_named_without_settings():
    study.check_config(changed(methods__hull=None))


def test_figures_show_a_test_patient():
    test = ["phantom-003", "phantom-007"]
    assert figure_patient(DEFAULT, test) == "phantom-003"
    assert figure_patient(changed(figures__patient="phantom-007"), test) == "phantom-007"
    message = refusal(figure_patient, changed(figures__patient="phantom-001"), test)
    assert "figures.patient" in message
    assert "'phantom-001'" in message
    assert "phantom-003, phantom-007" in message


def test_figures_show_methods_of_the_study_by_name():
    study.check_config(changed(figures__methods=["hull", "dae"]))
    message = refusal(study.check_config, changed(figures__methods=["dae", "Visual hull"]))
    assert message.startswith("figures.methods: 'Visual hull'")
    assert ", ".join(DEFAULT["methods"]) in message


def test_figures_cannot_show_a_method_that_is_left_out():
    without = changed(methods__hull=False, figures__methods=["hull"])
    message = refusal(study.check_config, without)
    assert message.startswith("figures.methods: 'hull'") and "unet" in message


@pytest.mark.parametrize("methods", [[], ["dae", "dae"], "dae", [1]])
def test_a_list_of_no_methods_is_refused(methods):
    assert "figures.methods: " in refusal(study.check_config, changed(figures__methods=methods))


# Config and schema; that each key is explained, `test_repository` looks at


def settings_of(name):
    """Keys that an entry of the config may have."""
    cls = type(registry.create(name, {"method": DEFAULT["methods"][name].get("method", name)}))
    return {field.name for field in dataclasses.fields(cls.Settings)}


def schema_leaves(schema, above=()):
    if "properties" not in schema:
        return [".".join(above)]
    return [n for k, part in schema["properties"].items() for n in schema_leaves(part, (*above, k))]


def test_config_and_schema_have_the_same_keys():
    options = {f"methods.dae.{key}" for key in OPTIONS_OF_DAE}
    assert set(leaves(DEFAULT)) | of_other_studies() | options == set(schema_leaves(SCHEMA))


def test_the_schema_has_the_defaults_of_options_that_the_default_config_leaves_out():
    keys = SCHEMA["properties"]["methods"]["properties"]["dae"]["properties"]
    default = dataclasses.asdict(registry.create("dae", {}).settings)
    assert {keys[key]["default"] == default[key] for key in OPTIONS_OF_DAE} == {True}


def of_other_studies():
    """Keys of the methods that the default study does not have."""
    return {
        f"methods.{name}.{field.name}"
        for name in OF_OTHER_STUDIES
        for field in dataclasses.fields(registry.classes()[name].Settings)
    }


@pytest.mark.parametrize("name", sorted(OF_OTHER_STUDIES))
def test_the_schema_has_the_defaults_of_a_method_of_other_studies(name):
    keys = SCHEMA["properties"]["methods"]["properties"][name]["properties"]
    default = dataclasses.asdict(registry.create(name, {}).settings)
    assert {key: node["default"] for key, node in keys.items()} == default


def test_every_mapping_of_the_schema_but_methods_refuses_unknown_keys():
    """Those of a method are checked by the method."""

    def open_mappings(schema, above="config"):
        parts = schema.get("properties", {})
        if parts and schema.get("additionalProperties") is not False:
            yield above
        for key, part in parts.items():
            yield from open_mappings(part, f"{above}.{key}")

    assert all(name.startswith("config.methods") for name in open_mappings(SCHEMA))


@pytest.mark.parametrize("name", DEFAULT["methods"])
def test_the_default_config_shows_the_settings_of_a_method(name):
    """All of a method's own entry but what makes variants; of a variant, those that are its own."""
    shown = set(DEFAULT["methods"][name]) - {"method", "title", "view_counts"}
    assert shown <= settings_of(name)
    if DEFAULT["methods"][name].get("method", name) == name:
        of_variants = {"soft", "starts_from", "refinement_steps", "l1_weight"}
        of_variants |= OPTIONS_OF_DAE if name == "dae" else set()
        assert settings_of(name) - shown <= of_variants


def test_the_default_config_has_every_method():
    assert {*registry.classes()} - OF_OTHER_STUDIES <= {*DEFAULT["methods"]}
    assert not OF_OTHER_STUDIES & {*DEFAULT["methods"]}


@pytest.mark.parametrize("other", [PAPER, LEADERBOARD], ids=["paper", "leaderboard"])
def test_another_config_changes_only_keys_that_the_default_has(other):
    assert set(leaves(other)) <= set(leaves(DEFAULT))


# The sheet


def test_patients_come_from_phantoms_and_sheet_together(cohort):
    config = cohort(("anna", ""), ("ben", ""), phantoms=3)
    patients = {patient.name: patient for patient in read_cohort(config)}
    assert list(patients) == ["phantom-001", "phantom-002", "phantom-003", "anna", "ben"]
    assert patients["anna"].dicom.endswith("dicom-1")
    assert patients["anna"].seed is None
    seeds = [patients[f"phantom-00{n}"].seed for n in (1, 2, 3)]
    assert len(set(seeds)) == 3
    assert [patients[f"phantom-00{n}"].dicom for n in (1, 2, 3)] == [None] * 3


def test_another_phantom_seed_gives_other_phantoms():
    first, second = (
        {p.seed for p in read_cohort(changed(cohort__phantoms__seed=seed))} for seed in (1, 2)
    )
    assert not first & second


def test_an_earlier_volume_is_what_the_column_prior_names(cohort, series):
    config = cohort(
        ("anna", f"train\t{series}"),
        ("berta", "train\t"),
        ("carla", f"test\t{series}"),
        header="patient\tdicom\tsplit\tprior",
        phantoms=2,
    )
    assert [patient.prior for patient in read_cohort(config)] == [
        *(None, None),
        *(str(series), None, str(series)),
    ]
    assert Study.read(config).runs.with_prior == ["anna", "carla"]
    config["cohort"]["phantoms"]["earlier"] = 0.5
    phantoms = ["phantom-001", "phantom-002"]
    assert Study.read(config).runs.with_prior == [*phantoms, "anna", "carla"]


def test_only_a_method_that_looks_at_it_is_given_the_earlier_volume():
    config = merged(changed(cohort__phantoms__count=8), {"methods": PER_PATIENT["methods"]})
    config["cohort"]["phantoms"] |= {"earlier": 0.5, "pool": 0}
    config["cohort"] |= {"test_patients": 2}
    runs = Study.read(config).runs
    given = {
        method: runs.reconstruct_inputs(method, "2", "1", runs.test)["priors"]
        for method in ("nerp", "nerf")
    }
    assert given == {"nerp": [f"results/priors/{name}.nii.gz" for name in runs.test], "nerf": []}


@pytest.mark.parametrize("share", [-0.1, 1.5, "half"])
def test_an_earlier_share_that_cannot_be_is_refused(share):
    config = changed(cohort__phantoms__earlier=share)
    assert "cohort.phantoms.earlier" in refusal(study.check_config, config)


def test_a_sheet_that_is_not_there_is_named():
    message = refusal(read_cohort, changed(cohort__sheet="nowhere/patients.tsv"))
    assert "cohort.sheet" in message
    assert "nowhere/patients.tsv" in message


@pytest.mark.parametrize("header", ["name\tdicom\tsplit", "patient,dicom,split", "patient\tfolder"])
def test_a_sheet_without_the_columns_is_refused_with_the_columns(cohort, header):
    message = refusal(read_cohort, cohort(("anna", ""), header=header))
    assert "patients.tsv" in message
    assert "patient, dicom and split" in message


def test_a_column_that_nobody_reads_is_refused(cohort):
    config = cohort(("anna", "train\t70"), header="patient\tdicom\tsplit\tage")
    message = refusal(read_cohort, config)
    assert "'age'" in message
    assert "dicom, patient, prior, series, split" in message


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ('"ben\tb\ttrain', ["line 3", "quote"]),
        ('ben\t"b"c\ttrain', ["line 3", "quote"]),
        ("be\0n\tb\ttrain", ["line 3", "NUL byte"]),
        (f"ben\t{'b' * 200_000}\ttrain", ["line 3", "broken"]),
    ],
    ids=["unclosed quote", "quote within", "NUL", "endless field"],
)
def test_a_sheet_that_is_no_table_is_refused_with_its_line(cohort, row, words):
    config = cohort(("anna", "train"), ("ben", "train"))
    sheet = Path(config["cohort"]["sheet"])
    header, anna, _ = sheet.read_text().splitlines()
    sheet.write_text("\n".join([header, anna, row]) + "\n")
    message = refusal(read_cohort, config)
    assert str(sheet) in message and not [word for word in words if word not in message]
    assert len(message) - len(str(sheet)) < 200


@pytest.mark.parametrize(
    "name", ["=1+1", "+a", "-a", "@a", "a\x1b[31m", "a\x07b", "a,b", "a b", "é"]
)
def test_an_id_that_a_spreadsheet_or_a_terminal_would_run_is_refused(cohort, name):
    message = refusal(read_cohort, cohort(("anna", "train"), (name, "train")))
    assert "line 3: patient: " in message and "letters, digits" in message
    assert message.isprintable()


def test_an_empty_sheet_says_how_to_go_without(cohort):
    message = refusal(read_cohort, cohort())
    assert "no patient" in message
    assert "cohort.sheet: null" in message


def test_a_sheet_from_a_spreadsheet_program_is_refused_in_words(cohort):
    config = cohort(("anna", ""))
    sheet = Path(config["cohort"]["sheet"])
    sheet.write_text(sheet.read_text(), encoding="utf-16")
    assert "patients.tsv" in refusal(read_cohort, config)


def test_a_byte_order_mark_and_spaces_do_no_harm(cohort):
    config = cohort((" anna ", " test "), ("ben", ""), ("carl", ""))
    sheet = Path(config["cohort"]["sheet"])
    sheet.write_text(sheet.read_text(), encoding="utf-8-sig")
    assert sides(config) == {"train": {"ben", "carl"}, "test": {"anna"}}


def test_a_line_number_counts_blank_lines_too(cohort):
    config = cohort(("anna", "train"), ("ben", "third"))
    sheet = Path(config["cohort"]["sheet"])
    header, anna, ben = sheet.read_text().splitlines()
    sheet.write_text("\n".join([header, "", "", anna, ben]) + "\n")
    assert "line 5" in refusal(read_cohort, config)


@pytest.mark.parametrize("name", ["../x", "a b", "a/b", "", ".hidden", "-rf", "a;b", "é", "a" * 65])
def test_an_id_that_is_no_safe_file_name_is_refused(cohort, name):
    message = refusal(read_cohort, cohort(("anna", ""), (name, "")))
    assert "line 3" in message
    assert f"patient: {name!r}" in message
    assert "letters, digits" in message


@pytest.mark.parametrize("name", ["a", "7", "Case_01.b-2", "a" * 64])
def test_an_ordinary_id_is_accepted(cohort, name):
    config = cohort((name, "test"), ("x1", ""), ("x2", ""))
    assert sides(config)["test"] == {name}


def test_a_bad_word_in_the_split_is_refused_with_the_good_ones(cohort):
    message = refusal(read_cohort, cohort(("anna", "Test")))
    assert "line 2" in message
    assert "split: 'Test'" in message
    assert "'train', 'calibration', 'test'" in message


def test_a_patient_twice_is_refused(cohort):
    message = refusal(read_cohort, cohort(("anna", ""), ("ben", ""), ("anna", "")))
    assert "anna" in message
    assert "twice" in message
    assert "both sides" not in message


def test_a_patient_on_both_sides_is_refused(cohort):
    message = refusal(read_cohort, cohort(("anna", "train"), ("anna", "test")))
    assert "anna" in message
    assert "both sides of the split" in message


def test_a_patient_named_like_a_phantom_is_refused(cohort):
    message = refusal(read_cohort, cohort(("phantom-002", ""), phantoms=3))
    assert "phantom-002" in message


def test_two_patients_of_one_folder_are_refused_however_it_is_spelt(cohort, series, tmp_path):
    (tmp_path / "link").symlink_to(series)
    for again in (series, f"{series}/", series / ".." / series.name, tmp_path / "link"):
        message = refusal(read_cohort, cohort(("anna", "", series), ("ben", "", again)))
        assert "anna and ben" in message
        assert str(again) in message


def test_a_patients_folder_inside_anothers_is_refused(cohort, tmp_path, series):
    """Folders are searched to the bottom, so the inner images would belong to both patients."""
    shutil.copytree(series, tmp_path / "all" / "inner")
    rows = [("anna", "train", tmp_path / "all"), ("ben", "test", tmp_path / "all" / "inner")]
    for order in (rows, rows[::-1]):
        message = refusal(read_cohort, cohort(*order, phantoms=3))
        assert "anna" in message
        assert "ben" in message


def test_neighbouring_folders_with_a_common_beginning_are_two_folders(cohort, tmp_path, series):
    for name in ("scan", "scan-2"):
        shutil.copytree(series, tmp_path / name)
    config = cohort(("anna", "", tmp_path / "scan"), ("ben", "", tmp_path / "scan-2"), phantoms=2)
    assert len(read_cohort(config)) == 4


def test_a_folder_that_is_not_there_is_named_with_its_patient(cohort, tmp_path):
    message = refusal(look_at_images, cohort(("anna", "", tmp_path / "gone"), phantoms=4))
    assert "anna" in message
    assert str(tmp_path / "gone") in message


@pytest.mark.parametrize("content", [None, b"not DICOM at all", b"\0" * 128 + b"DICM"])
def test_a_folder_without_an_image_is_named_with_its_patient(cohort, tmp_path, content):
    folder = tmp_path / "bare"
    folder.mkdir()
    if content is not None:
        (folder / "notes.txt").write_bytes(content)
    message = refusal(look_at_images, cohort(("anna", "", folder), phantoms=4))
    assert "patient anna: " in message
    assert str(folder) in message or "notes.txt: broken" in message


@pytest.mark.parametrize("name", ["notes.txt", "broken.nii", "broken.dcm"])
def test_a_file_that_is_no_volume_is_named_with_its_patient(cohort, tmp_path, name):
    (tmp_path / name).write_bytes(b"once upon a time")
    message = refusal(look_at_images, cohort(("anna", "", tmp_path / name), phantoms=4))
    assert "patient anna: " in message
    assert name in message


def test_the_series_to_take_stands_in_the_sheet(cohort):
    config = cohort(("anna", "test"), ("ben", "train"), ("cara", "train"))
    sheet = Path(config["cohort"]["sheet"])
    header, *rows = sheet.read_text().splitlines()

    def choose(*chosen):
        lines = [f"{row}\t{series}" for row, series in zip(rows, chosen, strict=True)]
        sheet.write_text("\n".join([f"{header}\tseries", *lines]))

    choose("3b", "", "12")
    assert [patient.series for patient in read_cohort(config)] == ["3b", None, "12"]
    choose("the third", "", "")
    assert "series: 'the third' is not valid" in refusal(read_cohort, config)


# The split


def test_fewer_than_two_training_patients_are_refused():
    few = {"cohort__phantoms__count": 3, "cohort__calibration_patients": 0}
    message = refusal(read_cohort, changed(**few, cohort__test_patients=2))
    assert "at least 2 training patients" in message
    assert "there are 1" in message
    assert "cohort.test_patients" in message


def test_a_study_without_test_patients_is_refused():
    assert "no test patient" in refusal(read_cohort, changed(cohort__test_patients=0))


def test_more_test_patients_than_there_are_is_refused(cohort):
    message = refusal(read_cohort, cohort(("a", "train"), ("b", ""), test_patients=3))
    assert "cohort.test_patients: 3" in message
    assert "only 1 patients" in message


def test_the_split_of_the_sheet_is_kept_and_the_rest_is_drawn(cohort):
    rows = [("a", "train"), ("b", "test"), ("c", "train")]
    for seed in range(5):
        result = sides(cohort(*rows, ("d", ""), ("e", ""), test_patients=2, seed=seed))
        assert {"a", "c"} <= result["train"]
        assert "b" in result["test"]
        assert len(result["test"]) == 2


def test_the_sheet_may_name_more_test_patients_than_the_config(cohort):
    rows = [("a", "test"), ("b", "test"), ("c", ""), ("d", "")]
    assert sides(cohort(*rows, test_patients=1)) == {"test": {"a", "b"}, "train": {"c", "d"}}


def test_patients_for_calibration_are_drawn_after_those_of_the_test(cohort):
    rows = [(name, "") for name in "abcdefgh"]
    before = sides(cohort(*rows, test_patients=2))
    after = sides(cohort(*rows, test_patients=2, calibration=3))
    assert after["test"] == before["test"]
    assert len(after["calibration"]) == 3
    assert after["train"] == before["train"] - after["calibration"]


def test_the_sheet_may_name_patients_for_calibration(cohort):
    rows = [("a", "test"), ("b", "calibration"), ("c", ""), ("d", ""), ("e", "")]
    assert sides(cohort(*rows, calibration=1))["calibration"] == {"b"}
    assert "b" in sides(cohort(*rows, calibration=2))["calibration"]


def test_more_patients_for_calibration_than_are_left_is_refused(cohort):
    rows = [("a", "test"), ("b", "train"), ("c", "")]
    message = refusal(read_cohort, cohort(*rows, calibration=2))
    assert message.startswith("cohort.calibration_patients: 2, but only 1 patients are free")


def test_phantoms_only_train_where_the_sheet_gives_the_one_test_patient(cohort):
    result = sides(cohort(("real", "test"), phantoms=8, test_patients=1))
    assert result["test"] == {"real"}
    assert len(result["train"]) == 8


def test_nobody_is_on_both_sides_and_nobody_is_lost():
    result = sides(DEFAULT)
    assert sum(map(len, result.values())) == len(set.union(*result.values()))
    assert len(set.union(*result.values())) == DEFAULT["cohort"]["phantoms"]["count"]


def test_the_same_seed_draws_the_same_patients_and_others_do_not():
    draws = [sides(changed(cohort__split_seed=seed))["test"] for seed in range(6)]
    assert draws[0] == sides(changed(cohort__split_seed=0))["test"]
    assert len({frozenset(draw) for draw in draws}) > 1


def test_the_order_of_the_sheet_does_not_change_who_is_drawn(cohort):
    rows = [(name, "") for name in "abcdefgh"]
    first = sides(cohort(*rows, test_patients=3))
    assert sides(cohort(*rows[::-1], test_patients=3)) == first


def test_one_patient_more_moves_at_most_one_other(cohort):
    rows = [(name, "") for name in "abcdefgh"]
    for seed in range(5):
        before, after = (
            sides(cohort(*chosen, test_patients=3, seed=seed))["test"]
            for chosen in (rows, [*rows, ("i", "")])
        )
        assert len(before - after) <= 1 and after - before <= {"i"}


def test_who_is_left_out_is_on_no_side_and_the_split_is_drawn_among_the_others(cohort):
    rows = [(name, "") for name in "abcdef"]
    config = cohort(*rows, phantoms=3, test_patients=3)
    config["cohort"]["leave_out"] = ["c", "phantom-002"]
    result = sides(config)
    assert result["train"] | result["test"] == {*"abdef", "phantom-001", "phantom-003"}
    others = cohort(*(row for row in rows if row[0] != "c"), phantoms=3, test_patients=3)
    others["cohort"]["leave_out"] = ["phantom-002"]
    assert sides(others) == result


def test_leaving_nobody_out_changes_nothing():
    assert sides(changed(cohort__leave_out=[])) == sides(DEFAULT)


def test_the_folder_of_who_is_left_out_does_not_matter(cohort):
    config = cohort(("a", "test"), ("b", "train"), ("c", "train"), ("lost", "train", "nowhere"))
    assert "lost" in refusal(look_at_images, config)
    config["cohort"]["leave_out"] = ["lost"]
    assert sides(config) == {"test": {"a"}, "train": {"b", "c"}}


def test_unknown_patients_cannot_be_left_out(cohort):
    config = cohort(("a", "test"), ("b", "train"), ("c", "train"), phantoms=2)
    config["cohort"]["leave_out"] = ["phantom-003", "a", "A"]
    message = refusal(read_cohort, config)
    assert message.startswith("cohort.leave_out: A, phantom-003: no such patient among the 5")


def test_too_few_that_remain_are_refused():
    count = DEFAULT["cohort"]["phantoms"]["count"]
    left_out = [f"phantom-{number:03d}" for number in range(1, count)]
    message = refusal(read_cohort, changed(cohort__leave_out=left_out))
    assert "cohort.test_patients: 10" in message and "only 1 patients" in message
