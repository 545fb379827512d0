"""Train the network that reconstructs from angiograms, calibrate and score it, write its bundle.

Everything is simulated and follows from seeds. Stopped, it goes on from its checkpoint; examples
are simulated when they are first needed and kept in the work folder. The bundle's metadata have the
command and what it took.
"""

from __future__ import annotations

import argparse
import re
import shlex
import signal
import sys
import time
from collections import defaultdict
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "workflow" / "scripts"))

from angiovox.angiograms import network, reconstruction, weights  # noqa: E402
from angiovox.angiograms.channels import COUNT, prepare  # noqa: E402
from angiovox.angiograms.knowability import UNDECIDED, assess  # noqa: E402
from angiovox.angiograms.reliability import fit_scale  # noqa: E402
from angiovox.angiograms.simulation import Example, simulate  # noqa: E402
from angiovox.errors import TrainingInterrupted  # noqa: E402
from angiovox.io import atomic  # noqa: E402
from angiovox.method import Context  # noqa: E402
from angiovox.metrics.overlap import binary, ratios  # noqa: E402
from angiovox.training.fingerprint import stamp  # noqa: E402
from angiovox_pipeline import code_version  # noqa: E402

BUNDLE, WORK = ROOT / "resources/angiogram_network", ROOT / "weights-training"
CARD = Path("docs/README.md")
START, END = "<!-- scores -->", "<!-- /scores -->"
CALIBRATION_SEED, SCORE_SEED = 800_000, 900_000  # of the first phantoms, which nobody trains on
MODULES = tuple(f"angiovox.angiograms.{name}" for name in ("network", "examples", "simulation"))


def main() -> None:
    args = arguments()
    torch.set_num_threads(args.threads)
    settings = network.Settings(epochs=args.epochs, examples=args.examples, edge=args.edge)
    started = time.monotonic()
    state, history = train(settings, args)
    seconds = time.monotonic() - started
    scales = calibrate(state, args)
    rows = [score(state, seed, args.threads) for seed in held_back(SCORE_SEED, args.held_back)]
    weights.save_weights(args.bundle, state, metadata(settings, args, history, seconds))
    weights.save_scales(args.bundle, scales)
    (args.bundle / CARD).parent.mkdir(parents=True, exist_ok=True)
    atomic.save_rows(args.bundle / "docs/history.csv", history)
    atomic.save_rows(args.bundle / "docs/scores.csv", rows)
    write_card(args.bundle / CARD, rows)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--examples", type=int, default=network.Settings.examples)
    parser.add_argument("--epochs", type=int, default=network.Settings.epochs)
    parser.add_argument("--edge", type=int, default=network.Settings.edge, help="of a part, voxels")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2, help="of PyTorch; results depend on them")
    parser.add_argument(
        "--held-back", type=int, default=12, help="phantoms, to calibrate and score"
    )
    parser.add_argument("--bundle", type=Path, default=BUNDLE, help="folder to write")
    parser.add_argument("--work", type=Path, default=WORK, help="examples and checkpoints")
    return parser.parse_args()


def train(settings: network.Settings, args: argparse.Namespace) -> tuple[dict, list[dict]]:
    """Train, or go on; a checkpoint is written where somebody stops it."""
    asked: list[bool] = []
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: asked.append(True))
    code = code_version.of_script(*MODULES)
    args.work.mkdir(parents=True, exist_ok=True)
    context = Context(
        seed=args.seed,
        device="cuda" if torch.cuda.is_available() else "cpu",
        checkpoint=args.work / "checkpoint.pt",
        stamp=stamp(settings, args.seed, code, (), args.threads),
        log=log,
        stopping=lambda: bool(asked),
    )
    try:
        return network.fit(settings, args.work / "examples", context)
    except TrainingInterrupted as interruption:
        sys.exit(str(interruption))


def held_back(first: int, count: int) -> range:
    return range(first, first + count)


def calibrate(state: dict, args: argparse.Namespace) -> dict[str, dict[str, float]]:
    """By view count, what makes probabilities right where views decide nothing, on phantoms."""
    examples = defaultdict(list)
    for seed in held_back(CALIBRATION_SEED, args.held_back):
        example = simulate(seed, args.threads)
        angiograms = example.angiograms
        found = reconstruction.reconstruct(angiograms, example.grid, state, threads=args.threads)
        left = assess(angiograms, found, threads=args.threads).state == UNDECIDED
        examples[len(angiograms)].append((found.probability[left], example.mask[left]))
        log(f"calibration phantom {seed}")
    return {str(views): fit_scale(examples[views]).as_dict() for views in sorted(examples)}


