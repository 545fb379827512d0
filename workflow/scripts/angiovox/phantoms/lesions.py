"""Lesions planted in filled arteries, with the truth of each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..vessels.graph import Arteries, Pose
from .aneurysms import plant_aneurysm
from .lesion_placement import Lesion
from .malformations import plant_malformation
from .settings import EDGE, KINDS, check_lesion
from .stenoses import plant_stenosis


def plant(
    arteries: Arteries,
    wanted: dict[str, dict[str, Any]],
    field_mm: float,
    seed: int,
    pose: Pose,
    grown: float = 1.0,
) -> tuple[Arteries, list[Lesion]]:
    """Draw which lesions one patient has, and plant them in the field of view.

    Parameters
    ----------
    arteries : filled ones, around the isocentre.
    wanted : by kind: `share` of patients that have one, `size_mm` [least, most] of aneurysms and
        malformations, `degree` and `length_mm` [least, most] of stenoses.
    field_mm : diameter of the field of view. A kind without a site inside is not planted.
    seed : of the patient.
    pose : how the head lies.
    grown : share of the size that aneurysms had, in [0, 1].

    Returns
    -------
    The arteries with their lesions, and the truth.

    Raises
    ------
    ValueError : what `settings.check_lesion` says.
    """
    planters: dict[str, Callable] = {
        "aneurysm": plant_aneurysm,
        "stenosis": plant_stenosis,
        "malformation": plant_malformation,
    }
    truth = []
    for name in sorted(wanted, key=KINDS.index):
        settings = wanted[name]
        check_lesion(settings, field_mm)
        # Each kind draws from a stream of its own: one kind more leaves the others as they were.
        own = np.random.default_rng([seed, 4, KINDS.index(name)])
        if own.random() < settings["share"]:
            chosen = settings | ({"grown": grown} if name == "aneurysm" else {})
            arteries, lesion = planters[name](arteries, chosen, field_mm / 2 - EDGE, pose, own)
            truth += [lesion] if lesion else []
    return arteries, truth
