"""The paper's back-projected sum, thresholded: what the network has to improve on."""

from __future__ import annotations

from dataclasses import dataclass

from ...method import Context, Measurement, Method, Needs, Reconstruction, Training
from ...training.settings import Checked
from ..thresholding import apply_threshold, fit_threshold


class Backprojection(Method):
    """The back-projected sum, with the threshold that is best on the training patients."""

    name = "backprojection"
    title = "Thresholded back-projection"
    reference = "Wu et al. 2023"
    needs = Needs(inputs=("sum",))

    @dataclass(frozen=True)
    class Settings(Checked):
        """soft : whether scores become probabilities, 0.5 at the threshold, in place of 0 and 1."""

        soft: bool = False

        def __post_init__(self) -> None:
            self.require_bool("soft")

    def fit(self, patients: Training, context: Context) -> tuple[dict, list[dict]]:
        return fit_threshold("sum", patients, context)

    def reconstruct(
        self, state: dict, measurement: Measurement, context: Context
    ) -> Reconstruction:
        score, threshold = measurement.inputs["sum"], state["threshold"]
        return Reconstruction(apply_threshold(score, threshold, self.settings.soft))


METHOD = Backprojection
