"""Lesions planted in filled arteries, with the truth of each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..vessels.graph import Arteries, Pose
from .aneurysms import plant_aneurysm
from .lesion_placement import Lesion
from .malformations import plant_malformation
from .stenoses import plant_stenosis

KINDS = ("aneurysm", "stenosis", "malformation")
EDGE = 2.0  # mm that a lesion keeps from the edge of the field of view


def plant(
    arteries: Arteries,
    wanted: dict[str, dict[str, Any]],
    field_mm: float,
    seed: int,
    pose: Pose,
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

    Returns
    -------
    The arteries with their lesions, and the truth.

    Raises
    ------
    ValueError : what `check` says.
    """
    planters: dict[str, Callable] = {
        "aneurysm": plant_aneurysm,
        "stenosis": plant_stenosis,
        "malformation": plant_malformation,
    }
    truth = []
    for name in sorted(wanted, key=KINDS.index):
        settings = wanted[name]
        check(settings, field_mm)
        # Each kind draws from a stream of its own: one kind more leaves the others as they were.
        own = np.random.default_rng([seed, 4, KINDS.index(name)])
        if own.random() < settings["share"]:
            arteries, lesion = planters[name](arteries, settings, field_mm / 2 - EDGE, pose, own)
            truth += [lesion] if lesion else []
    return arteries, truth


def check(settings: dict[str, Any], field_mm: float) -> None:
    """Refuse ranges that cannot be, and lesions too large for the field that somebody may have.

    Raises ValueError that begins with the key.
    """
    room = max(0.0, field_mm - 2 * EDGE)
    for key, given in settings.items():
        if key == "share":
            continue
        if not 0 < given[0] <= given[1]:
            raise ValueError(f"{key}: {given} must be [least, most], above 0")
        if key.endswith("_mm") and settings["share"] and given[1] > room:
            raise ValueError(
                f"{key}: {given} does not fit; the field of view, {field_mm:g} mm, has room for "
                f"{room:g} mm (share: 0 leaves these lesions out)"
            )
