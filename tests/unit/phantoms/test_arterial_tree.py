"""Grown patients: where their arteries run, how they join, wind and thin."""

from dataclasses import fields
from functools import cache
from itertools import pairwise, product

import numpy as np
import pytest
from angiovox.phantoms import anatomy, calibre, cortical_arteries, tortuosity
from angiovox.phantoms.acquisition import apply_random_pose
from angiovox.phantoms.arterial_tree import grow
from angiovox.phantoms.circle_of_willis import SIDES
from angiovox.phantoms.contrast import CENTRES, INJECTIONS, inject
from angiovox.phantoms.head import Head
from angiovox.vessels.graph import Arteries, along, branches
from scipy.sparse import coo_array
from scipy.sparse.csgraph import breadth_first_order, connected_components

SEEDS = range(1003, 1009)
FLOW_EXPONENT = 7.5
CORTICAL = (*cortical_arteries.TIPS, *cortical_arteries.BEYOND.values())
grown = cache(grow)


@cache
def kinds(seed):
    """Kind of artery and side (1 left, -1 right, 0 midline) of each segment."""
    arteries = grown(seed).arteries
    side = [{"left": 1, "right": -1}.get(name.split()[0], 0) for name in arteries.names]
    kind = [anatomy.kind(name) for name in arteries.names]
    return np.array(kind)[arteries.artery], np.array(side)[arteries.artery]


@cache
def tips(kind):
    """Ends of one kind of artery and of its cortical branches, mirrored to the left (n, 3)."""
    tree = (kind, cortical_arteries.BEYOND.get(kind, kind))
    found = []
    for seed in SEEDS:
        arteries, (own, side) = grown(seed).arteries, kinds(seed)
        degree = np.bincount(arteries.segments.ravel())
        ends = (degree[arteries.segments[:, 1]] == 1) & np.isin(own, tree)
        mirror = np.stack([side[ends], *np.ones((2, ends.sum()))], axis=1)
        found.append(arteries.points[arteries.segments[ends, 1]] * mirror)
    return np.concatenate(found)


def joined(arteries):
    count, segments = len(arteries.points), arteries.segments
    return coo_array((np.ones(len(segments)), segments.T), shape=(count, count))


def leading_in(arteries):
    return np.bincount(arteries.segments[:, 1], minlength=len(arteries.points))


def names_at(arteries, chosen):
    return {arteries.names[number] for number in arteries.artery[chosen]}


def test_a_seed_is_a_patient():
    first, again, other = grown(1003), grow(1003), grown(1004)
    assert first.variant == again.variant and first.seed == 1003
    for field in fields(Arteries):
        one, two = (getattr(patient.arteries, field.name) for patient in (first, again))
        np.testing.assert_array_equal(one, two)
    assert len(other.arteries.points) != len(first.arteries.points)


@pytest.mark.parametrize("seed", SEEDS)
def test_arteries_are_sound_tubes(seed):
    arteries = grown(seed).arteries
    assert np.isfinite(arteries.points).all() and np.isfinite(arteries.radii).all()
    assert arteries.radii.min() > 0 and (arteries.contrast == 1).all()
    assert arteries.lengths.min() > 0.01
    assert np.quantile(arteries.lengths, 0.999) < 2.2 * tortuosity.STEP
    np.testing.assert_array_equal(np.unique(arteries.segments), np.arange(len(arteries.points)))
    assert len(np.unique(np.sort(arteries.segments, axis=1), axis=0)) == len(arteries.segments)


@pytest.mark.parametrize("seed", SEEDS)
def test_blood_flows_from_four_roots_to_every_point(seed):
    arteries = grown(seed).arteries
    incoming = leading_in(arteries)
    roots = np.flatnonzero(incoming == 0)
    named = names_at(arteries, np.isin(arteries.segments[:, 0], roots))
    assert named == {f"{side} {name}" for side in SIDES for name in ("ICA", "vertebral")}
    assert len(roots) == 4
    flow = joined(arteries).tocsr()
    reached = [breadth_first_order(flow, root, return_predecessors=False) for root in roots]
    assert len(np.unique(np.concatenate(reached))) == len(arteries.points)


@pytest.mark.parametrize("seed", SEEDS)
def test_flows_meet_only_where_the_circle_joins(seed):
    """Both vertebrals in the basilar, and communicating arteries in what the circle feeds."""
    arteries = grown(seed).arteries
    for point in np.flatnonzero(leading_in(arteries) > 1):
        meeting = names_at(arteries, arteries.segments[:, 1] == point)
        fed = {anatomy.kind(n) for n in names_at(arteries, arteries.segments[:, 0] == point)}
        met = {anatomy.kind(n) for n in meeting}
        assert len(meeting) == 2
        assert (met, fed) in [
            ({"vertebral"}, {"basilar"}),
            ({"A1", "ACoA"}, {"A2"}),
            ({"P1", "PCoA"}, {"P2"}),
        ]


