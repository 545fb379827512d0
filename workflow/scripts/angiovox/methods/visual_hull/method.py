"""The visual hull in grey: the minimum over views of the back-projected maxima, thresholded.

The maximum along a ray bounds every voxel on it, so the minimum over views bounds the volume from
above. It needs no training: the first baseline that any learned method must beat.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...method import Context, Measurement, Method, Needs, Reconstruction, Training
from ...training.settings import Checked
from ..thresholding import apply_threshold, fit_threshold


class VisualHull(Method):
    """The minimum over views, with the threshold that is best on the training patients."""

    name = "hull"
    title = "Visual hull"
    reference = "Laurentini 1994, for maxima in place of silhouettes"
    needs = Needs(inputs=("min",))

    @dataclass(frozen=True)
    class Settings(Checked):
        """soft : whether scores become probabilities, 0.5 at the threshold, in place of 0 and 1."""

        soft: bool = False

        def __post_init__(self) -> None:
            self.require_bool("soft")

    def fit(self, patients: Training, context: Context) -> tuple[dict, list[dict]]:
        return fit_threshold("min", patients, context)

    def reconstruct(
        self, state: dict, measurement: Measurement, context: Context
    ) -> Reconstruction:
        score, threshold = measurement.inputs["min"], state["threshold"]
        return Reconstruction(apply_threshold(score, threshold, self.settings.soft))


METHOD = VisualHull
