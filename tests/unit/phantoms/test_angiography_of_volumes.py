"""Frames of volumes and surfaces that are no phantom's: what is seen, and when."""

from dataclasses import replace

import numpy as np
import pytest
import pyvista
from angiovox.errors import InputError
from angiovox.geometry.affine import isotropic_affine
from angiovox.geometry.cone_beam import CArm
from angiovox.geometry.grid import Grid
from angiovox.io.quantization import quantize
from angiovox.masks.contrast import contrast_share
from angiovox.masks.surfaces import surface
from angiovox.phantoms import acquisition, filling
from angiovox.phantoms.angiography import Beam, Scene, run
from angiovox.phantoms.arrival import mask_arrival
from angiovox.phantoms.bolus import Bolus, speed
from angiovox.projectors.attenuation import CONTRAST
from angiovox.projectors.surface_occupancy import surface_occupancy
from angiovox.vessels.voxelize import occupancy

ARM = CArm(1195, 810, (96, 96), (1.2, 1.2))
SEED = 3
STEADY = Bolus(start=-20.0, duration=60.0)
QUIET = Beam(photons=1e12, blur=1e-3)


def seen(scene, primary=0.0, secondary=0.0, time=2.0, bolus=STEADY, arm=ARM):
    """Attenuation by contrast alone."""
    views = arm.views([primary], [secondary])
    return scene.attenuation(views, time, bolus)[0] - scene.attenuation(views, None, bolus)[0]


def subtracted(scene, primary, secondary):
    frames = run(
        scene, ARM, [primary] * 2, [secondary] * 2, [0.0, 2.0], [True, False], SEED, STEADY, QUIET
    )
    mask, full = np.log(np.maximum(frames.greys, 1.0))
    return mask - full


def tube(start, stop, radius=2.0):
    """A closed tube, as vertices and triangles."""
    start, stop = np.asarray(start, float), np.asarray(stop, float)
    place = {"center": (start + stop) / 2, "direction": stop - start, "radius": radius}
    height = np.linalg.norm(stop - start)
    mesh = pyvista.Cylinder(**place, height=height, resolution=90).triangulate().clean()
    return np.asarray(mesh.points, float), mesh.regular_faces


def bar(shape=(20, 20, 60), low=5, high=55, voxel=1.0):
    mask = np.zeros(shape, dtype=bool)
    mask[8:12, 8:12, low:high] = True
    return mask, Grid(shape, (voxel,) * 3)


# What is seen


@pytest.fixture(scope="module")
def phantom():
    filled = acquisition.fill(SEED, 100.0)
    # Only what the volume's field holds, so that both scenes show the same arteries.
    inside = (np.abs(filled.arteries.points) < 28).all(axis=1)
    arteries = filled.arteries.keep(inside[filled.arteries.segments].all(axis=1))
    return replace(arteries, contrast=np.ones(len(arteries.points))), filled.pose


@pytest.fixture(scope="module")
def exact(phantom):
    """The share of artery in each voxel of a grid, and the grid."""
    grid = Grid((120,) * 3, (0.5,) * 3)
    return occupancy(phantom[0], grid.shape, 0.5)[0], grid


@pytest.mark.parametrize(("primary", "secondary"), [(0, 0), (70, -15)])
def test_a_volume_of_a_phantoms_arteries_gives_its_frames(phantom, exact, primary, secondary):
    share, grid = exact
    own = Scene(*phantom, SEED)
    first = subtracted(own, primary, secondary)
    exposed = run(own, ARM, [primary], [secondary], [0.0], [True], SEED, beam=QUIET).greys[0] > 200
    inside = exposed & (first > 0.01)
    assert inside.sum() > 300

    second = subtracted(Scene.of_volume(share, share > 0, grid), primary, secondary)
    assert np.corrcoef(first[exposed], second[exposed])[0, 1] > 0.999
    assert second[inside].sum() == pytest.approx(first[inside].sum(), rel=0.01)

    # Of a noisy volume and its mask, whose mean stands for undiluted contrast: voxels that arteries
    # fill in part are in it, so that it is a little less.
    noise = np.random.default_rng(0).normal(0, 0.05, grid.shape).astype(np.float32)
    volume, mask = quantize(1000 * (share + noise)), share >= 0.5
    third = subtracted(
        Scene.of_volume(contrast_share(volume, mask), mask, grid), primary, secondary
    )
    assert np.corrcoef(first[exposed], third[exposed])[0, 1] > 0.995
    assert 1 < third[inside].sum() / first[inside].sum() < 1.2


