"""Which models a study fits and which reconstructions it makes, and from which files."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import product

from angiovox.method import KINDS

from .study_methods import EVERY, Method

PROJECTIONS = "results/projections/{patient}.nii"
BACK_PROJECTION = "results/backprojections/views-{views}/{patient}.{kind}.nii"
LINE_INTEGRALS = "results/line_integrals/{patient}.nii"
MASK = "results/masks/{patient}.nii.gz"
MODEL = "results/models/{method}/views-{views}/seed-{seed}/model.pt"
PRIOR = "results/priors/{patient}.nii.gz"
CALIBRATION = "results/models/{method}/views-{views}/seed-{seed}/calibration.json"


@dataclass(frozen=True)
class Runs:
    """All runs of a study: a method, a view count and a seed each.

    calibration : patients held back from training. kept : which back-projections are on disk.
    line_integrals : the file of a patient's, which may be that of the projections.
    pool : files of phantoms that only train, each in the place of one of the renewed patients.
    with_prior : patients of whom there is an earlier volume.
    """

    methods: dict[str, Method]
    seeds: Sequence[int]
    train: list[str]
    calibration: list[str]
    test: list[str]
    kept: Sequence[str]
    line_integrals: str = LINE_INTEGRALS
    pool: Sequence[str] = ()
    renewed: Collection[str] = ()
    with_prior: Collection[str] = ()

    @property
    def trained(self) -> list[str]:
        return [name for name, method in self.methods.items() if method.needs.requires_training]

    @property
    def adapted(self) -> list[str]:
        """Methods whose model starts from another method's."""
        return [name for name, method in self.methods.items() if method.needs.starts_from]

    @property
    def learned(self) -> list[str]:
        """Methods with a model that is trained, or that starts from one."""
        return [name for name, method in self.methods.items() if method.needs.has_model]

    @property
    def one_by_one(self) -> list[str]:
        """Methods that reconstruct each patient in a job of its own."""
        return [name for name, method in self.methods.items() if method.needs.one_job_per_patient]

    @property
    def in_cone_beam(self) -> list[str]:
        """Methods that look at line integrals beside the projections."""
        return [] if self.line_integrals == PROJECTIONS else self.on_line_integrals

    @property
    def on_line_integrals(self) -> list[str]:
        """Methods that look at line integrals, to fit or to reconstruct."""
        return [
            name
            for name, method in self.methods.items()
            if "line_integrals" in (*method.needs.inputs, *method.needs.to_fit)
        ]

    @property
    def calibrated(self) -> list[str]:
        """Methods whose probabilities are calibrated; optimising for more patients takes hours."""
        return [
            name
            for name, method in self.methods.items()
            if self.calibration
            and method.needs.gives_probabilities
            and not method.needs.one_job_per_patient
        ]

    @property
    def probabilistic(self) -> list[str]:
        """Methods that give probabilities, calibrated or not, rather than a mask or a score."""
        return [name for name, method in self.methods.items() if method.needs.gives_probabilities]

    @property
    def together(self) -> list[str]:
        """Methods that reconstruct all test patients in one job."""
        return [name for name in self.methods if name not in self.one_by_one]

    @property
    def without_network(self) -> list[str]:
        """Methods whose fit runs no network."""
        return [name for name in self.methods if name not in self.learned]

    @property
    def labels(self) -> dict[str, dict[str, str]]:
        """Title and family of each method, for figures."""
        return {
            name: {"title": method.title, "family": method.family}
            for name, method in self.methods.items()
        }

    def only(self, names: Sequence[str] | None) -> Runs:
        """The runs of some methods, in the config's order; None is for all of them."""
        chosen = {
            name: method for name, method in self.methods.items() if names is None or name in names
        }
        return replace(self, methods=chosen)

    def at(self, views: int) -> Runs:
        """The runs of one view count: of the methods that have it."""
        chosen = {
            name: replace(method, view_counts=[views])
            for name, method in self.methods.items()
            if views in method.view_counts
        }
        return replace(self, methods=chosen)

    def seeds_of(self, method: str) -> list[int]:
        """One seed is enough where nothing is random."""
        is_random = self.methods[method].needs.runs_networks
        return list(self.seeds if is_random else self.seeds[:1])

    def each(self, pattern: str, **more: Iterable[str]) -> list[str]:
        """A pattern filled in for each method, view count and seed, and for more wildcards."""
        return [
            path
            for name, method in self.methods.items()
            for path in _filled(pattern, name, method.view_counts, self.seeds_of(name), more)
        ]

    def each_trained(self, pattern: str) -> list[str]:
        """The same for each model that is trained."""
        return [
            path
            for name in self.trained
            for path in _filled(pattern, name, self.methods[name].models, self.seeds_of(name), {})
        ]

    def each_calibrated(self, pattern: str) -> list[str]:
        """The same for each model whose probabilities are calibrated."""
        return [
            path
            for name in self.calibrated
            for path in _filled(pattern, name, self.methods[name].models, self.seeds_of(name), {})
        ]

    def examples(self, method: str, views: str, patients: list[str]) -> list[int]:
        """View counts of a model's examples: each of the patients once for each count."""
        counts = self.methods[method].view_counts if views == EVERY else [int(views)]
        return [count for count in counts for _ in patients]

    def fit_inputs(self, method: str, views: str, seed: str) -> dict[str, list[str] | str]:
        """By kind, a file for each example; with the masks, and the model to start from."""
        base = self.methods[method].needs.starts_from
        start = {"base": MODEL.format(method=base, views=views, seed=seed)} if base else {}
        kinds = self.methods[method].needs.to_fit
        pool = {"pool": list(self.pool)} if self.takes_pool(method) else {}
        return self._with_masks(kinds, method, views, self.train) | pool | start

    def takes_pool(self, method: str) -> bool:
        """Whether a method is trained on phantoms of the pool too."""
        needs = self.methods[method].needs
        has_all = "line_integrals" not in needs.to_fit or self.line_integrals == PROJECTIONS
        return bool(self.pool) and needs.requires_training and has_all

    def renewed_examples(self, method: str, views: str) -> list[bool]:
        """Whether a phantom of the pool may take the place of each example of a fit."""
        if not self.takes_pool(method):
            return []
        repeats = len(self.examples(method, views, self.train)) // len(self.train)
        return [patient in self.renewed for patient in self.train] * repeats

    def calibration_inputs(self, method: str, views: str, seed: str) -> dict[str, list[str] | str]:
        """By kind, a file for each example of the patients held back; with the masks and model."""
        kinds = self.methods[method].needs.inputs
        model = MODEL.format(method=method, views=views, seed=seed)
        return self._with_masks(kinds, method, views, self.calibration) | {"model": model}

    def _with_masks(
        self, kinds: Sequence[str], method: str, views: str, patients: list[str]
    ) -> dict[str, list[str]]:
        counts = self.examples(method, views, patients)
        repeated = patients * (len(counts) // len(patients))
        masks = [MASK.format(patient=patient) for patient in repeated]
        return self._inputs(kinds, counts, repeated) | {"masks": masks}

    def reconstruct_inputs(
        self, method: str, views: str, seed: str, patients: list[str]
    ) -> dict[str, list[str] | str]:
        """By kind, a file for each of some patients; with the model, but no mask."""
        examples = [int(views)] * len(patients)
        grids = [PROJECTIONS.format(patient=patient) for patient in patients]
        purpose = EVERY if self.methods[method].needs.shared_across_views else views
        run = {"method": method, "views": purpose, "seed": seed}
        kinds = self.methods[method].needs.inputs
        inputs = self._inputs(kinds, examples, patients)
        scaling = CALIBRATION.format(**run) if method in self.calibrated else []
        looks = self.methods[method].needs.looks_at_prior
        priors = [PRIOR.format(patient=p) for p in patients if looks and p in self.with_prior]
        model = {"model": MODEL.format(**run), "calibration": scaling}
        return inputs | {"grids": grids, "priors": priors} | model

    def _inputs(
        self, kinds: Sequence[str], counts: list[int], patients: list[str]
    ) -> dict[str, list[str]]:
        """Files of some kinds of input; the projections for what is rebuilt from them."""
        patterns = {kind: BACK_PROJECTION if kind in self.kept else PROJECTIONS for kind in KINDS}
        patterns["line_integrals"] = self.line_integrals
        return {
            kind: [
                patterns[kind].format(patient=patient, views=views, kind=kind)
                for views, patient in zip(counts, patients, strict=True)
            ]
            for kind in kinds
        }


def _filled(pattern: str, method: str, views: list, seeds: list, more: dict) -> list[str]:
    names = ["views", "seed", *more]
    return [
        pattern.format(method=method, **dict(zip(names, values, strict=True)))
        for values in product(views, seeds, *more.values())
    ]
