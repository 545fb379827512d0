"""A phantom from seed to DICOM series, in a process of its own: seconds and peak memory.

Writes benchmarks/phantoms.csv and .md. Interpreter start and imports are included, compiled code
comes from numba's cache: what a job of the workflow takes. Medians of three runs. Seconds are of
the machine that ran them, for orientation.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "workflow" / "scripts"))

CASES = {  # name: edge in voxels, mm, injection, centre
    "default study": (64, 0.75, "carotid", "circle"),
    "whole head": (384, 0.5, "all", "head"),
}
RUNS = 3


def make(name: str) -> int:
    """Grow, image and write one phantom; peak memory of this process in MB."""
    from angiovox.geometry.affine import isotropic_affine
    from angiovox.io import nifti
    from angiovox.io.dicom import writer
    from angiovox.phantoms import acquisition, ground_truth

    edge, voxel_size, injection, centre = CASES[name]
    shape = (edge,) * 3
    taken = acquisition.acquire(1, shape, voxel_size, acquisition.Settings(injection, centre))
    affine = isotropic_affine(shape, voxel_size)
    with tempfile.TemporaryDirectory() as folder:
        nifti.save_fractions(f"{folder}/share.nii.gz", taken.share, affine)
        ground_truth.write_graph(f"{folder}/graph.vtp", taken.arteries)
        writer.write_series(taken.volume, affine, f"{folder}/dicom", "benchmark")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def main() -> None:
    """Measure all cases and write the tables."""
    rows = []
    for name, (edge, voxel_size, *_) in CASES.items():
        make_once = [sys.executable, __file__, name]
        subprocess.run(make_once, check=True, capture_output=True)  # fills numba's cache
        seconds, megabytes = [], []
        for _ in range(RUNS):
            started = time.perf_counter()
            done = subprocess.run(make_once, check=True, capture_output=True, text=True)
            seconds.append(time.perf_counter() - started)
            megabytes.append(int(done.stdout))
        row = {"phantom": name, "edge": edge, "voxel_mm": voxel_size, "cores": os.cpu_count()}
        measured = {"seconds": statistics.median(seconds), "peak_mb": statistics.median(megabytes)}
        rows.append(row | measured)
    table = pd.DataFrame(rows).round(2)
    table.to_csv(HERE / "phantoms.csv", index=False)
    (HERE / "phantoms.md").write_text(table.to_markdown(index=False) + "\n")
    print(table.to_markdown(index=False))


if __name__ == "__main__":
    if len(sys.argv) == 2:
        print(make(sys.argv[1]))
    else:
        main()
