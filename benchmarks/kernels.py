"""Projection and back-projection against what else does the same work on a CPU.

Writes benchmarks/kernels.csv and .md (ours against each baseline) and kernels_scaling.csv (ours
alone, by shape, angles and threads; in kernels.md too). Ours are medians of five runs after one to
warm up. A baseline that goes angle by angle or slice by slice is timed on some of them and their
mean scaled to all; the column `measured` says so.
"""

from __future__ import annotations

import argparse
import functools
import importlib
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import ndimage

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "workflow" / "scripts")]

from angiovox.geometry.parallel_beam import projection_angles, view_indices  # noqa: E402
from angiovox.io.quantization import quantize  # noqa: E402
from angiovox.projectors.backprojection import back_project, network_inputs  # noqa: E402
from angiovox.projectors.mip import project_max  # noqa: E402

from benchmarks.baselines import ANGLES, SLICEWISE, scipy_back_project, scipy_project  # noqa: E402

SAMPLED = list(range(4, 90, 9))  # angles at which scipy is timed: it depends on the angle
VIEW_COUNTS = (90, 46, 24, 10, 5, 3, 2)
FLOOR_EDGE, FLOOR_THREADS = 384, 2
FLOOR_S = {"projection": 0.2, "back-projection": 0.1}  # the upper figures of the design, there
PACKAGES = ("numpy", "numba", "scipy", "skimage", "astra")
NOTES = f"""\
- Baselines run on one thread; ours on `threads`. What ours takes on one thread is in the second
  table.
- `times_floor`: ours over the upper figure of what the design holds possible at {FLOOR_EDGE}^3 on
  {FLOOR_THREADS} cores ({FLOOR_S["projection"]} s for projection, {FLOOR_S["back-projection"]} s \
for back-projection).
- `largest_difference` between ours and theirs, as a part of the range of ours, in `compared`.
- scipy rotates float32 volumes, bilinear, the grid kept: the text of the paper written down. With
  (x, y, z) in numpy's own order of axes, z innermost, its steps through memory do not suit the
  caches; x innermost, as files have it, is the order that suits it best. Of the back-projection it
  gives the sum only; ours gives the minimum too.
- skimage's iradon turns about pixel E // 2, ours about (E - 1) / 2: the same place where E is odd,
  so results are compared without the last column of the detector. Its factor pi / (2 * angles) is
  taken out. Beyond the circle it adds what its detector holds where ours sees nothing.
- ASTRA's strip projector weighs columns by the area of a voxel's shadow where ours interpolates
  between two, which smooths a little more: differences are those of interpolation. (Its other
  projectors weigh a view by the length of its rays in a voxel: another sum.)
- Of network inputs, theirs is ours too: a call for each view count instead of one walk for all."""


def timed(work: Callable[..., object], *arguments: object) -> tuple[object, float]:
    """What a call gives, and its wall time."""
    started = time.perf_counter()
    result = work(*arguments)
    return result, time.perf_counter() - started


def ours(work: Callable[[], object]) -> float:
    """Median wall time of five calls after one to warm up."""
    work()
    return statistics.median(timed(work)[1] for _ in range(5))


def theirs(work: Callable[..., np.ndarray], pieces: Iterable[tuple]) -> tuple[list, float]:
    """Results of the pieces, and the mean wall time of one."""
    results, times = zip(*(timed(work, *piece) for piece in pieces), strict=True)
    return results, statistics.mean(times)


@functools.cache
def volume_of(edge: int) -> np.ndarray:
    """Smooth noise as a file holds it: whole numbers of 16 bits, x innermost."""
    noise = np.random.default_rng(0).random((edge,) * 3, dtype=np.float32)
    smooth = ndimage.gaussian_filter(noise, edge / 64, mode="wrap")
    smooth = (smooth - smooth.min()) * (65535 / np.ptp(smooth))
    return np.asfortranarray(smooth.astype(np.uint16))


def stored(projections: np.ndarray) -> np.ndarray:
    """Projections as a file holds them."""
    return np.asfortranarray(quantize(projections).codes)


def subsets_of(num_views: int) -> list[np.ndarray]:
    """The views of each of the study's view counts that so many projections can give."""
    return [view_indices(num_views, count) for count in VIEW_COUNTS if count <= num_views]