def score(state: dict, seed: int, threads: int) -> dict[str, float]:
    """Dice of a held-back phantom: of the network alone, and after steps to the line integrals."""
    example = simulate(seed, threads)
    angiograms = example.angiograms
    prepared = prepare(angiograms, example.grid, threads)
    alone = reconstruction.apply(state, prepared, example.grid, threads=threads).sigmoid().numpy()
    found = reconstruction.reconstruct(angiograms, example.grid, state, threads=threads)
    row = {
        "phantom": seed,
        "views": len(angiograms),
        "network": _dice(alone, example),
        "with_steps": _dice(found.probability, example),
    }
    log(", ".join(f"{key} {value:.6g}" for key, value in row.items()))
    return row


def _dice(probability: np.ndarray, example: Example) -> float:
    return round(ratios(binary(probability), example.mask)["dice"], 4)


def metadata(
    settings: network.Settings, args: argparse.Namespace, history: list[dict], seconds: float
) -> dict:
    """What a MONAI bundle says of its model, and how this one came about."""
    return {
        "version": "1.0.0",
        "name": "angiogram network",
        "task": "3D vessels from two or more angiograms",
        "description": "Residual 3D U-Net on back-projections of subtracted angiograms from any "
        "directions; see docs/README.md.",
        "authors": "the angiovox developers",
        "copyright": "the angiovox developers",
        "intended_use": "Research; not for diagnosis or treatment.",
        "data_source": "simulated angiograms of phantoms; no patient's data",
        "data_type": "simulated",
        "monai_version": version("monai"),
        "pytorch_version": version("torch").split("+")[0],
        "numpy_version": version("numpy"),
        "required_packages_version": {"angiovox": "0.1.0", "numba": version("numba")},
        "licence": "MIT, as angiovox",
        "network_data_format": _data_format(settings),
        "training": {
            "command": shlex.join(["python", "tools/angiogram_weights.py", *sys.argv[1:]]),
            "settings": asdict(settings),
            "seed": args.seed,
            "threads": args.threads,
            "seconds": round(sum(row["seconds"] for row in history) or seconds),
            "phantom_seeds": [settings.first_seed, settings.first_seed + settings.examples - 1],
            "held_back_seeds": [CALIBRATION_SEED, SCORE_SEED],
            "code": code_version.of_script(*MODULES),
        },
    }


def _data_format(settings: network.Settings) -> dict:
    space = [f"{2 ** (settings.levels - 1)} * n"] * 3
    seen = {"type": "image", "format": "back-projections", "num_channels": COUNT}
    given = {"type": "probabilities", "format": "logit of vessel", "num_channels": 1}
    shape = {"spatial_shape": space, "dtype": "float32", "is_patch_data": True}
    inputs = seen | shape | {"value_range": [-3, 3], "channel_def": {"0": "angiograms.channels"}}
    outputs = given | shape | {"value_range": [], "channel_def": {"0": "vessel"}}
    return {"inputs": {"image": inputs}, "outputs": {"pred": outputs}}


def write_card(path: Path, rows: list[dict]) -> None:
    """Put the scores between the marks of the model card; a card without them is started."""
    text = path.read_text(encoding="utf-8") if path.exists() else f"# Model card\n\n{START}{END}\n"
    part = f"{START}\n{scores_table(rows)}\n{END}"
    with atomic.atomic_file(path) as temporary:
        new = re.sub(f"{START}.*?{END}", lambda _: part, text, flags=re.S)
        temporary.write_text(new, encoding="utf-8")


def scores_table(rows: list[dict]) -> str:
    lines = ["| views | phantoms | Dice, network | Dice, with steps |", "|---|---|---|---|"]
    for views in sorted({row["views"] for row in rows}):
        some = [row for row in rows if row["views"] == views]
        means = [np.mean([row[key] for row in some]) for key in ("network", "with_steps")]
        lines.append(f"| {views} | {len(some)} | " + " | ".join(f"{m:.3f}" for m in means) + " |")
    return "\n".join(lines)


def log(message: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {message}", flush=True)


if __name__ == "__main__":
    main()
