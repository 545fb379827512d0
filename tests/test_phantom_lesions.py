"""Lesions of the phantoms: where and as large as their truth says, and nothing else moved."""

from collections import Counter
from dataclasses import fields, replace
from functools import cache
from itertools import combinations, product

import numpy as np
import pytest
from angiovox.geometry import LPS_TO_RAS, isotropic_affine
from angiovox.phantom.anatomy import kind
from angiovox.phantom.arteries import Arteries, along
from angiovox.phantom.growth import grow
from angiovox.phantom.injection import inject
from angiovox.phantom.lesions import ANEURYSM_SITES, KINDS, plant
from angiovox.phantom.occupancy import occupancy
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
def filled(patient):
    return inject(grow(patient), "all")[0]


def wanting(*names, share=1.0):
    return {name: {"share": share, **RANGES[name]} for name in names}


@cache
def planted(name, seed):
    """The arteries before and after one lesion, and its truth."""
    after, (lesion,) = plant(filled(seed % 3), wanting(name), FIELD, seed)
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
    """Share in a cube around a place, by its edge, with its pieces numbered and a way to index."""
    count = 2 * int(size_mm / 2 / voxel) + 1
    share, _ = occupancy(arteries.moved(-np.asarray(centre)), (count,) * 3, voxel)
    pieces, _ = ndimage.label(share > 0, np.ones((3, 3, 3)))
    return share, lambda at: pieces[tuple(np.rint((at - centre) / voxel).astype(int) + count // 2)]


@every_kind
def test_nobody_has_a_lesion_of_share_0_and_everybody_one_of_share_1(name):
    for seed in MANY:
        assert plant(filled(0), wanting(name, share=0.0), FIELD, seed) == (filled(0), [])
        assert planted(name, seed)[2].kind == name


@every_kind
def test_a_larger_share_keeps_who_had_one_and_adds_others(name):
    who = {
        share: {s for s in MANY if plant(filled(0), wanting(name, share=share), FIELD, s)[1]}
        for share in (0.2, 0.5, 0.8)
    }
    assert who[0.2] < who[0.5] < who[0.8]
    assert [len(who[share]) / len(MANY) for share in who] == pytest.approx(list(who), abs=0.2)


def test_kinds_are_drawn_independently():
    told = [plant(filled(0), wanting(*KINDS, share=0.5), FIELD, seed)[1] for seed in MANY]
    assert len({tuple(lesion.kind for lesion in lesions) for lesions in told}) == 2 ** len(KINDS)


@every_kind
def test_the_same_seed_plants_the_same_lesion_and_another_seed_another(name):
    again, (told,) = plant(filled(1), wanting(name), FIELD, 1)
    assert same(planted(name, 1)[1], again) and told == planted(name, 1)[2]
    assert planted(name, 4)[2].measures != told.measures


@a_few_patients
def test_wanting_one_more_kind_leaves_the_others_as_they_were(seed):
    """But for a nidus, which may step aside for a sac."""
    alone = {name: planted(name, seed)[2] for name in KINDS}
    for names in (*combinations(KINDS, 2), KINDS, KINDS[::-1]):
        for lesion in plant(filled(seed % 3), wanting(*names), FIELD, seed)[1]:
            own = alone[lesion.kind]
            assert (lesion.site, lesion.measures) == (own.site, own.measures)
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
    away = filled(0).moved(np.array([0.0, 0.0, 500.0]))
    assert plant(away, wanting(name), FIELD, 0) == (away, [])


def test_where_no_artery_has_a_name_every_fork_is_a_site_of_aneurysms():
    whole = part(filled(0), "left ICA", "left M1", "left A1")
    given = replace(whole, artery=np.zeros_like(whole.artery), names=("centreline",))
    forks = given.points[np.bincount(given.segments[:, 0], minlength=len(given.points)) > 1]
    for seed in range(8):
        told = plant(given, wanting("aneurysm", "stenosis"), FIELD, seed)[1]
        assert [(lesion.kind, lesion.site) for lesion in told] == [
            ("aneurysm", "centreline"),
            ("stenosis", "centreline"),
        ]
        away = np.linalg.norm(forks - told[0].position, axis=1).min()
        assert away < told[0].measures["size_mm"] / 2 + given.radii.max() + 0.01


REFUSED = {
    "too long": ("stenosis", "length_mm", [3, 50], "field of view of 48 mm has room for 22 mm"),
    "too wide": ("aneurysm", "size_mm", [3, 48.0], "field of view of 48 mm has room for 22 mm"),
    "negative": ("malformation", "size_mm", [-3, 5], "above 0"),
    "reversed": ("stenosis", "degree", [0.8, 0.4], "least, most"),
    "no number": ("stenosis", "length_mm", [float("nan"), 4], "above 0"),
}


@pytest.mark.parametrize(("name", "key", "given", "words"), REFUSED.values(), ids=REFUSED)
def test_a_range_that_cannot_be_is_refused_with_kind_key_and_value(name, key, given, words):
    wanted = {name: RANGES[name] | {"share": 1e-9, key: given}}  # refused whoever would have one
    with pytest.raises(ValueError, match=words) as refused:
        plant(filled(0), wanted, 48.0, 0)
    assert str(refused.value).startswith(f"{name} {key} {given}: ")
    wanted[name]["share"] = 0
    assert plant(filled(0), wanted, 48.0, 0)[1] == []


@a_few_patients
def test_an_aneurysm_adds_a_sac_with_the_stated_dome_and_neck(seed):
    """The neck is seen where the dome begins, across the way to the dome's middle."""
    before, after, lesion = planted("aneurysm", seed)
    assert grows(before, after)
    size, neck = lesion.measures["size_mm"], lesion.measures["neck_mm"]
    sac, voxel = part(after, "aneurysm"), size / 40
    way = lesion.position - sac.points[0]
    inside = around(sac, lesion.position, 2.5 * size, voxel)[0] > 0.5
    largest_ball = 2 * voxel * ndimage.distance_transform_edt(inside).max()
    assert largest_ball == pytest.approx(size, rel=0.1)
    places = (np.argwhere(inside) - len(inside) // 2) * voxel
    slab = np.abs(places @ way / np.linalg.norm(way) + size / 2) < voxel
    across = 2 * np.sqrt(slab.sum() * voxel**2 / 2 / np.pi)
    assert 0.85 * largest_ball > across == pytest.approx(neck, rel=0.1)


def test_an_aneurysm_lies_whole_in_the_field_of_view():
    reach = []
    for seed, field_mm in product(MANY, (26.0, 36.0)):
        after, told = plant(filled(seed % 3), wanting("aneurysm"), field_mm, seed)
        if told:
            sac = part(after, "aneurysm")
            across = np.hypot(sac.points[:, 0], sac.points[:, 1]), np.abs(sac.points[:, 2])
            reach.append(np.max(across + sac.radii) / field_mm)
    assert len(reach) > len(MANY) and 0.4 < max(reach) < 0.5


@a_few_patients
def test_an_aneurysm_grows_from_where_an_artery_leaves_another(seed):
    before, after, lesion = planted("aneurysm", seed)
    name = lesion.site.replace("M1 fork at M2", "M2")
    start = before.segments[before.artery == before.names.index(name)][0, 0]
    assert len(set(before.artery[(before.segments == start).any(axis=1)])) > 1
    _, piece_at = around(part(after, name, "aneurysm"), before.points[start], 36, 0.4)
    assert piece_at(lesion.position) == piece_at(before.points[start]) > 0


def test_aneurysms_sit_at_the_usual_sites_as_often_as_stated():
    """However many arteries of a kind there are to sit on."""
    draws = [plant(filled(0), wanting("aneurysm"), 100.0, seed)[1][0] for seed in range(600)]
    found = Counter(kind(lesion.site) for lesion in draws)
    assert set(found) <= set(ANEURYSM_SITES)
    for site, share in ANEURYSM_SITES.items():
        deviation = np.sqrt(share * (1 - share) / len(draws))
        assert found[site] / len(draws) == pytest.approx(share, abs=3.5 * deviation), site


@a_few_patients
def test_a_stenosis_narrows_its_artery_smoothly_as_far_as_stated_and_nothing_else(seed):
    before, after, lesion = planted("stenosis", seed)
    degree, length = lesion.measures["degree"], lesion.measures["length_mm"]
    assert same(before, after, [name for name in columns if name != "radii"])
    own = before.segments[before.artery == before.names.index(lesion.site)]
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
    radius, nidus, feeder = lesion.measures["size_mm"] / 2, part(after, "nidus"), lesion.site
    base, stalk = nidus.points[0], part(before, feeder)
    (at,) = np.flatnonzero(np.isclose(stalk.points, base, atol=1e-6).all(axis=1))
    far = np.linalg.norm(nidus.points - lesion.position, axis=1)
    inner = np.linalg.norm(nidus.points - base, axis=1) > 2 * stalk.radii[at]
    assert 0.9 * radius < far[inner].max() < 1.03 * radius
    assert len(np.unique(nidus.points > lesion.position, axis=0)) == 8  # on all sides
    _, piece_at = around(part(after, "nidus", feeder), lesion.position, 26, 0.4)
    assert {piece_at(point) for point in [base, *nidus.points]} == {piece_at(base)} != {0}


@a_few_patients
def test_a_malformation_drains_upwards_through_a_vein_thicker_than_its_loops(seed):
    _, after, lesion = planted("malformation", seed)
    vein, nidus = part(after, "draining vein"), part(after, "nidus")
    # The first points of both are those that they leave from.
    assert set(vein.radii[1:]) == {lesion.measures["vein_radius_mm"]}
    assert vein.radii[1:].min() > nidus.radii[1:].max()
    assert nidus.contrast[1:].min() > vein.contrast[1:].max() > 0
    assert (nidus.points == vein.points[0]).all(axis=1).any()
    assert vein.points[-1, 2] > lesion.position[2] + 2 * lesion.measures["size_mm"]
