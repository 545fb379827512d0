"""What predictors on the visual hull share of their settings. Free of NumPy, to be read quickly."""

from __future__ import annotations

from dataclasses import dataclass

from ..training.settings import SCHEDULES, Checked

# One cycle has one rate for all; descriptors and textures have rates of their own.
FIT_SCHEDULES = tuple(name for name in SCHEDULES if name != "one-cycle")


@dataclass(frozen=True)
class HullSettings(Checked):
    """level : brightness of the hull's silhouettes, where 1/2 is the Otsu level of the views.

    Raises ValueError for a value out of range, naming the key.
    """

    # ASSUME: silhouettes are the pixels of a brightness of 0.3, whose hull holds 98.7 % or more of
    # the vessel voxels of three phantoms of the default study at any view count (0.5: 87 to 96 %).
    level: float = 0.3

    def __post_init__(self) -> None:
        self.require_positive("level")
