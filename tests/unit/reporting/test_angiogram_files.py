"""The folder of a reconstruction: whole, complete, and without whose it is."""

import json
from urllib.parse import unquote
from xml.etree import ElementTree

import nibabel as nib
import numpy as np
import pytest
import pyvista
import xa_cases
from angiovox.errors import InputError
from angiovox.reporting.angiogram_files import CONTENTS, write_all
from made_reconstruction import findings


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    folder = tmp_path_factory.mktemp("result") / "anna"
    return folder, write_all(folder, findings())


def test_every_file_is_there_and_listed(result):
    folder, manifest = result
    assert {path.name for path in folder.iterdir()} == set(CONTENTS)
    record = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert record["written"] == manifest["written"] and record["left_out"] == []
    for row in record["written"]:
        assert row["bytes"] == (folder / row["file"]).stat().st_size


def test_volumes_and_surface_lie_at_one_place(result):
    folder, _ = result
    known = findings()
    image = nib.load(folder / "probability.nii.gz")
    np.testing.assert_allclose(image.get_fdata(), known.probability, atol=1e-4)
    np.testing.assert_allclose(image.affine, known.grid.affine, atol=1e-5)
    state = np.asarray(nib.load(folder / "state.nii.gz").dataobj)
    np.testing.assert_array_equal(state, known.state)
    indices = np.argwhere(known.probability >= 0.5)
    ras = nib.affines.apply_affine(image.affine, indices)
    points = np.asarray(pyvista.read(folder / "artery.vtp").points) * [-1, -1, 1]
    np.testing.assert_allclose(points.min(axis=0), ras.min(axis=0), atol=0.7)
    np.testing.assert_allclose(points.max(axis=0), ras.max(axis=0), atol=0.7)


def test_the_scene_finds_its_files(result):
    folder, _ = result
    scene = ElementTree.parse(folder / "scene.mrml").getroot()
    files = [unquote(node.get("fileName")) for node in scene if node.get("fileName")]
    assert len(files) == 3
    for file in files:
        assert "/" not in file and (folder / file).is_file()
    for node in scene.findall("ModelStorage"):
        mesh = pyvista.read(folder / unquote(node.get("fileName")))
        assert mesh.field_data["SPACE"][0] == node.get("coordinateSystem") == "LPS"


def test_what_is_left_out_has_a_reason(tmp_path):
    grid = findings().grid
    known = findings(
        probability=np.zeros(grid.shape, np.float32),
        advice=None,
        calibration=(),
        branches=(),
        fit=(),
    )
    manifest = write_all(tmp_path / "none", known)
    left_out = {row["file"] for row in manifest["left_out"]}
    assert {"artery.stl", "artery.seg.dcm", "advice.csv", "calibration.csv", "fit.csv"} <= left_out
    assert all(row["reason"] for row in manifest["left_out"])
    there = {path.name for path in (tmp_path / "none").iterdir()}
    assert there == set(CONTENTS) - left_out


def test_only_dicom_files_say_whose_they_are_and_only_on_request(tmp_path):
    source = xa_cases.write(tmp_path / "run.dcm")
    xa_cases.edit(source, PatientName="Surname^Given", PatientID="ID-4711")
    write_all(tmp_path / "asked", findings(), identify=source)
    write_all(tmp_path / "plain", findings())
    named = [p for p in tmp_path.rglob("*/*") if b"Surname" in p.read_bytes()]
    assert {p.relative_to(tmp_path).as_posix() for p in named} == {
        "asked/probability.dcm",
        "asked/artery.seg.dcm",
    }
    assert not any(b"ID-4711" in p.read_bytes() for p in (tmp_path / "plain").iterdir())


def test_a_failure_leaves_the_folder_as_it_was(tmp_path):
    folder = tmp_path / "result"
    folder.mkdir()
    (folder / "before.txt").write_text("kept", encoding="utf-8")
    (tmp_path / "no.dcm").write_bytes(b"no DICOM")
    with pytest.raises(InputError):
        write_all(folder, findings(), identify=tmp_path / "no.dcm")
    assert [path.name for path in folder.iterdir()] == ["before.txt"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["no.dcm", "result"]
