"""Centrelines with NURBS contours: branches, epipolar geometry, contours, surfaces, vessels."""

import dataclasses

import numpy as np
import pytest
from angiovox.errors import InputError, TrainingInterrupted
from angiovox.geometry.cone_beam import study_views
from angiovox.geometry.grid import Grid
from angiovox.geometry.imaging import LINE_INTEGRAL, Imaging
from angiovox.geometry.views import Views, parallel_views
from angiovox.io import model_files
from angiovox.method import Context, Measurement, reconstruct
from angiovox.methods import registry
from angiovox.methods.meshes import occupancy, wings
from angiovox.methods.nurbs_centreline.branches import (
    branch_paths,
    round_parts,
    skeleton,
    touching,
    vesselness,
)
from angiovox.methods.nurbs_centreline.contours import WIDEST, contour, half_widths
from angiovox.methods.nurbs_centreline.epipolar import height, meeting, widest_pair
from angiovox.methods.nurbs_centreline.lofting import frames, loft
from angiovox.methods.nurbs_centreline.method import NurbsCentreline, Settings
from angiovox.metrics.overlap import scores
from angiovox.projectors.attenuation import CONTRAST
from angiovox.projectors.line_integral import line_integral
from angiovox.projectors.mip import project_max
from scipy.ndimage import label

pytestmark = pytest.mark.usefixtures("one_thread")

SHAPE = (32, 32, 32)
TWO, THREE = np.array([0.0, 90.0]), np.array([0.0, 45.0, 90.0])
GRID = Grid(SHAPE, (1.0, 1.0, 1.0))
BEAMS = {
    "parallel": parallel_views(np.array([0.0, 70.0]), GRID),
    "cone": study_views(np.array([-20.0, 65.0]), GRID, 1200, 785),
}
EVERY_BEAM = pytest.mark.parametrize("beam", BEAMS)


def distance(start, stop, shape=SHAPE):
    """Of each voxel from the line between two places, in voxels."""
    places = np.moveaxis(np.indices(shape), 0, -1) - np.array(start, float)
    along = np.array(stop, float) - start
    share = np.clip(places @ along / max(along @ along, 1e-9), 0, 1)
    return np.linalg.norm(places - share[..., None] * along, axis=-1)


def patient(beyond, angles=TWO):
    """Maxima of vessels with soft borders, and their mask; beyond : distance from the border."""
    volume = np.clip(0.5 - beyond, 0, 1).astype(np.float32)
    return Measurement(angles, {"projections": project_max(volume, angles)}), beyond <= 0


def found_in(beyond, angles=TWO):
    """Reconstruction of such vessels, and its Dice."""
    known, mask = patient(beyond, angles)
    found = reconstruct(NurbsCentreline(), "p", {"level": 0.5}, known, Context())
    return found, scores(found.probability, mask)["dice"]


def components(graph):
    """Of a centreline graph."""
    joined = np.eye(len(graph.points), dtype=bool)
    joined[tuple(graph.segments.T)] = True
    reached = np.linalg.matrix_power((joined | joined.T).astype(float), 64) > 0
    return len(np.unique(reached, axis=0))


def drawn(*lines, shape=(24, 24), radius=1.6):
    """An image of strokes with soft borders."""
    places = np.moveaxis(np.indices(shape), 0, -1)[:, :, None, :]
    ends = [((*a, 0), (*b, 0)) for a, b in lines]
    apart = [distance(a, b, (*shape, 1))[..., 0] for a, b in ends]
    assert places.shape[:2] == shape
    return np.clip(radius + 0.5 - np.minimum.reduce(apart), 0, 1)


def thinned(image):
    return skeleton(image, 0.5, (1.0, 2.0, 3.0), 0.05)


def test_a_stroke_is_one_branch_along_its_axis():
    found = thinned(drawn(((4, 8), (19, 16))))
    (path,) = found.paths
    away = distance((4, 8, 0), (19, 16, 0), (24, 24, 1))[..., 0]
    assert len(path) >= 14
    assert away[tuple(found.pixels[path].astype(int).T)].max() <= 1
    assert found.half_width[path[3:-3]] == pytest.approx(1.6, abs=0.75)


