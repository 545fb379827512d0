"""Shape and place of lesions: sacs as wide as told, and all of them where anatomy has them."""

from functools import cache

import numpy as np
import pytest
from angiovox.phantoms.acquisition import apply_random_pose
from angiovox.phantoms.anatomy import kind
from angiovox.phantoms.aneurysms import ANEURYSM_SITES
from angiovox.phantoms.arterial_tree import grow
from angiovox.phantoms.contrast import inject
from angiovox.phantoms.cortical_arteries import level
from angiovox.phantoms.head import Head
from angiovox.phantoms.lesions import plant
from angiovox.phantoms.stenoses import LEAST_RADIUS
from angiovox.vessels.graph import Arteries, Pose
from angiovox.vessels.voxelize import occupancy

STRAIGHT = Pose(np.zeros(3))
ANEURYSM = {"aneurysm": {"share": 1, "size_mm": [3, 10]}}
MALFORMATION = {"malformation": {"share": 1, "size_mm": [8, 14]}}
STENOSIS = {"stenosis": {"share": 1, "degree": [0.5, 0.5], "length_mm": [6, 6]}}


def fork(radius, side_radius=None):
    """An artery along x, 40 mm long, from whose middle a branch leaves along y."""
    far = np.arange(-20, 20.5, 0.5)
    branch = far[far > 0]
    points = np.zeros((len(far) + len(branch), 3))
    points[: len(far), 0], points[len(far) :, 1] = far, branch
    before = np.arange(len(points) - 1)
    before[len(far) - 1] = len(far) // 2
    return Arteries(
        points=points,
        radii=np.where(points[:, 1] > 0, side_radius or radius, float(radius)),
        contrast=np.ones(len(points)),
        segments=np.stack([before, np.arange(1, len(points))], axis=1),
        artery=np.zeros(len(points) - 1, dtype=int),
        names=("centreline",),
    )


@cache
def sac(diameter, size, seed):
    """What an aneurysm of one size adds to an artery: places, from the fork, and their volume.

    Places (n, 3) and the dome's middle in mm, volume in mm3, and the edge of a voxel.
    """
    before, wanted = fork(diameter / 2), {"aneurysm": {"share": 1, "size_mm": [size, size]}}
    after, (lesion,) = plant(before, wanted, 60.0, seed, STRAIGHT)
    middle, voxel = np.array(lesion.position), size / 40
    count = int((2.6 * size + 2 * diameter) / voxel)
    old, new = (
        occupancy(arteries.moved(-middle), (count,) * 3, voxel)[0] for arteries in (before, after)
    )
    places = (np.argwhere(new > np.maximum(old, 0.5)) - (count - 1) / 2) * voxel + middle
    return places, middle, float((new - old).sum()) * voxel**3, voxel


thick_or_thin = pytest.mark.parametrize("diameter", [0.6, 4.0], ids=["thin", "thick"])
sizes = pytest.mark.parametrize("size", [3, 7, 10])
a_few = pytest.mark.parametrize("seed", range(2))


@thick_or_thin
@sizes
@a_few
def test_the_widest_extent_of_a_sac_across_its_neck_is_its_size(diameter, size, seed):
    places, middle, _, voxel = sac(diameter, size, seed)
    one = np.cross(middle, [1.0, 0.2, 0.1])
    other = np.cross(middle, one)
    angles = np.linspace(0, np.pi, 60, endpoint=False)
    ways = np.cos(angles)[:, None] * one / np.linalg.norm(one)
    ways += np.sin(angles)[:, None] * other / np.linalg.norm(other)
    extents = np.ptp(places @ ways.T, axis=0) + voxel
    assert extents.max() == pytest.approx(size, rel=0.04)
    assert extents.min() == pytest.approx(0.92 * size, rel=0.04)  # slightly oval


@thick_or_thin
@sizes
@a_few
def test_a_sac_holds_less_than_a_ball_of_its_size_and_more_than_one_of_nine_tenths(
    diameter, size, seed
):
    volume = sac(diameter, size, seed)[2]
    assert 0.9**3 < volume / (np.pi / 6 * size**3) < 1


