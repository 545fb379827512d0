"""The circle of Willis varies from one patient to the next: which parts one has, how often."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SIDES = ("left", "right")


@dataclass(frozen=True)
class Variant:
    """Circle of Willis of one patient, by side: what each communicating part is."""

    posterior_communicating: dict[str, str]  # normal, hypoplastic, absent or fetal
    first_anterior: dict[str, str]  # normal, hypoplastic or absent
    anterior_communicating: str  # normal, hypoplastic or absent
    middle_trunks: dict[str, int]  # 2 or 3


# ASSUME: shares that together give the published ones: a complete circle in 11.9 % and both
# posterior communicating arteries as the only gap in 27.8 % (Hindenes 2020, 1,864 people), a
# complete anterior part in 77.3 % (Naveen 2015), a posterior cerebral artery fed by the carotid in
# 13 % (Ital J Anat Embryol 1996;101:115).
POSTERIOR_COMMUNICATING = {"normal": 0.375, "hypoplastic": 0.285, "absent": 0.275, "fetal": 0.065}
FIRST_ANTERIOR = {"normal": 0.88, "hypoplastic": 0.10, "absent": 0.02}  # of one side, at most
ANTERIOR_COMMUNICATING = {"normal": 0.88, "hypoplastic": 0.06, "absent": 0.06}
THREE_MIDDLE_TRUNKS = 0.12


def draw_variant(rng: np.random.Generator) -> Variant:
    """A circle of Willis at published frequencies; at least one side feeds each territory."""
    odd = str(rng.choice(SIDES))
    first = {side: "normal" for side in SIDES}
    first[odd] = _pick(rng, FIRST_ANTERIOR)
    # Behind a missing first segment the other side feeds both: the bridge must be there.
    bridge = _pick(rng, ANTERIOR_COMMUNICATING)
    if first[odd] != "normal":
        bridge = "normal"
    return Variant(
        posterior_communicating={side: _pick(rng, POSTERIOR_COMMUNICATING) for side in SIDES},
        first_anterior=first,
        anterior_communicating=bridge,
        middle_trunks={side: 3 if rng.random() < THREE_MIDDLE_TRUNKS else 2 for side in SIDES},
    )


def _pick(rng: np.random.Generator, shares: dict[str, float]) -> str:
    return str(rng.choice(list(shares), p=list(shares.values())))
