"""What jobs that read a patient's images are given by their wildcards: functions for rules."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from snakemake.io import local

from .cohort import Patient
from .patient_folders import FoldersWithin, fingerprint
from .study import Study


@dataclass(frozen=True)
class PatientInputs:
    """Input files and parameters of the jobs on the images of a study's patients.

    The user's own files are local: a module's prefix does not apply to them.

    warn : is told why images cannot be looked at. owners : see `FoldersWithin`.
    """

    study: Study
    warn: Callable[[str], None]
    owners: dict[tuple[int, int], str] = field(default_factory=dict)

    def dicom(self, wildcards: Any) -> str:
        """A patient's own folder, or a phantom's."""
        patient = self._patient(wildcards)
        return local(patient.dicom) if patient.dicom else f"results/dicom/{patient.name}"

    def folders(self, wildcards: Any) -> Iterable[str]:
        """Folders below a patient's own: what is exchanged there makes them newer."""
        patient = self._patient(wildcards)
        return self._checked(patient) if patient.dicom else []

    def files(self, wildcards: Any) -> str:
        """What changes with any of a patient's own files, that is read or that a header names."""
        given = self._patient(wildcards).dicom
        return fingerprint(given) if given else ""

    def series(self, wildcards: Any) -> dict[str, Any]:
        """Which series of a patient's folder is read."""
        return self.study.series_options(wildcards.patient)

    def earlier_dicom(self, wildcards: Any) -> str:
        """A patient's earlier volume, or that of a phantom."""
        patient = self._patient(wildcards)
        return local(patient.prior) if patient.prior else f"results/priors/dicom/{patient.name}"

    def earlier_folders(self, wildcards: Any) -> Iterable[str]:
        """Folders below a patient's earlier volume."""
        patient = self._patient(wildcards)
        return self._checked(replace(patient, dicom=patient.prior)) if patient.prior else []

    def earlier_files(self, wildcards: Any) -> str:
        """What changes with any file of a patient's earlier volume."""
        given = self._patient(wildcards).prior
        return fingerprint(given) if given else ""

    def earlier_series(self, wildcards: Any) -> dict[str, Any]:
        """Which series of the folder of an earlier volume is read."""
        return self.study.prior_options(wildcards.patient)

    def seed(self, wildcards: Any) -> int | None:
        """The seed of a phantom."""
        return self._patient(wildcards).seed

    def centreline(self, wildcards: Any) -> list[str]:
        """The file that a phantom's arteries are given by, where they are not grown."""
        return self._centrelines([wildcards.patient])

    def centrelines(self, wildcards: Any) -> list[str]:
        """The files of all such phantoms."""
        return self._centrelines(self.study.phantoms)

    def _patient(self, wildcards: Any) -> Patient:
        return self.study.patient(wildcards.patient)

    def _checked(self, patient: Patient) -> FoldersWithin:
        return FoldersWithin(patient, self.study.sheet_of(patient.name), self.warn, self.owners)

    def _centrelines(self, names: Iterable[str]) -> list[str]:
        given = [self.study.cohort[name].centreline for name in names]
        return [local(path) for path in given if path]