def test_noise_beside_the_vessels_is_no_contrast():
    mask, grid = bar()
    noise = np.random.default_rng(0).normal(0, 0.1, mask.shape)
    held = filling.of_volume((mask + noise).astype(np.float32), mask, grid)
    places = np.stack(held.places, axis=1)
    assert (places[:, 0] >= 7).all() and (places[:, 0] <= 12).all()
    assert (held.amount > 0).all()
    assert mask[held.places].sum() == mask.sum()


@pytest.mark.parametrize("primary", [0.0, 90.0])
def test_a_tube_has_the_line_integrals_of_its_length_and_width(primary):
    """Along its axis in the frontal view, across it in the lateral one."""
    scene = Scene.of_surface(*tube((0, -20, 0), (0, 20, 0)))
    length = {0.0: 40.0, 90.0: 4.0}[primary]
    fine = CArm(1195, 810, (65, 65), (0.2, 0.2))
    middle = seen(scene, primary, arm=fine)[30:35, 30:35].max()
    assert middle == pytest.approx(length * CONTRAST, rel=0.02)


def test_a_volume_and_its_own_surface_give_the_same_frames():
    mask, grid = bar(voxel=0.7)
    mesh = surface(mask, isotropic_affine(mask.shape, 0.7))
    middle = np.asarray(mesh.points).mean(axis=0)
    moved = Grid(grid.shape, grid.voxel_size, tuple((-middle).tolist()))
    own = Scene.of_volume(mask.astype(np.float32), mask, moved)
    other = Scene.of_surface(np.asarray(mesh.points, float), mesh.regular_faces)
    pair = [seen(scene, 30, 20).ravel() for scene in (own, other)]
    assert np.corrcoef(*pair)[0, 1] > 0.99


def test_volume_and_c_arm_turned_together_change_no_frame():
    """By a quarter about the patient's axis, which takes voxels to voxels."""
    rng = np.random.default_rng(1)
    mask, grid = bar((40, 40, 40), 5, 35)
    mask[10:14, 20:35, 18:21] = True
    share = np.where(mask, rng.uniform(0.6, 1.4, mask.shape), 0).astype(np.float32)
    turned = np.rot90(share).copy(), np.rot90(mask).copy()
    first = seen(Scene.of_volume(share, mask, grid), 20.0, 10.0)
    second = seen(Scene.of_volume(*turned, grid), 110.0, 10.0)
    other = seen(Scene.of_volume(*turned, grid), 20.0, 10.0)
    assert np.abs(first - second).max() < 1e-4
    assert np.abs(first - other).max() > 0.1


def test_a_surface_turned_with_the_c_arm_changes_frames_by_interpolation_alone():
    def turn(points, degrees):
        c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        return points @ np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])

    points, triangles = tube((-12, -6, -15), (12, 6, 15))
    first = seen(Scene.of_surface(points, triangles), 10.0)
    second = seen(Scene.of_surface(turn(points, 33), triangles), 43.0)
    assert np.corrcoef(first.ravel(), second.ravel())[0, 1] > 0.995
    assert second.sum() == pytest.approx(first.sum(), rel=0.01)


# When


def test_contrast_reaches_the_lower_end_first_and_the_far_end_last():
    mask, grid = bar()
    points, seconds = mask_arrival(mask, grid)
    height = points[:, 2]
    assert height[np.argmin(seconds)] < height.min() + 0.2 * np.ptp(height)
    assert height[np.argmax(seconds)] == height.max()
    above = height > height.min() + 0.2 * np.ptp(height)
    assert (np.diff(seconds[above][np.argsort(height[above])]) > 0).all()
    way = np.ptp(points, axis=0).max()
    radius = np.sqrt(16 / np.pi)  # of a circle as wide as four by four voxels
    assert seconds.max() == pytest.approx(way / speed(radius), rel=0.05)


