"""Reconstructions as a BIDS dataset: values, places, names, and what a validator says of it."""

import json

import export_bids
import nibabel as nib
import numpy as np
import pandas as pd
import pytest
import validators
import yaml
from angiovox.errors import InputError
from angiovox.reporting import bids
from conftest import ROOT

AFFINE = np.array([[-0.5, 0, 0, 3], [0, -0.5, 0, 7], [0, 0, 0.5, -2], [0, 0, 0, 1]])
SHAPE = (6, 5, 4)
PATIENTS = ("phantom-001", "NA", "p_7")
VALIDATOR = "bids-validator-deno"


def save(path, values):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = nib.Nifti1Image(values, AFFINE)
    image.header.set_xyzt_units("mm")
    nib.save(image, path)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """What the tool reads of a study's results: three patients, a network and a threshold."""
    folder = tmp_path_factory.mktemp("results")
    config = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    rng = np.random.default_rng(0)
    for patient in PATIENTS:
        save(folder / f"masks/{patient}.nii.gz", (rng.random(SHAPE) < 0.5).astype(np.uint8))
        for method in ("unet", "l1_cgan", "hull"):
            values = rng.random(SHAPE, dtype=np.float32)
            save(folder / f"reconstructions/{method}/views-2/seed-1/{patient}.nii.gz", values)
    scaling = folder / "models/unet/views-all/seed-1/calibration.json"
    scaling.parent.mkdir(parents=True)
    scaling.write_text("{}")
    seeds = {"phantoms": {"phantom-001": 1001}, "split": 1, "training": [1]}
    commit = {"commit": "abc", "modified": False}
    record = {"angiovox": commit, "config": config, "seeds": seeds, "products": {}}
    (folder / "provenance.json").write_text(json.dumps(record))
    (folder / "tables").mkdir()
    rows = "".join(f"unet,2,1,{patient},iou,0.5\n" for patient in PATIENTS)
    (folder / "tables/per_patient.csv").write_text(
        "method,views,seed,patient,metric,value\n" + rows
    )
    return folder


@pytest.fixture(scope="module")
def dataset(results, tmp_path_factory):
    out = tmp_path_factory.mktemp("out") / "bids"
    options = [str(out), "--results", str(results), "--methods", "unet", "l1_cgan", "hull"]
    assert export_bids.main(options) == 0
    return out


def anatomy(dataset, label):
    return dataset / f"sub-{label}/anat"


def test_a_map_has_the_voxels_and_the_place_of_the_reconstruction(dataset, results):
    made = nib.load(results / "reconstructions/unet/views-2/seed-1/NA.nii.gz")
    found = nib.load(anatomy(dataset, "NA") / "sub-NA_label-artery_desc-unetViews2_probseg.nii.gz")
    np.testing.assert_array_equal(found.get_fdata(), made.get_fdata())
    np.testing.assert_array_equal(found.affine, AFFINE)


def test_a_segmentation_is_where_the_map_reaches_one_half(dataset):
    folder = anatomy(dataset, "phantom001")
    parts = "sub-phantom001_label-artery_desc-l1cganViews2_probseg.nii.gz"
    probability = nib.load(folder / parts).get_fdata()
    mask = nib.load(folder / "sub-phantom001_desc-l1cganViews2_dseg.nii.gz")
    assert mask.get_data_dtype() == np.uint8
    np.testing.assert_array_equal(mask.get_fdata(), probability >= 0.5)


def test_the_truth_stands_beside_them(dataset, results):
    truth = nib.load(results / "masks/p_7.nii.gz").get_fdata()
    found = nib.load(anatomy(dataset, "p7") / "sub-p7_desc-otsu_dseg.nii.gz").get_fdata()
    np.testing.assert_array_equal(found, truth)