def test_a_fork_has_three_branches_that_share_its_pixel():
    found = thinned(drawn(((12, 3), (12, 12)), ((12, 12), (4, 21)), ((12, 12), (20, 21))))
    long = [path for path in found.paths if len(path) > 4]
    assert len(long) == 3
    fork = np.mean([found.pixels[path[[0, -1]]] for path in long], axis=0)
    assert np.abs(fork.mean(axis=0) - (12, 12)).max() < 3


def test_vesselness_tells_a_ridge_from_a_plateau():
    image = drawn(((12, 2), (12, 21)))
    image[:, 21:] = 1  # its border is no ridge
    found = vesselness(image, (1.0, 2.0))
    assert found.max() == 1 and found[12, 10] > 0.3 and found[3, 23] < 0.05


def test_pixels_touch_without_shortcuts_and_loops_are_cut():
    corner = np.array([[0, 0], [0, 1], [1, 1], [2, 2]])
    assert {*map(tuple, touching(corner).tolist())} == {(0, 1), (1, 2), (2, 3)}
    ring = np.array([[0, 1], [1, 0], [1, 2], [2, 1]])
    (path,) = branch_paths(touching(ring), 4)
    assert path[0] == path[-1] and {*path.tolist()} == {0, 1, 2, 3}
    assert [p.tolist() for p in branch_paths(np.zeros((0, 2), int), 2)] == [[0], [1]]


def test_a_disc_is_a_blob_at_its_centre_and_a_stroke_is_none():
    disc = np.hypot(*(np.indices((20, 20)) - 9.5)) < 5
    stroke = drawn(((4, 4), (15, 15)), shape=(20, 20)) >= 0.5
    blobs, centres = round_parts(disc, np.where(disc, 4.5, 0))
    np.testing.assert_array_equal(blobs, disc)
    assert centres == pytest.approx(np.array([[9.5, 9.5]]))
    assert len(round_parts(stroke, np.where(stroke, 1.6, 0))[1]) == 0


@EVERY_BEAM
def test_rays_of_a_point_lie_in_one_epipolar_plane_and_meet_in_it(beam):
    views = BEAMS[beam]
    points = np.random.default_rng(1).uniform(-10, 10, (20, 3))
    pixels = views.project(points)
    met, gap = meeting(views[[0]], pixels[0], views[[1]], pixels[1])
    np.testing.assert_allclose(met, points, atol=1e-8)
    np.testing.assert_allclose(gap, 0, atol=1e-8)
    of_views = [
        height(views.origin[v] + p[:, :1] * views.u[v] + p[:, 1:] * views.v[v], views.source)
        for v, p in enumerate(pixels)
    ]
    np.testing.assert_allclose(*of_views, atol=1e-8)
    sign = np.sign(of_views[0] @ points[:, 2])
    allowed = 1e-8 if beam == "parallel" else 0.3  # planes of a pencil are not parallel
    np.testing.assert_allclose(sign * of_views[0], points[:, 2], atol=allowed)


def test_rays_that_miss_each_other_meet_halfway():
    views = BEAMS["parallel"]
    pixels = views.project(np.array([[1.0, 2.0, 3.0], [1.0, 2.0, 4.0]]))
    met, gap = meeting(views[[0]], pixels[0, :1], views[[1]], pixels[1, 1:])
    np.testing.assert_allclose(met, [[1, 2, 3.5]], atol=1e-8)
    assert gap == pytest.approx([1])


def test_the_views_nearest_to_a_right_angle_are_matched():
    views = parallel_views(np.array([0.0, 20.0, 85.0, 170.0]), GRID)
    assert widest_pair(views) in ((0, 2), (2, 3))
    with pytest.raises(InputError, match="2 views within 6 degrees of one line"):
        widest_pair(parallel_views(np.array([0.0, 180.0]), GRID))


@pytest.mark.parametrize("views", [1, 2, 3, 4, 10])
def test_border_lines_of_a_circle_give_the_circle(views):
    angles = np.arange(views) * np.pi / views + 0.3
    found = contour(np.concatenate([angles, angles + np.pi]), np.full(2 * views, 2.5))
    np.testing.assert_allclose(np.hypot(*found.T), 2.5, atol=1e-9)


def test_border_lines_of_an_ellipse_along_its_axes_give_the_ellipse():
    found = contour(np.arange(4) * np.pi / 2, np.array([3.0, 1.0, 3.0, 1.0]))
    np.testing.assert_allclose((found[:, 0] / 3) ** 2 + found[:, 1] ** 2, 1, atol=1e-9)


