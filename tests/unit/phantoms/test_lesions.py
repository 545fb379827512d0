"""Lesions of the phantoms: where and as large as their truth says, and nothing else moved."""

from collections import Counter
from dataclasses import fields, replace
from functools import cache
from itertools import combinations

import numpy as np
import pytest
from angiovox.geometry.affine import LPS_TO_RAS, isotropic_affine
from angiovox.phantoms.anatomy import kind
from angiovox.phantoms.aneurysms import ANEURYSM_SITES
from angiovox.phantoms.arterial_tree import grow
from angiovox.phantoms.contrast import inject
from angiovox.phantoms.lesions import plant
from angiovox.phantoms.settings import EDGE, KINDS, check_lesion
from angiovox.vessels.graph import Arteries, Pose, along
from angiovox.vessels.voxelize import occupancy
from scipy import ndimage

RANGES = {
    "aneurysm": {"size_mm": [3, 10]},
    "stenosis": {"degree": [0.4, 0.8], "length_mm": [3, 8]},
    "malformation": {"size_mm": [8, 14]},
}
FIELD, MANY = 60.0, range(60)  # mm, which hold sites of every kind; seeds
a_few_patients = pytest.mark.parametrize("seed", range(6))
every_kind = pytest.mark.parametrize("name", KINDS)
columns = tuple(field.name for field in fields(Arteries))


@cache
def lying(patient):
    """The filled arteries of a patient, and how the head lies."""
    arteries, origin = inject(grow(patient), "all")
    return arteries, Pose(origin)


def filled(patient):
    return lying(patient)[0]


def wanting(*names, share=1.0):
    return {name: {"share": share, **RANGES[name]} for name in names}


@cache
def planted(name, seed):
    """The arteries before and after one lesion, and its truth."""
    arteries, pose = lying(seed % 3)
    after, (lesion,) = plant(arteries, wanting(name), FIELD, seed, pose)
    return filled(seed % 3), after, lesion


def part(arteries, *names):
    return arteries.keep(np.isin(arteries.artery, [arteries.names.index(name) for name in names]))


def same(first, second, names=columns):
    return all(np.array_equal(getattr(first, name), getattr(second, name)) for name in names)


def grows(before, after):
    """Whether all that was there is there unchanged, with something added behind it."""
    pairs = [(getattr(before, name), getattr(after, name)) for name in columns]
    return all(np.array_equal(new[: len(old)], old) and len(new) > len(old) for old, new in pairs)


def around(arteries, centre, size_mm, voxel):
    """Share in a cube around a place, by its edge."""
    count = 2 * int(size_mm / 2 / voxel) + 1
    return occupancy(arteries.moved(-np.asarray(centre)), (count,) * 3, voxel)[0]


def pieces_around(*cube):
    """Which connected piece of the arteries in such a cube a place belongs to."""
    pieces, _ = ndimage.label(around(*cube) > 0, np.ones((3, 3, 3)))
    _, centre, _, voxel = cube
    middle = len(pieces) // 2
    return lambda at: pieces[tuple(np.rint((at - centre) / voxel).astype(int) + middle)]


@every_kind
def test_nobody_has_a_lesion_of_share_0_and_everybody_one_of_share_1(name):
    arteries, pose = lying(0)
    for seed in MANY:
        assert plant(arteries, wanting(name, share=0.0), FIELD, seed, pose) == (arteries, [])
        assert planted(name, seed)[2].kind == name


@every_kind
def test_a_larger_share_keeps_who_had_one_and_adds_others(name):
    arteries, pose = lying(0)
    who = {
        share: {
            seed
            for seed in MANY
            if plant(arteries, wanting(name, share=share), FIELD, seed, pose)[1]
        }
        for share in (0.2, 0.5, 0.8)
    }
    assert who[0.2] < who[0.5] < who[0.8]
    assert [len(who[share]) / len(MANY) for share in who] == pytest.approx(list(who), abs=0.2)


def test_kinds_are_drawn_independently():
    arteries, pose = lying(0)
    told = [plant(arteries, wanting(*KINDS, share=0.5), FIELD, seed, pose)[1] for seed in MANY]
    assert len({tuple(lesion.kind for lesion in lesions) for lesions in told}) == 2 ** len(KINDS)


@every_kind
def test_the_same_seed_plants_the_same_lesion_and_another_seed_another(name):
    arteries, pose = lying(1)
    again, (told,) = plant(arteries, wanting(name), FIELD, 1, pose)
    assert same(planted(name, 1)[1], again) and told == planted(name, 1)[2]
    assert planted(name, 4)[2].measures != told.measures


@a_few_patients
def test_wanting_one_more_kind_leaves_the_others_as_they_were(seed):
    """But for a nidus, which may step aside for a sac."""
    alone = {name: planted(name, seed)[2] for name in KINDS}
    arteries, pose = lying(seed % 3)
    for names in (*combinations(KINDS, 2), KINDS, KINDS[::-1]):
        for lesion in plant(arteries, wanting(*names), FIELD, seed, pose)[1]:
            own = alone[lesion.kind]
            assert (lesion.artery, lesion.measures) == (own.artery, own.measures)
            assert lesion.position == own.position or lesion.kind == "malformation"


