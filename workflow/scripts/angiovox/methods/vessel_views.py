"""Views of a patient in units of vessel, and the hull they allow, which fits are compared with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..geometry.grid import Grid
from ..geometry.imaging import LINE_INTEGRAL
from ..geometry.views import Views
from ..method import Measurement, Training
from ..projectors.voxel_backprojection import back_project
from .view_images import geometry
from .view_levels import brightness, contrast_in_masks, silhouette_level

LEFT_OUT = 1e-3  # part of a patient's vessel that may be outside of the hull of maxima
# ASSUME: of line integrals a hundredth; the darkest thousandth lies in the noise of 10,000 photons,
# and the hull would be 15 to 50 % of the volume, in place of 3 to 14 % (three phantoms of 64^3).
LEFT_OUT_OF_INTEGRALS = 1e-2
# ASSUME: undiluted contrast is 0.8 of what least squares find in the masks, which are given what
# lies around them, too: on phantoms of 64^3 in a C-arm 0.059 per mm, of which 0.045 is true.
UNDILUTED = 0.8
# ASSUME: half of a vessel's density is its border: of maxima the level of silhouettes, of line
# integrals a voxel half full of contrast.
VESSEL = 0.5  # density from which on a voxel is vessel


@dataclass(frozen=True)
class Targets:
    """Views of a patient in units of vessel.

    images : (views, i, j) float32; maxima in [0, 1] with `VESSEL` at the level of silhouettes, or
    line integrals in mm of vessel. are_integrals : which of both. hull : (x, y, z) float32, the
    minimum over the views. grid, views : their geometry.
    """

    images: np.ndarray
    are_integrals: bool
    hull: np.ndarray
    grid: Grid
    views: Views


def is_of_integrals(measurement: Measurement) -> bool:
    """Whether projections are line integrals."""
    return measurement.imaging is not None and measurement.imaging.kind == LINE_INTEGRAL


def fitted(patients: Training) -> tuple[dict[str, float], dict[str, float]]:
    """State of the method and quality of its fit.

    The state has the "level" of silhouettes or the "contrast" per mm of line integrals, and the
    "support", the least hull of a vessel voxel in any of the patients.
    """
    are_integrals = is_of_integrals(patients[0][0])
    if are_integrals:
        contrast, explained = contrast_in_masks(patients)
        state, quality = {"contrast": contrast}, {"explained": explained}
    else:
        level, iou = silhouette_level(patients)
        state, quality = {"level": level}, {"iou": iou}
    left_out = LEFT_OUT_OF_INTEGRALS if are_integrals else LEFT_OUT
    darkest = (
        float(np.quantile(targets(state, measurement).hull[mask], left_out))
        for measurement, mask in patients
        if mask.any()
    )
    return state | {"support": min(darkest, default=0.0)}, quality


def targets(state: dict, measurement: Measurement) -> Targets:
    """A patient's views by a state that has a level or a contrast."""
    grid, views = geometry(measurement)
    if "contrast" in state:
        images = measurement.inputs["projections"] / np.float32(UNDILUTED * state["contrast"])
    else:
        scaled = brightness(measurement) * np.float32(VESSEL / max(state["level"], 1e-3))
        images = np.minimum(scaled, 1)
    images = images.astype(np.float32, copy=False)
    hull = back_project(images, grid, views, "minimum")
    return Targets(images, "contrast" in state, hull, grid, views)
