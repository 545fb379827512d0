"""Phantoms' angiograms as a department's archive would have them."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from angiovox.geometry.cone_beam import CArm
from angiovox.geometry.grid import Grid
from angiovox.geometry.views import Views
from angiovox.io.dicom.xa.pairing import check_together
from angiovox.io.dicom.xa.reader import read_run
from angiovox.phantoms import acquisition
from angiovox.phantoms.angiography import ARTERY_VOXEL
from angiovox.projectors.line_integral import line_integral
from angiovox.vessels.voxelize import occupancy
from conftest import tiny
from plans import planned

SETTINGS = {
    "phantoms": 1, "detector": 96, "pixel_mm": 3.0, "biplane": [[10, 25], [85, -5]], "seconds": 3,
    "arc_views": 6, "arc_degrees": 150, "angle_error_degrees": 4, "isocentre_error_mm": 4,
    "motion_mm": 0, "photons": 1e7,
}  # fmt: skip
NAMES = ("plane-a", "plane-b", "rotational")


@pytest.fixture(scope="module")
def taken(tmp_path_factory, clone):
    folder = Path(shutil.copytree(clone, tmp_path_factory.mktemp("angiograms") / "fresh"))
    done = tiny(folder, "angiograms", angiograms=SETTINGS)
    assert done.returncode == 0, done.stdout
    return folder


def runs(folder):
    return [read_run(folder / f"results/angiograms/phantom-001/{name}.dcm") for name in NAMES]


def test_its_files_say_where_the_c_arm_was_meant_to_be(taken):
    first, second, turned = runs(taken)
    assert (first.plane, second.plane) == ("A", "B")
    assert check_together([first, second]).biplane
    np.testing.assert_allclose(first.angles, np.tile([10, 25], (len(first), 1)), atol=0.01)
    np.testing.assert_allclose(second.angles, np.tile([85, -5], (len(second), 1)), atol=0.01)
    np.testing.assert_allclose(
        turned.angles[turned.contrast, 0], np.linspace(-75, 75, 6), atol=0.01
    )
    for run in (first, second, turned):
        np.testing.assert_allclose(run.distances, np.tile([1200, 785], (len(run), 1)), atol=0.1)
        nominal = CArm(1200, 785, (96, 96), (3.0, 3.0)).views(*run.angles[run.contrast].T)
        np.testing.assert_allclose(run.views().source, nominal.source, atol=0.5)


def test_its_frames_show_the_arteries_where_the_true_views_have_them(taken):
    config = yaml.safe_load((taken / "config/config.yaml").read_text())
    phantoms = config["cohort"]["phantoms"]
    seed = 1000 * phantoms["seed"] + 1
    settings = acquisition.Settings(lesions=phantoms["lesions"])
    arteries = acquisition.fill(seed, 16 * 2.5, settings).arteries
    grid = Grid((280, 280, 280), (ARTERY_VOXEL,) * 3)
    share, _ = occupancy(arteries, grid.shape, ARTERY_VOXEL)
    true = json.loads((taken / "results/truth/phantom-001.views.json").read_text())
    for run, name in zip(runs(taken), ("plane A", "plane B", "rotational run"), strict=True):
        frame = run.best_filled()
        arrays = {k: np.array(v)[[frame]] for k, v in true[name].items() if k != "detector"}
        views = Views(**arrays, detector=tuple(true[name]["detector"]))
        seen = run.line_integrals([frame])[0]
        alike = [
            np.corrcoef(line_integral(share, grid, where)[0].ravel(), seen.ravel())[0, 1]
            for where in (views, run.views([frame]))
        ]
        assert alike[0] > 0.7
        assert alike[0] > alike[1] + 0.05  # the header is off by some degrees and mm


def test_nothing_is_left_to_do_and_the_study_is_not_part_of_it(taken):
    assert planned(tiny(taken, "angiograms", "-n", angiograms=SETTINGS).stdout) == {}
    assert not (taken / "results/models").exists()
    assert (taken / "results/figures/angiograms/phantom-001.png").stat().st_size > 10_000