@every_kind
def test_measures_lie_in_the_wanted_ranges_and_use_them_up(name):
    for key, (low, high) in RANGES[name].items():
        found = [planted(name, seed)[2].measures[key] for seed in MANY]
        assert low <= min(found) < low + 0.15 * (high - low)
        assert high >= max(found) > high - 0.15 * (high - low)


@a_few_patients
def test_a_position_is_the_place_in_the_image_of_the_patient(seed):
    """By the way that a DICOM reader goes: patient coordinates through the series' affine."""
    _, after, lesion = planted("aneurysm", seed)
    share, _ = occupancy(after, (121, 120, 122), 0.5)
    to_voxels = np.linalg.inv(LPS_TO_RAS @ isotropic_affine(share.shape, 0.5))
    index = np.rint((to_voxels @ [*lesion.position, 1])[:3]).astype(int)
    assert share[tuple(index)] == 1


@every_kind
def test_where_no_site_is_in_view_nothing_is_planted_or_told(name):
    arteries, pose = lying(0)
    far = np.array([0.0, 0.0, 500.0])
    away = arteries.moved(far)
    assert plant(away, wanting(name), FIELD, 0, Pose(pose.origin + far)) == (away, [])


def test_where_no_artery_has_a_name_every_fork_is_a_site_of_aneurysms():
    whole = part(filled(0), "left ICA", "left M1", "left A1")
    given = replace(whole, artery=np.zeros_like(whole.artery), names=("centreline",))
    forks = given.points[np.bincount(given.segments[:, 0], minlength=len(given.points)) > 1]
    for seed in range(8):
        told = plant(given, wanting("aneurysm", "stenosis"), FIELD, seed, lying(0)[1])[1]
        assert [(lesion.kind, lesion.site, lesion.artery) for lesion in told] == [
            ("aneurysm", "fork", "centreline"),
            ("stenosis", "centreline", "centreline"),
        ]
        away = np.linalg.norm(forks - told[0].position, axis=1).min()
        assert away < told[0].measures["size_mm"] / 2 + given.radii.max() + 0.01


NO_ROOM = "the field of view, 48 mm, has room for 44 mm"


def test_an_artery_without_a_fork_has_no_site_of_aneurysms():
    whole = part(filled(0), "left ophthalmic")
    given = replace(whole, artery=np.zeros_like(whole.artery), names=("centreline",))
    assert plant(given, wanting("aneurysm"), FIELD, 0, Pose(np.zeros(3))) == (given, [])


REFUSED = {
    "too long": ("stenosis", "length_mm", [3, 50], NO_ROOM),
    "too wide": ("aneurysm", "size_mm", [3, 44.1], NO_ROOM),
    "negative": ("malformation", "size_mm", [-3, 5], "above 0"),
    "reversed": ("stenosis", "degree", [0.8, 0.4], "least, most"),
    "no number": ("stenosis", "length_mm", [float("nan"), 4], "above 0"),
}


@pytest.mark.parametrize(("name", "key", "given", "words"), REFUSED.values(), ids=REFUSED)
def test_a_range_that_cannot_be_is_refused_with_key_and_value(name, key, given, words):
    wanted = {name: RANGES[name] | {"share": 1e-9, key: given}}  # refused whoever would have one
    with pytest.raises(ValueError, match=words) as refused:
        plant(filled(0), wanted, 48.0, 0, lying(0)[1])
    assert str(refused.value).startswith(f"{key}: {given} ")


@pytest.mark.parametrize(
    ("name", "key"), [(n, k) for n in KINDS for k in RANGES[n] if k[-1] == "m"]
)
def test_the_largest_size_that_fits_passes_and_of_share_0_any_does(name, key):
    settings = RANGES[name] | {"share": 1e-9}
    check_lesion(settings | {key: [3, 48 - 2 * EDGE]}, 48.0)
    larger = {key: [3, 48.1 - 2 * EDGE]}
    with pytest.raises(ValueError, match="share: 0 leaves"):
        check_lesion(settings | larger, 48.0)
    check_lesion(settings | larger | {"share": 0}, 48.0)
    assert plant(filled(0), {name: settings | larger | {"share": 0}}, 48.0, 0, lying(0)[1])[1] == []


@a_few_patients
def test_an_aneurysm_grows_from_where_an_artery_leaves_another(seed):
    before, after, lesion = planted("aneurysm", seed)
    assert grows(before, after)
    name = lesion.artery
    start = before.segments[before.artery == before.names.index(name)][0, 0]
    assert len(set(before.artery[(before.segments == start).any(axis=1)])) > 1
    piece_at = pieces_around(part(after, name, "aneurysm"), before.points[start], 36, 0.4)
    assert piece_at(lesion.position) == piece_at(before.points[start]) > 0


