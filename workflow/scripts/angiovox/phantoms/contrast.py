"""Which arteries contrast fills, how much of it arrives where, and where the scanner is centred."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from ..vessels.graph import Arteries
from .anatomy import kind
from .arterial_tree import Patient
from .circle_of_willis import SIDES
from .settings import CENTRES, INJECTIONS

THINNING = 450.0  # mm of artery after which contrast has fallen to 37 %
# ASSUME: how often, and how strongly, one carotid also fills the other anterior cerebral artery.
CROSS_FILLING, CROSS_STRENGTH = 0.25, 0.6
ANTERIOR, POSTERIOR = ("A2", "A3"), ("P2", "P3")  # beyond the circle
CAROTID = ("ICA", "ophthalmic", "AChA", "M1", "M2", "M3", "lenticulostriate", "A1", *ANTERIOR)
BOTH_VERTEBRALS = ("basilar", "AICA", "SCA", "P1", *POSTERIOR, "thalamoperforating")


def inject(
    patient: Patient, injection: str, centre: str = "circle", thins: bool = True
) -> tuple[Arteries, np.ndarray]:
    """The arteries that contrast fills, around the scanner's isocentre.

    Parameters
    ----------
    injection : "carotid" fills one internal carotid, left or right by the patient's seed, and what
        it feeds; "vertebral" the thicker vertebral artery, and what it feeds; "all" everything.
    centre : "circle" puts the isocentre where the injected artery ends at the circle of Willis,
        or at the origin of the anatomy when all are filled; "head" in the middle of all arteries,
        filled or not.
    thins : whether contrast thins with the distance from the catheter.

    Returns
    -------
    The filled arteries, and (3,) mm where
    the origin of the patient's anatomy now lies.

    Raises
    ------
    ValueError : an injection or a centre of another name.
    """
    for word, value, known in (("injection", injection, INJECTIONS), ("centre", centre, CENTRES)):
        if value not in known:
            raise ValueError(f"{word} {value!r}: choose one of {', '.join(known)}")
    rng = np.random.default_rng([patient.seed, 2])
    side = SIDES[rng.integers(2)]
    arteries = patient.arteries
    if injection == "carotid":
        strength = _from_carotid(patient, side, rng)
        arteries = _bridged_from(side, arteries)
        isocentre = _start_of(arteries, f"{side} M1")
    elif injection == "vertebral":
        strength = _from_vertebral(patient, _thicker_vertebral(arteries))
        isocentre = _end_of(arteries, "basilar")
    else:
        strength = dict.fromkeys(arteries.names, 1.0)
        isocentre = np.zeros(3)
    if centre == "head":
        isocentre = (arteries.points.min(axis=0) + arteries.points.max(axis=0)) / 2
    return _filled(arteries, strength, thins).moved(-isocentre), -isocentre


def _from_carotid(patient: Patient, side: str, rng: np.random.Generator) -> dict[str, float]:
    """Share of the contrast in each artery that one internal carotid fills."""
    variant, other = patient.variant, SIDES[1 - SIDES.index(side)]
    names = patient.arteries.names
    filled = {n: 1.0 for n in names if n.startswith(side) and kind(n) in CAROTID}
    if variant.first_anterior[side] != "normal":
        # The other carotid feeds this anterior cerebral artery, through the communicating one.
        filled = {n: s for n, s in filled.items() if kind(n) not in ANTERIOR}
    elif variant.anterior_communicating == "normal":
        feeds_both = variant.first_anterior[other] != "normal"
        if feeds_both or rng.random() < CROSS_FILLING:
            strength = 1.0 if feeds_both else CROSS_STRENGTH
            filled |= dict.fromkeys(["ACoA", *(f"{other} {n}" for n in ANTERIOR)], strength)
    state = variant.posterior_communicating[side]
    if state in ("normal", "fetal"):
        filled[f"{side} PCoA"] = 1.0
    if state == "fetal":
        filled |= {f"{side} {name}": 1.0 for name in POSTERIOR}
    return filled


def _from_vertebral(patient: Patient, side: str) -> dict[str, float]:
    fetal = [s for s in SIDES if patient.variant.posterior_communicating[s] == "fetal"]
    filled = {
        name: 1.0
        for name in patient.arteries.names
        if kind(name) in BOTH_VERTEBRALS
        and not (kind(name) in POSTERIOR and name.split()[0] in fetal)
    }
    return filled | {f"{side} vertebral": 1.0, f"{side} PICA": 1.0}


def _bridged_from(side: str, arteries: Arteries) -> Arteries:
    """The arteries with the flow through the anterior communicating one leaving this side."""
    if "ACoA" not in arteries.names:
        return arteries
    segments, own = arteries.segments.copy(), arteries.artery == arteries.names.index("ACoA")
    if segments[own][-1, 1] in _segments_of(arteries, f"{side} A2"):
        segments[own] = segments[own][::-1, ::-1]
    return replace(arteries, segments=segments)


def _thicker_vertebral(arteries: Arteries) -> str:
    mean = {s: arteries.radii[_segments_of(arteries, f"{s} vertebral")].mean() for s in SIDES}
    return max(SIDES, key=mean.get)


def _segments_of(arteries: Arteries, name: str) -> np.ndarray:
    return arteries.segments[arteries.artery == arteries.names.index(name)]


def _start_of(arteries: Arteries, name: str) -> np.ndarray:
    return arteries.points[_segments_of(arteries, name)[0, 0]]


def _end_of(arteries: Arteries, name: str) -> np.ndarray:
    return arteries.points[_segments_of(arteries, name)[-1, 1]]


def _filled(arteries: Arteries, strength: dict[str, float], thins: bool) -> Arteries:
    """Only the arteries with contrast, and how much of it is left at each point."""
    chosen = np.array([name in strength for name in arteries.names])[arteries.artery]
    filled = arteries.keep(chosen)
    by_artery = np.array([strength.get(name, 0.0) for name in filled.names])
    own = np.zeros(len(filled.points))
    np.maximum.at(own, filled.segments, by_artery[filled.artery][:, None])
    return replace(filled, contrast=own * thinned(filled) if thins else own)


def thinned(arteries: Arteries) -> np.ndarray:
    """Share of the contrast left at each point (n,), by the way from where the flow enters."""
    count = len(arteries.points)
    first, last = arteries.segments.T
    inlets = np.setdiff1d(first, last)
    ways = csr_array((arteries.lengths, (first, last)), shape=(count, count))
    far = dijkstra(ways, directed=False, indices=inlets, min_only=True)
    return np.exp(-far / THINNING)
