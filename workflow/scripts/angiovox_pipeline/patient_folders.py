"""A sheet patient's folder as the input of a job, looked into when a job needs it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from angiovox.errors import InputError
from angiovox.io.folders import check_name, folders
from snakemake.exceptions import WorkflowError
from snakemake.io import contains_wildcard, local

from .cohort import Patient, check_images


@dataclass(frozen=True)
class FoldersWithin:
    """The folders below a patient's, for an input function to return.

    What is added, taken away or replaced makes its folder newer. Snakemake takes {name} for a
    wildcard, also in the name of a folder: those are left out.

    The patient's images are checked when Snakemake goes through the folders. Asked for nothing but
    the inventory, it does not; and what is raised here it prints without the trace that an error
    within an input function has.

    sheet : that the patient is in. warn : is told why images cannot be looked at. owners : whose
    each file or folder is, by device and inode, which all patients share: a link leads to the same.
    """

    patient: Patient
    sheet: str
    warn: Callable[[str], None]
    owners: dict[tuple[int, int], str] = field(default_factory=dict)

    def __iter__(self) -> Iterator[str]:
        try:
            check_images(self.patient, self.sheet)
        except InputError as error:
            raise WorkflowError(str(error)) from None
        except ModuleNotFoundError as error:
            self.warn(
                f"{self.sheet}: folders and files are there, but not looked into, since "
                f"{error.name} is not installed here; the first jobs will."
            )
        top = self.patient.dicom.removeprefix("./")
        below = [folder for folder, _ in folders(top)][1:]  # none of a file
        for path in (top, *below):
            self._claim(path)
        yield from (local(folder) for folder in below if not contains_wildcard(folder))

    def _claim(self, path: str) -> None:
        """Raise WorkflowError for what another patient has too, or a name that is not UTF-8."""
        try:
            check_name(path)
        except InputError as error:
            raise WorkflowError(f"{self.sheet}: patient {self.patient.name}: {error}") from None
        status = os.stat(path)
        name = self.patient.name
        owner = self.owners.setdefault((status.st_dev, status.st_ino), name)
        if owner != name:
            raise WorkflowError(
                f"{self.sheet}: patients {owner} and {name} share {path}, by a link; one patient, "
                "one folder"
            )
