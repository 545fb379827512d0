"""A training step of the paper's network on the CPU: with the allocator as it is, and told to keep.

Writes benchmarks/training_step.csv and .md. Each variant runs in a process of its own, since what
the allocator was told cannot be taken back; the median of 30 steps after 5 to warm up.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "workflow" / "scripts"))

EDGE = 64
PRECISIONS = ("fp32", "bf16")


def measure(precision: str, keep: bool) -> float:
    """Median seconds of a step on a random volume."""
    import torch
    from angiovox.allocator import keep_freed_memory
    from angiovox.interface import Context, Views
    from angiovox.network import DenoisingAutoencoder
    from angiovox.training import Trainer
    from angiovox.training_settings import Settings

    if keep:
        keep_freed_memory()
    torch.manual_seed(0)
    volume = np.random.default_rng(0).random((EDGE,) * 3, dtype=np.float32)
    patients = [(Views(np.zeros(1), {"sum": volume}), volume > 0.98)]
    context = Context(0, "cpu", Path("unused.pt"), {}, lambda message: None)
    trainer = Trainer(DenoisingAutoencoder(), patients, Settings(precision=precision), context)
    batch = trainer._load([0])
    times = []
    for _ in range(35):
        started = time.perf_counter()
        trainer._step(*batch)
        times.append(time.perf_counter() - started)
    return statistics.median(times[5:])


def in_own_process(precision: str, keep: bool) -> float:
    """`measure` in a fresh interpreter."""
    command = [sys.executable, __file__, precision, str(int(keep))]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def main() -> None:
    """Measure all variants and write the tables."""
    rows = []
    for precision in PRECISIONS:
        plain, kept = (in_own_process(precision, keep) for keep in (False, True))
        row = {"edge": EDGE, "precision": precision, "default_s": plain, "kept_s": kept}
        rows.append(row | {"ratio": plain / kept})
    table = pd.DataFrame(rows).round(3)
    table.to_csv(HERE / "training_step.csv", index=False)
    (HERE / "training_step.md").write_text(table.to_markdown(index=False) + "\n")
    print(table.to_markdown(index=False))


if __name__ == "__main__":
    if len(sys.argv) == 3:
        print(measure(sys.argv[1], sys.argv[2] == "1"))
    else:
        main()
