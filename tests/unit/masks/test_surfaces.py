"""Surfaces lie where the vessels are, in patient millimetres, and survive being written."""

from __future__ import annotations

import numpy as np
import pytest
import pyvista
from angiovox.geometry.affine import isotropic_affine
from angiovox.masks import surfaces
from angiovox.masks.surfaces import (
    STL_HEADER,
    decimate,
    level_surface,
    separating_level,
    surface,
    truth_surface,
    write_surface,
)
from angiovox.phantoms.arterial_tree import grow
from angiovox.phantoms.contrast import inject
from angiovox.vessels.voxelize import occupancy

SHAPE = (40, 36, 44)
CENTRE = np.array([18.0, 20.0, 23.0])
RADIUS = 9.0  # voxels


def ball(shape=SHAPE, centre=CENTRE, radius=RADIUS):
    grid = np.stack(np.indices(shape), axis=-1)
    return ((grid - centre) ** 2).sum(axis=-1) <= radius**2


def signed_volume(mesh):
    """Positive when the triangles turn outwards (divergence theorem)."""
    a, b, c = (mesh.points[mesh.regular_faces[:, corner]].astype(float) for corner in range(3))
    return np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6


@pytest.fixture
def affine():
    return isotropic_affine(SHAPE, 0.5)


@pytest.fixture
def paths(tmp_path):
    return tmp_path / "vessel.stl", tmp_path / "vessel.vtp"


def test_a_ball_has_its_volume(affine):
    assert signed_volume(surface(ball(), affine)) == pytest.approx(
        4 / 3 * np.pi * (RADIUS * 0.5) ** 3, rel=0.03
    )


def test_a_ball_has_its_centre_in_lps_millimetres(affine):
    ras = affine @ [*CENTRE, 1.0]
    np.testing.assert_allclose(
        surface(ball(), affine).center, [-ras[0], -ras[1], ras[2]], atol=1e-5
    )


def test_patient_axes_are_the_arrays_axes(affine):
    """x to the left, y to posterior, z to superior: LPS coordinates grow with the indices."""
    near, far = ball(), ball(centre=CENTRE + [3, 5, 7])
    moved = np.array(surface(far, affine).center) - surface(near, affine).center
    np.testing.assert_allclose(moved, [1.5, 2.5, 3.5], atol=1e-5)


def test_a_shift_of_the_affine_shifts_the_mesh(affine):
    shifted = affine.copy()
    shifted[:3, 3] += [10.0, -20.0, 30.0]  # RAS
    here, there = surface(ball(), affine), surface(ball(), shifted)
    np.testing.assert_allclose(
        there.points - here.points, [[-10, 20, 30]] * here.n_points, atol=1e-4
    )
    np.testing.assert_array_equal(here.regular_faces, there.regular_faces)


def test_voxels_may_be_anisotropic():
    affine = np.diag([-0.5, -0.5, 2.0, 1.0])
    mesh = surface(ball(), affine)
    assert signed_volume(mesh) == pytest.approx(4 / 3 * np.pi * RADIUS**3 * 0.5, rel=0.03)


@pytest.mark.parametrize("flip", [[1, 1, 1], [-1, 1, 1], [1, -1, 1], [-1, -1, -1]])
def test_normals_point_outwards_whatever_the_affine_mirrors(flip):
    mesh = surface(ball(), np.diag([*flip, 1.0]))
    assert signed_volume(mesh) > 0
    normals = mesh.compute_normals(cell_normals=False, auto_orient_normals=False)["Normals"]
    outwards = mesh.points - np.array(mesh.center)
    assert (np.einsum("ij,ij->i", normals, outwards) > 0).all()


def test_a_vessel_cut_by_the_edge_is_closed(affine):
    mask = np.ones(SHAPE, dtype=np.uint8)
    mesh = surface(mask, affine)
    assert mesh.n_open_edges == 0
    assert signed_volume(mesh) == pytest.approx(mask.sum() * 0.5**3, rel=0.01)