@thick_or_thin
@sizes
@a_few
def test_a_sac_leaves_the_far_wall_of_its_artery_as_it_is(diameter, size, seed):
    places, middle, _, _ = sac(diameter, size, seed)
    height = places @ middle / np.linalg.norm(middle)
    assert height.min() > -diameter / 2 - 0.3
    assert height.max() > diameter / 2 + 0.9 * size  # it does stand on the near one


@thick_or_thin
@a_few
def test_a_sac_leaves_the_middle_of_its_artery_by_a_neck_as_wide_as_told(diameter, seed):
    wanted = {"aneurysm": {"share": 1, "size_mm": [6, 6]}}
    after, (lesion,) = plant(fork(diameter / 2), wanted, 60.0, seed, STRAIGHT)
    # Without the piece that is the artery's, down to where the neck begins.
    own = after.keep((after.artery > 0) & (after.segments.min(axis=1) >= len(fork(1).points)))
    count, voxel, base = 120, 0.1, own.points[0]
    share = occupancy(own.moved(-base), (2 * count + 1,) * 3, voxel)[0]
    places = (np.argwhere(share > 0.5) - count) * voxel
    slab = np.abs(places @ lesion.position / np.linalg.norm(lesion.position)) < voxel
    across = 2 * np.sqrt(slab.sum() * voxel**2 / 2 / np.pi)
    assert across == pytest.approx(lesion.measures["neck_mm"], rel=0.1)


def test_a_neck_is_at_most_half_as_wide_again_as_its_artery():
    for diameter in (0.6, 4.0):
        wanted = {"aneurysm": {"share": 1, "size_mm": [10, 10]}}
        told = [plant(fork(diameter / 2), wanted, 60.0, seed, STRAIGHT)[1][0] for seed in range(20)]
        necks = np.array([lesion.measures["neck_mm"] for lesion in told])
        if diameter < 1:
            np.testing.assert_allclose(necks, 1.5 * diameter)
        else:  # by the dome: some 45 % to 75 % of its width
            assert 4.5 <= necks.min() < 5 and 5.5 < necks.max() <= 1.5 * diameter


# In a head


@cache
def lying(patient, centre, tilted):
    arteries, origin = inject(grow(patient), "all", centre)
    return apply_random_pose(arteries, origin, patient + 7) if tilted else (arteries, Pose(origin))


def planted(wanted, seeds, centre="circle", tilted=False, field_mm=160.0):
    """Arteries after, lesion and pose of a few patients, several times each."""
    for seed in seeds:
        arteries, pose = lying(seed % 2, centre, tilted)
        after, lesions = plant(arteries, wanted, field_mm, seed, pose)
        for lesion in lesions:
            yield after, lesion, pose


def beginning(arteries, name):
    return arteries.points[arteries.segments[arteries.artery == arteries.names.index(name)][0, 0]]


@pytest.mark.parametrize("field_mm", [26.0, 36.0])
def test_a_sac_lies_whole_in_the_field_of_view(field_mm):
    reach = []
    for after, _, _ in planted(ANEURYSM, range(80), field_mm=field_mm):
        number = after.names.index("aneurysm")
        # The first of its points is the artery's, which may lie at the edge.
        own = after.segments[after.artery == number, 1]
        x, y, z = after.points[own].T
        reach.append(np.max(np.maximum(np.hypot(x, y), np.abs(z)) + after.radii[own]) / field_mm)
    assert len(reach) > 40 and 0.4 < max(reach) < 0.5


@pytest.mark.parametrize("tilted", [False, True], ids=["straight", "tilted"])
def test_most_sacs_point_the_usual_way_of_their_site_mirrored_on_the_right(tilted):
    usual, sideways = [], {"left": [], "right": []}
    for after, lesion, pose in planted(ANEURYSM, range(240), tilted=tilted):
        leads = (lesion.position - beginning(after, lesion.artery)) @ pose.rotation
        side, way = lesion.artery.split()[0], ANEURYSM_SITES[kind(lesion.artery)].way
        mirror = -1 if side == "right" else 1
        usual.append(leads @ (np.array(way) * [mirror, 1, 1]) > 0)
        if kind(lesion.artery) == "PCoA":
            sideways[side].append(leads[0] > 0)
    assert np.mean(usual) > 0.85
    # A posterior communicating one points outwards: to its own side.
    assert min(map(len, sideways.values())) > 5
    assert np.mean(sideways["left"]) > 0.5 > np.mean(sideways["right"])
    assert np.mean(sideways["left"] + [not left for left in sideways["right"]]) > 0.6


