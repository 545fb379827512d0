"""A study in words, for captions, figures and pages."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .study import Study


@dataclass(frozen=True)
class Notes:
    """What a study's data are, in words."""

    study: Study

    @property
    def grid(self) -> str:
        """The volumes' shape."""
        return f"{self.study.config['volume']['shape']}³ voxels"

    @property
    def trainings(self) -> str:
        """How many training seeds there are."""
        count = len(self.study.runs.seeds)
        return "1 seed" if count == 1 else f"{count} seeds"

    @property
    def test_word(self) -> str:
        """What one of the test patients is called."""
        return "phantom" if self.kinds(self.study.runs.test) == "phantoms" else "patient"

    @property
    def of_patient(self) -> str:
        """For a figure of one patient."""
        return f"{self._trained}, tested on {self.kinds(self.study.runs.test)}, {self._data}"

    @property
    def of_means(self) -> str:
        """For means, which are over test patients and training seeds."""
        test = self.study.runs.test
        tested = f"tested on {len(test)} {self.kinds(test)}"
        return f"{self._trained}, {tested}, {self.trainings}, {self._data}"

    @property
    def of_models(self) -> str:
        """Without the test patients, for what compares several groups of them."""
        return f"{self._trained}, {self.trainings}, {self._data}"

    def kinds(self, names: Collection[str]) -> str:
        """What some of the patients are: phantoms, patients or both."""
        phantoms = sum(name in self.study.phantoms for name in names)
        words = {0: "patients", len(names): "phantoms"}
        return words.get(phantoms, "phantoms and patients")

    @property
    def _trained(self) -> str:
        return f"trained on {self.kinds(self.study.runs.train)}"

    @property
    def _data(self) -> str:
        """The grid, and how projections are taken where it is not the paper's way."""
        return ", ".join(filter(None, [self.grid, self.study.projection.remark]))
