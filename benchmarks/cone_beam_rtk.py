"""Cone-beam operators beside RTK's, each run in a process of its own; part of `cone_beam.py`.

Run with an operator, an implementation, and numbers, it measures that one and prints JSON.
"""

from __future__ import annotations

import importlib.util
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "workflow" / "scripts"))

from angiovox.geometry.cone_beam import CArm  # noqa: E402
from angiovox.geometry.grid import Grid  # noqa: E402
from angiovox.geometry.views import Views  # noqa: E402
from angiovox.projectors import line_integral as by_numba  # noqa: E402
from angiovox.projectors.voxel_backprojection import back_project  # noqa: E402

FIELD_MM = 192.0
ARC = (-100, 100)  # degrees
FILTERS = {
    "forward": "JosephForwardProjectionImageFilter",
    "adjoint": "JosephBackProjectionImageFilter",
    "sum by voxels": "BackProjectionImageFilter",
}
CONTESTANTS = {
    "forward": ("RTK", "numba"),
    "adjoint": ("RTK", "numba"),
    "sum by voxels": ("RTK", "numba"),
    "minimum by voxels": ("numba",),  # RTK has none: beside its sum
}
ENOUGH_S, MOST_RUNS = 3.0, 5  # of a process
ROUNDS = {2: 3}  # processes of a contestant by number of views


def case(edge: int, detector: int, count: int = 2) -> tuple[Grid, Views]:
    """Two oblique views that see the whole grid; or more, of a rotational run."""
    arm = CArm(1200, 750, (detector, detector), (460 / detector,) * 2)
    views = arm.views([0, 90], [20, -10]) if count == 2 else arm.rotational_run(*ARC, count)
    return Grid((edge,) * 3, (FIELD_MM / edge,) * 3), views


def numba_work(operator: str, grid: Grid, views: Views, threads: int) -> Callable:
    """Ours, on random numbers."""
    random = np.random.default_rng(0).random
    if operator == "forward":
        volume = random(grid.shape, dtype=np.float32)
        return lambda: by_numba.line_integral(volume, grid, views, threads)
    images = random(views.shape, dtype=np.float32)
    if operator == "adjoint":
        return lambda: by_numba.line_integral_adjoint(images, grid, views, threads)
    return lambda: back_project(images, grid, views, operator.split()[0], threads)


def rtk_work(operator: str, grid: Grid, views: Views, threads: int) -> Callable:
    """RTK's, on images that are there, in the order that it wants them in."""
    import itk

    itk.MultiThreaderBase.SetGlobalDefaultNumberOfThreads(threads)
    geometry = itk.RTK.ThreeDCircularProjectionGeometry.New()
    for source, origin, *axes in zip(views.source, views.origin, views.u, views.v, strict=True):
        points = [itk.Point[itk.D, 3](point.tolist()) for point in (source[:3], origin)]
        unit = [itk.Vector[itk.D, 3](axis / np.linalg.norm(axis)) for axis in axes]
        geometry.AddProjection(*points, *unit)
    pixel = [float(np.linalg.norm(axis[0])) for axis in (views.u, views.v)]
    in_grid = grid.shape, list(grid.voxel_size), grid.first.tolist()
    on_detector = (*views.detector, len(views)), [*pixel, 1.0], [0.0, 0.0, 0.0]

    def image(place: tuple, made: Callable):
        shape, spacing, origin = place
        array = made(shape[::-1])
        view = itk.image_view_from_array(array)
        view.SetSpacing(spacing)
        view.SetOrigin(origin)
        return array, view  # the array must live as long

    target, given = (on_detector, in_grid) if operator == "forward" else (in_grid, on_detector)
    kept = image(given, lambda shape: np.random.default_rng(0).random(shape, dtype=np.float32))

    def work() -> None:
        result = image(target, lambda shape: np.zeros(shape, np.float32))  # written in place
        worker = getattr(itk.RTK, FILTERS[operator])[type(result[1]), type(kept[1])].New()
        for number, (_, item) in enumerate((result, kept)):
            worker.SetInput(number, item)
        worker.SetGeometry(geometry)
        worker.Update()

    return work


def measure(operator: str, by: str, edge: int, detector: int, count: int, threads: int) -> dict:
    """Seconds, processor's seconds and the peak of memory of runs in this process."""
    make = {"RTK": rtk_work, "numba": numba_work}[by]
    make(operator, *case(16, 16), threads)()  # loads what is compiled
    work = make(operator, *case(edge, detector, count), threads)
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")  # forget the peak of imports and compilation
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    seconds, processor = [], []
    while len(seconds) < MOST_RUNS and sum(seconds) < ENOUGH_S:
        started = time.perf_counter(), time.process_time()
        work()
        seconds.append(time.perf_counter() - started[0])
        processor.append(time.process_time() - started[1])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    beside = (peak - pages * os.sysconf("SC_PAGE_SIZE")) >> 20
    return {"seconds": seconds, "processor_seconds": processor, "peak_mb": beside}


def compare(edge: int, detector: int, counts: list[int], threads: int) -> list[dict]:
    """Measure all, contestants by turns; rows for the table."""
    rows = []
    for count in counts:
        for operator, contestants in CONTESTANTS.items():
            if not importlib.util.find_spec("itk"):
                contestants = ("numba",)
            found = {by: [] for by in contestants}
            for _ in range(ROUNDS.get(count, 1)):
                for by in contestants:
                    arguments = [operator, by, *map(str, (edge, detector, count, threads))]
                    command = [sys.executable, __file__, *arguments]
                    found[by].append(json.loads(subprocess.check_output(command)))
            for by, runs in found.items():
                row = {"operator": operator, "edge": edge, "detector": detector, "views": count}
                row |= {"threads": threads, "by": by}
                for name in ("seconds", "processor_seconds"):
                    row[name] = statistics.median(value for run in runs for value in run[name])
                row["runs"] = sum(len(run["seconds"]) for run in runs)
                row["peak_mb"] = max(run["peak_mb"] for run in runs)
                rows.append(row)
                print(row, flush=True)
    return rows


if __name__ == "__main__":
    print(json.dumps(measure(*sys.argv[1:3], *map(int, sys.argv[3:]))))