def difference(ours: np.ndarray, theirs: np.ndarray) -> float:
    """The largest, as a part of the range of ours."""
    return float(np.abs(ours.astype(np.float32) - theirs).max() / np.ptp(ours))


def in_circle(plane: np.ndarray) -> np.ndarray:
    """Values of the pixels that every view sees."""
    centre = (len(plane) - 1) / 2
    return plane[np.hypot(*np.mgrid[: len(plane), : len(plane)] - centre) < centre - 1]


def check_threads(work: Callable[[int], Iterable[np.ndarray]]) -> None:
    """Ends the benchmark where one thread and two do not give the same, bit for bit."""
    if not all(map(np.array_equal, work(1), work(2))):
        sys.exit("results differ between 1 and 2 threads")


def projection_rows(volume: np.ndarray, threads: int) -> list[dict]:
    """Ours against the paper's text."""
    check_threads(lambda count: project_max(volume, ANGLES, count))
    seconds = ours(lambda: project_max(volume, ANGLES, threads))
    few = project_max(volume, ANGLES[SAMPLED])
    rows = []
    for order, inner in (("C", "z"), ("F", "x")):
        floats = volume.astype(np.float32, order=order)
        found, each = theirs(scipy_project, [(floats, angle) for angle in ANGLES[SAMPLED]])
        row = {
            "operator": "projection",
            "ours_s": seconds,
            "baseline": f"scipy.ndimage.rotate, maximum; {inner} innermost",
            "theirs_s": each * len(ANGLES),
            "measured": f"{len(SAMPLED)} of {len(ANGLES)} angles",
            "largest_difference": difference(few, np.stack(found)),
            "compared": "everywhere",
        }
        rows.append(row)
    return rows


def back_projection_rows(projections: np.ndarray, threads: int) -> list[dict]:
    """Ours, sum and minimum, against the sum in three ways."""
    edge = projections.shape[1]
    check_threads(lambda count: back_project(projections, ANGLES, edge, count))
    seconds = ours(lambda: back_project(projections, ANGLES, edge, threads))
    row = {"operator": "back-projection", "ours_s": seconds}
    ways = [by_angle(projections), *(by_slice(projections, name) for name in SLICEWISE)]
    return [row | way for way in ways]


def by_angle(projections: np.ndarray) -> dict:
    """The paper's text, a view at a time."""
    edge, few, angles = projections.shape[1], projections[SAMPLED], ANGLES[SAMPLED]
    total = np.zeros((edge,) * 3, dtype=np.float32)
    pieces = [(view, angle, total) for view, angle in zip(few, angles, strict=True)]
    _, each = theirs(scipy_back_project, pieces)
    return {
        "baseline": "np.repeat, scipy.ndimage.rotate, sum",
        "theirs_s": each * len(ANGLES),
        "measured": f"{len(SAMPLED)} of {len(ANGLES)} angles",
        "largest_difference": difference(back_project(few, angles, edge)[0], total),
        "compared": "everywhere",
    }