def test_aneurysms_sit_at_the_usual_sites_as_often_as_stated():
    """However many arteries of a kind there are to sit on."""
    arteries, pose = lying(0)
    draws = [plant(arteries, wanting("aneurysm"), 100.0, s, pose)[1][0] for s in range(600)]
    found = Counter(kind(lesion.artery) for lesion in draws)
    assert set(found) <= set(ANEURYSM_SITES)
    for name, (share, *_) in ANEURYSM_SITES.items():
        deviation = np.sqrt(share * (1 - share) / len(draws))
        assert found[name] / len(draws) == pytest.approx(share, abs=3.5 * deviation), name


@a_few_patients
def test_a_stenosis_narrows_its_artery_smoothly_as_far_as_stated_and_nothing_else(seed):
    before, after, lesion = planted("stenosis", seed)
    degree, length = lesion.measures["degree"], lesion.measures["length_mm"]
    assert same(before, after, [name for name in columns if name != "radii"])
    own = before.segments[before.artery == before.names.index(lesion.artery)]
    path = [own[0, 0], *own[:, 1]]
    away = np.linalg.norm(before.points - lesion.position, axis=1)
    narrowed = np.flatnonzero(after.radii != before.radii)
    assert set(narrowed) <= set(path) and away[narrowed].max() <= length / 2
    left, middle = after.radii / before.radii, np.argmin(away)
    assert before.radii[middle] == lesion.measures["healthy_radius_mm"]
    assert left[middle] == left.min() == pytest.approx(1 - degree)
    # Along the artery the loss rises once, falls once, and never by a jump.
    steps, falling = np.diff(left[path]), np.arange(len(own)) < np.flatnonzero(path == middle)[0]
    assert (steps[falling] <= 1e-12).all() and (steps[~falling] >= -1e-12).all()
    steepest = np.pi * degree / length * np.diff(along(before.points[path]))
    assert (np.abs(steps) <= steepest + 1e-9).all()


@a_few_patients
def test_a_nidus_fills_its_ball_in_one_piece_with_its_feeder(seed):
    before, after, lesion = planted("malformation", seed)
    assert grows(before, after)
    radius, nidus, feeder = lesion.measures["size_mm"] / 2, part(after, "nidus"), lesion.artery
    base, stalk = nidus.points[0], part(before, feeder)
    (at,) = np.flatnonzero(np.isclose(stalk.points, base, atol=1e-6).all(axis=1))
    far = np.linalg.norm(nidus.points - lesion.position, axis=1)
    inner = np.linalg.norm(nidus.points - base, axis=1) > 2 * stalk.radii[at]
    assert 0.9 * radius < far[inner].max() < 1.03 * radius
    assert len(np.unique(nidus.points > lesion.position, axis=0)) >= 7  # on all sides
    piece_at = pieces_around(part(after, "nidus", feeder), lesion.position, 26, 0.4)
    assert {piece_at(point) for point in [base, *nidus.points]} == {piece_at(base)} != {0}


@a_few_patients
def test_a_malformation_drains_through_a_vein_thicker_than_its_loops(seed):
    _, after, lesion = planted("malformation", seed)
    vein, nidus = part(after, "draining vein"), part(after, "nidus")
    # The first points of both are those that they leave from.
    assert set(vein.radii[1:]) == {lesion.measures["vein_radius_mm"]}
    assert vein.radii[1:].min() > nidus.radii[1:].max()
    assert nidus.contrast[1:].min() > vein.contrast[1:].max() > 0
    assert (nidus.points == vein.points[0]).all(axis=1).any()


@pytest.mark.parametrize("seed", range(3))
def test_an_earlier_aneurysm_is_smaller_at_the_same_site(seed):
    """And all else is as today, other lesions included."""
    arteries, pose = lying(seed)
    wanted = wanting("aneurysm", "stenosis")
    (now, truth), (before, earlier), (first, none) = (
        plant(arteries, wanted, FIELD, seed, pose, grown) for grown in (1.0, 0.5, 0.0)
    )
    sac, small = truth[0], earlier[0]
    assert (small.kind, small.site, small.artery) == (sac.kind, sac.site, sac.artery)
    for key in ("size_mm", "neck_mm"):
        assert small.measures[key] == pytest.approx(0.5 * sac.measures[key])
    assert none == truth[1:] == earlier[1:]
    shape, voxel = (64,) * 3, FIELD / 64
    shares = [occupancy(one, shape, voxel)[0].sum() for one in (first, before, now)]
    assert shares[0] < shares[1] < shares[2]
    plain, _ = plant(arteries, wanting("aneurysm"), FIELD, seed, pose, 0.0)
    one, other = (occupancy(each, shape, voxel)[0] for each in (plain, arteries))
    np.testing.assert_allclose(one, other, atol=1e-3)