def test_any_number_but_zero_is_vessel(affine):
    expected = surface(ball(), affine).points
    np.testing.assert_array_equal(surface(ball() * np.uint8(7), affine).points, expected)


def test_smoothing_takes_off_stairs_and_keeps_the_volume(affine):
    rough, smooth = surface(ball(), affine), surface(ball(), affine, smoothing_steps=20)
    assert smooth.area < rough.area
    assert signed_volume(smooth) == pytest.approx(signed_volume(rough), rel=0.02)


def test_a_few_smoothing_steps_keep_a_vessel_one_voxel_wide(affine):
    mask = np.zeros(SHAPE, dtype=bool)
    mask[4:30, 10, 10] = True
    rough, smooth = surface(mask, affine), surface(mask, affine, smoothing_steps=5)
    assert signed_volume(smooth) == pytest.approx(signed_volume(rough), rel=0.08)


def away(points, mesh):
    """Distance in mm of the point that is furthest from a surface."""
    distances = pyvista.PolyData(points).compute_implicit_distance(mesh)["implicit_distance"]
    return np.abs(distances).max()


@pytest.mark.parametrize("voxel_size", [0.6, 1.2])
def test_thinning_out_arteries_moves_nothing_by_more_than_is_said(voxel_size, monkeypatch):
    """Also where most of them are one voxel wide: they stay closed."""
    arteries, _ = inject(grow(1), "carotid", "circle")
    shape = (96, 96, 96)
    affine = isotropic_affine(shape, voxel_size)
    full = surface(occupancy(arteries, shape, voxel_size)[0] >= 0.5, affine)
    monkeypatch.setattr(surfaces, "MOST_TRIANGLES", 0)
    thin = decimate(full, affine)
    assert 0.4 * full.n_cells < thin.n_cells < 0.7 * full.n_cells
    assert thin.is_manifold
    assert thin.n_open_edges == 0
    assert signed_volume(thin) == pytest.approx(signed_volume(full), rel=1e-4)
    assert (
        max(away(full.points, thin), away(thin.points, full))
        <= surfaces.MAX_DEVIATION_VOXELS * voxel_size
    )


def test_thinning_out_stops_at_the_number_asked_for(affine, monkeypatch):
    full = surface(ball(), affine)
    assert decimate(full, affine).n_cells == full.n_cells
    monkeypatch.setattr(surfaces, "MOST_TRIANGLES", round(0.8 * full.n_cells))
    assert decimate(full, affine).n_cells == pytest.approx(0.8 * full.n_cells, abs=2)


def test_the_file_holds_the_mesh_that_was_thinned_out(affine, paths, monkeypatch):
    monkeypatch.setattr(surfaces, "MOST_TRIANGLES", 0)
    mesh = write_surface(ball(), affine, *paths)
    assert mesh.n_cells < surface(ball(), affine).n_cells
    assert [pyvista.read(path).n_cells for path in paths] == [mesh.n_cells] * 2


def test_an_empty_mask_has_no_surface(affine):
    assert surface(np.zeros(SHAPE), affine) is None


def test_a_mask_has_three_axes(affine):
    with pytest.raises(ValueError, match="3 axes"):
        surface(np.ones((4, 4)), affine)


@pytest.mark.parametrize("kind", [0, 1], ids=["stl", "vtp"])
def test_what_is_written_is_read_back(affine, paths, kind):
    mesh = write_surface(ball(), affine, *paths)
    read = pyvista.read(paths[kind])
    corners = read.points[read.regular_faces].reshape(-1, 9)
    np.testing.assert_allclose(corners, mesh.points[mesh.regular_faces].reshape(-1, 9), atol=1e-5)


def test_files_say_that_they_are_lps(affine, paths):
    write_surface(ball(), affine, *paths)
    assert paths[0].read_bytes()[:80].rstrip(b"\0").decode() == STL_HEADER
    assert "SPACE=LPS" in STL_HEADER
    assert list(pyvista.read(paths[1]).field_data["SPACE"]) == ["LPS"]


