"""What jobs on groups of patients are given, by their wildcards: functions that rules take."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

from snakemake.exceptions import WorkflowError
from snakemake.io import ancient

from .job_inputs import JobInputs
from .study import Study

CHECKED = "results/transfer/{group}/checked.txt"  # there once a group's masks may be tested against
PRODUCTS = ("results/tables/transfer.csv", "results/figures/transfer.png")


@dataclass(frozen=True)
class Files:
    """Files for an input function to return, found when Snakemake goes through them.

    What is raised then it prints without the trace that an error within an input function has.
    """

    found: Callable[[], Iterator[str]]

    def __iter__(self) -> Iterator[str]:
        return self.found()


@dataclass(frozen=True)
class TransferInputs:
    """Input files and parameters of the jobs on the groups of a study."""

    study: Study

    @cached_property
    def jobs(self) -> JobInputs:
        """Those of the study's methods, with the groups' patients in place of its own."""
        study = self.study
        return JobInputs(study.transfer_runs, study.projection.c_arm, study.torch_threads)

    @property
    def checked(self) -> Any:
        """The records that the masks of all groups were checked; made anew they rerun nothing."""
        return ancient([CHECKED.format(group=name) for name in self.study.groups])

    def products(self, wildcards: Any) -> Files:
        """Table and figure, where there is a group."""
        return Files(self._products)

    def _products(self) -> Iterator[str]:
        if not self.study.groups:
            raise WorkflowError(
                "cohort.transfer names no group of patients; config/transfer.yaml is an example, "
                "docs/running.md says more"
            )
        yield from PRODUCTS

    def tree_file(self, wildcards: Any) -> Files:
        """A tree's file. Hundreds of trees take seconds to check: once a job needs them."""
        return Files(partial(self.study.tree_file, wildcards.patient))

    def tree_options(self, wildcards: Any) -> dict[str, Any]:
        """How a tree is filled, and how it lies."""
        return self.study.tree_options(wildcards.patient)

    def scanner(self, wildcards: Any) -> str | None:
        """What a tree is imaged by."""
        return self.study.groups[self.study.group_of(wildcards.patient)].scanner

    def reconstruct_inputs(self, wildcards: Any) -> dict[str, Any]:
        """Files by their kind, and the records of the masks: no hours for what would be refused."""
        return self.jobs.reconstruct_inputs(wildcards) | {"checked": self.checked}

    def of_group(self, pattern: str) -> Callable[[Any], list[str]]:
        """Fill a pattern in for each patient of the group that a job is of."""
        return lambda wildcards: [
            pattern.format(patient=name) for name in self.group_patients(wildcards)
        ]

    def group_patients(self, wildcards: Any) -> list[str]:
        """The group's patients."""
        return [*self.study.groups[wildcards.group].patients]

    def splits(self, wildcards: Any) -> dict[str, str]:
        """The side of the split of each patient of the study, then of the group."""
        own = {name: patient.split for name, patient in self.study.cohort.items()}
        return own | dict.fromkeys(self.group_patients(wildcards), f"group {wildcards.group}")

    def with_study(self, pattern: str) -> Callable[[Any], list[str]]:
        """Fill a pattern in for each of these patients."""
        return lambda wildcards: [pattern.format(patient=name) for name in self.splits(wildcards)]

    def group_note(self, wildcards: Any) -> str:
        """What the data are, in words, for a figure of the group."""
        return f"{self.study.groups[wildcards.group].title}, {self.study.notes.grid}"

    def leave_out_key(self, wildcards: Any) -> str:
        """Of the config: it leaves patients out of the group."""
        return f"cohort.transfer.{wildcards.group}.leave_out"
