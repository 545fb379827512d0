"""A study as its config and sheet describe it: what rules read of patients, methods and sizes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from angiovox.methods.registry import PAPER_METHOD

from . import simulated_angiograms
from .angiograms import GivenRun, read_sheet
from .cohort import Patient, figure_patient, read_cohort
from .config import check_config
from .pool import POOL_BATCH, POOL_FILE, pool_batches
from .projection import Projection
from .resources import Scale
from .runs import LINE_INTEGRALS, PROJECTIONS, Runs
from .study_methods import methods
from .study_notes import Notes
from .transfer import Group, checked_file, read_groups

MASK_LIMITS = ("min_fraction", "max_fraction", "min_largest_component", "max_border")
TEST = "test"  # the study's own test patients, as if they were a group
LEAST_MEASURED = 20  # phantoms beside the published morphometry of 50 patients


@dataclass(frozen=True)
class Study:
    """What a config asks for, once it is checked.

    cohort : the patients by id, phantoms first. runs : of all methods. groups : of patients that
    the models are transferred to, by name; they are not of the cohort. angiograms : runs of the
    patients who are reconstructed from them, which are none of either.
    """

    config: dict[str, Any]
    cohort: dict[str, Patient]
    example_patient: str
    runs: Runs
    groups: dict[str, Group] = field(default_factory=dict)
    angiograms: dict[str, list[GivenRun]] = field(default_factory=dict)

    @classmethod
    def read(cls, config: dict[str, Any]) -> Study:
        """Check config and sheet; nobody's images are looked at.

        Raises InputError naming what is wrong.
        """
        check_config(config)
        cohort = {patient.name: patient for patient in read_cohort(config)}
        train, calibration, test = (
            [name for name, patient in cohort.items() if patient.split == split]
            for split in ("train", "calibration", "test")
        )
        kept = config["storage"]["back_projections"]
        renewed = [name for name in train if _is_grown(cohort[name])]
        count = config["cohort"]["phantoms"]["pool"] if renewed else 0
        pool = [POOL_FILE.format(batch=batch) for batch in pool_batches(count)]
        splits = train, calibration, test
        is_own = Projection(config).has_line_integrals
        line_integrals = PROJECTIONS if is_own else LINE_INTEGRALS
        groups = read_groups(config, [*cohort.values()])
        priors = _with_prior(config, cohort, groups)
        given = kept, line_integrals, pool, renewed, priors
        runs = Runs(methods(config), config["seeds"], *splits, *given)
        angiograms = read_sheet(config["angiograms"]["sheet"])
        study = cls(config, cohort, figure_patient(config, test), runs, groups, angiograms)
        simulated_angiograms.check(config, study.phantoms, study.sheet_patients, study.transferred)
        return study

    @cached_property
    def notes(self) -> Notes:
        """The study in words."""
        return Notes(self)

    @property
    def patients(self) -> list[str]:
        return list(self.cohort)

    @cached_property
    def phantoms(self) -> list[str]:
        return [name for name, patient in self.cohort.items() if patient.seed is not None]

    @property
    def generated_phantoms(self) -> list[str]:
        """Phantoms whose arteries are grown, not given."""
        return [name for name in self.phantoms if _is_grown(self.cohort[name])]

    @property
    def sheet_patients(self) -> list[str]:
        return [name for name in self.cohort if name not in self.phantoms]

    @property
    def simulated_angiograms(self) -> dict[str, str]:
        """What simulated angiograms are taken of, by name, and what it is in words."""
        given = self.config["simulated_angiograms"]
        phantoms = dict.fromkeys(self.phantoms[: given["phantoms"]], "a phantom")
        patients = dict.fromkeys(given["patients"], "a patient's volume")
        return phantoms | patients | dict.fromkeys(given["surfaces"], "a surface")

    @cached_property
    def transferred(self) -> dict[str, Patient]:
        """The patients of all groups by id."""
        return {
            n: patient for group in self.groups.values() for n, patient in group.patients.items()
        }

    @property
    def trees(self) -> list[str]:
        """Those among them who are imaged here."""
        return [name for name, patient in self.transferred.items() if patient.seed is not None]

    @property
    def transfer_runs(self) -> Runs:
        """The same models, tested on the groups."""
        return replace(self.runs, test=[*self.transferred])

    @property
    def inventoried(self) -> dict[str, Patient]:
        """Everyone who is in a sheet, of the study or of a group."""
        own = {name: self.cohort[name] for name in self.sheet_patients}
        return own | {n: patient for n, patient in self.transferred.items() if patient.dicom}

    def patient(self, name: str) -> Patient:
        """One of the cohort or of a group."""
        return self.cohort[name] if name in self.cohort else self.transferred[name]

    def group_of(self, name: str) -> str:
        """The name of a patient's group."""
        return next(group for group, given in self.groups.items() if name in given.patients)

    def sheet_of(self, name: str) -> str:
        """The sheet that a patient is in."""
        if name in self.cohort:
            return self.config["cohort"]["sheet"]
        return self.groups[self.group_of(name)].sheet

    def tree_file(self, name: str) -> Iterator[str]:
        """The file of a tree, which is checked on the way."""
        voxel_mm = self.config["volume"]["voxel_mm"]
        return checked_file(self.transferred[name], self.group_of(name), voxel_mm)

    def tree_options(self, name: str) -> dict[str, Any]:
        """How a tree is filled, and how it lies."""
        territory = self.transferred[name].territory
        return {
            "territory": territory and list(territory),
            "axes": self.groups[self.group_of(name)].axes,
            "random_pose": True,
        }

    @property
    def compared(self) -> dict[str, dict[str, Any]]:
        """Title and patients of what the table of the transfer compares, the study's own first."""
        own = {"title": f"test {self.notes.kinds(self.runs.test)}", "patients": self.runs.test}
        groups = {
            name: {"title": group.title, "patients": [*group.patients]}
            for name, group in self.groups.items()
        }
        return {TEST: own} | groups

    @property
    def own_config(self) -> dict[str, Any]:
        """The config without the groups, on which no result of the study itself depends."""
        cohort = {k: given for k, given in self.config["cohort"].items() if k != "transfer"}
        return self.config | {"cohort": cohort}

    @property
    def every_view_count(self) -> list[int]:
        """Most first, with a single view where methods of the study reconstruct from it."""
        return sorted(self.config["view_counts"], reverse=True)

    @property
    def view_counts(self) -> list[int]:
        """Those of several views, most first: what the paper's tables and figures are of."""
        return [count for count in self.every_view_count if count > 1]

    @property
    def back_projected_views(self) -> list[int]:
        """View counts that back-projections are made of; a single view's only where looked at."""
        of_one = [method.needs for method in self.runs.methods.values() if 1 in method.view_counts]
        looked_at = {kind for needs in of_one for kind in (*needs.inputs, *needs.to_fit)}
        return self.view_counts + [1] * bool({"sum", "min"} & looked_at)

    @property
    def fewest_views(self) -> Runs:
        """The runs at the fewest of several views."""
        return self.runs.at(self.view_counts[-1])

    @property
    def shown(self) -> Runs:
        """The runs of the methods that figures show; tables have all."""
        return self.runs.only(self.config["figures"]["methods"])

    @property
    def shown_at_fewest(self) -> Runs:
        return self.shown.at(self.view_counts[-1])

    @property
    def beside_the_best(self) -> Runs:
        """The paper's network and the methods shown that have the fewest views."""
        return self.runs.only([PAPER_METHOD, *self.shown_at_fewest.methods])

    @property
    def method_figures(self) -> list[str]:
        """Figures of the methods shown."""
        return [
            *["iou_by_views", "quality_by_views"],
            *["learning_curves"] * bool(self.shown.trained),
            *["biplane", "error_profiles"] * bool(self.shown_at_fewest.methods),
            *["best_method"] * (len(self.beside_the_best.methods) > 1),
            *self.method_tables,
        ]

    @property
    def method_tables(self) -> list[str]:
        """Tables of the methods shown, beside figures of the same names."""
        return ["metric_agreement"] * bool(self.shown_at_fewest.methods)

    def stored_views(self, kind: str) -> list[int]:
        """View counts whose back-projections of a kind are kept on disk for all patients."""
        return self.back_projected_views if kind in self.runs.kept else []

    @property
    def recomputed(self) -> list[str]:
        """Kinds of back-projections that are not."""
        return sorted({"sum", "min"} - set(self.runs.kept))

    @property
    def projection(self) -> Projection:
        """How projections are taken."""
        return Projection(self.config)

    @property
    def mask_limits(self) -> dict[str, float]:
        return {key: self.config["masks"][key] for key in MASK_LIMITS}

    def prior_options(self, name: str) -> dict[str, Any]:
        """Which series of the folder of an earlier volume is read."""
        return self.config["dicom"] if self.patient(name).prior else {}

    def series_options(self, name: str) -> dict[str, Any]:
        """Which series of a patient's folder is read, and how wide its gaps may be."""
        patient = self.patient(name)
        return {"series": patient.series, **self.config["dicom"]} if patient.dicom else {}

    @property
    def seeds(self) -> dict[str, Any]:
        """Every seed, by what it draws."""
        return {
            "phantoms": {name: self.cohort[name].seed for name in self.phantoms},
            "split": self.config["cohort"]["split_seed"],
            "training": self.config["seeds"],
        }

    @property
    def first_seed(self) -> int:
        """Of the phantoms that are measured and drawn beside the cohort."""
        return 1000 * self.config["cohort"]["phantoms"]["seed"] + 1

    @property
    def measured_seeds(self) -> list[int]:
        """Of the phantoms whose morphometry is measured."""
        count = max(LEAST_MEASURED, len(self.generated_phantoms))
        return list(range(self.first_seed, self.first_seed + count))

    @property
    def phantom_tables(self) -> list[str]:
        return ["phantom_morphometry", "phantom_masks"] if self.phantoms else []

    @property
    def phantom_figures(self) -> list[str]:
        return ["phantoms"] * bool(self.phantoms) + ["phantom_anatomy"] * bool(
            self.generated_phantoms
        )

    @property
    def slab_threads(self) -> int:
        """Threads of a job that goes through a volume slab by slab."""
        return 4 if self.config["volume"]["shape"] > 128 else 1

    @property
    def torch_threads(self) -> int:
        """Threads that PyTorch computes with, on however many cores."""
        return self.config["resources"]["torch_threads"]

    @cached_property
    def scale(self) -> Scale:
        return Scale(
            shape=self.config["volume"]["shape"],
            projections=self.config["projections"],
            is_cone=self.config["projection"]["beam"] == "cone",
            training_hours=self.config["resources"]["training_hours"],
            views=len(self.view_counts),
            patients=len(self.patients),
            phantoms=len(self.phantoms),
            train=len(self.runs.train),
            calibration=len(self.runs.calibration),
            test=len(self.runs.test),
            trees=len(self.measured_seeds),
            pool_batch=POOL_BATCH,
            methods=len(self.shown_at_fewest.methods),
            transfer=len(self.transferred),
        )


def _with_prior(
    config: dict[str, Any], cohort: dict[str, Patient], groups: dict[str, Group]
) -> list[str]:
    """Patients of a sheet with an earlier volume, and phantoms of the cohort that had a scan."""
    is_scanned = config["cohort"]["phantoms"]["earlier"] is not None
    scanned = [name for name, patient in cohort.items() if is_scanned and patient.seed is not None]
    in_sheets = [cohort, *(group.patients for group in groups.values())]
    return scanned + [n for given in in_sheets for n, patient in given.items() if patient.prior]


def _is_grown(patient: Patient) -> bool:
    return patient.seed is not None and patient.centreline is None
