"""What helps the U-Net on people's arteries at equal steps, over several seeds.

    python benchmarks/ablation_transfer.py GROUP [GROUP ...] [--seeds 1 2 3] [--ideas dropout]

Needs results/ of the default study and of `snakemake transfer` with these groups. Each variant is
trained as the default study's U-Net is, on its training phantoms and pool, and tested on the
groups' patients, of whom nothing is learnt. Writes ablation_transfer_patients.csv and
ablation_transfer.md; `--table` writes the latter from the former and measures nothing. A training
takes about 3 minutes of one core.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from unittest import mock

import numpy as np
import pandas as pd
import yaml

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "workflow" / "scripts"))

from angiovox.geometry.imaging import Imaging  # noqa: E402
from angiovox.io.table_files import read_table  # noqa: E402
from angiovox.method import Context, Measurement  # noqa: E402
from angiovox.methods import registry  # noqa: E402
from angiovox.methods.dataset import PatientDataset  # noqa: E402
from angiovox.metrics.overlap import ratios  # noqa: E402
from angiovox.metrics.statistics import differences, mean_interval  # noqa: E402
from angiovox_pipeline import runs  # noqa: E402
from angiovox_pipeline.study import Study  # noqa: E402

VIEWS = (2, 5, 90)
AVERAGE_DECAY, DROPOUT = 0.99, 0.1
REFINEMENT = 25
TABLE = HERE / "ablation_transfer_patients.csv"


@dataclass(frozen=True)
class Idea:
    """A variant of the training: settings, the pool, and what becomes of the network."""

    settings: dict = field(default_factory=dict)
    has_pool: bool = True
    change: Callable | None = None


def with_dropout(network):
    """Leave out a tenth of the channels that each residual block gives, while training."""
    from torch.nn import functional

    def drop(block, _, result):
        return functional.dropout3d(result, DROPOUT, block.training)

    for block in (*network.encoder, *network.decoder):
        block.register_forward_hook(drop)
    return network


def with_group_norm(network):
    """Norms over groups of eight channels in place of each channel alone."""
    from torch import nn

    for block in (*network.encoder, *network.decoder):
        for name in ("first_norm", "second_norm"):
            channels = getattr(block, name).num_features
            setattr(block, name, nn.GroupNorm(channels // 8, channels))
    return network


def with_average(network):
    """Keep an exponential moving average of the weights beside them."""
    import torch

    network.average = {name: one.detach().clone() for name, one in network.named_parameters()}

    @torch.no_grad()
    def follow(module, *_):
        for name, weight in module.named_parameters() if module.training else ():
            module.average[name].lerp_(weight, 1 - AVERAGE_DECAY)

    network.register_forward_hook(follow)
    return network


IDEAS = {
    "U-Net": Idea(change=with_average),
    "no harmonics": Idea({"harmonics": 0}),
    "no pool": Idea(has_pool=False),
    "four levels": Idea({"levels": 4}),
    "dropout": Idea(change=with_dropout),
    "group norm": Idea(change=with_group_norm),
}
AVERAGED, REFINED, TURNED = "averaged weights", "25 steps of refinement", "mean over symmetries"
EXPECTED = {
    "U-Net": "what the others are compared with",
    "no harmonics": "worse: which view is bright is lost",
    "no pool": "worse: 33 phantoms in place of 233",
    "four levels": "worse: sees half as far",
    "dropout": "a little better",
    "group norm": "about the same",
    AVERAGED: "a little better",
    REFINED: "better: arteries that a view shows come back",
    TURNED: "a little better, in four times the time",
}


def main() -> None:
    """Train and test, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("groups", nargs="*", help="names of groups in cohort.transfer")
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    parser.add_argument("--ideas", nargs="+", choices=IDEAS, default=list(IDEAS), metavar="IDEA")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--table", action="store_true")
    given = parser.parse_args()
    if not given.table:
        empty = [group for group in given.groups if not patients_of(group)]
        if empty or not given.groups:
            parser.error(f"no patients in results/masks: {', '.join(empty) or 'name a group'}")
        jobs = list(product(given.ideas, given.seeds))
        parts = others_measured(given.ideas)
        with ProcessPoolExecutor(given.jobs, get_context("spawn")) as pool:
            running = {pool.submit(evaluate_variant, *job, given.groups): job for job in jobs}
            for done in as_completed(running):
                parts.append(done.result())
                means = parts[-1].groupby(["idea", "group", "views"])["iou"].mean()
                print(*running[done], means.round(3).to_dict(), flush=True)
                table = pd.concat(parts).sort_values(["idea", "seed", "group", "views", "patient"])
                table.to_csv(TABLE, index=False, float_format="%.5g")
    text = markdown(read_table(TABLE))
    (HERE / "ablation_transfer.md").write_text(text)
    print(text)


def others_measured(ideas: list[str]) -> list[pd.DataFrame]:
    """What the table has of other ideas than those that are measured anew."""
    made = {AVERAGED, REFINED, TURNED} if "U-Net" in ideas else set()
    if set(ideas) == set(IDEAS) or not TABLE.exists():
        return []
    table = read_table(TABLE)
    return [table[~table["idea"].isin({*ideas, *made})]]


