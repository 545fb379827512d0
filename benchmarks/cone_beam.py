"""Cone-beam operators on the CPU: what they take beside torch's grid_sample and beside RTK.

Writes benchmarks/cone_beam.csv and .md, two tables.

- Beside grid_sample, 2 views, one thread: `processor_seconds` are the median of `runs`. The
  baseline is `torch.nn.functional.grid_sample`, trilinear, at as many points on each ray as the
  grid has voxels along an edge, and the sum over them; its adjoint is autograd's.
- Beside RTK, where it is installed, 2 and 133 views: see `cone_beam_rtk`. `seconds` are the
  wall's, `peak_mb` is the peak of memory beside inputs and what imports take.

`times_faster` is how many times as long the baseline takes. ASTRA projects three-dimensional cone
beams on CUDA alone; its projectors for the CPU are two-dimensional, so that it is in neither table.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import torch

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "workflow" / "scripts")]

from angiovox.geometry.grid import Grid  # noqa: E402
from angiovox.geometry.views import Views  # noqa: E402
from angiovox.projectors import line_integral as by_numba  # noqa: E402
from angiovox.projectors import torch_line_integral as by_torch  # noqa: E402
from angiovox.projectors.voxel_backprojection import back_project  # noqa: E402
from cone_beam_rtk import case, compare  # noqa: E402

BASELINE = "grid_sample"
RAYS_AT_ONCE = 1 << 12  # of grid_sample
ENOUGH_S = 10.0
NOTE = """{}.

2 views beside torch's grid_sample, one thread:

{}

2 and 133 views (an arc of 200 degrees) beside RTK 2.7, each run in a process of its own, by turns;
`seconds` are the wall's, `peak_mb` is the peak of memory beside inputs and imports:

{}

RTK's adjoint (JosephBackProjectionImageFilter) runs on one thread whatever their number. RTK has no
minimum over views: ours is beside its sum (BackProjectionImageFilter). ASTRA's three-dimensional
projectors run on CUDA alone, those for the CPU are two-dimensional: it is not compared. Where
others use the cores too, compare `processor_seconds`.
"""


def sampled(volume: torch.Tensor, grid: Grid, views: Views) -> Iterator[torch.Tensor]:
    """Baseline: line integrals of blocks of rays, from where they may meet the grid on."""
    count = int(np.prod(views.shape))
    for first in range(0, count, RAYS_AT_ONCE):
        starts, stops = views.rays(first, min(first + RAYS_AT_ONCE, count))
        along = stops - starts
        along /= np.linalg.norm(along, axis=1, keepdims=True)
        middle = -(starts * along).sum(axis=1, keepdims=True)
        steps = np.linspace(-0.5, 0.5, grid.shape[0]) * grid.diagonal
        points = starts[:, None] + along[:, None] * (middle + steps)[:, :, None]
        points = grid.to_index(points) / (np.array(grid.shape) - 1) * 2 - 1
        places = torch.as_tensor(points[..., ::-1].copy(), dtype=torch.float32)[None, None]
        values = torch.nn.functional.grid_sample(volume[None, None], places, align_corners=True)
        yield values.sum(dim=-1).flatten() * grid.diagonal / grid.shape[0]


def sampled_adjoint(images: torch.Tensor, grid: Grid, views: Views) -> torch.Tensor:
    """Baseline: autograd's adjoint, the gradient summed block by block."""
    volume, first = torch.zeros(grid.shape, requires_grad=True), 0
    for values in sampled(volume, grid, views):
        values.backward(images.flatten()[first : first + len(values)])
        first += len(values)
    return volume.grad


def contestants(grid: Grid, views: Views) -> dict[tuple[str, str], Callable]:
    """What is timed, by operator and implementation; the baseline is the first of an operator."""
    volume = np.random.default_rng(0).random(grid.shape, dtype=np.float32)
    images = np.random.default_rng(1).random(views.shape, dtype=np.float32)
    tensor, stack = torch.as_tensor(volume), torch.as_tensor(images)
    tasks = {
        ("forward", BASELINE): lambda: list(sampled(tensor, grid, views)),
        ("forward", "numba"): lambda: by_numba.line_integral(volume, grid, views),
        ("forward", "torch"): lambda: by_torch.line_integral(tensor, grid, views),
        ("adjoint", BASELINE): lambda: sampled_adjoint(stack, grid, views),
        ("adjoint", "numba"): lambda: by_numba.line_integral_adjoint(images, grid, views),
        ("adjoint", "torch"): lambda: by_torch.line_integral_adjoint(stack, grid, views),
        ("minimum by voxels", "numba"): lambda: back_project(images, grid, views, "minimum"),
    }
    return tasks


def timed(work: Callable[[], object], repeats: int) -> dict:
    """Median of the processor's seconds, and of how many runs: no more begin after `ENOUGH_S`."""
    times = []
    while len(times) < repeats and sum(times) < ENOUGH_S:
        started = time.process_time()
        work()
        times.append(time.process_time() - started)
    return {"processor_seconds": statistics.median(times), "runs": len(times)}


def beside_grid_sample(edge: int, detector: int, repeats: int) -> list[dict]:
    """Rows of the first table."""
    rows = []
    for (operator, how), work in contestants(*case(edge, detector)).items():
        if how == "numba":
            work()  # compiles
        row = {"operator": operator, "edge": edge, "detector": detector, "views": 2, "threads": 1}
        rows.append(row | {"by": how} | timed(work, repeats))
        print(rows[-1], flush=True)
    return rows


def compared(rows: list[dict], baseline: str, column: str) -> pd.DataFrame:
    """Rows with how many times as fast each is as the baseline at the same operator and sizes."""
    table = pd.DataFrame(rows)
    table["baseline"] = baseline
    keys = ["operator", "edge", "views"]
    times = table[table["by"] == baseline].set_index(keys)[column].to_dict()

    def faster(row: pd.Series) -> float:
        operator = row["operator"]
        if baseline == "RTK":
            operator = operator.replace("minimum", "sum")
        return times.get((operator, row["edge"], row["views"]), float("nan")) / row[column]

    table["times_faster"] = table.apply(faster, axis=1)
    digits = 3 if baseline == "RTK" else 2
    return table.round({"seconds": digits, "processor_seconds": digits, "times_faster": 1})


def main() -> None:
    """Measure all cases and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", nargs="+", default=["128x256", "384x512"])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--views", nargs="+", type=int, default=[2, 133], help="beside RTK")
    parser.add_argument("--threads", type=int, default=2, help="beside RTK")
    options = parser.parse_args()
    torch.set_num_threads(1)
    sizes = [tuple(map(int, name.split("x"))) for name in options.cases]
    rows = compare(*sizes[-1], options.views, options.threads)
    second = compared(rows, "RTK", "seconds")
    rows = [row for size in sizes for row in beside_grid_sample(*size, options.repeats)]
    first = compared(rows, BASELINE, "processor_seconds")
    pd.concat([first, second]).to_csv(HERE / "cone_beam.csv", index=False)
    machine = f"{platform.machine()}, {os.cpu_count()} cores that others used too"
    texts = [
        table.drop(columns="baseline")
        .astype(object)
        .where(table.notna(), "")
        .to_markdown(index=False)
        for table in (first, second)
    ]
    (HERE / "cone_beam.md").write_text(NOTE.format(machine, texts[0], texts[1]))


if __name__ == "__main__":
    main()
