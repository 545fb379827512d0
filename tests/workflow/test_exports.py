"""Exports of a study that ran: each method's reconstructions, and every table and figure."""

import json
import shutil

import export_bids
import export_ro_crate
import nibabel as nib
import numpy as np
import pytest
import validators
from angiovox.io.table_files import read_table
from plans import VIEWS

pytestmark = pytest.mark.thorough


@pytest.fixture(scope="module")
def dataset(study, tmp_path_factory):
    """Every reconstruction of the tiny study as a BIDS dataset."""
    out = tmp_path_factory.mktemp("exports") / "bids"
    views = [str(count) for count in VIEWS]
    assert export_bids.main([str(out), "--results", f"{study}/results", "--views", *views]) == 0
    return out


def test_every_reconstruction_is_exported_once(study, dataset):
    folders = [f"views-{views}/seed-1" for views in VIEWS]
    reconstructions = study / "results/reconstructions"
    made = [path for folder in folders for path in reconstructions.glob(f"*/{folder}/*.nii.gz")]
    patients = set(read_table(study / "results/tables/per_patient.csv")["patient"])
    found = [*dataset.rglob("*_dseg.nii.gz")]
    assert len(made) > len(VIEWS) and len(found) == len(made) + len(patients)
    rows = (dataset / "participants.tsv").read_text().splitlines()[1:]
    assert {row.split("\t")[1] for row in rows} == patients
    assert all(row.endswith("\tphantom") for row in rows)


def test_an_exported_map_lies_where_its_source_does(study, dataset):
    [*_, path] = sorted(dataset.rglob("*desc-unetViews2_probseg.nii.gz"))
    patient = path.name.split("_")[0].replace("sub-phantom", "phantom-")
    source = nib.load(study / f"results/volumes/{patient}.nii")
    np.testing.assert_allclose(nib.load(path).affine, source.affine, atol=1e-5)
    assert nib.load(path).shape == source.shape
    said = json.loads(path.with_name(f"{path.name[:-7]}.json").read_text())
    assert said["Calibrated"]  # a patient of the study is held back


def test_the_bids_validator_accepts_it(dataset):
    done = validators.run("bids-validator-deno", "--ignoreWarnings", dataset)
    assert done.returncode == 0, done.stdout


def test_the_crate_has_what_the_record_of_provenance_names(study, tmp_path):
    results = tmp_path / "results"
    for name in ("tables", "figures"):
        shutil.copytree(study / "results" / name, results / name)
    shutil.copy(study / "results/provenance.json", results)
    assert export_ro_crate.main(["--results", str(results)]) == 0
    entities = json.loads((results / "ro-crate-metadata.json").read_text())["@graph"]
    run = next(entity for entity in entities if entity["@id"] == "#run")
    made = {f"results/{one['@id']}" for one in run["result"]}
    assert made == {*json.loads((results / "provenance.json").read_text())["products"]}
