"""Which arteries an injection fills, where the isocentre lies and how contrast thins."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from angiovox.phantoms import contrast as injection
from angiovox.phantoms.anatomy import kind
from angiovox.phantoms.arterial_tree import grow
from angiovox.phantoms.circle_of_willis import SIDES
from angiovox.phantoms.contrast import CROSS_STRENGTH, INJECTIONS, THINNING, inject, thinned
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order

SEEDS = range(5)
OTHER = dict(zip(SIDES, SIDES[::-1], strict=True))

grown = cache(grow)


def varied(seed, bridge="normal", first=(), posterior=()):
    """A patient whose variant is said to be another; sides that are not named are normal."""
    normal = dict.fromkeys(SIDES, "normal")
    variant = replace(
        grown(seed).variant,
        posterior_communicating=normal | dict(posterior),
        first_anterior=normal | dict(first),
        anterior_communicating=bridge,
    )
    return replace(grown(seed), variant=variant)


def filled(patient, name="carotid"):
    """Names of the arteries with contrast."""
    arteries, _ = inject(patient, name)
    return {arteries.names[number] for number in np.unique(arteries.artery)}


def of(arteries, name):
    """Segments of one artery."""
    return arteries.segments[arteries.artery == arteries.names.index(name)]


def places(arteries, shift):
    """Points as the patient has them, whoever is injected."""
    return [tuple(point) for point in np.round(arteries.points - shift, 6)]


def side_of(patient):
    """The side of the carotid that the patient's seed chooses."""
    (side,) = [side for side in SIDES if f"{side} ICA" in filled(patient)]
    return side


def inlets(arteries):
    """Points from which the flow comes and to which none goes."""
    return np.setdiff1d(arteries.segments[:, 0], arteries.segments[:, 1])


def beyond(letter, *sides):
    """Names of the arteries beyond the circle that a letter stands for, such as "left A2"."""
    return {f"{side} {letter}{number}" for side in sides for number in (2, 3)}


def touching(arteries, end):
    """Names of the arteries that begin (end 0) or arrive (end 1) at the isocentre."""
    ends = arteries.points[arteries.segments[:, end]]
    at = arteries.artery[np.linalg.norm(ends, axis=1) < 1e-9]
    return {arteries.names[number] for number in at}


@pytest.fixture
def cross_filling(monkeypatch):
    """Set how often a carotid fills the other anterior cerebral artery as well."""
    return lambda share: monkeypatch.setattr(injection, "CROSS_FILLING", share)


@pytest.mark.parametrize("name", INJECTIONS)
@pytest.mark.parametrize("seed", SEEDS)
def test_one_catheter_fills_some_arteries_and_all_catheters_fill_all(seed, name):
    arteries, shift = inject(grown(seed), name)
    there, found = set(places(grown(seed).arteries, 0)), set(places(arteries, shift))
    assert found <= there and (found == there) == (name == "all")
    assert len(np.unique(arteries.segments)) == len(arteries.points)


@pytest.mark.parametrize("seed", SEEDS)
def test_arteries_keep_their_shape_whoever_is_injected(seed):
    """The same name has the same course and calibre from any catheter."""
    everything, shift = inject(grown(seed), "all")
    for name in ("carotid", "vertebral"):
        arteries, moved = inject(grown(seed), name)
        for artery in filled(grown(seed), name) - {"ACoA"}:
            own, same = of(arteries, artery), of(everything, artery)
            np.testing.assert_allclose(
                arteries.points[own] - moved, everything.points[same] - shift, atol=1e-9
            )
            np.testing.assert_array_equal(arteries.radii[own], everything.radii[same])


@pytest.mark.parametrize("seed", SEEDS)
def test_without_cross_filling_a_carotid_fills_one_side(seed, cross_filling):
    cross_filling(0.0)
    patient = varied(seed)
    assert {name.split()[0] for name in filled(patient)} == {side_of(patient)}
    assert not {kind(name) for name in filled(patient)} & {"basilar", "vertebral", "P1", "PICA"}


def test_over_patients_both_carotids_are_injected():
    assert {side_of(grown(seed)) for seed in SEEDS} == set(SIDES)


