"""From two runs to files and a page, by the command, with the weights that are shipped."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import nibabel
import numpy as np
import pytest
from angiovox.io.dicom.xa import writer
from angiovox.phantoms import acquisition
from angiovox.phantoms.angiography import Scene
from angiovox.phantoms.angiography_runs import Protocol, biplane_pair

ROOT = Path(__file__).parents[2]
SEED, NAME = 9105, "Mustermann^Erika"
PROTOCOL = Protocol(
    source_detector_mm=1195.0,
    source_isocentre_mm=810.0,
    detector=256,
    pixel_mm=1.2,
    biplane=((0.0, 10.0), (90.0, 0.0)),
    frames_per_second=2.0,
    seconds=3.0,
    arc_degrees=0.0,
    arc_views=0,
    photons=4e6,
    angle_error_degrees=0.5,
    isocentre_error_mm=0.5,
    motion_mm=0.1,
)


def command(*arguments: object) -> subprocess.CompletedProcess:
    program = "import sys; from angiovox_command.program import main; sys.exit(main())"
    return subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": str(ROOT / "workflow/scripts")},
        capture_output=True,
        text=True,
        timeout=600,
    )


@pytest.fixture(scope="module")
def pair(tmp_path_factory) -> Path:
    """A folder of a biplane pair, of a patient with a name."""
    folder = tmp_path_factory.mktemp("archive")
    filled = acquisition.fill(SEED, 100.0)
    scene = Scene(filled.arteries, filled.pose, SEED)
    runs = [taken.run for taken in biplane_pair(scene, PROTOCOL, SEED)]
    writer.write_pair(*runs, folder, NAME)
    return folder


@pytest.fixture(scope="module")
def made(pair, tmp_path_factory) -> tuple[Path, subprocess.CompletedProcess]:
    out = tmp_path_factory.mktemp("results") / "result"
    runs = pair / "plane-a.dcm", pair / "plane-b.dcm"
    return out, command("reconstruct", *runs, "--out", out, "--voxel-mm", 1)


def test_two_runs_become_files_and_a_page(made):
    out, done = made
    assert done.returncode == 0, done.stderr
    written = [row["file"] for row in json.loads((out / "manifest.json").read_text())["written"]]
    assert {"report.html", "artery.stl", "artery.glb", "scene.mrml"} <= {*written}
    assert all((out / name).stat().st_size > 0 for name in written)
    assert "report.html" in done.stdout


def test_arteries_are_found_and_mostly_there(made):
    """Where the network puts a vessel, an exact artery is near, far more often than by chance."""
    from angiovox.geometry.grid import Grid
    from angiovox.vessels.voxelize import occupancy
    from scipy import ndimage

    image = nibabel.load(made[0] / "probability.nii.gz")
    grid = Grid.from_affine(image.shape, image.affine)
    found = np.asarray(image.dataobj) >= 0.5
    arteries = acquisition.fill(SEED, 100.0).arteries.moved(-np.asarray(grid.centre))
    share, _ = occupancy(arteries, grid.shape, grid.voxel_size[0])
    near = ndimage.binary_dilation(share > 0.2, iterations=2)
    assert found.sum() > 200
    assert near[found].mean() > 5 * near.mean()


def test_views_were_calibrated_and_branches_are_listed(made):
    with open(made[0] / "calibration.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["view"] for row in rows] == ["LAO 0, CRA 10", "LAO 90, CRA 0"]
    with open(made[0] / "fit.csv", newline="") as file:
        fit = list(csv.DictReader(file))
    assert [row["view"] for row in fit] == [row["view"] for row in rows]
    assert all(0 < float(row["after_the_fit"]) < float(row["before_the_fit"]) for row in fit)
    with open(made[0] / "centreline.csv", newline="") as file:
        assert len(list(csv.DictReader(file))) > 0


def test_nothing_names_the_patient_or_where_the_runs_lie(made, pair):
    words = [*NAME.encode().split(b"^"), pair.name.encode()]
    for path in made[0].rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert not any(word in content for word in words), path


def test_done_it_has_nothing_more_to_do(made, pair):
    out, _ = made
    before = (out / "report.html").read_bytes()
    runs = pair / "plane-a.dcm", pair / "plane-b.dcm"
    done = command("reconstruct", *runs, "--out", out, "--voxel-mm", 1)
    assert done.returncode == 0, done.stderr
    assert "[1/" not in done.stderr
    assert (out / "report.html").read_bytes() == before


def test_one_run_is_refused_in_one_sentence_with_nothing_written(pair, tmp_path):
    done = command("reconstruct", pair / "plane-a.dcm", "--out", tmp_path / "result")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1 and "depth" in done.stderr
    assert not list(tmp_path.rglob("*.html"))