@pytest.mark.parametrize("views", [2, 3])
def test_a_contour_passes_through_every_border_and_stays_within(views):
    """With 4 of them from two views, and 6 from three."""
    angles = np.arange(2 * views) * np.pi / views
    distances = np.random.default_rng(views).uniform(1.8, 2.2, 2 * views)
    found = contour(angles, distances)
    normals = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    apart = np.linalg.norm(found[:, None] - distances[:, None] * normals, axis=2)
    np.testing.assert_allclose(apart.min(axis=0), 0, atol=1e-9)
    assert (found @ normals.T <= distances + 1e-9).all()


def test_borders_in_one_direction_are_one_and_those_that_contradict_others_give_way():
    angles = np.deg2rad([0.0, 90.0, 91.0, 180.0, 270.0])
    doubled = contour(angles, np.array([2.0, 1.9, 2.1, 2.0, 2.0]))
    np.testing.assert_allclose(np.hypot(*doubled.T), 2, atol=0.05)
    torn = contour(np.arange(6) * np.pi / 3, np.array([9.0, 1, 1, 1, 1, 1]))
    assert np.isfinite(torn).all() and torn.max() <= 2 + 1e-9


@EVERY_BEAM
def test_half_widths_are_the_radius_of_a_cylinder(beam):
    views, line = BEAMS[beam], np.linspace((-6, 3, -8), (5, -2, 8), 12)
    volume = np.clip(3.5 - distance((9.5, 18.5, 7.5), (20.5, 13.5, 23.5)), 0, 1)
    images = np.stack([_maximum(volume, views[[number]]) for number in range(2)])
    tangents, _ = frames(line)
    across, widths = half_widths(images, views, 0.5, line, tangents, 1.0)
    assert widths.shape == (12, 2, 2) and widths == pytest.approx(3, abs=0.35)
    np.testing.assert_allclose((across * tangents[:, None]).sum(axis=2), 0, atol=1e-9)
    np.testing.assert_allclose(np.linalg.norm(across, axis=2), 1, atol=1e-9)


def _maximum(volume: np.ndarray, views: Views) -> np.ndarray:
    from angiovox.projectors.line_integral import project_max as of_views

    return of_views(volume.astype(np.float32), GRID, views)[0]


def test_a_view_along_the_vessel_tells_no_border_and_a_wide_one_is_held_back():
    views = parallel_views(np.array([0.0, 45.0, 90.0]), GRID)
    line = np.linspace((0, -8, 0), (0, 8, 0), 9)  # along the first view's rays
    images = np.zeros(views.shape)
    images[:, :, 13:19] = 1
    images[0] = 1
    _, widths = half_widths(images, views, 0.5, line, frames(line)[0], 1.0)
    assert np.isnan(widths[:, 0]).all() and widths[:, 1:] == pytest.approx(3, abs=0.01)
    upright = np.linspace((0, 0, -8), (0, 0, 8), 9)
    images[:] = 0
    images[:, 13:19], images[0, 5:27] = 1, 1
    _, widths = half_widths(images, views, 0.5, upright, frames(upright)[0], 1.0)
    assert widths[:, 1:] == pytest.approx(3, abs=0.01)
    assert widths[:, 0] == pytest.approx(3 * WIDEST, abs=0.01)


def test_a_lofted_surface_is_closed_and_holds_a_tube_with_round_ends():
    line = np.stack([np.full(13, 12.0), np.full(13, 11.0), np.arange(6.0, 19.0)], axis=1)
    tangents, normals = frames(line)
    angle = np.arange(24) * np.pi / 12
    ring = np.cos(angle)[:, None] * normals[0] + np.sin(angle)[:, None] * np.cross(
        tangents[0], normals[0]
    )
    vertices, triangles = loft(line, tangents, np.repeat(3 * ring[None], 13, axis=0))
    wings(triangles)  # raises where an edge is not of two triangles
    share = occupancy(vertices, triangles, (24, 24, 24))
    exact = np.pi * 9 * 12 + 4 / 3 * np.pi * 27
    assert 0.96 * exact < share.sum() < exact
    volume = np.linalg.det(vertices[triangles]).sum() / 6
    assert volume == pytest.approx(share.sum(), rel=0.01)  # not its negative: outwards


