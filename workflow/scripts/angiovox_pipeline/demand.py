"""What the jobs of a run ask for, as functions that rules take."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from angiovox.errors import InputError
from angiovox.io.volume_headers import declared_voxels, is_image_file

from . import resources, scheduling
from .preflight import disk
from .study import Study

ITERATED = ("fit", "calibrate", "reconstruct")  # jobs that may go through all views many times


@dataclass(frozen=True)
class Demand:
    """What jobs of a study ask for, where Snakemake runs them.

    workflow : Snakemake's.
    """

    study: Study
    workflow: Any

    def memory(self, rule: str) -> Callable[[Any, int], int]:
        """Megabytes of a rule's jobs, by the shape of the volumes; more at each attempt."""

        def ask(wildcards: Any, attempt: int) -> int:
            kind = self.kind_of_job(rule, wildcards)
            return self._within_memory(resources.memory_mb(kind, self.study.scale, attempt))

        return ask

    def minutes(self, rule: str) -> Callable[[Any, int], int]:
        """Run time of a rule's jobs, likewise."""

        def ask(wildcards: Any, attempt: int) -> int:
            return resources.minutes(self.kind_of_job(rule, wildcards), self.study.scale, attempt)

        return ask

    def conversion_memory(self, wildcards: Any, attempt: int) -> int:
        """Megabytes by the size of the series too, which may be far larger than the grid.

        A file of a volume counts by the voxels that its header declares: packed ones may be a
        thousand times the file.
        """
        given = self.study.patient(wildcards.patient).dicom
        if given and is_image_file(given):
            read = {"voxels": declared_voxels(given)}
        else:
            read = {"series_mb": disk.largest_folder_mb(given) if given else 0}
        asked = resources.memory_mb("convert", self.study.scale, attempt, **read)
        return self._within_memory(asked)

    def check_conversion(self, wildcards: Any, machine_mb: float) -> None:
        """Refuse a file of a volume that this machine cannot hold.

        Raises InputError naming patient and file.
        """
        given = self.study.patient(wildcards.patient).dicom
        if given and is_image_file(given):
            try:
                resources.check_file(given, declared_voxels(given), machine_mb)
            except InputError as error:
                raise InputError(f"patient {wildcards.patient}: {error}") from None

    def training_threads(self, wildcards: Any) -> int:
        """Threads of a job that trains, or that optimises for one patient.

        Beside a GPU as many as prepare its data, else those that PyTorch computes with.
        """
        needs = self.study.runs.methods[wildcards.method].needs
        if scheduling.trains_on_cpu(self.workflow):
            return needs.torch_threads(self.study.torch_threads)
        return needs.threads

    def network_threads(self, wildcards: Any) -> int:
        """Threads of a job that runs a network, or goes through volumes slab by slab."""
        needs = self.study.runs.methods[wildcards.method].needs
        return max(self.study.slab_threads, needs.torch_threads(self.study.torch_threads))

    def kind_of_job(self, rule: str, wildcards: Any) -> str:
        """The job's row of `resources.MEASURED_USAGE`.

        A network's reconstruction takes far more than that of a method which is not trained, a
        training on a CPU less than the libraries of a GPU, line integrals and cone beams more than
        the paper's maxima, iterations on them more than thresholds.
        """
        job = rule.removesuffix(resources.OF_GROUPS)
        if job in ("project", "back_project") and self.study.projection.is_general:
            return rule.replace(job, f"{job}_cone_beam")
        if job in ("train", "reconstruct_patient") and scheduling.trains_on_cpu(self.workflow):
            return "train_cpu"
        if job in ("reconstruct", "calibrate") and wildcards.method in self.study.runs.learned:
            return rule.replace(job, f"{job}_trained")
        if job in ITERATED and wildcards.method in self.study.runs.on_line_integrals:
            return rule.replace(job, f"{job}_on_line_integrals")
        return rule

    def _within_memory(self, asked_mb: int) -> int:
        return scheduling.within_memory(self.workflow, asked_mb)