@pytest.mark.parametrize("seed", SEEDS)
def test_the_circle_is_as_open_as_the_variant(seed):
    """Growth adds trees: loops and separate parts are those of the circle of Willis."""
    patient = grown(seed)
    variant, arteries = patient.variant, patient.arteries
    whole = [state != "absent" for state in variant.posterior_communicating.values()]
    firsts = {*variant.first_anterior.values(), variant.anterior_communicating}
    bridges = sum(whole) + ("absent" not in firsts)
    parts = connected_components(joined(arteries), directed=False)[0]
    assert parts == 3 - min(bridges, 2)
    assert len(arteries.segments) - len(arteries.points) + parts == (bridges == 3)
    for side, is_whole in zip(SIDES, whole, strict=True):
        assert (f"{side} PCoA" in arteries.names) == is_whole


@pytest.mark.parametrize("seed", SEEDS)
def test_cortical_arteries_fork_in_two(seed):
    """At the base more may meet, such as a fork in three and a perforator at the end of M1."""
    arteries, (kind, _) = grown(seed).arteries, kinds(seed)
    ways = np.bincount(arteries.segments.ravel())
    at_base = np.unique(arteries.segments[~np.isin(kind, CORTICAL)])
    cortical = np.setdiff1d(np.arange(len(ways)), at_base)
    assert set(ways[cortical]) == {1, 2, 3}
    assert ways.max() <= 6


@pytest.mark.parametrize("seed", SEEDS)
def test_cortical_branches_are_numbered_beyond_their_trunk(seed):
    """A3 leaves A2 or A3 of its side; a trunk is one course, and what forks has the next number."""
    arteries = grown(seed).arteries
    beyond = {f"{side} {kind}" for side in SIDES for kind in cortical_arteries.BEYOND.values()}
    assert beyond < set(arteries.names)
    for number, name in enumerate(arteries.names):
        own = arteries.segments[arteries.artery == number]
        side, kind = name.split()[0], anatomy.kind(name)
        if kind in cortical_arteries.BEYOND:
            assert np.bincount(own.ravel()).max() == 2
        for trunk, beyond in cortical_arteries.BEYOND.items():
            if kind == beyond:
                into = np.isin(arteries.segments[:, 1], own[:, 0])
                before = {" ".join(n.split()[:2]) for n in names_at(arteries, into)}
                assert before == {f"{side} {trunk}", name}


@pytest.mark.parametrize("seed", SEEDS)
def test_arteries_lie_inside_the_skull_wherever_the_head_lies(seed):
    """Cortical ones at least 0.3 mm below the inner table, those of the base 10 mm."""
    for injection, centre in product(INJECTIONS, CENTRES):
        arteries, pose = apply_random_pose(
            *inject(grown(seed), injection, centre), seed, grown(seed).size
        )
        depth = Head.draw(np.random.default_rng(seed), pose).depth(*arteries.points.T)
        assert depth.max() < -0.3
        is_grown = np.array([cortical_arteries.is_grown(name) for name in arteries.names])
        assert depth[arteries.segments[~is_grown[arteries.artery]]].max() < -10


@pytest.mark.parametrize("seed", SEEDS)
def test_thin_parts_of_the_circle_are_thin(seed):
    """The carotid feeds a fetal posterior cerebral artery, whose first segment is then thin."""
    patient = grown(seed)
    arteries = patient.arteries

    def radius(name):
        return np.median(arteries.radii[arteries.segments[arteries.artery == names[name]]])

    names = {name: number for number, name in enumerate(arteries.names)}
    for side, state in patient.variant.posterior_communicating.items():
        if state == "hypoplastic":
            assert radius(f"{side} PCoA") < 0.6 < 0.7 < radius(f"{side} P1")
        elif state == "normal":
            assert 0.4 < radius(f"{side} PCoA") < radius(f"{side} P1")
        elif state == "fetal":
            assert radius(f"{side} P1") < 0.55 < radius(f"{side} PCoA")
    for side in SIDES:
        assert radius(f"{side} ICA") > radius(f"{side} M1") > radius(f"{side} ophthalmic")


@pytest.mark.parametrize("seed", SEEDS)
def test_cortical_arteries_thin_along_the_flow(seed):
    arteries, (kind, _) = grown(seed).arteries, kinds(seed)
    first, last = arteries.radii[arteries.segments[np.isin(kind, CORTICAL)]].T
    assert np.median(last / first) < 1 and (last / first).max() < 1.2
    for path in branches(arteries.segments[np.isin(kind, CORTICAL)]):
        assert arteries.radii[path[-1]] < 1.6 * arteries.radii[path[0]]


@pytest.mark.parametrize("seed", SEEDS)
def test_arteries_stay_in_the_brain_and_on_their_side_of_the_falx(seed):
    arteries, (kind, side) = grown(seed).arteries, kinds(seed)
    ends = arteries.points[arteries.segments[:, 1]] / grown(seed).size
    cerebral = np.isin(kind, cortical_arteries.CEREBRAL)
    level = cortical_arteries.level(ends[cerebral], cerebellar=False)
    # Deformed with the space around them, some dip into the tentorium.
    is_above = ends[cerebral][:, 2] > cortical_arteries.CEREBRUM_CENTRE[2]
    assert level[is_above].max() < 1.1
    assert np.percentile(level, 98) < 1.1 and level.max() < 1.4
    cortical = np.isin(kind, CORTICAL)
    own_side = side[cortical] * ends[cortical, 0]
    assert own_side.min() > -10 and (own_side < -1).mean() < 0.02  # where they leave the midline
    tip = cortical & (np.bincount(arteries.segments.ravel())[arteries.segments[:, 1]] == 1)
    assert (side[tip] * ends[tip, 0] > 0).mean() > 0.97


