"""A patient's copy on the other side of the split stops the study before any network trains."""

import re

import numpy as np
import pydicom
import pytest
from angiovox.geometry.affine import isotropic_affine
from angiovox.io.dicom import writer
from conftest import ONE_TESTED, tiny
from plans import planned
from pydicom.uid import RLELossless, generate_uid

SHAPE, VOXEL_MM = (16, 16, 16), 2.5
MODEL = "results/models/dae/views-2/seed-1/model.pt"
OTHERS = ("unet", "consistent", "cgan", "l1_cgan", "hull", "backprojection", "soft_hull")
SMALL = {
    "volume": {"shape": SHAPE[0], "voxel_mm": VOXEL_MM},
    "projections": 4,
    "view_counts": [2],
    "methods": {"dae": {"epochs": 1}} | dict.fromkeys((*OTHERS, "soft_backprojection"), False),
}
ROWS = {"one": "train", "two": "train", "three": "test", "copy": "test"}


def run(folder, *args, rows=ROWS, **cohort):
    lines = ["patient\tdicom\tsplit", *(f"{name}\t{name}\t{side}" for name, side in rows.items())]
    (folder / "sheet.tsv").write_text("\n".join(lines) + "\n")
    cohort = {"phantoms": {"count": 0}, "sheet": "sheet.tsv"} | ONE_TESTED | cohort
    return tiny(folder, MODEL, *args, cohort=cohort, masks={"implausible": "keep"}, **SMALL)


@pytest.fixture
def scans(fresh):
    """Three patients, and one of them again: renamed, compressed, under another UID."""
    for seed, name in enumerate(("one", "two", "three")):
        volume = np.random.default_rng(seed).normal(10, 3, SHAPE)
        volume[6:9, 5 : 8 + seed % 3, :] = 300
        writer.write_series(volume, isotropic_affine(SHAPE, VOXEL_MM), fresh / name, name)
    uid = generate_uid()
    (fresh / "copy").mkdir()
    for path in sorted((fresh / "one").iterdir()):
        dataset = pydicom.dcmread(path)
        dataset.compress(RLELossless)
        dataset.SeriesInstanceUID, dataset.PatientID = uid, "copy"
        dataset.save_as(fresh / "copy" / path.name.replace("slice", "I"))
    return fresh


def test_a_copy_is_refused_until_one_of_the_two_is_left_out(scans):
    done = run(scans)
    assert done.returncode != 0 and not (scans / MODEL).exists()
    [line] = [line for line in done.stdout.splitlines() if line.startswith("check_masks: ")]
    assert "patients one (train) and copy (test) have the same volume" in line
    assert "Traceback" not in done.stdout and not re.search(r"\b1\.2\.826\.", done.stdout)
    plan = planned(run(scans, "-n", leave_out=["copy"]).stdout)
    assert plan == {"mask_quality": 1, "check_masks": 1, "train": 1}

    # On the same side it is a warning, and once trained nothing runs for the check's sake.
    rows = ROWS | {"copy": "train"}
    done = run(scans, rows=rows)
    assert done.returncode == 0, done.stdout
    assert "check_masks: warning: patients one and copy (both train)" in done.stdout
    assert "warning: patients one and copy" in (scans / "logs/check_masks.log").read_text()
    assert planned(run(scans, "-n", rows=rows).stdout) == {}
    plan = planned(run(scans, "-n", "--forcerun", "check_masks", rows=rows).stdout)
    assert plan == {"check_masks": 1}


def test_a_folder_that_links_to_another_patients_series_is_refused_when_planning(scans):
    (scans / "linked").mkdir()
    (scans / "linked/series").symlink_to(scans / "one")
    done = run(scans, "-n", rows={**ROWS, "linked": "test"}, leave_out=["copy"])
    assert done.returncode != 0
    assert "patients one and linked share linked/series" in done.stdout