def test_the_inlet_is_the_thicker_of_two_vessels_at_the_lower_border():
    mask = np.zeros((40, 20, 40), dtype=bool)
    mask[4:7, 8:11, 0:30] = True
    mask[24:31, 6:13, 0:30] = True
    mask[4:31, 8:11, 27:30] = True
    points, seconds = mask_arrival(mask, Grid(mask.shape, (1.0,) * 3))
    first = points[np.argmin(seconds)]
    assert first[0] > 0 and first[2] < -10
    last = points[np.argmax(seconds)]
    assert last[0] < 0 and last[2] < -10


def test_a_part_beyond_a_gap_fills_after_what_is_before_it():
    mask, grid = bar()
    mask[:, :, 40:44] = False
    points, seconds = mask_arrival(mask, grid)
    height = points[:, 2] - grid.first[2]
    assert np.isfinite(seconds).all()
    assert seconds[height > 44].min() > seconds[height < 40].max()
    assert height[np.argmax(seconds)] == height.max()


def test_frames_fill_upwards_and_are_washed_out():
    mask, grid = bar(voxel=1.5)
    scene = Scene.of_volume(mask.astype(np.float32), mask, grid)
    short = Bolus(start=0.0, duration=0.3, edge=0.02)
    early, late, after = (seen(scene, time=t, bolus=short) for t in (0.06, 0.3, 9.0))
    rows = np.flatnonzero(late.max(axis=0) > 0.05)
    assert early[:, rows[3]].max() > 0.02 > 0.001 > early[:, rows[-3]].max()
    assert np.abs(after).max() < 1e-3


# A surface's voxels


def test_shares_of_a_box_are_exact():
    box = pyvista.Box((-2, 2, -2, 2, -1.9, 2.2)).triangulate().clean()
    grid = Grid((12, 12, 12), (0.5,) * 3)
    share = surface_occupancy(np.asarray(box.points, float), box.regular_faces, grid)
    assert share.sum() * 0.5**3 == pytest.approx(4 * 4 * 4.1, rel=1e-5)
    assert share.max() == 1 and share[0].max() == 0
    places = grid.to_mm(np.moveaxis(np.indices(grid.shape), 0, -1))
    centre = (share[..., None] * places).sum(axis=(0, 1, 2)) / share.sum()
    np.testing.assert_allclose(centre, [0, 0, 0.15], atol=0.02)


def test_bodies_that_overlap_count_once_and_an_inner_wall_bounds_a_hole():
    grid = Grid((40, 40, 40), (0.5,) * 3)

    def share(*bodies):
        points = np.concatenate([points for points, _ in bodies])
        sizes = np.cumsum([0, *(len(points) for points, _ in bodies)])
        triangles = [own + start for (_, own), start in zip(bodies, sizes, strict=False)]
        return surface_occupancy(points, np.concatenate(triangles), grid)

    outer, inner = tube((-8, 0, 0), (8, 0, 0), 4.0), tube((-6, 0, 0), (6, 0, 0), 2.0)
    np.testing.assert_allclose(share(outer, inner), share(outer), atol=1e-6)
    hole = inner[0], inner[1][:, ::-1]
    np.testing.assert_allclose(share(outer, hole), share(outer) - share(inner), atol=1e-6)
    inside_out = outer[0], outer[1][:, ::-1]
    np.testing.assert_allclose(share(inside_out), share(outer), atol=1e-6)


def test_a_large_surface_has_larger_voxels(monkeypatch):
    monkeypatch.setattr(filling, "MOST_VOXELS", 40_000)
    held = filling.of_surface(*tube((0, 0, -15), (0, 0, 15), 4.0))
    assert np.prod(held.grid.shape) < 60_000
    volume = held.amount.sum() * np.prod(held.grid.voxel_size) / CONTRAST
    assert volume == pytest.approx(np.pi * 4.0**2 * 30, rel=0.02)


# What is refused


def test_a_volume_without_a_vessel_is_refused():
    mask, grid = bar()
    share = mask.astype(np.float32)
    with pytest.raises(InputError, match="mask has no voxel"):
        filling.of_volume(share, np.zeros_like(mask), grid)
    with pytest.raises(InputError, match="another volume"):
        filling.of_volume(-share, mask, grid)
    with pytest.raises(ValueError, match="differ"):
        filling.of_volume(share[1:], mask, grid)


def test_a_surface_that_encloses_nothing_is_refused():
    points, triangles = tube((0, 0, -15), (0, 0, 15))
    flat = points * [1, 1, 0]
    with pytest.raises(InputError, match="encloses no volume"):
        filling.of_surface(flat, triangles)