def test_an_empty_mask_gives_empty_files(affine, paths):
    assert write_surface(np.zeros(SHAPE, dtype=bool), affine, *paths) is None
    assert paths[0].stat().st_size == 84
    assert [pyvista.read(path).n_cells for path in paths] == [0, 0]


def test_the_same_mask_gives_the_same_bytes(affine, tmp_path):
    written = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        paths = tmp_path / name / "vessel.stl", tmp_path / name / "vessel.vtp"
        write_surface(ball(), affine, *paths)
        written.append([path.read_bytes() for path in paths])
    assert written[0] == written[1]


def test_nothing_but_the_files_is_left_behind(affine, paths):
    paths[0].write_text("an older file")
    write_surface(ball(), affine, *paths)
    assert sorted(paths[0].parent.iterdir()) == sorted(paths)


def test_a_failure_leaves_the_older_file(affine, paths, monkeypatch):
    paths[0].write_text("an older file")

    def fail_half_way(mesh, path):
        path.write_text("half")
        raise OSError("disk full")

    monkeypatch.setattr("angiovox.masks.surfaces.write_stl", fail_half_way)
    with pytest.raises(OSError, match="disk full"):
        write_surface(ball(), affine, *paths)
    assert paths[0].read_text() == "an older file"
    assert list(paths[0].parent.iterdir()) == [paths[0]]


def soft_ball(radius=RADIUS):
    """Share of each voxel within a ball, falling over one voxel."""
    grid = np.stack(np.indices(SHAPE), axis=-1)
    return np.clip(0.5 + radius - np.sqrt(((grid - CENTRE) ** 2).sum(axis=-1)), 0, 1)


def radii(mesh, affine):
    """Voxels from the ball's centre to each point."""
    left, posterior, superior = (affine @ [*CENTRE, 1.0])[:3] * [-1, -1, 1]
    return np.linalg.norm(mesh.points - [left, posterior, superior], axis=1) / 0.5


def test_a_level_between_voxels_has_no_stairs(affine):
    smooth = radii(level_surface(soft_ball(), affine), affine)
    stairs = radii(surface(soft_ball() >= 0.5, affine), affine)
    assert np.abs(smooth - RADIUS).max() < 0.1 < np.abs(stairs - RADIUS).max()


def test_a_level_of_a_mask_is_its_surface(affine):
    mesh, plain = level_surface(ball(), affine), surface(ball(), affine)
    assert sorted(map(tuple, mesh.points)) == sorted(map(tuple, plain.points))


def test_a_higher_level_lies_within_a_lower_one(affine):
    low, high = (radii(level_surface(soft_ball(), affine, level), affine) for level in (0.2, 0.8))
    assert high.max() < low.min()


def test_a_vessel_that_the_edge_cuts_is_closed(affine):
    whole = level_surface(np.ones(SHAPE), affine)
    assert whole.n_open_edges == 0 and signed_volume(whole) > 0
    assert level_surface(np.zeros(SHAPE), affine) is None


def test_the_threshold_of_a_mask_is_found_and_no_other(affine):
    volume = 300 * soft_ball()
    mask = volume >= 100
    level = separating_level(mask, volume)
    assert volume[~mask].max() < level < volume[mask].min()
    assert separating_level(ball(), np.roll(volume, 3, axis=0)) is None
    assert separating_level(np.zeros(SHAPE, bool), volume) is None


def test_the_truth_lies_where_the_intensities_cross_the_threshold(affine):
    """A mask of a fourth of the contrast and one of three fourths are half a voxel apart."""
    volume = 300 * soft_ball()
    wide, narrow = (
        radii(truth_surface(volume >= level, volume, affine), affine).mean() for level in (75, 225)
    )
    assert wide - narrow == pytest.approx(0.5, abs=0.1)
    unlike = truth_surface(ball(), np.roll(volume, 3, axis=0), affine)
    assert unlike.n_cells == surface(ball(), affine).n_cells
