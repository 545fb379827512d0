"""The adviser's third view beside every third view really taken: what it decides, and its rank.

    python benchmarks/adviser.py [--phantoms 9009 9010 ...] [--threads N]

Phantoms that no network learns from; biplane pairs of 512 pixels, reconstructed as by the command:
by the network that is shipped, in voxels of 0.5 mm over the field that both views show filled. The
same with the exact arteries in place of the network's probabilities. Writes benchmarks/adviser.csv
and .md.
"""

from __future__ import annotations

import argparse
import sys
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "workflow" / "scripts")]

from angiovox.angiograms.adviser import advise, expected_of_angles  # noqa: E402
from angiovox.angiograms.evidence import gather  # noqa: E402
from angiovox.angiograms.field import common_field  # noqa: E402
from angiovox.angiograms.knowability import UNDECIDED, Knowledge, assess  # noqa: E402
from angiovox.angiograms.reconstruction import reconstruct  # noqa: E402
from angiovox.angiograms.reliability import LogitScale, load_scale  # noqa: E402
from angiovox.angiograms.weights import SCALES, load_weights  # noqa: E402
from angiovox.vessels.voxelize import occupancy  # noqa: E402

from benchmarks.simulated_angiograms import ANGLES, Phantom, arm  # noqa: E402

WEIGHTS = HERE.parent / "resources" / "angiogram_network"
VOXELS, PIXELS = 200, 512
PHANTOMS = (9009, 9010, 9011, 9012, 9013, 9014)
PRIMARY, SECONDARY = tuple(range(-100, 101, 20)), (-40, -20, 0, 20, 40)

PAGE = """# The advised third view beside all third views

`python benchmarks/adviser.py`: {phantoms} phantoms, each with a biplane pair and {views} third
views that were taken and classified. The advised view is within the best tenth in {within[0]};
advised by the exact arteries in place of the network's probabilities, in {within[1]}.

- expected, decided: share of the voxels left open by two views.
- better_views: how many views would have decided more; rank_correlation: of what is expected of
  views and what they decide (Spearman). ..._exact: by the exact arteries.

{table}
"""


def main() -> None:
    """Measure every phantom and write the tables after each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--phantoms", type=int, nargs="+", default=PHANTOMS)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    weights, scale = load_weights(WEIGHTS), load_scale(WEIGHTS / SCALES, 2)
    rows = []
    for seed in arguments.phantoms:
        rows.append(measure(Phantom(seed, VOXELS), weights, scale, arguments.threads))
        print(rows[-1], flush=True)
        write(pd.DataFrame(rows))


def measure(phantom: Phantom, weights: dict, scale: LogitScale, threads: int) -> dict:
    """The advised third view among all third views of one phantom."""
    c_arm = arm(PIXELS)
    angiograms = phantom.angiograms(c_arm, ANGLES[:2])
    grid = common_field(angiograms)
    found = reconstruct(angiograms, grid, weights, threads=threads)
    known = assess(angiograms, found, scale, threads=threads)
    advice = advise(angiograms, found, known, PRIMARY, SECONDARY, threads)
    scores, angles = advice.scores.ravel(), np.array([*product(SECONDARY, PRIMARY)], float)[:, ::-1]
    decided = np.array(
        [
            decided_by(phantom, angle, number, known, found.contrast[:1], threads)
            for number, angle in enumerate(angles, start=1)
        ]
    )
    around = phantom.arteries.moved(-np.asarray(grid.centre))
    share = occupancy(around, grid.shape, grid.voxel_size[0])[0]
    exact = expected_of_angles(known, c_arm, angles, share, grid, threads)
    chosen = decided[scores.argmax()]
    row = {
        "phantom": phantom.seed,
        "voxels": known.state.size,
        "undecided": float((known.state == UNDECIDED).mean()),
        "advised_primary": advice.best[0],
        "advised_secondary": advice.best[1],
        "expected": advice.gain,
        "decided": chosen,
        "best_decided": decided.max(),
        "median_decided": np.median(decided),
        "views": decided.size,
        **ranked(scores, decided),
    }
    return row | {f"{key}_exact": value for key, value in ranked(exact, decided).items()}


def decided_by(
    phantom: Phantom, angle: np.ndarray, number: int, known: Knowledge, contrast: np.ndarray,
    threads: int,
) -> float:  # fmt: skip
    """Share of undecided voxels that a further view, taken and classified, shows to be empty."""
    third = phantom.angiograms(arm(PIXELS), angle[None], number)
    possible = gather(third, contrast).candidates(known.grid, third.views, threads)
    left = known.state == UNDECIDED
    return 1 - (left & possible).sum() / left.sum()


def ranked(expected: np.ndarray, decided: np.ndarray) -> dict[str, float]:
    """Of the view that is expected to decide most: how many would have decided more."""
    better = int((decided > decided[expected.argmax()]).sum())
    correlation = pd.Series(expected).corr(pd.Series(decided), method="spearman")
    return {"better_views": better, "rank_correlation": correlation}


def write(table: pd.DataFrame) -> None:
    """The table as CSV and for readers."""
    table.to_csv(HERE / "adviser.csv", index=False)
    tenth = table.views.iloc[0] / 10
    within = [int((table[f"better_views{end}"] < tenth).sum()) for end in ("", "_exact")]
    page = PAGE.format(
        phantoms=len(table),
        views=table.views.iloc[0],
        within=within,
        table=table.round(3).to_markdown(index=False),
    )
    (HERE / "adviser.md").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
