"""Angiograms of phantoms, volumes and surfaces as a department's archive would have them."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import pyvista
import yaml
from angiovox.geometry.affine import isotropic_affine
from angiovox.geometry.cone_beam import CArm
from angiovox.geometry.grid import Grid
from angiovox.geometry.views import Views
from angiovox.io.dicom import writer
from angiovox.io.dicom.xa.pairing import check_together
from angiovox.io.dicom.xa.reader import read_run
from angiovox.phantoms import acquisition
from angiovox.phantoms.filling import ARTERY_VOXEL
from angiovox.projectors.line_integral import line_integral
from angiovox.vessels.voxelize import occupancy
from conftest import ONE_TESTED, tiny
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
    done = tiny(folder, "simulated_angiograms", simulated_angiograms=SETTINGS)
    assert done.returncode == 0, done.stdout
    return folder


def runs(folder, whose="phantom-001"):
    return [read_run(folder / f"results/simulated_angiograms/{whose}/{name}.dcm") for name in NAMES]


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
    assert (
        planned(tiny(taken, "simulated_angiograms", "-n", simulated_angiograms=SETTINGS).stdout)
        == {}
    )
    assert not (taken / "results/models").exists()
    assert (taken / "results/figures/simulated_angiograms/phantom-001.png").stat().st_size > 10_000


# Of a patient's volume, and of a surface

SECRET = "Mustermann"
OTHERS = SETTINGS | {"phantoms": 0, "angle_error_degrees": 0, "isocentre_error_mm": 0}
OTHERS |= {"patients": ["anna"], "surfaces": {"tube.1": "given/a tube.stl"}}


def write_given(folder):
    """A sheet of one patient with a vessel along x, and a tube along z; returns the cohort."""
    grid = Grid((24,) * 3, (1.6,) * 3)
    arteries = np.zeros(grid.shape, dtype=np.float32)
    arteries[2:22, 9:12, 14:17] = 1000
    noise = np.random.default_rng(0).normal(0, 30, grid.shape).astype(np.float32)
    volume = 200 + arteries + noise
    affine = isotropic_affine(volume.shape, 1.6)
    writer.write_series(volume, affine, folder / "given/scan", SECRET, f"head of {SECRET}")
    tube = pyvista.Cylinder(center=(70, 5, -40), direction=(0, 0, 1), radius=2.5, height=40)
    tube.triangulate().save(folder / "given/a tube.stl")
    (folder / "sheet.tsv").write_text("patient\tdicom\tsplit\nanna\tgiven/scan\ttest\n")
    return {"phantoms": {"count": 3}, "sheet": "sheet.tsv"} | ONE_TESTED


@pytest.fixture
def given(fresh):
    return fresh, write_given(fresh)


def test_a_patients_angiogram_needs_volume_and_mask_and_a_surfaces_its_file_alone(given):
    folder, cohort = given
    done = tiny(folder, "simulated_angiograms", "-n", cohort=cohort, simulated_angiograms=OTHERS)
    assert planned(done.stdout) == {
        "convert": 1,
        "mask": 1,
        "simulated_angiogram_of_patient": 1,
        "simulated_angiogram_of_surface": 1,
        "simulated_angiogram_figure": 2,
        "simulated_angiograms": 1,
    }


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"patients": ["bert"]},
            "simulated_angiograms.patients: 'bert' is no patient of the sheet",
        ),
        (
            {"patients": ["phantom-002"]},
            "simulated_angiograms.patients: 'phantom-002' is a phantom",
        ),
        (
            {"surfaces": {"tube": "gone.stl"}},
            "simulated_angiograms.surfaces.tube: gone.stl: does not exist",
        ),
        ({"surfaces": {"tube": "sheet.tsv"}}, "sheet.tsv: expected a file of .stl or .vtp"),
        ({"surfaces": {"anna": "given/a tube.stl"}}, "surfaces.anna: the id of a patient"),
        ({"surfaces": {"a tube": "given/a tube.stl"}}, "'a tube' is not valid; expected letters"),
    ],
    ids=str,
)
def test_angiograms_of_what_there_is_not_are_refused_when_planning(given, change, message):
    folder, cohort = given
    done = tiny(
        folder, "simulated_angiograms", "-n", cohort=cohort, simulated_angiograms=OTHERS | change
    )
    assert done.returncode and "Traceback" not in done.stdout
    assert message in done.stdout
    if "patients" in change:
        assert "choose among anna" in done.stdout


@pytest.mark.thorough
def test_they_show_the_vessel_where_it_is_and_no_header_of_the_patient(given):
    folder, cohort = given
    how = {"cohort": cohort, "simulated_angiograms": OTHERS}
    done = tiny(folder, "simulated_angiograms", **how)
    assert done.returncode == 0, done.stdout
    along_x, along_z = (
        run.line_integrals([run.best_filled()])[0]
        for run in (runs(folder, "anna")[0], runs(folder, "tube.1")[0])
    )
    spread = [
        [np.ptp(places) for places in np.nonzero(seen > seen.max() / 2)]
        for seen in (along_x, along_z)
    ]
    assert spread[0][0] > 2 * spread[0][1] and spread[1][1] > 2 * spread[1][0]
    for name in ("anna", "tube.1"):
        true = json.loads((folder / f"results/truth/{name}.views.json").read_text())
        assert set(true) == {"plane A", "plane B", "rotational run"}
        assert (folder / f"results/figures/simulated_angiograms/{name}.png").stat().st_size > 10_000
    written = [
        *(folder / "results/simulated_angiograms").rglob("*.dcm"),
        *(folder / "logs").rglob("*.log"),
    ]
    assert len(written) > 8
    assert not [path for path in written if SECRET.encode() in path.read_bytes()]
    assert planned(tiny(folder, "simulated_angiograms", "-n", **how).stdout) == {}

    pyvista.Plane().triangulate().scale(30).save(folder / "given/a tube.stl")
    done = tiny(folder, "simulated_angiograms", **how)
    assert done.returncode and "a tube.stl: not closed" in done.stdout