def test_frames_are_right_angled_and_turn_no_more_than_they_must():
    t = np.linspace(0, 3, 40)
    tangents, normals = frames(np.stack([np.cos(t), np.sin(t), 0.3 * t], axis=1))
    np.testing.assert_allclose((tangents * normals).sum(axis=1), 0, atol=1e-9)
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-9)
    assert (normals[1:] * normals[:-1]).sum(axis=1).min() > 0.99


CYLINDERS = {
    "upright": (((16, 15, 4), (16, 15, 27)), 3.0, 0.95),
    "oblique": (((8, 10, 6), (22, 20, 25)), 2.5, 0.91),
}


@pytest.mark.parametrize("name", CYLINDERS)
@pytest.mark.parametrize("angles", [TWO, THREE], ids=["two", "three"])
def test_a_cylinder_is_recovered(name, angles):
    (start, stop), radius, least = CYLINDERS[name]
    found, dice = found_in(distance(start, stop) - radius, angles)
    print(f"{name}, {len(angles)} views: Dice {dice:.3f}")
    assert dice > least
    graph = found.centreline
    assert graph.radii == pytest.approx(radius, abs=0.2)
    inner = np.round(graph.points).astype(int)
    assert distance(start, stop)[tuple(inner.T)].max() < 1.5
    assert components(graph) == 1 and len(graph.segments) == len(graph.points) - 1


@pytest.mark.parametrize("name", ["truth", "mirror"])
def test_a_third_view_tells_a_level_cylinder_from_its_mirror_image(name):
    """All its pixels lie on one epipolar line, where every pair would do."""
    truth, mirror = (
        distance((6, one, 15), (24, other, 15)) - 3 for one, other in ((10, 18), (18, 10))
    )
    known = [patient(beyond)[0].inputs["projections"] for beyond in (truth, mirror)]
    np.testing.assert_array_equal(*(images.round(5) for images in known))
    beyond = truth if name == "truth" else mirror
    found, dice = found_in(beyond, THREE)
    other = truth + mirror - beyond
    print(f"level, {name}: Dice {dice:.3f}")
    assert dice > 0.65 and dice > scores(found.probability, other <= 0)["dice"] + 0.3
    assert found.centreline.radii == pytest.approx(3, abs=0.3)
    x, y, _ = found.centreline.points.T
    assert np.corrcoef(x, y)[0, 1] * (1 if name == "truth" else -1) > 0.85


def bifurcation(swapped=False):
    """A trunk with a wide and a narrow arm; swapped : their depths."""
    near, far = (22, 10) if swapped else (10, 22)
    arms = distance((16, 15, 14), (7, near, 27)) - 2.6, distance((16, 15, 14), (25, far, 27)) - 1.5
    return np.minimum.reduce([distance((16, 15, 4), (16, 15, 14)) - 3, *arms])


@pytest.mark.parametrize("swapped", [False, True])
def test_a_bifurcation_is_one_graph_with_three_ends(swapped):
    found, dice = found_in(bifurcation(swapped))
    print(f"bifurcation: Dice {dice:.3f}")
    assert dice > 0.84
    graph = found.centreline
    degree = np.bincount(graph.segments.ravel(), minlength=len(graph.points))
    assert components(graph) == 1 and (degree == 1).sum() == 3
    assert label(found.probability >= 0.5, np.ones((3, 3, 3)))[1] == 1


def crossing(radii, swapped=False):
    """Two vessels that cross in the first view and lie apart in depth; swapped : their depths."""
    near, far = (22, 10) if swapped else (10, 22)
    first = distance((8, near, 5), (24, near, 27)) - radii[0]
    return np.minimum(first, distance((24, far, 5), (8, far, 27)) - radii[1])


@pytest.mark.parametrize("swapped", [False, True])
def test_widths_tell_which_of_two_crossing_vessels_lies_where(swapped):
    _, dice = found_in(crossing((3.2, 1.6), swapped))
    print(f"crossing, two widths: Dice {dice:.3f}")
    assert dice > 0.8


@pytest.mark.parametrize("swapped", [False, True])
def test_a_third_view_tells_it_where_they_are_alike(swapped):
    alike = crossing((2.2, 2.2), swapped)
    _, dice = found_in(alike, THREE)
    print(f"crossing, alike, three views: Dice {dice:.3f}")
    assert dice > 0.87


def test_two_views_of_vessels_alike_do_not_tell():
    """Both are the same to the first two views: one of them must be wrong."""
    known = [patient(crossing((2.2, 2.2), swapped))[0].inputs["projections"] for swapped in (0, 1)]
    np.testing.assert_allclose(*known, atol=1e-6)
    assert min(found_in(crossing((2.2, 2.2), swapped))[1] for swapped in (0, 1)) < 0.6


