"""What each idea of `unet` and `consistent` brings, by validation within the training patients.

Reads the default study's back-projections, masks and projections from results/ (run it once before,
or `snakemake preprocess`), trains each variant on four fifths of the training patients and
tests it on the rest; no test patient is looked at. Writes ablation_patients.csv and ablation.md.
Names of variants as arguments measure only those, and keep the other rows; `--table` writes
ablation.md from ablation_patients.csv and measures nothing.
"""

from __future__ import annotations

import dataclasses
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "workflow" / "scripts"))

from angiovox.geometry.imaging import Imaging  # noqa: E402
from angiovox.io.table_files import read_table  # noqa: E402
from angiovox.method import Context, Method  # noqa: E402
from angiovox.methods import registry  # noqa: E402
from angiovox.methods.dataset import PatientDataset  # noqa: E402
from angiovox.metrics.comparisons import LEVEL, largest_t_p_values  # noqa: E402
from angiovox.metrics.overlap import ratios  # noqa: E402
from angiovox.metrics.statistics import differences, mean_interval  # noqa: E402
from angiovox_pipeline import cohort, runs, study_methods  # noqa: E402
from angiovox_pipeline.config import check_config  # noqa: E402
from angiovox_pipeline.projection import Projection  # noqa: E402

SEED, THREADS, EVERY_FIFTH = 1, 2, 5
COUNTS = (90, 10, 5, 3, 2)
MODELS: dict[str, dict] = {}


@dataclass(frozen=True)
class Idea:
    """A variant: settings that differ from its reference, and what that was expected to bring."""

    expected: str
    reference: str = "U-Net"
    settings: dict = field(default_factory=dict)
    inputs: tuple[str, ...] = ("sum", "min")
    models: tuple[tuple[int, ...], ...] = (COUNTS,)  # the view counts that each model is for
    consistency: float = 0.0  # weight of projections in the training's loss
    refinement_steps: int | None = None  # for a new patient, by the variant `consistent`


IDEAS = {
    "U-Net": Idea("what the others are compared with"),
    "sum only": Idea(
        "worse: the minimum bounds what can be vessel",
        reference="no harmonics",
        settings={"hull_support": False, "harmonics": 0},
        inputs=("sum",),
    ),
    "minimum only": Idea(
        "a little worse at few views",
        reference="no harmonics",
        settings={"harmonics": 0},
        inputs=("min",),
    ),
    "no harmonics": Idea("worse at few views", settings={"harmonics": 0}),
    "two harmonics": Idea("no more than one", settings={"harmonics": 2}),
    "no hull support": Idea("worse: vessels outside the hull", settings={"hull_support": False}),
    "one model per view count": Idea(
        "worse with as many steps in all: a fifth for each",
        settings={"epochs": 5},
        models=tuple((count,) for count in COUNTS),
    ),
    "two views only": Idea("better there: all steps for them", models=((2,),)),
    "Dice with little cross-entropy": Idea("about the same", settings={"bce_weight": 1.0}),
    "projections in the loss": Idea("fewer missing arteries at few views", consistency=0.2),
    "10 steps of refinement": Idea("arteries that a view shows come back", refinement_steps=10),
    "25 steps of refinement": Idea("a little more", refinement_steps=25),
    "50 steps of refinement": Idea("no more than that", refinement_steps=50),
    "projections in the loss, 25 steps of refinement": Idea(
        "both together",
        reference="25 steps of refinement",
        consistency=0.2,
        refinement_steps=25,
    ),
    "four times the steps": Idea(
        "better: the default's steps are few for its budget's sake", settings={"epochs": 104}
    ),
}

# What cost overlap and was taken out of the code; the rows are those of commit 84ff6f0.
REMOVED = {
    "deep supervision": Idea("faster learning"),
    "soft clDice": Idea("fewer gaps, at the cost of some overlap"),
}
ALL_IDEAS = IDEAS | REMOVED
REFERENCES = {name: idea.reference for name, idea in ALL_IDEAS.items() if name != idea.reference}


def main(wanted: list[str]) -> None:
    """Train and test the wanted ideas, all by default, and write the tables."""
    path = HERE / "ablation_patients.csv"
    if wanted == ["--table"]:
        (HERE / "ablation.md").write_text(markdown(read_table(path)))
        return
    unknown = set(wanted) - set(IDEAS)
    if unknown:
        sys.exit(f"unknown: {', '.join(unknown)}; choose among {', '.join(IDEAS)}")
    config = yaml.safe_load((HERE.parent / "config" / "config.yaml").read_text())
    check_config(config)
    measured = read_table(path)
    kept = {*REMOVED, *(set(IDEAS) - set(wanted) if wanted else ())}
    tables = [measured[measured["idea"].isin(kept)]]
    for name in wanted or IDEAS:
        tables.append(validated(config, name, IDEAS[name]))
        table = pd.concat(tables, ignore_index=True)
        table.to_csv(path, index=False, float_format="%.5g")
        text = markdown(table)
        (HERE / "ablation.md").write_text(text)
    print(text)