def test_a_threshold_gives_no_probabilities(dataset):
    names = [path.name for path in anatomy(dataset, "p7").glob("*hull*")]
    assert sorted(names) == [f"sub-p7_desc-hullViews2_dseg.{kind}" for kind in ("json", "nii.gz")]


def test_sidecars_tell_calibrated_probabilities_from_others(dataset):
    said = {}
    for method in ("unet", "l1cgan"):
        path = f"sub-NA_label-artery_desc-{method}Views2_probseg.json"
        said[method] = json.loads((anatomy(dataset, "NA") / path).read_text())
    assert said["unet"]["Calibrated"] and not said["l1cgan"]["Calibrated"]
    assert said["l1cgan"]["Method"] == "l1_cgan" and said["l1cgan"]["Views"] == 2
    assert "not for diagnosis" in said["unet"]["Description"]


def test_participants_lead_back_to_the_studys_ids(dataset):
    table = pd.read_csv(dataset / "participants.tsv", sep="\t", keep_default_na=False)
    assert dict(zip(table["participant_id"], table["study_id"], strict=True)) == {
        "sub-NA": "NA",
        "sub-p7": "p_7",
        "sub-phantom001": "phantom-001",
    }
    phantoms = table["kind"] == "phantom"
    assert list(table.loc[phantoms, "study_id"]) == ["phantom-001"]
    explained = json.loads((dataset / "participants.json").read_text())
    assert {*explained} == {*table.columns}


def test_every_image_has_a_sidecar(dataset):
    images = [*dataset.rglob("*.nii.gz")]
    assert len(images) == len(PATIENTS) * (2 + 3 + 1)
    assert all(path.with_name(f"{path.name[:-7]}.json").is_file() for path in images)


def test_a_validator_accepts_it_and_no_other_name(dataset, tmp_path):
    done = validators.run(VALIDATOR, "--ignoreWarnings", "--format", "json", dataset)
    assert done.returncode == 0, done.stdout
    stray = anatomy(dataset, "NA") / "sub-NA_desc-otsu_arteries.nii.gz"
    try:
        stray.write_bytes((anatomy(dataset, "NA") / "sub-NA_desc-otsu_dseg.nii.gz").read_bytes())
        refused = validators.run(VALIDATOR, "--ignoreWarnings", "--format", "json", dataset)
    finally:
        stray.unlink()
    assert refused.returncode != 0 and "arteries" in refused.stdout


# Names


@pytest.mark.parametrize("names", [("a-1", "a1"), ("Anna", "anna"), ("x.y", "x_y")])
def test_ids_that_become_one_label_are_rejected(names):
    with pytest.raises(InputError, match=f"patient: '{names[0]}' and '{names[1]}'"):
        bids.labels(names, "patient")


def test_an_id_without_letter_or_digit_is_rejected():
    with pytest.raises(InputError, match="patient '-_'"):
        bids.labels(["-_"], "patient")


# Refusals


def refusal(capsys, *options):
    assert export_bids.main([*map(str, options)]) == 1
    return capsys.readouterr().err


def test_a_folder_that_holds_something_is_left_alone(results, tmp_path, capsys):
    (tmp_path / "mine.txt").write_text("mine")
    assert "not empty" in refusal(capsys, tmp_path, "--results", results, "--methods", "unet")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_an_unknown_method_is_named(results, tmp_path, capsys):
    error = refusal(capsys, tmp_path / "out", "--results", results, "--methods", "unett")
    assert "unett: not of this study: dae, unet" in error


def test_results_that_are_not_finished_are_named(tmp_path, capsys):
    error = refusal(capsys, tmp_path / "out", "--results", tmp_path)
    assert "provenance.json: not there" in error


def test_a_lost_reconstruction_leaves_no_half_dataset(results, tmp_path, capsys):
    error = refusal(capsys, tmp_path / "out", "--results", results, "--methods", "dae")
    assert "reconstructions/dae/views-2/seed-1/NA.nii.gz" in error
    assert not (tmp_path / "out").exists()
