"""What predicted views are worth to a reconstruction that takes them beside the given ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
from angiovox.io.model_files import load_model
from angiovox.io.quantization import QuantizedVolume, quantize
from angiovox.method import Context, Measurement, reconstruct
from angiovox.methods import registry
from angiovox.metrics.evaluate import Case
from angiovox.metrics.overlap import scores
from angiovox.metrics.topology import centreline_dice
from angiovox.projectors.backprojection import network_inputs

from benchmarks.view_prediction_data import OTHERS, SEED_FOLDER, Cohort

COUNTS = (2, 3)
THRESHOLDED = ("backprojection", "hull")
NETWORK = "consistent"  # its model of the study serves any number of views
GIVEN, TRUE, REPEATED = "given", "true", "nearest_view"
TRAINING_PATIENTS = 12  # that thresholds are fitted on, anew for each set of views
SPACING_MM = 0.75


class Others(Protocol):
    """Whoever has the views that are taken beside the given ones."""

    def others(self, name: str, views: int, patient: str) -> np.ndarray: ...


def worth_rows(cohort: Cohort, views: Others, added_by: Sequence[str]) -> Iterator[dict]:
    """IoU and clDice of each test patient by method, number of given views, and what was added.

    Added are no views ("given"), the other eight of ten as they are ("true"), as predicted by those
    named, or as copies of the nearest given view.
    """
    methods = {name: registry.create(name, {}) for name in THRESHOLDED}
    entry = {k: v for k, v in cohort.config["methods"][NETWORK].items() if k != "title"}
    methods[NETWORK] = registry.create(NETWORK, entry)
    for count in COUNTS:
        for added in (GIVEN, REPEATED, *added_by, TRUE):
            tests = [measured(cohort, views, count, added, one) for one in cohort.test]
            for name, method in methods.items():
                state = _state(cohort, views, count, added, name, method)
                for patient, seen in zip(cohort.test, tests, strict=True):
                    found = reconstruct(method, patient, state, seen, Context()).probability
                    row = {"method": name, "views": count, "added": added, "patient": patient}
                    yield row | _quality(found, cohort.mask(patient))
            print("worth", count, added, flush=True)


def measured(cohort: Cohort, views: Others, count: int, added: str, patient: str) -> Measurement:
    """What methods look at: the given views of a patient, with others among them."""
    projections, chosen = cohort.projections(patient).copy(), cohort.chosen(count)
    if added != GIVEN:
        if added != TRUE:
            projections[list(OTHERS)] = views.others(added, count, patient)
        chosen = np.union1d(chosen, OTHERS)
    return with_back_projections(cohort.measurement(projections, chosen))


def with_back_projections(seen: Measurement) -> Measurement:
    """The same views, with their scaled sum and minimum."""
    images = seen.inputs["projections"]
    every, depth = [np.arange(len(images))], images.shape[1]
    sums, minima = network_inputs(quantize(images).codes, seen.angles, every, depth)
    both = (QuantizedVolume(part[0]).values() for part in (sums, minima))
    inputs = dict(zip(("sum", "min"), both, strict=True))
    return Measurement(seen.angles, inputs | {"projections": images})


def _state(cohort: Cohort, views: Others, count: int, added: str, name: str, method) -> dict:
    """The study's model of a network; of the others a threshold fitted on training patients."""
    if name == NETWORK:
        return load_model(cohort.results / "models" / name / "views-all" / SEED_FOLDER / "model.pt")
    training = [
        (measured(cohort, views, count, added, patient), cohort.mask(patient))
        for patient in cohort.train[:TRAINING_PATIENTS]
    ]
    return method.fit(training, Context())[0]


def _quality(found: np.ndarray, mask: np.ndarray) -> dict[str, float]:
    case = Case(found, mask, np.full(3, SPACING_MM))
    every = scores(found, mask) | centreline_dice(*case.masks, case.lines)
    return {name: every[name] for name in ("iou", "cldice")}
