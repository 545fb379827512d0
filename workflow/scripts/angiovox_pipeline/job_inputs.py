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
    """Input files and parameters of the jobs of all runs.

    cone_beam : distances of the C-arm that line integrals are of. chosen_threads : for PyTorch, and
    chosen_gpu_model : of the config.
    """

    runs: Runs
    cone_beam: dict[str, Any]
    chosen_threads: int = 1
    chosen_gpu_model: str = ""

    def fit_inputs(self, wildcards: Any) -> dict[str, Any]:
        """Files by their kind; masks that were checked anew are no reason to fit again."""
        files = self.runs.fit_inputs(wildcards.method, wildcards.views, wildcards.seed)
        return files | {"checked": ancient(MASKS_CHECKED)}

    def fit_code(self, wildcards: Any) -> str:
        """The version of the code of a fit, the method's included."""
        return code_version.of_script("fit", self.runs.methods[wildcards.method].module)

    def example_views(self, wildcards: Any) -> list[int]:
        """The number of views of each example of a fit."""
        return self.runs.examples(wildcards.method, wildcards.views, self.runs.train)

    def renewed_examples(self, wildcards: Any) -> list[bool]:
        """Whether a phantom of the pool may take the place of each of these examples."""
        return self.runs.renewed_examples(wildcards.method, wildcards.views)

    def calibration_inputs(self, wildcards: Any) -> dict[str, Any]:
        """Files by their kind."""
        files = self.runs.calibration_inputs(wildcards.method, wildcards.views, wildcards.seed)
        return files | {"checked": ancient(MASKS_CHECKED)}

    def calibrate_code(self, wildcards: Any) -> str:
        """The version of the code of a calibration, the method's included."""
        return code_version.of_script("calibrate", self.runs.methods[wildcards.method].module)

    def calibration_views(self, wildcards: Any) -> list[int]:
        """The number of views of each example of a calibration."""
        return self.runs.examples(wildcards.method, wildcards.views, self.runs.calibration)

    def calibration_patients(self, wildcards: Any) -> list[str]:
        """The patient of each of these examples."""
        repeats = len(self.calibration_views(wildcards)) // len(self.runs.calibration)
        return self.runs.calibration * repeats

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

    def used_cone_beam(self, wildcards: Any) -> dict[str, Any] | None:
        """The C-arm's distances, for a method that looks at line integrals beside maxima."""
        return self.cone_beam if wildcards.method in self.runs.in_cone_beam else None

    def torch_threads(self, wildcards: Any) -> int:
        """Threads that PyTorch computes with: a result of other ones differs in its last digits."""
        return self.runs.methods[wildcards.method].needs.torch_threads(self.chosen_threads)

    def gpus(self, wildcards: Any) -> int:
        """How many a job of one patient asks for."""
        return int(self.runs.methods[wildcards.method].needs.runs_networks)

    def gpu_model(self, wildcards: Any) -> str:
        """Their model: none without a GPU, since the SLURM executor takes a model for a GPU."""
        return self.chosen_gpu_model if self.gpus(wildcards) else ""

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
