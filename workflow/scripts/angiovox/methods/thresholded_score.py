"""Methods that are one threshold for a score volume, chosen on training patients."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ..method import Context, Measurement, Method, Needs, Reconstruction, Training
from ..training.settings import Checked

if TYPE_CHECKING:
    import numpy as np


class ThresholdedScore(Method):
    """A score, with the threshold that is best on the training patients.

    source : the kind of input that the score follows from; without more, "sum" or "min" itself.
    """

    source: ClassVar[str]

    @dataclass(frozen=True)
    class Settings(Checked):
        """soft : whether scores become probabilities, 0.5 at the threshold, in place of 0 and 1."""

        soft: bool = False

        def __post_init__(self) -> None:
            self.require_bool("soft")

    @property
    def needs(self) -> Needs:
        return Needs(inputs=(self.source,), gives_probabilities=self.settings.soft)

    def survey(self, patients: Training) -> dict[str, float]:
        """What the score depends on beside a patient's measurement: by default nothing."""
        return {}

    def score(self, state: dict, measurement: Measurement) -> np.ndarray:
        """The score in [0, 1] of each voxel, by a state that has what `survey` found."""
        return measurement.inputs[self.source]

    def sample(self, patients: Training) -> Iterable[tuple[Measurement, np.ndarray]]:
        """The training patients that the threshold is chosen on: by default all."""
        return patients

    def fit(self, patients: Training, context: Context) -> tuple[dict, list[dict]]:
        """Choose the threshold with the best mean IoU on the training patients."""
        from .thresholding import best_threshold

        found = self.survey(patients)
        chosen = self.sample(patients)
        scored = ((self.score(found, measurement), mask) for measurement, mask in chosen)
        threshold, iou = best_threshold(scored)
        context.log(f"threshold {threshold:.3f}, IoU on the training patients {iou:.3f}")
        return found | {"threshold": threshold}, [{"epoch": 1, "iou": iou}]

    def reconstruct(
        self, state: dict, measurement: Measurement, context: Context
    ) -> Reconstruction:
        """1 from the threshold on, or soft probabilities."""
        from .thresholding import above_threshold, score_to_probability

        score, threshold = self.score(state, measurement), state["threshold"]
        to_probability = score_to_probability if self.settings.soft else above_threshold
        return Reconstruction(to_probability(score, threshold))
