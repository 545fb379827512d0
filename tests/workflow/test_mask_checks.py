"""If a mask fails the plausibility checks, the run stops before training."""

import os
import re
import time

import numpy as np
import pandas as pd
import pytest
import yaml
from angiovox.errors import InputError
from angiovox.geometry.affine import isotropic_affine
from angiovox.io.dicom import writer
from angiovox_pipeline.preflight import masks as gate
from conftest import ONE_TESTED, tiny
from plans import planned
from volumes import plain_ct

SHAPE, VOXEL_MM = (32, 32, 32), 1.0
AFTER = ["check_masks", "fit", "reconstruct", "evaluate"]
CHECKED = "results/masks/checked.txt"
METRICS = "results/metrics/hull/views-2/seed-1.csv"
SUBTRACTED = ["one", "two", "three", "four"]
OTHERS = ("unet", "consistent", "cgan", "l1_cgan", "backprojection", "soft_hull")
SMALL = {
    "volume": {"shape": SHAPE[0], "voxel_mm": VOXEL_MM},
    "projections": 4,
    "view_counts": [2],
    "methods": dict.fromkeys((*OTHERS, "soft_backprojection"), False),
}


def run(folder, *args, target=METRICS, masks=None, leave_out=()):
    cohort = {"phantoms": {"count": 0}, "sheet": "sheet.tsv"} | ONE_TESTED
    cohort["leave_out"] = list(leave_out)
    return tiny(folder, target, *args, cohort=cohort, masks=masks or {}, **SMALL)


def table(folder):
    quality = pd.read_csv(folder / "results/tables/mask_quality.csv", keep_default_na=False)
    return quality.set_index("patient")


@pytest.fixture
def mixed(fresh):
    """Four subtracted series and a plain CT called `head`, among the training patients."""
    head, vessels = plain_ct(SHAPE)
    affine = isotropic_affine(SHAPE, VOXEL_MM)
    for seed, patient in enumerate(SUBTRACTED):
        noise = np.random.default_rng(seed).normal(40, 5, SHAPE)
        writer.write_series(noise + 260 * vessels, affine, fresh / patient, patient)
    writer.write_series(head, affine, fresh / "head", "head")
    rows = ["patient\tdicom\tsplit", "head\thead\ttrain", *(f"{p}\t{p}\t" for p in SUBTRACTED)]
    (fresh / "sheet.tsv").write_text("\n".join(rows) + "\n")
    return fresh


@pytest.mark.thorough
def test_a_mask_that_cannot_be_vessels_stops_the_study_until_the_user_decides(mixed):
    done = run(mixed)
    assert done.returncode != 0
    [line] = [line for line in done.stdout.splitlines() if line.startswith("check_masks: ")]
    assert table(mixed)["reason"]["head"] in line
    for words in ("head (foreground", "results/figures/masks.png", "masks.window", "masks.classes"):
        assert words in line
    assert 'cohort.leave_out: ["head"]' in line and "masks.implausible: keep" in line
    assert (mixed / "results/figures/masks.png").stat().st_size
    assert list(table(mixed).query("not plausible").index) == ["head"]
    assert not (mixed / "results/models").exists() and "Traceback" not in done.stdout

    # Left out, it takes no part; kept, it does, and is still called implausible.
    plan = planned(run(mixed, "-n", leave_out=["head"]).stdout)
    assert plan == {"mask_quality": 1, **dict.fromkeys(AFTER, 1)}
    done = run(mixed, masks={"implausible": "keep"})
    assert done.returncode == 0, done.stdout
    assert (mixed / METRICS).exists() and not table(mixed)["plausible"]["head"]
    assert "patient head: implausible" in (mixed / "logs/check_masks.log").read_text()

    # The check made anew reruns nothing that has learnt; one that does not hold comes first.
    checked = mixed / CHECKED
    before = checked.read_bytes()
    os.utime(checked, (time.time(),) * 2)
    assert planned(run(mixed, "-n", masks={"implausible": "keep"}).stdout) == {}
    with open(mixed / "workflow/scripts/angiovox/figures/cohort.py", "a") as file:
        file.write("EDITED = 1\n")
    plan = planned(run(mixed, "-n", masks={"implausible": "keep"}).stdout)
    assert plan == {"mask_quality": 1, "check_masks": 1}
    assert run(mixed, masks={"implausible": "keep"}).returncode == 0
    assert checked.read_bytes() == before
    assert planned(run(mixed, "-n", masks={"implausible": "keep"}).stdout) == {}
    assert planned(run(mixed, "-n").stdout) == {"check_masks": 1}

    # A window with three classes finds the vessels of all; every mask is made anew.
    wide = {"window": [-1100, 400], "classes": 3}
    done = run(mixed, target=CHECKED, masks=wide)
    assert done.returncode == 0, done.stdout
    assert table(mixed)["plausible"].all()
    assert np.ptp(table(mixed)["fraction"]) < 0.002


def test_a_window_that_misses_a_patient_names_the_patient_the_key_and_the_value(mixed):
    done = run(mixed, target="results/masks/head.nii.gz", masks={"window": [5000, 6000]})
    [line] = [line for line in done.stdout.splitlines() if line.startswith("mask: ")]
    assert line.startswith("mask: patient head: masks.window: [5000, 6000]: no voxel lies within")
    assert not (mixed / "results/masks/head.json").exists()


def test_the_gate_names_every_implausible_patient_with_its_reason(tmp_path):
    path = tmp_path / "quality.csv"
    rows = [("007", "foreground 96%: air, bone", False), ("b", "", True), ("c", "scattered", False)]
    pd.DataFrame(rows, columns=["patient", "reason", "plausible"]).to_csv(path, index=False)
    found = gate.implausible_masks(path)
    assert found == {"007": "foreground 96%: air, bone", "c": "scattered"}
    with pytest.raises(InputError) as refused:
        gate.refuse(found, "masks.png")
    message = str(refused.value)
    assert "007 (foreground 96%: air, bone); c (scattered)" in message
    advice = re.search(r"cohort\.leave_out: (\[.*?\])", message)[1]
    assert yaml.safe_load(advice) == ["007", "c"] and "masks.png" in message
    gate.refuse({}, "masks.png")
    with pytest.raises(
        InputError, match=r'with cohort\.transfer\.trees\.leave_out: \["007", "c"\]'
    ):
        gate.refuse(found, "masks.png", "cohort.transfer.trees.leave_out")