@pytest.mark.parametrize("seed", SEEDS)
def test_cross_filling_adds_the_other_anterior_cerebral_artery_only(seed, cross_filling):
    patient = varied(seed)
    cross_filling(1.0)
    crossed, (arteries, _) = filled(patient), inject(patient, "carotid")
    bridge, fed = "ACoA", beyond("A", OTHER[side_of(patient)])
    for name in fed:
        assert arteries.contrast[of(arteries, name)].max() <= CROSS_STRENGTH
    assert (of(arteries, bridge)[1:, 0] == of(arteries, bridge)[:-1, 1]).all()
    cross_filling(0.0)
    assert crossed - filled(patient) == {bridge, *fed} & set(patient.arteries.names)


@pytest.mark.parametrize("bridge", ["hypoplastic", "absent"])
@pytest.mark.parametrize("seed", SEEDS)
def test_contrast_crosses_no_thin_or_missing_bridge(seed, bridge, cross_filling):
    cross_filling(1.0)
    patient = varied(seed, bridge)
    assert not filled(patient) & {"ACoA", *beyond("A", OTHER[side_of(patient)])}


@pytest.mark.parametrize("first", ["hypoplastic", "absent"])
@pytest.mark.parametrize("seed", SEEDS)
def test_an_a2_without_its_a1_is_fed_by_the_other_carotid(seed, first, cross_filling):
    cross_filling(0.0)
    own = side_of(varied(seed))
    fed_elsewhere = filled(varied(seed, first={own: first}))
    assert not {"ACoA", *beyond("A", *SIDES)} & fed_elsewhere
    feeding = filled(varied(seed, first={OTHER[own]: first}))
    assert beyond("A", *SIDES) <= feeding


@pytest.mark.parametrize("state", ["normal", "hypoplastic", "absent", "fetal"])
@pytest.mark.parametrize("seed", SEEDS)
def test_a_fetal_posterior_cerebral_artery_fills_from_its_carotid_only(seed, state):
    for side in SIDES:
        patient = varied(seed, posterior={side: state})
        own, distal = side_of(patient) == side, beyond("P", side)
        assert distal & filled(patient) == (distal if own and state == "fetal" else set())
        by_vertebral = filled(patient, "vertebral")
        assert distal & by_vertebral == (set() if state == "fetal" else distal)
        assert beyond("P", OTHER[side]) <= by_vertebral
        assert f"{side} P1" in filled(patient, "vertebral")
        reached = own and state in ("normal", "fetal")
        connected = {f"{side} PCoA"} & set(patient.arteries.names)
        assert {f"{side} PCoA"} & filled(patient) == (connected if reached else set())


@pytest.mark.parametrize("seed", SEEDS)
def test_the_thicker_vertebral_artery_is_injected(seed):
    arteries = grown(seed).arteries
    (side,) = [side for side in SIDES if f"{side} vertebral" in filled(grown(seed), "vertebral")]
    own, other = (
        arteries.radii[of(arteries, f"{either} vertebral")[0, 0]] for either in (side, OTHER[side])
    )
    assert own > other
    pica = {name for name in filled(grown(seed), "vertebral") if kind(name) == "PICA"}
    assert pica == {f"{side} PICA"}


@pytest.mark.parametrize("seed", SEEDS)
def test_a_carotid_is_centred_on_its_end_at_the_circle(seed):
    arteries, _ = inject(grown(seed), "carotid")
    side = side_of(grown(seed))
    assert f"{side} ICA" in touching(arteries, 1) and f"{side} M1" in touching(arteries, 0)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_vertebral_artery_is_centred_on_the_end_of_the_basilar(seed):
    arteries, _ = inject(grown(seed), "vertebral")
    assert "basilar" in touching(arteries, 1) and {"left P1", "right P1"} <= touching(arteries, 0)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("seed", [131, 275, 658])
def test_either_carotid_of_a_patient_with_one_poor_a1_is_the_only_inlet(seed, side):
    """The good side feeds both, through a bridge from its own A2 to the other's."""
    patient = grown(seed)
    (poor,) = [s for s in SIDES if patient.variant.first_anterior[s] != "normal"]
    # Which carotid is injected is drawn by the seed: another seed of the same arteries.
    patient = next(p for s in range(99) if side_of(p := replace(patient, seed=s)) == side)
    arteries, _ = inject(patient, "carotid")
    assert len(inlets(arteries)) == 1
    before, after = arteries.contrast[arteries.segments].T
    assert (after < before).all()
    crossing = {"ACoA", *beyond("A", *SIDES)}
    assert crossing & filled(patient) == (crossing if side != poor else set())
    if side != poor:
        bridge, own, other = (of(arteries, n) for n in ("ACoA", f"{side} A2", f"{poor} A2"))
        assert bridge[0, 0] == own[0, 0] and bridge[-1, 1] == other[0, 0]


