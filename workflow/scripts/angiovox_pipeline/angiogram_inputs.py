"""What jobs on a patient's angiograms are given by their wildcards: functions for rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from snakemake.io import local

from .angiograms import GivenRun, Wanted, fingerprints, folders_within

FILES = "results/angiograms/{patient}/files"


@dataclass(frozen=True)
class AngiogramInputs:
    """Input files and parameters of the jobs on the runs of a sheet.

    Runs are the user's own files, to which a module's prefix does not apply.

    given : runs by patient. identify : whether results name the patient as the runs do.
    """

    given: dict[str, list[GivenRun]]
    identify: bool

    def every(self, wildcards: Any) -> Wanted:
        """The results of all patients."""
        return Wanted(FILES, self.given)

    def runs(self, wildcards: Any) -> list[str]:
        """A patient's runs."""
        return [local(run.path) for run in self.given[wildcards.patient]]

    def folders(self, wildcards: Any) -> list[str]:
        """Folders below those of the runs."""
        return [local(path) for path in folders_within(self.given[wildcards.patient])]

    def identity(self, wildcards: Any) -> list[str]:
        """The runs, where results are to name the patient as these do."""
        return self.runs(wildcards) if self.identify else []

    def frames(self, wildcards: Any) -> list[dict[str, list[int]]]:
        """Which frames of each run are read, where the sheet says so."""
        return [run.options for run in self.given[wildcards.patient]]

    def files(self, wildcards: Any) -> list[str]:
        """What changes with any file of each run."""
        return fingerprints(self.given[wildcards.patient])
