"""The projectors in torch on the CPU: what they take against the numba kernels and the least.

Writes benchmarks/torch_operators.csv and .md. Each row is a process of its own with one thread, so
that its processor's seconds are those of the work: the best of three, for orientation. `beside_mb`
is the peak memory above tensor, results and gradients on the first call, which also loads code:
the budget, the sample numbers kept for the gradient, and gradients as autograd adds them. `text_mb`
is what a volume for each view would take, as autograd keeps it where the paper's text is written
down in torch.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "workflow" / "scripts"))

from angiovox.geometry.parallel_beam import projection_angles  # noqa: E402
from angiovox.projectors import backprojection, mip  # noqa: E402

ANGLES = projection_angles(90)
OPERATORS = ("project_max", "project_sum", "back_project")
MEGABYTE = 1 << 20


def operator(name: str, edge: int) -> tuple[Callable, tuple[int, int, int]]:
    """A projector that gives a tuple, and the shape of what it takes."""
    from angiovox.projectors import torch_projectors

    operate = getattr(torch_projectors, name)
    if name == "back_project":
        return lambda tensor: operate(tensor, ANGLES, edge), (len(ANGLES), edge, edge)
    return lambda tensor: (operate(tensor, ANGLES),), (edge, edge, edge)


def best_seconds(work: Callable[[], object]) -> float:
    """The least processor time of three calls."""
    times = []
    for _ in range(3):
        started = time.process_time()
        work()
        times.append(time.process_time() - started)
    return min(times)


def measure(name: str, edge: int, gradient: bool) -> dict:
    """Seconds and memory of an operator in this process."""
    import torch

    torch.set_num_threads(1)
    operate, shape = operator(name, edge)
    tensor = torch.rand(shape)

    def work() -> int:
        tensor.grad = None
        results = operate(tensor.requires_grad_(gradient))
        if gradient:
            sum(result.sum() for result in results).backward()
        return sum(result.nbytes for result in results) + gradient * tensor.nbytes

    held = int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    returned = work()
    beside = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - held - returned
    return {"torch_s": best_seconds(work), "beside_mb": beside // MEGABYTE}


def in_own_process(name: str, edge: int, gradient: bool) -> dict:
    """`measure` in a fresh interpreter."""
    command = [sys.executable, __file__, "--measure", name, str(edge), str(int(gradient))]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def numba_seconds(name: str, edge: int) -> float:
    """The same work by a compiled kernel, if there is one."""
    rng = np.random.default_rng(0)
    volume = rng.random((edge,) * 3, dtype=np.float32)
    images = rng.random((len(ANGLES), edge, edge), dtype=np.float32)
    kernels = {
        "project_max": lambda: mip.project_max(volume, ANGLES),
        "back_project": lambda: backprojection.back_project(images, ANGLES, edge),
    }
    return best_seconds(kernels[name]) if name in kernels else float("nan")


def main() -> None:
    """Measure every case asked for and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--edges", type=int, nargs="+", default=[96, 192, 384])
    parser.add_argument("--measure", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        name, edge, gradient = options.measure
        print(json.dumps(measure(name, int(edge), gradient == "1")))
        return
    rows = []
    for edge in options.edges:
        for name in OPERATORS:
            kernel = numba_seconds(name, edge)
            for gradient in (False, True):
                row = {"operator": name, "edge": edge, "views": len(ANGLES), "gradient": gradient}
                row |= in_own_process(name, edge, gradient)
                row |= {"numba_s": float("nan") if gradient else kernel}
                rows.append(row | {"text_mb": 4 * edge**3 * len(ANGLES) // MEGABYTE})
                print(rows[-1], flush=True)
    table = pd.DataFrame(rows).round(2)
    table.to_csv(HERE / "torch_operators.csv", index=False)
    machine = f"{platform.machine()}, {os.cpu_count()} cores, one of them used"
    text = table.astype(object).where(table.notna(), "").to_markdown(index=False)
    (HERE / "torch_operators.md").write_text(f"{machine}\n\n{text}\n")


if __name__ == "__main__":
    main()