@pytest.mark.parametrize("name", INJECTIONS)
@pytest.mark.parametrize("seed", SEEDS)
def test_a_head_is_centred_on_the_middle_of_all_arteries(seed, name):
    """Whatever is filled, the same place; only the box of all arteries lies evenly around it."""
    arteries, shift = inject(grown(seed), name, "head")
    whole = grown(seed).arteries.points + shift
    np.testing.assert_allclose(whole.min(axis=0), -whole.max(axis=0), atol=1e-9)
    circle, there = inject(grown(seed), name)
    np.testing.assert_allclose(arteries.points - shift, circle.points - there, atol=1e-9)
    np.testing.assert_array_equal(arteries.contrast, circle.contrast)


@pytest.mark.parametrize("rate", [0.0, 1.0])
@pytest.mark.parametrize("name", ["carotid", "vertebral"])
@pytest.mark.parametrize("seed", SEEDS)
def test_all_that_is_filled_lies_downstream_of_the_one_catheter(seed, name, rate, cross_filling):
    cross_filling(rate)
    arteries, _ = inject(grown(seed), name)
    (inlet,) = inlets(arteries)
    count, (first, last) = len(arteries.points), arteries.segments.T
    ways = csr_array((np.ones(len(first)), (first, last)), shape=(count, count))
    assert len(breadth_first_order(ways, inlet)[0]) == count
    (catheter,) = arteries.artery[first == inlet]
    assert kind(arteries.names[catheter]) == {"carotid": "ICA"}.get(name, name)


@pytest.mark.parametrize("rate", [0.0, 1.0])
@pytest.mark.parametrize("name", ["carotid", "vertebral"])
@pytest.mark.parametrize("seed", SEEDS)
def test_contrast_thins_along_the_flow(seed, name, rate, cross_filling):
    """Full at the catheter, then by each millimetre alike, and more where it crosses over."""
    cross_filling(rate)
    arteries, _ = inject(grown(seed), name)
    before, after = arteries.contrast[arteries.segments].T
    assert arteries.contrast[inlets(arteries)] == 1
    assert arteries.contrast.min() > 0 and arteries.contrast.max() == 1
    expected = before * np.exp(-arteries.lengths / THINNING)
    crossed = after < expected - 1e-9
    np.testing.assert_allclose(after[~crossed], expected[~crossed], rtol=1e-9)
    assert crossed.sum() <= (rate if name == "carotid" else 0)


@pytest.mark.parametrize("seed", SEEDS)
def test_more_catheters_leave_no_less_contrast_anywhere(seed):
    everything, shift = inject(grown(seed), "all")
    most = dict(zip(places(everything, shift), everything.contrast, strict=True))
    assert (everything.contrast > 0).all() and len(inlets(everything)) == 4
    for name in ("carotid", "vertebral"):
        arteries, moved = inject(grown(seed), name)
        left = zip(places(arteries, moved), arteries.contrast, strict=True)
        assert all(most[place] >= contrast - 1e-9 for place, contrast in left)


def test_contrast_thins_by_no_more_than_the_way_between_two_points():
    """Where flows meet, in the circle, the fuller one counts."""
    arteries = grown(0).arteries
    far, (first, last) = -THINNING * np.log(thinned(arteries)), arteries.segments.T
    step = np.abs(far[last] - far[first])
    assert (step <= arteries.lengths + 1e-9).all() and (step < arteries.lengths - 0.01).any()


@pytest.mark.parametrize("name", ["", "basilar", "Carotid"])
def test_an_unknown_injection_is_refused_with_its_name(name):
    with pytest.raises(ValueError, match=f"^injection '{name}'.*carotid, vertebral, all$"):
        inject(grown(0), name)


@pytest.mark.parametrize("name", ["", "heart", "Circle"])
def test_an_unknown_centre_is_refused_with_its_name(name):
    with pytest.raises(ValueError, match=f"^centre '{name}'.*circle, head$"):
        inject(grown(0), "all", name)
