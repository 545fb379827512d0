"""Which models a study fits and which reconstructions it makes, and from which files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import angiovox.method
from angiovox.errors import InputError
from angiovox.method import KINDS, Needs
from angiovox.methods import registry

EVERY = "all"  # in place of a view count: the one model for all of them
PROJECTIONS = "results/projections/{patient}.nii"
BACK_PROJECTION = "results/backprojections/views-{views}/{patient}.{kind}.nii"
LINE_INTEGRALS = "results/line_integrals/{patient}.nii"
MASK = "results/masks/{patient}.nii.gz"
MODEL = "results/models/{method}/views-{views}/seed-{seed}/model.pt"
CALIBRATION = "results/models/{method}/views-{views}/seed-{seed}/calibration.json"


@dataclass(frozen=True)
class Method:
    """A method of the study.

    module : dotted name of the one it is in. settings : of its config entry, with the method that
    it is a variant of. view_counts : most first.
    """

    title: str
    family: str
    module: str
    needs: Needs
    settings: dict[str, Any]
    view_counts: list[int]

    @property
    def models(self) -> list[int | str]:
        """What the models are for: each view count, or all."""
        return [EVERY] if self.needs.shared_across_views else self.view_counts


def methods(config: dict[str, Any]) -> dict[str, Method]:
    """The methods that a config asks for; false leaves one out, true and null set nothing.

    Raises InputError naming a key, its value and what would be valid.
    """
    counts = sorted(config["view_counts"], reverse=True)
    chosen = {}
    for name, given in config["methods"].items():
        if given is False:
            continue
        settings = {} if given in (None, True) else dict(given)
        own = _view_counts(name, settings.pop("view_counts", counts), counts)
        title = settings.pop("title", None)
        method = registry.create(name, settings)
        title, module = _title(name, title, method), registry.module_of(method)
        chosen[name] = Method(title, method.family, module, method.needs, settings, own)
    for name, method in chosen.items():
        _check_base(name, method, chosen)
    _check_titles(chosen)
    paper = registry.PAPER_METHOD
    if paper not in chosen or chosen[paper].view_counts != counts:
        raise InputError(
            f"methods.{paper}: Table 1 needs the paper's network at every one of view_counts"
        )
    return chosen


def _title(name: str, title: Any, method: angiovox.method.Method) -> str:
    """The entry's own title, or the method's, with the entry's name where it is a variant."""
    if title is None:
        return method.title if name == method.name else f"{method.title} ({name})"
    if not (isinstance(title, str) and title):
        raise InputError(f"methods.{name}.title: {title!r} is not valid; expected a text")
    return title


def _check_base(name: str, method: Method, chosen: dict[str, Method]) -> None:
    """Refuse a method that starts from another one's model where that is not made."""
    base = method.needs.starts_from
    if base is None:
        return
    base_view_counts = chosen[base].view_counts if base in chosen else []
    missing = [count for count in method.view_counts if count not in base_view_counts]
    if missing:
        raise InputError(
            f"methods.{name}: starts from the model of {base}, which is not made for "
            f"{', '.join(map(str, missing))} views; change methods.{base}, or set "
            f"methods.{name}: false"
        )
    given = chosen[base]
    if base == name or given.module != method.module or not given.needs.requires_training:
        raise InputError(
            f"methods.{name}.starts_from: {base!r} is not valid; expected another entry of the "
            "same method, which is trained"
        )


def _check_titles(chosen: dict[str, Method]) -> None:
    """Refuse titles that do not tell entries apart in figures and tables."""
    names: dict[str, str] = {}
    for name, method in chosen.items():
        if method.title in names:
            raise InputError(
                f"methods.{name}.title: {method.title!r} is the title of {names[method.title]} too"
            )
        names[method.title] = name


def _view_counts(name: str, own: Any, counts: list[int]) -> list[int]:
    known = isinstance(own, list) and all(type(n) is int and n in counts for n in own)
    if not (known and own and len(set(own)) == len(own)):
        raise InputError(
            f"methods.{name}.view_counts: {own!r} is not valid; expected one or more of the "
            f"study's view_counts: {', '.join(map(str, counts))}"
        )
    return sorted(own, reverse=True)


@dataclass(frozen=True)
class Runs:
    """All runs of a study: a method, a view count and a seed each.

    calibration : patients held back from training. kept : which back-projections are on disk.
    """

    methods: dict[str, Method]
    seeds: Sequence[int]
    train: list[str]
    calibration: list[str]
    test: list[str]
    kept: Sequence[str]

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

    def each_long_job(self, pattern: str) -> list[str]:
        """The same for each job that trains, or that optimises for one patient."""
        alone = replace(self, methods={name: self.methods[name] for name in self.one_by_one})
        return self.each_trained(pattern) + alone.each(pattern) * len(self.test)

    def examples(self, method: str, views: str, patients: list[str]) -> list[int]:
        """View counts of a model's examples: each of the patients once for each count."""
        counts = self.methods[method].view_counts if views == EVERY else [int(views)]
        return [count for count in counts for _ in patients]

    def fit_inputs(self, method: str, views: str, seed: str) -> dict[str, list[str] | str]:
        """By kind, a file for each example; with the masks, and the model to start from."""
        base = self.methods[method].needs.starts_from
        start = {"base": MODEL.format(method=base, views=views, seed=seed)} if base else {}
        kinds = self.methods[method].needs.to_fit
        return self._with_masks(kinds, method, views, self.train) | start

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
        return inputs | {"grids": grids, "model": MODEL.format(**run), "calibration": scaling}

    def _inputs(
        self, kinds: Sequence[str], counts: list[int], patients: list[str]
    ) -> dict[str, list[str]]:
        """Files of some kinds of input; the projections for what is rebuilt from them."""
        patterns = {kind: BACK_PROJECTION if kind in self.kept else PROJECTIONS for kind in KINDS}
        patterns["line_integrals"] = LINE_INTEGRALS
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
