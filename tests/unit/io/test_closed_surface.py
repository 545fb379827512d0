"""Closed surfaces out of files: STL and VTP, and what is refused."""

import numpy as np
import pytest
import pyvista
from angiovox.errors import InputError
from angiovox.geometry.affine import isotropic_affine
from angiovox.io.closed_surface import read_surface
from angiovox.masks.surfaces import write_mesh, write_surface

PLACE = {"center": (3, 5, 7), "direction": (1, 2, 2)}


def tube(radius=2.0, height=30.0, capping=True):
    mesh = pyvista.Cylinder(**PLACE, radius=radius, height=height, resolution=40, capping=capping)
    return mesh.triangulate()


def enclosed(vertices, triangles):
    """Volume by the divergence theorem; positive where triangles face outwards."""
    a, b, c = np.moveaxis(vertices[triangles], 1, 0)
    return np.einsum("ni,ni->", a, np.cross(b, c)) / 6


@pytest.mark.parametrize("suffix", ["stl", "vtp"])
def test_the_workflows_own_surfaces_are_read(tmp_path, suffix):
    mask = np.zeros((30, 30, 30), dtype=bool)
    mask[10:14, 10:14, 2:28] = mask[10:28, 10:13, 20:23] = True
    mask |= np.random.default_rng(0).random(mask.shape) < 0.02  # touches at edges and corners
    files = tmp_path / "a.stl", tmp_path / "a.vtp"
    mesh = write_surface(mask, isotropic_affine(mask.shape, 0.8), *files)
    found = read_surface(tmp_path / f"a.{suffix}")
    assert enclosed(*found) == pytest.approx(mesh.volume, rel=1e-4)
    np.testing.assert_allclose(found[0].min(axis=0), mesh.points.min(axis=0), atol=1e-4)


def test_text_and_polygons_are_read(tmp_path):
    tube().save(tmp_path / "text.stl", binary=False)
    polygons = pyvista.Cylinder(**PLACE, radius=2.0, height=30.0, resolution=40)
    polygons.save(tmp_path / "polygons.vtp")
    for name in ("text.stl", "polygons.vtp"):
        assert enclosed(*read_surface(tmp_path / name)) == pytest.approx(tube().volume, rel=1e-4)


def test_ras_is_brought_to_lps(tmp_path):
    mesh = tube()
    write_mesh(mesh, np.eye(4), tmp_path / "a.stl", tmp_path / "a.vtp")
    expected, _ = read_surface(tmp_path / "a.stl")
    content = (tmp_path / "a.stl").read_bytes()
    (tmp_path / "ras.stl").write_bytes(content.replace(b"SPACE=LPS", b"SPACE=RAS"))
    mesh.field_data["SPACE"] = ["RAS"]
    mesh.save(tmp_path / "ras.vtp")
    for name in ("ras.stl", "ras.vtp"):
        vertices, triangles = read_surface(tmp_path / name)
        np.testing.assert_allclose(vertices.min(axis=0)[2], expected.min(axis=0)[2], atol=1e-4)
        flipped = -vertices.max(axis=0)[:2]
        np.testing.assert_allclose(flipped, expected.min(axis=0)[:2], atol=1e-4)
        assert enclosed(vertices, triangles) > 0


def spoil(folder, kind):
    """A file of a kind that cannot be used."""
    path = folder / f"{kind}.stl"
    if kind == "open":
        tube(capping=False).save(path)
    elif kind == "flipped":
        write_mesh(tube(), np.eye(4), path, folder / "flipped.vtp")
        content = bytearray(path.read_bytes())
        content[96:120] = content[108:120] + content[96:108]  # two corners of a triangle
        path.write_bytes(content)
    elif kind == "metres":
        tube().scale(1e-3).save(path)
    elif kind == "micrometres":
        tube().scale(1e3).save(path)
    elif kind == "empty":
        write_mesh(None, np.eye(4), path, folder / "empty.vtp")
    elif kind == "nan":
        tube().save(path)
        content = bytearray(path.read_bytes())
        content[96:100] = np.float32(np.nan).tobytes()
        path.write_bytes(content)
    elif kind == "short":
        tube().save(path)
        path.write_bytes(path.read_bytes()[:-9])
    elif kind == "text":
        tube().save(path, binary=False)
        path.write_bytes(path.read_bytes()[:-200])
    elif kind == "other":
        path.write_bytes(b"no mesh at all")
    return path


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("open", "not closed: 80 edges"),
        ("flipped", "not closed: 3 edges"),
        ("metres", "in another unit, such as metres"),
        ("micrometres", "expected 5 to 500"),
        ("empty", "no triangle"),
        ("nan", "NaN or infinite"),
        ("short", "cut short"),
        ("text", "cut short"),
        ("other", "no STL"),
        ("missing", "no such file"),
    ],
)
def test_what_is_no_closed_surface_in_mm_is_refused(tmp_path, kind, reason):
    with pytest.raises(InputError, match=reason) as refused:
        read_surface(spoil(tmp_path, kind))
    said = str(refused.value)
    assert said.startswith(f"{kind}.stl: ") and len(said) < 300 and "\n" not in said


@pytest.mark.parametrize("content", [b"hello", b"", None])
def test_a_vtp_file_that_holds_no_surface_is_refused(tmp_path, content, capfd):
    path = tmp_path / "a.vtp"
    tube().save(path)
    path.write_bytes(path.read_bytes()[:-900] if content is None else content)
    with pytest.raises(InputError, match=r"^a\.vtp: "):
        read_surface(path)
    assert capfd.readouterr().err == ""


def test_another_kind_of_file_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"a\.obj: .*\.stl or \.vtp"):
        read_surface(tmp_path / "a.obj")
