"""The adviser's third view beside every third view really taken: what it decides, and its rank.

Phantoms of 100 mm in voxels of 1.25 mm, detectors of 192 pixels; a stand-in for a network: SIRT
within the candidates, its share made right on average on a phantom held back. Writes
benchmarks/adviser.csv and .md.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "workflow" / "scripts")]

from angiovox.angiograms.adviser import advise  # noqa: E402
from angiovox.angiograms.evidence import gather  # noqa: E402
from angiovox.angiograms.knowability import UNDECIDED, assess, classify  # noqa: E402
from angiovox.angiograms.reliability import fit_scale  # noqa: E402
from angiovox.projectors.attenuation import CONTRAST  # noqa: E402
from angiovox.projectors.sirt import sirt  # noqa: E402

from benchmarks.simulated_angiograms import ANGLES, THREADS, Phantom, arm  # noqa: E402

VOXELS, PIXELS, ITERATIONS = 80, 192, 6
HELD_BACK, PHANTOMS = (21,), (1, 2, 3, 4, 5, 6)
PRIMARY, SECONDARY = tuple(range(-100, 101, 20)), (-40, -20, 0, 20, 40)


@dataclass(frozen=True, eq=False)
class StandIn:
    """SIRT's share of full vessel, in place of a network's probability."""

    probability: np.ndarray
    grid: object
    contrast: np.ndarray


def main() -> None:
    """Measure every phantom and write the tables."""
    c_arm = arm(PIXELS)
    examples = []
    for seed in HELD_BACK:
        phantom, _, found, known = prepared(seed, c_arm)
        left = known.state == UNDECIDED
        examples.append((found.probability[left], phantom.share[left] >= 0.5))
    scale = fit_scale(examples)
    rows = []
    for seed in PHANTOMS:
        rows.append(measure(seed, c_arm, scale))
        print(rows[-1], flush=True)
        write(rows)


def prepared(seed: int, c_arm) -> tuple:
    """A phantom, its biplane pair, SIRT's share of it, and what the pair decides."""
    phantom = Phantom(seed, VOXELS)
    angiograms = phantom.angiograms(c_arm, ANGLES[:2])
    contrast = np.full(2, CONTRAST)
    known = classify(angiograms, phantom.grid, contrast, threads=THREADS)
    share = sirt(
        angiograms.line_integrals, phantom.grid, angiograms.views, ITERATIONS,
        support=known.state > 0, shortest_mm=1.0, threads=THREADS,
    ) / np.float32(CONTRAST)  # fmt: skip
    return phantom, angiograms, StandIn(share, phantom.grid, contrast), known


def measure(seed: int, c_arm, scale) -> dict:
    """The advised third view among all third views of one phantom."""
    phantom, angiograms, found, _ = prepared(seed, c_arm)
    known = assess(angiograms, found, scale, threads=THREADS)
    start = time.perf_counter()
    advice = advise(angiograms, found, known, PRIMARY, SECONDARY, THREADS)
    seconds = time.perf_counter() - start
    left = known.state == UNDECIDED
    decided = np.zeros_like(advice.scores)
    for (row, column), _ in np.ndenumerate(decided):
        angle = [(PRIMARY[column], SECONDARY[row])]
        third = phantom.angiograms(c_arm, angle, 1 + row * len(PRIMARY) + column)
        possible = gather(third, found.contrast[:1]).candidates(phantom.grid, third.views, THREADS)
        decided[row, column] = 1 - (left & possible).sum() / left.sum()
    chosen = decided.ravel()[advice.scores.argmax()]
    return {
        "phantom": seed,
        "undecided": int(left.sum()),
        "advised_primary": advice.best[0],
        "advised_secondary": advice.best[1],
        "expected": advice.gain,
        "decided": chosen,
        "best_decided": decided.max(),
        "median_decided": np.median(decided),
        "better_views": int((decided > chosen).sum()),
        "views": decided.size,
        "in_best_tenth": bool((decided > chosen).sum() < decided.size / 10),
        "rank_correlation": pd.Series(advice.scores.ravel()).corr(
            pd.Series(decided.ravel()), method="spearman"
        ),
        "seconds": seconds,
    }


def write(rows: list[dict]) -> None:
    """The table as CSV and for readers."""
    table = pd.DataFrame(rows)
    table.to_csv(HERE / "adviser.csv", index=False)
    head = (
        f"The advised third view of {len(table)} phantoms among {rows[0]['views']} third views "
        f"that were taken and classified: in the best tenth in {table.in_best_tenth.sum()}. "
        "`expected` and `decided`: share of the voxels left open by two views; `better_views`: "
        "how many would have decided more.\n\n"
    )
    (HERE / "adviser.md").write_text(
        head + table.round(3).to_markdown(index=False) + "\n", encoding="utf-8"
    )


if __name__ == "__main__":
    main()
