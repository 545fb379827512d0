"""A sheet patient's folder or file as the input of a job, looked into when a job needs it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache

from angiovox.errors import InputError
from angiovox.io.folders import check_name, folders
from angiovox.io.volume_headers import files_of, is_image_file
from snakemake.exceptions import WorkflowError
from snakemake.io import contains_wildcard, local

from .cohort import Patient, check_images

DIGITS = 16  # of the SHA-256, which has 64


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


@cache
def fingerprint(path: str) -> str:
    """Digest the names, sizes and times of a patient's files, as a parameter of the job that reads
    them: time stamps alone do not show an older file in a newer one's place, a link that is pointed
    elsewhere, a file rewritten in its folder, or one that only a header names.

    Nothing in it changes where a study is moved with its folder (cp -a), as numbers of files do.
    """
    digest = hashlib.sha256()
    for line in sorted(_files(path)):
        digest.update(f"{line}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()[:DIGITS]


def _files(path: str) -> Iterator[str]:
    """A line for each file, by its path below the patient's."""
    if os.path.isfile(path):
        top = os.path.dirname(path) or "."
        files = files_of(path) if is_image_file(path) else [path]
        yield from (_line(os.path.relpath(file, top), str(file)) for file in files)
        return
    for here, names in folders(path):
        below = os.path.relpath(here, path)
        if os.path.islink(here):
            yield f"{below}/ {os.readlink(here)}"
        yield from (_line(f"{below}/{name}", f"{here}/{name}") for name in names)


def _line(name: str, path: str) -> str:
    """What tells a file from another in its place; of a link, also where it leads."""
    leads = os.readlink(path) if os.path.islink(path) else ""
    try:
        status = os.stat(path)
    except OSError:
        return f"{name} {leads} cannot be read"
    return f"{name} {leads} {status.st_size} {status.st_mtime_ns}"
