"""Cone-beam operators on the CPU: what they take against torch's grid_sample and RTK.

Writes benchmarks/cone_beam.csv and .md. `seconds` are the processor's, of one thread, the median of
`runs`; `times_faster` is how many times as long the baseline takes. The baseline
is `torch.nn.functional.grid_sample`, trilinear, at as many points on each ray as the grid has
voxels along an edge, and the sum over them; its adjoint is autograd's. Where RTK is installed, so
is what its `JosephForwardProjectionImageFilter` and `JosephBackProjectionImageFilter` take.
"""

from __future__ import annotations

import argparse
import importlib.util
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
sys.path.insert(0, str(HERE.parent / "workflow" / "scripts"))

from angiovox.geometry.cone_beam import CArm  # noqa: E402
from angiovox.geometry.grid import Grid  # noqa: E402
from angiovox.geometry.views import Views  # noqa: E402
from angiovox.projectors import line_integral as by_numba  # noqa: E402
from angiovox.projectors import torch_line_integral as by_torch  # noqa: E402
from angiovox.projectors.voxel_backprojection import back_project  # noqa: E402

FIELD_MM = 192.0
BASELINE = "grid_sample"
RAYS_AT_ONCE = 1 << 12  # of grid_sample
ENOUGH_S = 10.0


def case(edge: int, detector: int) -> tuple[Grid, Views]:
    """Two oblique views that see the whole grid."""
    arm = CArm(1200, 750, (detector, detector), (460 / detector,) * 2)
    return Grid((edge,) * 3, (FIELD_MM / edge,) * 3), arm.views([0, 90], [20, -10])


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


def rtk(grid: Grid, views: Views, volume: np.ndarray, images: np.ndarray) -> dict[str, Callable]:
    """Forward and adjoint of RTK with one thread."""
    import itk

    itk.MultiThreaderBase.SetGlobalDefaultNumberOfThreads(1)
    geometry = itk.RTK.ThreeDCircularProjectionGeometry.New()
    for source, origin, *axes in zip(views.source, views.origin, views.u, views.v, strict=True):
        points = [itk.Point[itk.D, 3](point.tolist()) for point in (source[:3], origin)]
        unit = [itk.Vector[itk.D, 3](axis / np.linalg.norm(axis)) for axis in axes]
        geometry.AddProjection(*points, *unit)

    def image(array: np.ndarray, spacing: list[float], origin: list[float]):
        made = itk.image_from_array(np.ascontiguousarray(array.transpose(2, 1, 0)))
        made.SetSpacing(spacing)
        made.SetOrigin(origin)
        return made

    pixel = [float(np.linalg.norm(axis[0])) for axis in (views.u, views.v)]
    in_grid = list(grid.voxel_size), grid.first.tolist()
    on_detector = [*pixel, 1.0], [0.0, 0.0, 0.0]

    def run(name: str, target: np.ndarray, place: tuple, given: np.ndarray, of: tuple) -> None:
        inputs = image(target, *place), image(given, *of)
        worker = getattr(itk.RTK, name)[type(inputs[0]), type(inputs[0])].New()
        for number, item in enumerate(inputs):
            worker.SetInput(number, item)
        worker.SetGeometry(geometry)
        worker.SetNumberOfWorkUnits(1)
        worker.Update()

    stack = np.moveaxis(images, 0, 2)
    forward = "JosephForwardProjectionImageFilter", np.zeros_like(stack), on_detector
    adjoint = "JosephBackProjectionImageFilter", np.zeros_like(volume), in_grid
    return {
        "forward": lambda: run(*forward, volume, in_grid),
        "adjoint": lambda: run(*adjoint, stack, on_detector),
    }


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
    if importlib.util.find_spec("itk"):
        theirs = rtk(grid, views, volume, images)
        tasks |= {(operator, "RTK"): work for operator, work in theirs.items()}
    return tasks


def timed(work: Callable[[], object], repeats: int) -> dict:
    """Median of the processor's seconds, and of how many runs: no more begin after `ENOUGH_S`."""
    times = []
    while len(times) < repeats and sum(times) < ENOUGH_S:
        started = time.process_time()
        work()
        times.append(time.process_time() - started)
    return {"seconds": statistics.median(times), "runs": len(times)}


def main() -> None:
    """Measure all cases and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", nargs="+", default=["128x256", "384x512"])
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    for name in options.cases:
        edge, detector = map(int, name.split("x"))
        baseline = {}
        for (operator, how), work in contestants(*case(edge, detector)).items():
            if how == "numba":
                work()  # compiles
            row = {"operator": operator, "edge": edge, "detector": detector, "by": how}
            row |= timed(work, options.repeats)
            baseline.setdefault(operator, row["seconds"] if how == BASELINE else float("nan"))
            row["times_faster"] = baseline[operator] / row["seconds"]
            rows.append(row)
            print(row, flush=True)
    table = pd.DataFrame(rows).round(2)
    table.to_csv(HERE / "cone_beam.csv", index=False)
    text = table.astype(object).where(table.notna(), "").to_markdown(index=False)
    machine = f"{platform.machine()}, {os.cpu_count()} cores that others used too, one thread each"
    (HERE / "cone_beam.md").write_text(f"2 views. {machine}.\n\n{text}\n")


if __name__ == "__main__":
    main()
