"""What jobs that fit or reconstruct are given, by their wildcards: functions that rules take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from snakemake.io import ancient

from . import code_version
from .runs import Runs

MASKS_CHECKED = "results/masks/checked.txt"  # there once masks may be learnt from
BESIDE = "results/reconstructions/{method}/views-{views}/seed-{seed}/{patient}"


@dataclass(frozen=True)
class JobInputs:
    """Input files and parameters of the jobs of all runs."""

    runs: Runs

    def fit_inputs(self, wildcards: Any) -> dict[str, Any]:
        """Files by their kind; masks that were checked anew are no reason to fit again."""
        files = self.runs.fit_inputs(wildcards.method, wildcards.views, wildcards.seed)
        return files | {"checked": ancient(MASKS_CHECKED)}

    def fit_code(self, wildcards: Any) -> str:
        """The version of the code of a fit, the method's included."""
        return code_version.of_script("fit", self.runs.methods[wildcards.method].module)

    def example_views(self, wildcards: Any) -> list[int]:
        """The number of views of each example of a fit."""
        return self.runs.examples(wildcards.method, wildcards.views)

    def reconstruct_inputs(self, wildcards: Any) -> dict[str, Any]:
        """Files by their kind."""
        method, views, seed = wildcards.method, wildcards.views, wildcards.seed
        return self.runs.reconstruct_inputs(method, views, seed, self.patients(wildcards))

    def reconstruct_code(self, wildcards: Any) -> str:
        """The version of the code of a reconstruction, the method's included."""
        return code_version.of_script("reconstruct", self.runs.methods[wildcards.method].module)

    def patients(self, wildcards: Any) -> list[str]:
        """Whom a job reconstructs: one patient, or all test patients."""
        patient = getattr(wildcards, "patient", None)
        return [patient] if patient else self.runs.test

    def patients_views(self, wildcards: Any) -> list[int]:
        """The number of views of each of them."""
        return [int(wildcards.views)] * len(self.patients(wildcards))

    def settings(self, wildcards: Any) -> dict[str, Any]:
        """The method's, of the config."""
        return self.runs.methods[wildcards.method].settings

    def seed(self, wildcards: Any) -> int:
        """The training's."""
        return int(wildcards.seed)

    def own_surfaces(self, wildcards: Any) -> list[str]:
        """Folders that may hold a surface of the method's own."""
        if wildcards.method not in self.runs.one_by_one:
            return []
        run = {"method": wildcards.method, "views": wildcards.views, "seed": self.runs.seeds[0]}
        return [BESIDE.format(patient=patient, **run) for patient in self.runs.test]
