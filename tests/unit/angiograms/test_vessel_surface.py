"""Surfaces of reconstructions: where they lie, what they enclose, how certain they are."""

import json
import struct

import numpy as np
import pytest
import pyvista
from angiovox.angiograms.certainty import UNDECIDED, VESSEL, at_points, colours, voxel_certainty
from angiovox.angiograms.surface import vessel_surface, write_surface_files
from angiovox.geometry.grid import Grid
from angiovox.io.closed_surface import read_surface
from made_reconstruction import GRID, findings, fork, tube
from vtkmodules.vtkIOGeometry import vtkGLTFReader


@pytest.fixture(scope="module")
def mesh():
    known = findings()
    return vessel_surface(known.probability, known.state, known.calibrated, known.grid)


@pytest.fixture(scope="module")
def folder(mesh, tmp_path_factory):
    folder = tmp_path_factory.mktemp("surface")
    write_surface_files(folder, mesh)
    return folder


def surface_of(probability, grid=GRID):
    return vessel_surface(probability, np.full(grid.shape, VESSEL), probability, grid)


def test_it_is_closed_and_faces_outwards(mesh):
    assert mesh.is_manifold and mesh.n_open_edges == 0
    outwards = mesh.compute_normals(auto_orient_normals=True, cell_normals=True)
    assert (np.sum(outwards.cell_normals * mesh.face_normals, axis=1) > 0).all()


@pytest.mark.parametrize("radius", [1.0, 2.0, 3.0])
def test_it_encloses_the_volume_of_a_tube(radius):
    grid = Grid((40, 40, 60), (0.5,) * 3)
    mesh = surface_of(tube((0, 0, -10), (0, 0, 10), radius, grid), grid)
    exact = np.pi * radius**2 * 20 + 4 / 3 * np.pi * radius**3
    assert mesh.volume == pytest.approx(exact, rel=0.05)
    np.testing.assert_allclose(mesh.center, 0, atol=0.02)


def test_it_moves_with_the_grid():
    moved = Grid(GRID.shape, GRID.voxel_size, (10.0, 0.0, -7.0))
    one, other = surface_of(fork()), surface_of(fork(), moved)
    shift = np.subtract(moved.centre, GRID.centre)
    np.testing.assert_allclose(
        np.asarray(one.bounds) + np.repeat(shift, 2), other.bounds, atol=1e-2
    )
    assert one.volume == pytest.approx(other.volume, rel=1e-3)


def test_a_vessel_that_the_grid_cuts_is_closed():
    mesh = surface_of(tube((3, -2, -100), (3, -2, 100), 2.0))
    assert mesh.n_open_edges == 0


def test_nothing_has_no_surface():
    assert surface_of(np.full(GRID.shape, 0.4, np.float32)) is None


def test_certainty_follows_the_state(mesh):
    z = np.asarray(mesh.points)[:, 2]
    below, above = z < -1.5, z > 1.5
    np.testing.assert_allclose(mesh["certainty"][below], 1, atol=1e-3)
    np.testing.assert_allclose(mesh["decided"][below], 1, atol=1e-3)
    assert mesh["certainty"][above].max() < 0.5
    assert mesh["decided"][above].max() < 1e-3
    np.testing.assert_array_equal(mesh["colour"], colours(mesh["certainty"]))


def test_more_probability_is_more_certain_of_undecided_voxels_alone():
    state = np.array([0, UNDECIDED, VESSEL], np.uint8)
    low, high = (voxel_certainty(state, np.full(3, p, np.float32)) for p in (0.2, 0.7))
    np.testing.assert_allclose(low, [0, 0.2, 1])
    np.testing.assert_allclose(high, [0, 0.7, 1])


def test_a_mean_at_points_is_trilinear_and_weighted():
    grid = Grid((5, 6, 7), (0.5, 0.7, 0.9), (1.0, 2.0, 3.0))
    indices = np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), axis=-1)
    values = grid.to_mm(indices) @ [1.0, -2.0, 0.5]
    points = grid.to_mm(np.random.default_rng(0).uniform(0, 4, (50, 3)))
    flat = at_points(points, values, np.ones(grid.shape), grid)
    np.testing.assert_allclose(flat, points @ [1.0, -2.0, 0.5], rtol=1e-4, atol=1e-4)
    constant = at_points(points, np.full(grid.shape, 3.0), np.abs(values), grid)
    np.testing.assert_allclose(constant, 3, rtol=1e-5)
    assert not at_points(points, values, np.zeros(grid.shape), grid).any()


def test_colours_get_lighter_with_certainty():
    light = colours(np.linspace(0, 1, 20)) @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(light) > 0).all()


def test_files_hold_the_same_surface(folder, mesh):
    for name in ("artery.stl", "artery.vtp", "artery.ply"):
        read = pyvista.read(folder / name).clean(tolerance=1e-6)
        assert read.n_cells == mesh.n_cells, name
        assert read.volume == pytest.approx(mesh.volume, rel=1e-5)
        np.testing.assert_allclose(read.bounds, mesh.bounds, atol=1e-4)
    for name in ("artery.stl", "artery.vtp"):
        assert len(read_surface(folder / name)[1]) == mesh.n_cells  # as input, closed and in LPS


def test_vtp_and_ply_have_the_colours(folder, mesh):
    vtp, ply = (pyvista.read(folder / f"artery.{kind}") for kind in ("vtp", "ply"))
    np.testing.assert_array_equal(vtp["colour"], mesh["colour"])
    np.testing.assert_allclose(vtp["certainty"], mesh["certainty"])
    np.testing.assert_array_equal(ply["RGB"], mesh["colour"])


def test_glb_is_in_metres_with_y_up(folder, mesh):
    reader = vtkGLTFReader()
    reader.SetFileName(str(folder / "artery.glb"))
    reader.Update()
    read = pyvista.wrap(reader.GetOutput()).combine().extract_surface(algorithm=None)
    assert read.n_cells == mesh.n_cells
    expected = np.asarray(mesh.points)[:, [0, 2, 1]] * [1, 1, -1] / 1000
    np.testing.assert_allclose(read.points, expected, atol=1e-7)
    assert read.volume == pytest.approx(mesh.volume * 1e-9, rel=1e-3)  # a rotation, no mirror


def test_glb_keeps_the_rules_of_the_container(folder, mesh):
    content = (folder / "artery.glb").read_bytes()
    magic, version, length, text_length, kind = struct.unpack("<4sIIII", content[:20])
    assert (magic, version, length, kind) == (b"glTF", 2, len(content), 0x4E4F534A)
    description = json.loads(content[20 : 20 + text_length])
    binary_length, kind = struct.unpack("<II", content[20 + text_length : 28 + text_length])
    assert kind == 0x004E4942 and 28 + text_length + binary_length == len(content)
    assert all(view["byteOffset"] % 4 == 0 for view in description["bufferViews"])
    assert description["buffers"][0]["byteLength"] <= binary_length
    view = description["bufferViews"][2]
    numbers = content[28 + text_length :][view["byteOffset"] :][: view["byteLength"]]
    linear = np.frombuffer(numbers, "<u2").reshape(-1, 4) / 65535
    srgb = np.where(linear > 0.0031308, 1.055 * linear ** (1 / 2.4) - 0.055, 12.92 * linear)
    np.testing.assert_allclose(255 * srgb[:, :3], mesh["colour"], atol=0.5)
    assert (linear[:, 3] == 1).all()