def evaluate_variant(name: str, seed: int, groups: list[str]) -> pd.DataFrame:
    """IoU of each patient of the groups at each view count, of a variant and what is made of it."""
    import torch
    from angiovox.methods.unet import model
    from angiovox.methods.unet.network import ResidualUNet

    torch.set_num_threads(1)
    idea, built = IDEAS[name], []

    def build(**shape):
        network = ResidualUNet(**shape)
        network = idea.change(network) if idea.change else network
        if not built:  # the trained one; each reconstruction builds another
            built.append(network)
        return network

    study = Study.read(yaml.safe_load((HERE.parent / "config/config.yaml").read_text()))
    settings = study.runs.methods["unet"].settings | idea.settings
    unet = registry.create("unet", settings)
    training = examples(study, idea)
    rows = []
    with tempfile.TemporaryDirectory() as folder, mock.patch.object(model, "ResidualUNet", build):
        context = Context(seed, "cpu", Path(folder) / "checkpoint.pt", {}, lambda line: None)
        state, _ = unet.fit(training, context)
        models = {name: (unet, state)}
        if idea.change is with_average:
            average = state["network"] | {k: v.clone() for k, v in built[0].average.items()}
            models[AVERAGED] = unet, state | {"network": average}
            refining = registry.create(
                "unet", {"starts_from": "unet", "refinement_steps": REFINEMENT}
            )
            base = Context(seed, "cpu", Path(folder) / "own.pt", {}, lambda line: None, base=state)
            models[REFINED] = refining, refining.fit(training, base)[0]
        for group, views in product(groups, VIEWS):
            names = patients_of(group)
            for patient, (seen, mask) in zip(
                names, transfer_dataset(study, names, views), strict=True
            ):
                for label, (method, own) in models.items():
                    found = method.reconstruct(own, seen, Context()).probability >= 0.5
                    rows.append((label, seed, group, views, patient, ratios(found, mask)["iou"]))
                if idea.change is with_average:
                    iou = ratios(symmetry_mean(unet, state, seen) >= 0.5, mask)["iou"]
                    rows.append((TURNED, seed, group, views, patient, iou))
    return pd.DataFrame(rows, columns=["idea", "seed", "group", "views", "patient", "iou"])


def patients_of(group: str) -> list[str]:
    """Ids of a group's patients: trees are numbered, a sheet's may be called as the group is."""
    known = (path.name.removesuffix(".nii.gz") for path in Path("results/masks").glob("*.nii.gz"))
    return sorted(name for name in known if name == group or name.startswith(f"{group}-"))


def examples(study: Study, idea: Idea) -> PatientDataset:
    """The default study's training examples."""
    known = study.runs
    paths = known.fit_inputs("unet", runs.EVERY, "1")
    return PatientDataset(
        {kind: paths[kind] for kind in ("projections", "sum", "min")},
        Imaging(**study.projection.imaging),
        known.examples("unet", runs.EVERY, known.train),
        paths["masks"],
        coded=True,
        pool=paths["pool"] if idea.has_pool else (),
        renewed=known.renewed_examples("unet", runs.EVERY),
    )


def transfer_dataset(study: Study, names: list[str], views: int) -> PatientDataset:
    """Patients at one number of views, with the masks that they are judged by."""
    paths = [runs.PROJECTIONS.format(patient=name) for name in names]
    masks = [runs.MASK.format(patient=name) for name in names]
    inputs = dict.fromkeys(("projections", "sum", "min"), paths)
    counts = [views] * len(names)
    how = {"recomputed": ("sum", "min"), "coded": True}
    imaging = Imaging(**study.projection.imaging)
    return PatientDataset(inputs, imaging, counts, masks, **how)


def symmetry_mean(unet, state: dict, seen: Measurement) -> np.ndarray:
    """Mean probability over half turns about z and mirror images along it."""
    total = 0.0
    for half_turn, upside_down in product((False, True), repeat=2):
        axes = (0, 1) * half_turn + (2,) * upside_down
        # A half turn mirrors the detector; the volume's axes 0 and 2 are the detector's 1 and 2.
        of_views = (1,) * half_turn + (2,) * upside_down
        inputs = {
            kind: np.ascontiguousarray(np.flip(a, of_views if kind == "projections" else axes))
            for kind, a in seen.inputs.items()
        }
        found = unet.reconstruct(state, Measurement(seen.angles, inputs), Context())
        total = total + np.flip(found.probability, axes) / 4
    return total


def markdown(table: pd.DataFrame) -> str:
    """A row per idea: mean IoU by group and number of views, and its difference to the U-Net's."""
    lines = []
    known = set(table["idea"])
    for idea in (name for name in EXPECTED if name in known):
        row = {"idea": idea, "expected": EXPECTED[idea]}
        for (group, views), own in table.groupby(["group", "views"], sort=False):
            values = own.pivot_table(index="patient", columns=["idea", "seed"], values="iou")
            row[f"{group}, {views} views"] = format_cell(
                values[idea], values["U-Net"], idea == "U-Net"
            )
        lines.append(row)
    seeds = ", ".join(map(str, sorted(table["seed"].unique())))
    counts = table.groupby("group")["patient"].nunique()
    who = ", ".join(f"{count} of {group}" for group, count in counts.items())
    return f"""{pd.DataFrame(lines).to_markdown(index=False, disable_numparse=True)}

Mean IoU over patients ({who}) and training seeds ({seeds}), and the difference to the first row
with its 95 % interval of t over patients and seeds, crossed; with few seeds it is wide. Intervals
are not adjusted for the number of rows. Last three rows: of the first row's models.
`python benchmarks/ablation_transfer.py {" ".join(counts.index)}`, one CPU thread for each training.
"""


def format_cell(values: pd.DataFrame, reference: pd.DataFrame, is_reference: bool) -> str:
    mean = f"{values.to_numpy().mean():.3f}"
    if is_reference:
        return mean
    apart = differences(values.to_numpy(), reference.to_numpy())
    return mean + " ({:+.3f}, {:+.3f} to {:+.3f})".format(*mean_interval(apart))


if __name__ == "__main__":
    main()
