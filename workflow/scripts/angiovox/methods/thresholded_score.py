"""Methods that are one threshold for a score volume, chosen on training patients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..method import Context, Measurement, Method, Needs, Reconstruction, Training
from ..training.settings import Checked


class ThresholdedScore(Method):
    """One kind of back-projection, with the threshold that is best on the training patients.

    score : the kind, "sum" or "min".
    """

    score: ClassVar[str]

    @dataclass(frozen=True)
    class Settings(Checked):
        """soft : whether scores become probabilities, 0.5 at the threshold, in place of 0 and 1."""

        soft: bool = False

        def __post_init__(self) -> None:
            self.require_bool("soft")

    @property
    def needs(self) -> Needs:
        return Needs(inputs=(self.score,), gives_probabilities=self.settings.soft)

    def fit(self, patients: Training, context: Context) -> tuple[dict, list[dict]]:
        """Choose the threshold with the best mean IoU on the training patients."""
        from .thresholding import best_threshold

        scored = ((measurement.inputs[self.score], mask) for measurement, mask in patients)
        threshold, iou = best_threshold(scored)
        context.log(f"threshold {threshold:.3f}, IoU on the training patients {iou:.3f}")
        return {"threshold": threshold}, [{"epoch": 1, "iou": iou}]

    def reconstruct(
        self, state: dict, measurement: Measurement, context: Context
    ) -> Reconstruction:
        """1 from the threshold on, or soft probabilities."""
        from .thresholding import above_threshold, score_to_probability

        score, threshold = measurement.inputs[self.score], state["threshold"]
        to_probability = score_to_probability if self.settings.soft else above_threshold
        return Reconstruction(to_probability(score, threshold))