def by_slice(projections: np.ndarray, name: str) -> dict:
    """A way that goes slice by slice."""
    if not SLICEWISE[name]:
        return {"baseline": name, "measured": "not measured"}
    num_slices = projections.shape[2]
    few = projections[:, :, [0, num_slices // 2, num_slices - 1]]
    SLICEWISE[name](few[:, :, 0])  # to warm up
    _, each = theirs(SLICEWISE[name], [(few[:, :, k],) for k in range(3)])
    odd = few[:, : few.shape[1] - 1 + few.shape[1] % 2]  # where all turn about the same place
    sums = back_project(odd, ANGLES, odd.shape[1])[0]
    apart = [
        difference(in_circle(sums[:, :, k]), in_circle(SLICEWISE[name](odd[:, :, k])))
        for k in range(3)
    ]
    return {
        "baseline": name,
        "theirs_s": each * num_slices,
        "measured": f"3 of {num_slices} slices",
        "largest_difference": max(apart),
        "compared": "circle",
    }


def network_rows(projections: np.ndarray, threads: int) -> list[dict]:
    """What the workflow stores: every view count in one walk, against a walk for each."""
    edge, subsets = projections.shape[1], subsets_of(len(ANGLES))
    check_threads(lambda count: network_inputs(projections, ANGLES, subsets, edge, count))

    def walk(*chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return network_inputs(projections, ANGLES, chosen, edge, threads)

    sums = walk(*subsets)[0]
    apart = [difference(sums[k], walk(subset)[0][0]) for k, subset in enumerate(subsets)]
    row = {
        "operator": f"network inputs, {len(subsets)} view counts",
        "ours_s": ours(lambda: walk(*subsets)),
        "baseline": "ours, a call for each view count",
        "theirs_s": ours(lambda: [walk(subset) for subset in subsets]),
        "measured": "all",
        "largest_difference": max(apart),
        "compared": "everywhere",
    }
    return [row]


def compare(edge: int, threads: int) -> pd.DataFrame:
    """Ours against each baseline at a shape."""
    volume = volume_of(edge)
    projections = project_max(volume, ANGLES, threads)
    rows = projection_rows(volume, threads)
    rows += back_projection_rows(projections, threads)
    rows += network_rows(stored(projections), threads)
    table = pd.DataFrame(rows)
    table.insert(1, "edge", edge)
    table.insert(2, "threads", threads)
    table["ratio"] = table["theirs_s"] / table["ours_s"]
    if (edge, threads) == (FLOOR_EDGE, FLOOR_THREADS):
        table["times_floor"] = table["ours_s"] / table["operator"].map(FLOOR_S)
    return table


def scaling(edges: list[int], cores: int) -> pd.DataFrame:
    """Seconds of ours over shape, angles and threads, one of them at a time."""
    most = max(edge for edge in edges if edge <= FLOOR_EDGE or edge == min(edges))
    points = [(edge, len(ANGLES), cores) for edge in edges]
    points += [(most, count, cores) for count in (10, 45, 90, 180)]
    points += [(most, len(ANGLES), threads) for threads in (1, 2, cores)]
    return pd.DataFrame([scaled(*point) for point in sorted(set(points))])


def scaled(edge: int, num_angles: int, threads: int) -> dict:
    """Seconds of ours at a point."""
    volume, angles = volume_of(edge), projection_angles(num_angles)
    projections = project_max(volume, angles, threads)
    codes, subsets = stored(projections), subsets_of(num_angles)
    works = {
        "projection_s": lambda: project_max(volume, angles, threads),
        "back_projection_s": lambda: back_project(projections, angles, edge, threads),
        "network_inputs_s": lambda: network_inputs(codes, angles, subsets, edge, threads),
    }
    row = {"edge": edge, "angles": num_angles, "threads": threads}
    return row | {name: ours(work) for name, work in works.items()}


def machine() -> str:
    """Processor, what runs on it, and how busy it is with other work."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.split(":")[1] for line in lines if line.startswith("model name")]
    load = ", ".join(f"{number:.1f}" for number in os.getloadavg())
    versions = [f"{name} {version(name)}" for name in PACKAGES]
    parts = [f"{(names or [platform.machine()])[0].strip()}, {os.cpu_count()} cores"]
    parts += [f"Python {platform.python_version()}", *versions, f"load at the end {load}"]
    return "; ".join(parts)


def version(package: str) -> str:
    try:
        return importlib.import_module(package).__version__
    except ImportError:
        return "not installed"


def shown(table: pd.DataFrame) -> str:
    """As Markdown, three figures of each number."""
    text = table.map(lambda value: f"{value:.3g}" if isinstance(value, float) else value)
    return text.mask(table.isna(), "").to_markdown(index=False, disable_numparse=True)


def main() -> None:
    """Measure every shape asked for and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--edges", type=int, nargs="+", default=[96, 192, 384], help="512 too?")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    options = parser.parse_args()
    baselines = pd.concat([compare(edge, options.threads) for edge in options.edges])
    alone = scaling(options.edges, options.threads)
    baselines.to_csv(HERE / "kernels.csv", index=False, float_format="%.4g")
    alone.to_csv(HERE / "kernels_scaling.csv", index=False, float_format="%.4g")
    texts = [machine(), shown(baselines), NOTES, "Ours alone:", shown(alone)]
    (HERE / "kernels.md").write_text("\n\n".join(texts) + "\n")
    print("\n\n".join(texts))


if __name__ == "__main__":
    main()