@pytest.mark.thorough
@pytest.mark.parametrize("edge", [16, 24])
def test_a_ball_is_recovered_from_ten_views(edge):
    centre = 3 * ((edge - 1) / 2,)
    known, mask = patient(distance(centre, centre, 3 * (edge,)) - edge / 4, np.linspace(0, 90, 10))
    found = reconstruct(NurbsCentreline(), "p", {"level": 0.5}, known, Context())
    dice = scores(found.probability, mask)["dice"]
    print(f"ball of radius {edge / 4:g} voxels: Dice {dice:.3f}")
    assert dice > 0.95 and found.centreline.radii == pytest.approx(edge / 4, abs=0.1)


def test_line_integrals_of_a_cone_beam_are_matched_too():
    imaging = Imaging(32, 10, LINE_INTEGRAL, "cone", -20.0, 110.0)
    grid = Grid(SHAPE, (0.75, 0.75, 0.75))
    chosen = imaging.chosen(3)
    views = imaging.views(grid)[chosen]
    beyond = distance((9, 11, 6), (21, 18, 25)) - 2.5
    share = np.clip(0.5 - beyond, 0, 1).astype(np.float32)
    integrals = line_integral(share * np.float32(CONTRAST), grid, views)
    known = Measurement(imaging.angles[chosen], {"projections": integrals}, grid)
    known = dataclasses.replace(known, imaging=imaging, views=views)
    method = NurbsCentreline()
    state, history = method.fit([(known, beyond <= 0)], Context())
    found = reconstruct(method, "p", state, known, Context())
    dice = scores(found.probability, beyond <= 0)["dice"]
    print(f"cone beam: Dice {dice:.3f}, silhouettes {history[0]['iou']:.3f}")
    assert dice > 0.85
    assert np.median(found.centreline.radii) == pytest.approx(2.5, abs=0.35)


def test_the_level_is_where_silhouettes_agree_and_one_float(tmp_path):
    lines = []
    state, history = NurbsCentreline().fit([patient(bifurcation())], Context(log=lines.append))
    assert type(state["level"]) is float and 0.4 < state["level"] < 0.6
    assert history[0]["iou"] > 0.95 and "level" in lines[0]
    model_files.save_model(tmp_path / "model.pt", state)
    assert model_files.load_model(tmp_path / "model.pt") == state


def test_without_vessels_there_is_nothing():
    found, _ = found_in(np.full(SHAPE, 9.0))
    assert not found.probability.any() and found.surface[1].shape == (0, 3)
    assert len(found.centreline.points) == len(found.centreline.segments) == 0


@pytest.mark.parametrize("after", [0, 2])
def test_stopped_and_resumed_equals_uninterrupted(tmp_path, after):
    known, _ = patient(bifurcation())
    method, state = NurbsCentreline(), {"level": 0.5}
    context = Context(checkpoint=tmp_path / "c.pt", stamp={"seed": "1"})
    asked = iter(range(100))
    stopping = dataclasses.replace(context, stopping=lambda: next(asked) >= after)
    with pytest.raises(TrainingInterrupted, match=f"^stopped after {after} of"):
        reconstruct(method, "p", state, known, stopping)
    lines = []
    resumed = reconstruct(method, "p", state, known, dataclasses.replace(context, log=lines.append))
    whole = reconstruct(method, "p", state, known, Context())
    assert bool(after) == lines[0].startswith(f"resuming after {after} of")
    np.testing.assert_array_equal(resumed.probability, whole.probability)
    for one, other in zip(resumed.surface, whole.surface, strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(resumed.centreline.radii, whole.centreline.radii)


@pytest.mark.parametrize(
    "bad",
    [{"smallest_sigma": 0}, {"largest_sigma": 0.5}, {"sigmas": 0}, {"least_vesselness": -1}],
)
def test_bad_settings_are_refused_by_name(bad):
    (key,) = bad
    with pytest.raises(InputError, match=rf"^methods\.nurbs_centreline\.{key}: "):
        registry.create("nurbs_centreline", bad)


def test_scales_are_evenly_spaced():
    assert Settings().every_sigma == [1.0, 2.0, 3.0]
    assert Settings(sigmas=1, smallest_sigma=2.0).every_sigma == [2.0]
