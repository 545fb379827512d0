"""What the rules of simulated angiography read of the config."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from pathlib import Path
from typing import Any

from angiovox.errors import InputError
from angiovox.io.folders import check_exists

SUBJECTS = ("phantoms", "patients", "surfaces")  # keys that say of whom
SURFACE_FILES = (".stl", ".vtp")


def protocol(config: dict[str, Any]) -> dict[str, Any]:
    """What a C-arm does, as `angiovox.phantoms.angiography_runs.Protocol` takes it."""
    own = {
        key: value for key, value in config["simulated_angiograms"].items() if key not in SUBJECTS
    }
    return own | config["cone_beam"]


def field_mm(config: dict[str, Any]) -> float:
    """Edge of the study's cube; 0 where voxels are each patient's own, without phantoms."""
    return config["volume"]["shape"] * (config["volume"]["voxel_mm"] or 0)


def seed(name: str) -> int:
    """Of noise and disturbances, for who is no phantom and has none: it follows from the name."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")


def check(
    config: dict[str, Any],
    phantoms: Collection[str],
    sheet_patients: Collection[str],
    others: Collection[str],
) -> None:
    """Refuse simulated angiograms of what there is not.

    phantoms, sheet_patients : of the study. others : patients of other groups.

    Raises InputError naming the key, and what there is.
    """
    for name in config["simulated_angiograms"]["patients"]:
        if name not in sheet_patients:
            raise InputError(
                f"simulated_angiograms.patients: {name!r} is {_what(name, phantoms)}; "
                f"{_choice(sheet_patients)}"
            )
    taken = {*phantoms, *sheet_patients, *others}
    for name, path in config["simulated_angiograms"]["surfaces"].items():
        key = f"simulated_angiograms.surfaces.{name}"
        if name in taken:
            raise InputError(f"{key}: the id of a patient; give the surface another name")
        if Path(path).suffix.lower() not in SURFACE_FILES:
            raise InputError(f"{key}: {path}: expected a file of {' or '.join(SURFACE_FILES)}")
        try:
            check_exists(path)
        except InputError as error:
            raise InputError(f"{key}: {path}: {error}") from None
        if not Path(path).is_file():
            raise InputError(f"{key}: {path}: a folder; give a mesh file")


def _what(name: str, phantoms: Collection[str]) -> str:
    if name in phantoms:
        return "a phantom, of which simulated_angiograms.phantoms says how many are taken"
    return "no patient of the sheet, or left out"


def _choice(patients: Collection[str], most: int = 5) -> str:
    """Whom one may choose, in few words."""
    if not patients:
        return "there is no patient of cohort.sheet"
    names = sorted(patients)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"choose among {', '.join(names[:most])}{more}"
