"""The circle of Willis as people have it, and where the named arteries and territories lie."""

from functools import cache
from itertools import product

import numpy as np
import pytest
from angiovox.phantoms import anatomy, circle_of_willis, cortical_arteries, courses
from angiovox.phantoms.circle_of_willis import SIDES, Variant
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

DRAWS = 20_000
POSTERIOR = list(product(circle_of_willis.POSTERIOR_COMMUNICATING, repeat=2))  # left, right
ANTERIOR = [  # left and right first segment, communicating artery
    ("normal", "normal", "normal"),
    ("normal", "normal", "hypoplastic"),
    ("normal", "normal", "absent"),
    ("absent", "normal", "normal"),
    ("normal", "absent", "normal"),
    ("hypoplastic", "normal", "normal"),
]


def variant(posterior=("normal", "normal"), anterior=("normal",) * 3, trunks=(2, 2)):
    return Variant(
        posterior_communicating=dict(zip(SIDES, posterior, strict=True)),
        first_anterior=dict(zip(SIDES, anterior[:2], strict=True)),
        anterior_communicating=anterior[2],
        middle_trunks=dict(zip(SIDES, trunks, strict=True)),
    )


@cache
def built(seed=0, **parts):
    return anatomy.build(np.random.default_rng(seed), variant(**parts))


def radii(seed, **parts):
    """Prescribed radii by artery, without building what has them."""
    drawn = courses.draw_courses(np.random.default_rng(seed), variant(**parts))
    return {course.name: course.radii for course in drawn}


@cache
def drawn():
    rng = np.random.default_rng(2020)
    return [circle_of_willis.draw_variant(rng) for _ in range(DRAWS)]


def way(graph, name):
    """Nodes of a named artery (n, 3), mirrored to the left."""
    points = np.array(graph.nodes)[graph.paths[name]]
    return points * [-1 if name.startswith("right") else 1, 1, 1]


def front_is_whole(v):
    firsts = set(v.first_anterior.values())
    return firsts == {"normal"} and v.anterior_communicating == "normal"


def posterior(v):
    return set(v.posterior_communicating.values())


# Hindenes 2020, Naveen 2015, Ital J Anat Embryol 1996;101:115. Sides are drawn apart, which leaves
# some three points fewer in whom both posterior communicating arteries are the only gap.
@pytest.mark.parametrize(
    ("has", "published", "tolerance"),
    [
        (lambda v: front_is_whole(v) and posterior(v) == {"normal"}, 0.119, 0.02),
        (lambda v: front_is_whole(v) and posterior(v) <= {"hypoplastic", "absent"}, 0.278, 0.045),
        (front_is_whole, 0.773, 0.02),
        (lambda v: "fetal" in posterior(v), 0.13, 0.02),
    ],
    ids=["complete", "only both posterior missing", "front complete", "fetal"],
)
def test_circles_are_as_frequent_as_published(has, published, tolerance):
    assert np.mean([has(v) for v in drawn()]) == pytest.approx(published, abs=tolerance)


def test_both_sides_vary_alike():
    def share(part, side):
        return np.mean([getattr(v, part)[side] != "normal" for v in drawn()])

    for part in ("posterior_communicating", "first_anterior"):
        assert share(part, "left") == pytest.approx(share(part, "right"), abs=0.03)
        assert share(part, "left") > 0.03


def test_an_anterior_artery_without_its_own_feeder_is_fed_across():
    for v in drawn():
        poor = [side for side in SIDES if v.first_anterior[side] != "normal"]
        assert len(poor) <= 1
        assert not poor or v.anterior_communicating == "normal"


def test_drawing_is_seeded():
    one, again, other = (
        [circle_of_willis.draw_variant(rng) for _ in range(20)]
        for rng in map(np.random.default_rng, (5, 5, 6))
    )
    assert one == again != other


@pytest.mark.parametrize("posterior", POSTERIOR, ids="-".join)
@pytest.mark.parametrize("anterior", ANTERIOR, ids="-".join)
def test_the_circle_joins_what_its_parts_bridge(posterior, anterior):
    """Three bridges between both carotids and the basilar close one loop; with fewer, none."""
    graph = built(posterior=posterior, anterior=anterior)
    edges, count = np.array(graph.edges), len(graph.nodes)
    joined = coo_array((np.ones(len(edges)), edges.T), shape=(count, count))
    parts = connected_components(joined, directed=False)[0]
    bridges = sum(state != "absent" for state in posterior) + ("absent" not in anterior)
    assert parts == 3 - min(bridges, 2)
    assert len(edges) - count + parts == (bridges == 3)
    assert len({frozenset(edge) for edge in graph.edges}) == len(edges)