def test_sacs_turn_with_the_head():
    """Half a turn around the neck's axis: what pointed forwards points backwards."""
    arteries, pose = lying(0, "circle", False)
    turned = Pose(pose.origin, np.diag([-1.0, -1.0, 1.0]))
    found = {}
    for name, lies in (("straight", pose), ("turned", turned)):
        told = [plant(arteries, ANEURYSM, 160.0, seed, lies)[1][0] for seed in range(60)]
        leads = [t.position - beginning(arteries, t.artery) for t in told if t.artery == "ACoA"]
        found[name] = np.mean([lead[1] < 0 for lead in leads])
    assert found["straight"] > 0.8 and found["turned"] < 0.35


def test_sites_are_told_in_the_words_of_clinicians():
    told = {lesion.artery: lesion.site for _, lesion, _ in planted(ANEURYSM, range(300))}
    words = {
        "left PCoA": "left posterior communicating",
        "right PCoA": "right posterior communicating",
        "ACoA": "anterior communicating",
        "left M2 superior": "left middle cerebral fork",
        "right M1": "right carotid terminus",
    }
    assert {name: told[name] for name in words} == words
    basilar = [site for name, site in told.items() if kind(name) == "P1"]
    assert basilar and set(basilar) == {"basilar tip"}  # which lies in the middle
    for name, site in told.items():
        if kind(name) not in ("P1", "ACoA"):
            assert site == f"{name.split()[0]} {ANEURYSM_SITES[kind(name)].place}"


@pytest.mark.parametrize("tilted", [False, True], ids=["straight", "tilted"])
@pytest.mark.parametrize("centre", ["circle", "head"])
def test_a_nidus_lies_in_the_brain_and_its_vein_ends_on_the_midline_in_the_skull(centre, tilted):
    count = 0
    for after, lesion, pose in planted(MALFORMATION, range(12), centre, tilted):
        count += 1
        radius = lesion.measures["size_mm"] / 2
        middle = (lesion.position - pose.origin) @ pose.rotation
        ball = middle + radius * np.concatenate([np.eye(3), -np.eye(3)])
        assert level(ball, cerebellar=False).max() < 1.1
        assert level(middle[None], cerebellar=False)[0] < 1 - radius / 60 + 1e-3
        own = after.segments[after.artery == after.names.index("draining vein")]
        vein = after.points[own]
        head = Head.draw(np.random.default_rng(0), pose)
        assert head.depth(*vein.reshape(-1, 3).T).max() < 0
        end = (vein[-1, 1] - pose.origin) @ pose.rotation
        assert end[0] == pytest.approx(0, abs=1e-6)
        assert level(end[None], cerebellar=False)[0] == pytest.approx(1)
        # At the top, where the superior sagittal sinus is, a little behind the nidus.
        assert end[2] > 20 and end[1] == pytest.approx(
            np.clip(middle[1] + 18, -55.9, 89.9), abs=0.1
        )
    assert count >= 8


# Stenoses


def test_only_arteries_wide_enough_to_show_it_are_narrowed_on_any_branch():
    def arms(radius, side_radius):
        given = fork(radius, side_radius)
        told = [plant(given, STENOSIS, 60.0, seed, STRAIGHT)[1] for seed in range(30)]
        places = [np.array(lesion.position) for lesions in told for lesion in lesions]
        return {("xy"[np.argmax(np.abs(at[:2]))], bool(at.sum() > 0)) for at in places}

    thin, thick = 0.99 * LEAST_RADIUS, 1.01 * LEAST_RADIUS
    trunk = {("x", False), ("x", True)}
    assert arms(thick, thick) == trunk | {("y", True)}
    assert arms(thick, thin) == trunk
    assert arms(thin, thick) == {("y", True)}
    assert arms(thin, thin) == set()
