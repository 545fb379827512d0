"""What the config may set of phantoms, and what no phantom can show."""

from __future__ import annotations

from typing import Any

INJECTIONS = ("carotid", "vertebral", "all")
WIDEST_MM = {"carotid": 4.3, "vertebral": 3.6, "all": 4.3}  # of the filled arteries, diameter
CENTRES = ("circle", "head")
KINDS = ("aneurysm", "stenosis", "malformation")
EDGE = 2.0  # mm that a lesion keeps from the edge of the field of view


def check_lesion(settings: dict[str, Any], field_mm: float) -> None:
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