@pytest.mark.parametrize("posterior", POSTERIOR, ids="-".join)
@pytest.mark.parametrize("anterior", ANTERIOR, ids="-".join)
def test_blood_enters_by_carotids_and_vertebrals_only(posterior, anterior):
    graph = built(posterior=posterior, anterior=anterior)
    ends = {end for _, end in graph.edges}
    roots = {name for (start, _), name in graph.artery_of.items() if start not in ends}
    assert roots == {f"{side} {name}" for side in SIDES for name in ("ICA", "vertebral")}


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("state", circle_of_willis.POSTERIOR_COMMUNICATING)
def test_only_an_absent_posterior_communicating_artery_is_missing(side, state):
    states = tuple(state if s == side else "normal" for s in SIDES)
    assert (f"{side} PCoA" in built(posterior=states).names) == (state != "absent")


@pytest.mark.parametrize(
    ("missing", "anterior"),
    [
        ("left A1", ("absent", "normal", "normal")),
        ("right A1", ("normal", "absent", "normal")),
        ("ACoA", ("normal", "normal", "absent")),
    ],
)
def test_an_absent_anterior_part_is_the_only_one_missing(missing, anterior):
    names, whole = built(anterior=anterior).names, built().names
    kinds = {"ICA", "M1", "A1", "A2", "ACoA"}  # how many perforators leave is drawn anew
    assert {name for name in set(whole) - set(names) if anatomy.kind(name) in kinds} == {missing}


@pytest.mark.parametrize(
    ("name", "thin"),
    [
        ("left PCoA", {"posterior": ("hypoplastic", "normal")}),
        ("left P1", {"posterior": ("fetal", "normal")}),
        ("left A1", {"anterior": ("hypoplastic", "normal", "normal")}),
        ("ACoA", {"anterior": ("normal", "normal", "hypoplastic")}),
    ],
)
def test_a_hypoplastic_artery_is_thinner_than_any_normal_one(name, thin):
    normal = min(min(built(seed).radii[name]) for seed in range(10))
    assert max(max(built(seed, **thin).radii[name]) for seed in range(10)) < 0.85 * normal


@pytest.mark.parametrize("name", ["left A1", "ACoA"])
def test_what_feeds_both_sides_is_thicker(name):
    """On average over patients whose right first segment is normal, thin or absent."""
    normal, thin, absent = (
        np.mean([radii(seed, anterior=("normal", state, "normal"))[name] for seed in range(200)])
        for state in ("normal", "hypoplastic", "absent")
    )
    for feeding in (thin, absent):
        assert feeding / normal == pytest.approx(courses.FEEDING_BOTH, rel=0.05)
    assert courses.FEEDING_BOTH > 1.1


def test_the_left_vertebral_artery_is_thicker_in_two_of_three():
    people = [radii(seed) for seed in range(1000)]
    left, right = (np.array([own[f"{side} vertebral"][0] for own in people]) for side in SIDES)
    assert np.mean(left > right) == pytest.approx(courses.LEFT_DOMINANT, abs=0.04)
    assert 0.6 < courses.LEFT_DOMINANT < 0.75


@pytest.mark.parametrize("anterior", [a for a in ANTERIOR if a[2] != "absent"], ids="-".join)
@pytest.mark.parametrize("seed", range(3))
def test_the_bridge_leads_from_the_feeding_a2_to_the_other(seed, anterior):
    """From first node to first node, whichever side feeds."""
    graph = built(seed, anterior=anterior)
    feeder, fed = SIDES if anterior[0] == "normal" else SIDES[::-1]
    ends = [graph.paths[f"{side} A2"][0] for side in (feeder, fed)]
    assert [graph.paths["ACoA"][end] for end in (0, -1)] == ends


@pytest.mark.parametrize(
    ("host", "leaving"),
    [
        ("ICA", ("M1", "A1")),
        ("M1", ("M2 superior", "M2 inferior", "M2 middle")),
        ("basilar", ("P1",)),
    ],
)
@pytest.mark.parametrize("side", SIDES)
def test_arteries_leave_the_end_of_their_host_on_either_side(side, host, leaving):
    for seed in range(3):
        paths = built(seed, trunks=(3, 3)).paths
        end = paths[host if host == "basilar" else f"{side} {host}"][-1]
        assert {paths[f"{side} {name}"][0] for name in leaving} == {end}


@pytest.mark.parametrize("trunks", [(2, 3), (3, 2)])
def test_a_middle_cerebral_artery_forks_in_as_many_trunks_as_drawn(trunks):
    names = built(trunks=trunks).names
    for side, count in zip(SIDES, trunks, strict=True):
        assert sum(name.startswith(f"{side} M2") for name in names) == count
    share = np.mean([list(v.middle_trunks.values()).count(3) / 2 for v in drawn()])
    assert share == pytest.approx(circle_of_willis.THREE_MIDDLE_TRUNKS, abs=0.02)