def test_tips_lie_where_each_artery_feeds():
    """Frontal and medial A2, lateral M2, occipital P2, the cerebellum's below and behind."""
    a2, m2, p2 = (tips(kind) for kind in ("A2", "M2", "P2"))
    cerebellar = [tips(kind) for kind in ("SCA", "AICA", "PICA")]
    (a2_x, a2_y, a2_z), (m2_x, m2_y, m2_z), (p2_x, p2_y, p2_z) = (
        np.median(part, axis=0) for part in (a2, m2, p2)
    )
    assert m2_x > a2_x + 10 and m2_x > p2_x + 10
    assert m2[:, 0].max() > max(a2[:, 0].max(), p2[:, 0].max())
    assert a2_y < p2_y - 40 and m2_y < p2_y - 40
    assert a2[:, 1].min() < m2[:, 1].min() < p2[:, 1].min()
    assert np.percentile(p2[:, 1], 95) > max(a2[:, 1].max(), np.percentile(m2[:, 1], 95))
    assert a2_z > m2_z + 10 and a2_z > p2_z + 10
    assert a2[:, 2].max() > max(m2[:, 2].max(), p2[:, 2].max())
    for part in cerebellar:
        assert part[:, 2].max() < 0 and part[:, 1].min() > 12
        assert np.median(cortical_arteries.level(part, cerebellar=True)) == pytest.approx(
            0.97, abs=0.08
        )
    sca, aica, pica = (np.median(part, axis=0) for part in cerebellar)
    assert sca[2] > pica[2] and aica[0] > max(sca[0], pica[0])


@pytest.mark.parametrize("kind", cortical_arteries.TIPS)
def test_an_artery_has_about_as_many_tips_as_asked(kind):
    """No more than the richest patient is given, and the ends of its up to three trunks."""
    least, most = cortical_arteries.TIPS[kind]
    per_side = len(tips(kind)) / (2 * len(SEEDS))
    trunks = 3 if kind == "M2" else 1
    assert 0.75 * least < per_side < 1.5 * most + trunks


def fork(lengths, rng=0):
    """Radii (parent, daughters) at both ends of the branches of a fork of that many mm."""
    graph = anatomy.Graph(nodes=[np.zeros(3), np.array([lengths[0], 0.0, 0.0])])
    graph.edges, graph.arteries = [(0, 1)], ["left M2"]
    for number, length in enumerate(lengths[1:]):
        graph.edges.append((1, len(graph.nodes)))
        graph.arteries.append("left M2")
        graph.nodes.append(graph.nodes[1] + length * np.eye(3)[number])
    ways = branches(np.array(graph.edges))
    radii = calibre.calibres(graph, ways, FLOW_EXPONENT, np.random.default_rng(rng))
    return [own[[0, -1]] for own in radii]


@pytest.mark.parametrize("lengths", [(10, 20, 30), (80, 5, 90), (40, 3, 4, 5)])
def test_radii_at_a_fork_add_up_at_the_stated_power(lengths):
    (_, parent), *daughters = fork(lengths)
    starts = np.array([start for start, _ in daughters])
    power = FLOW_EXPONENT
    assert parent**power == pytest.approx(np.sum(starts**power))
    assert parent > starts.max()


@pytest.mark.parametrize("length", [5, 30, 60, 200])
def test_a_branch_tapers_by_its_length_up_to_a_longest(length):
    _, (start, end), _ = fork((10, length, 20))
    far = min(length, calibre.LONGEST_TAPER)
    assert start / end == pytest.approx(1 + calibre.TAPER * far)


def test_prescribed_radii_are_kept_and_trunks_have_a_least_one():
    graph = anatomy.Graph()
    line = np.arange(20.0)[:, None] * [2.5, 0, 0]
    graph.add_path("left M1", None, line[:8], None)
    graph.add_path("left M2", 7, line[7:], None)
    graph.radii["left M1"] = (1.4, 1.1)
    (way,) = branches(np.array(graph.edges))
    (own,) = calibre.calibres(graph, [way], FLOW_EXPONENT, np.random.default_rng(0))
    np.testing.assert_allclose(own[:8], np.linspace(1.4, 1.1, 8))
    far = along(line[7:])
    least = calibre.TRUNK_RADIUS["M2"] * np.exp(-far / calibre.TRUNK_DECAY)
    assert (own[8:] >= least[1:] - 1e-12).all()
    assert own[8] == pytest.approx(least[1]) and own[-1] > least[-1]
    assert all(a > b for a, b in pairwise(own))