def validated(config: dict, name: str, idea: Idea) -> pd.DataFrame:
    """IoU of each validation patient at each view count."""
    chosen = study_methods.methods(config)["unet"].settings
    unet = registry.create("unet", chosen | idea.settings)
    train = [p.name for p in cohort.read_cohort(config) if p.split == "train"]
    learning = [n for i, n in enumerate(train) if i % EVERY_FIFTH]
    held_back = train[::EVERY_FIFTH]
    rows = []
    for group in idea.models:
        training = patients(config, learning, group, idea)
        method, state = fitted(name, idea, training, unet)
        for count in group:
            blind = patients(config, held_back, [count], idea)
            for patient, (views, mask) in zip(held_back, blind, strict=True):
                found = method.reconstruct(state, views, Context()).probability >= 0.5
                iou = ratios(found, mask)["iou"]
                rows.append((name, count, patient, iou))
    return pd.DataFrame(rows, columns=["idea", "views", "patient", "iou"])


def fitted(name: str, idea: Idea, training: PatientDataset, unet: Method) -> tuple[Method, dict]:
    """The method that reconstructs and its state; what differs in refinement is trained once."""
    from angiovox.methods.unet import model

    paths = {kind: training.inputs[kind] for kind in idea.inputs}
    key = repr((unet.settings, idea.consistency, paths))
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Path(folder) / "checkpoint.pt"
        how = (SEED, device(), checkpoint, {}, lambda line: print(name, line, flush=True))
        context = Context(*how)
        if key not in MODELS:
            MODELS[key], _ = model.fit(training, unet.settings, context, idea.consistency)
        if idea.refinement_steps is None:
            return unet, MODELS[key]
        steps = {"starts_from": "unet", "refinement_steps": idea.refinement_steps}
        method = registry.create("unet", steps)
        context = dataclasses.replace(context, base=MODELS[key])
        return method, method.fit(training, context)[0]


def patients(config: dict, names: list[str], counts: Sequence[int], idea: Idea) -> PatientDataset:
    """Patients as the workflow gives them, each once per view count."""
    kinds = [*idea.inputs, "projections"]
    pattern = {kind: runs.BACK_PROJECTION for kind in kinds} | {"projections": runs.PROJECTIONS}
    examples = [(name, count) for count in counts for name in names]
    paths = {
        kind: [
            pattern[kind].format(patient=name, views=count, kind=kind) for name, count in examples
        ]
        for kind in kinds
    }
    masks = [runs.MASK.format(patient=name) for name, _ in examples]
    views = [count for _, count in examples]
    imaging = Imaging(**Projection(config).imaging)
    return PatientDataset(paths, imaging, views, masks, coded=True)


def device() -> str:
    import torch

    torch.set_num_threads(THREADS)
    return "cuda" if torch.cuda.is_available() else "cpu"


def markdown(table: pd.DataFrame) -> str:
    """A row per idea: mean IoU by view count, and what the idea brought on the same patients."""
    counts = sorted(map(int, table["views"].unique()), reverse=True)
    fewest = counts[-1]
    iou = table.pivot_table(index="patient", columns=["idea", "views"], values="iou")
    brought = {count: what_each_brought(iou.xs(count, axis=1, level="views")) for count in counts}
    rows = []
    for name in (name for name in ALL_IDEAS if name in set(table["idea"])):
        means = {count: iou[name, count].mean() for count in counts if (name, count) in iou}
        marks = {count: brought[count][name].mark for count in counts if name in brought[count]}
        own = brought[fewest].get(name)
        rows.append(
            {"idea": name, "expected": ALL_IDEAS[name].expected}
            | {
                f"{count} views": f"{means[count]:.3f}{marks.get(count, '')}"
                if count in means
                else "-"
                for count in counts
            }
            | {f"brought at {fewest} views (95 % interval)": own.interval if own else "-"}
            | {"p": f"{own.p:.3f}" if own else "-"}
        )
    shown = pd.DataFrame(rows).to_markdown(index=False, disable_numparse=True)
    return f"""{shown}

Mean IoU of {table["patient"].nunique()} validation phantoms out of the training patients of the
default cohort; trained on the others, one training seed ({SEED}), so that a row speaks of this
trained network. What an idea brought is the paired difference to the row it builds on, with a 95 %
interval of Student's t over the patients, for this row alone. p is by sign flips of the patients
with the largest |t| over all rows at {fewest} views. Rows with p of at most {LEVEL}, over all rows
at that number of views, are marked as better (▲) or worse (▼) than the one they build on. No test
patient was looked at. `python benchmarks/ablation.py`, {THREADS} CPU threads. Deep supervision and
soft clDice were measured at commit 84ff6f0 and then taken out of the code.
"""


@dataclass(frozen=True)
class Brought:
    """What an idea brought at one view count: the differences of patients, and p over all ideas."""

    apart: np.ndarray
    p: float

    @property
    def interval(self) -> str:
        return "{:+.3f} ({:+.3f} to {:+.3f})".format(*mean_interval(self.apart))

    @property
    def mark(self) -> str:
        return "" if self.p > LEVEL else " ▲" if self.apart.mean() > 0 else " ▼"


def what_each_brought(
    iou: pd.DataFrame, references: Mapping[str, str] = REFERENCES
) -> dict[str, Brought]:
    """By idea, compared with its reference.

    iou : at one view count, a row per patient, a column per idea. references : what each idea
    builds on.
    """
    apart = {
        name: differences(iou[name], iou[reference])[:, 0]
        for name, reference in references.items()
        if name in iou and reference in iou
    }
    p_values = largest_t_p_values(np.stack([*apart.values()])) if apart else []
    return {
        name: Brought(values, p) for (name, values), p in zip(apart.items(), p_values, strict=True)
    }


if __name__ == "__main__":
    main(sys.argv[1:])