@pytest.mark.parametrize("seed", range(10))
def test_named_arteries_run_where_anatomy_has_them(seed):
    """x left, y posterior, z superior; the right side is mirrored before it is looked at."""
    graph = built(seed)
    (_, _, low), *_, (_, _, top) = way(graph, "basilar")
    assert top - low > 20
    for side in SIDES:
        m1, a2, p1, p2 = (way(graph, f"{side} {name}") for name in ("M1", "A2", "P1", "P2"))
        assert m1[-1, 0] - m1[0, 0] > 5  # laterally
        assert np.abs(a2[:, 0]).max() < 7 and a2[:, 2].max() - a2[0, 2] > 25
        assert a2[:, 1].min() < m1[:, 1].min()
        assert p1[:, 2].min() > way(graph, "basilar")[:, 2].mean()
        assert p2[-1, 1] - p2[0, 1] > 50 and (p2[:, 0] > 0).all()
        assert way(graph, f"{side} vertebral")[0, 2] < way(graph, f"{side} PICA")[:, 2].max()
        assert way(graph, f"{side} ophthalmic")[-1, 1] < way(graph, f"{side} ICA")[:, 1].min()
        for name in ("SCA", "AICA", "PICA"):
            assert way(graph, f"{side} {name}")[-1, 2] < p2[:, 2].min()


def test_the_sides_mirror_each_other_but_are_not_the_same():
    graph = built()
    for name in ("ICA", "M1", "A2", "P2", "vertebral"):
        left, right = (way(graph, f"{side} {name}")[[0, -1]] for side in SIDES)
        assert 0 < np.abs(left - right).max() < 10


@pytest.mark.parametrize(
    ("name", "base", "artery"),
    [
        ("left M2 superior", "left", "M2"),
        ("ACoA", "ACoA", "ACoA"),
        ("basilar", "basilar", "basilar"),
    ],
)
def test_kind_is_the_artery_without_side_and_part(name, base, artery):
    assert name.split()[0] == base and anatomy.kind(name) == artery


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("left M2 superior", True),
        ("right A3", True),
        ("left PICA", True),
        ("right M1", False),
        ("left AChA", False),
        ("ACoA", False),
    ],
)
def test_arteries_that_feed_a_surface_are_grown(name, expected):
    assert cortical_arteries.is_grown(name) == expected


@pytest.mark.parametrize("back", [-50.0, 0.0, 17.0, 80.0])
def test_the_upper_midline_lies_on_the_surface(back):
    place = cortical_arteries.on_midline(back)
    assert cortical_arteries.level(place[None], cerebellar=False) == pytest.approx(1)
    assert place[0] == 0 and place[1] == back and place[2] > cortical_arteries.CEREBRUM_CENTRE[2]


def test_far_beyond_the_head_the_midline_ends_on_the_surface():
    for back in (-500.0, 500.0):
        place = cortical_arteries.on_midline(back)
        assert cortical_arteries.level(place[None], cerebellar=False) == pytest.approx(1)
        assert 0 < np.sign(back) * place[1] < 100


@pytest.mark.parametrize("cerebellar", [False, True])
def test_level_is_one_on_the_surface_and_grows_in_proportion(cerebellar):
    centre, axes = (
        (cortical_arteries.CEREBELLUM_CENTRE, cortical_arteries.CEREBELLUM)
        if cerebellar
        else (cortical_arteries.CEREBRUM_CENTRE, cortical_arteries.CEREBRUM)
    )
    np.testing.assert_allclose(cortical_arteries.level(centre + np.diag(axes), cerebellar), 1)
    way = np.random.default_rng(0).standard_normal((50, 3)) * 20
    once, twice = (cortical_arteries.level(centre + f * way, cerebellar) for f in (1, 2))
    np.testing.assert_allclose(twice, 2 * once)


@pytest.mark.parametrize("name", ["left M2 superior", "right A3", "left PICA", "right SCA"])
def test_confined_points_are_in_the_brain_and_on_their_side(name):
    cerebellar = anatomy.kind(name) not in cortical_arteries.CEREBRAL
    centre = (
        cortical_arteries.CEREBELLUM_CENTRE if cerebellar else cortical_arteries.CEREBRUM_CENTRE
    )
    side = 1 if name.startswith("left") else -1
    points = centre + np.random.default_rng(1).normal(0, 30, (400, 3))
    inside = cortical_arteries.confine(points, np.tile(centre + [side, 0, 0], (400, 1)), name)
    assert cortical_arteries.level(inside, cerebellar).max() <= 1 + 1e-9
    assert (side * inside[:, 0] >= 0).all()
    free = (cortical_arteries.level(points, cerebellar) < 1) & (side * points[:, 0] > 0)
    assert 10 < free.sum() < 300
    np.testing.assert_allclose(inside[free], points[free])
