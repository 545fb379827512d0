"""Patients on disk, read one at a time: a cohort at the paper's scale does not fit in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from .files import load_mask, load_volume
from .geometry import projection_angles, view_indices
from .interface import Views


@dataclass(frozen=True)
class StoredPatients(Sequence):
    """Views of each patient, with the mask where it may be seen, in the order of the paths.

    inputs : "projections", "sum" or "min", each with a path per patient.
    num_projections : of the whole acquisition. views : how many of them are used.
    masks : paths, or empty where no mask may be seen; the mask is then None.
    """

    inputs: dict[str, list[str]]
    num_projections: int
    views: int
    masks: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return min(map(len, self.inputs.values()))

    def __getitem__(self, index: int) -> tuple[Views, np.ndarray | None]:
        if not 0 <= index < len(self):
            raise IndexError(index)
        chosen = view_indices(self.num_projections, self.views)
        arrays = {kind: load_volume(paths[index])[0] for kind, paths in self.inputs.items()}
        if "projections" in arrays:
            arrays["projections"] = arrays["projections"][chosen]
        known = Views(projection_angles(self.num_projections)[chosen], arrays)
        return known, load_mask(self.masks[index]) if self.masks else None
