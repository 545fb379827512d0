"""Our projection and back-projection against the same work by scipy.ndimage.rotate.

Writes benchmarks/kernels.csv and .md. scipy's way is timed at a few angles and scaled to all of
them, since each costs the same; ours is the median of five runs over all angles.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import ndimage

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "workflow" / "scripts"))

from angiovox.backprojection import back_project  # noqa: E402
from angiovox.geometry import projection_angles  # noqa: E402
from angiovox.projection import project_max  # noqa: E402

ANGLES = projection_angles(90)
SAMPLED = ANGLES[[7, 44, 81]]  # timed for scipy


def median_seconds(work: Callable[[], object], repeats: int) -> float:
    """Median wall time of a call after one call to warm up."""
    work()
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def rotate(volume: np.ndarray, angle: float, outside: float = 0.0) -> np.ndarray:
    """The text's rotation: bilinear in the plane, the grid kept."""
    return ndimage.rotate(volume, angle, axes=(0, 1), reshape=False, order=1, cval=outside)


def compare(edge: int, threads: int) -> list[dict]:
    """One row per operator: seconds of both, their ratio, and how far the results differ."""
    volume = np.random.default_rng(0).random((edge, edge, edge), dtype=np.float32)
    low = float(volume.min())

    def scipy_project() -> np.ndarray:
        return np.stack([rotate(volume, a, low).max(axis=1) for a in SAMPLED])

    projections = project_max(volume, ANGLES, threads)
    few = project_max(volume, SAMPLED, threads)

    def scipy_back_project() -> np.ndarray:
        spread = (np.repeat(p[:, None], edge, axis=1) for p in few)
        return sum(rotate(s, -a) for s, a in zip(spread, SAMPLED, strict=True))

    work = {
        "projection": (
            lambda: project_max(volume, ANGLES, threads),
            scipy_project,
            lambda theirs: np.abs(few - theirs).max(),
        ),
        "back-projection (sum and minimum)": (
            lambda: back_project(projections, ANGLES, edge, threads),
            scipy_back_project,
            lambda theirs: np.abs(back_project(few, SAMPLED, edge, threads)[0] - theirs).max(),
        ),
    }
    rows = []
    for name, (ours, theirs, difference) in work.items():
        started = time.perf_counter()
        result = theirs()
        scipy_seconds = (time.perf_counter() - started) * len(ANGLES) / len(SAMPLED)
        seconds = median_seconds(ours, repeats=5)
        rows.append(
            {
                "operator": name,
                "edge": edge,
                "views": len(ANGLES),
                "threads": threads,
                "ours_s": round(seconds, 2),
                "scipy_s": round(scipy_seconds, 1),
                "ratio": round(scipy_seconds / seconds),
                "largest_difference": f"{difference(result):.1e}",
            }
        )
    return rows


def main() -> None:
    """Measure every shape asked for and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--edges", type=int, nargs="+", default=[96, 192, 384])
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    options = parser.parse_args()
    rows = [row for edge in options.edges for row in compare(edge, options.threads)]
    table = pd.DataFrame(rows)
    table.to_csv(HERE / "kernels.csv", index=False)
    machine = f"{platform.machine()}, {os.cpu_count()} cores, numpy {np.__version__}"
    (HERE / "kernels.md").write_text(f"{machine}\n\n{table.to_markdown(index=False)}\n")
    print(table.to_markdown(index=False))


if __name__ == "__main__":
    main()
