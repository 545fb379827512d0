"""A series of 384 slices of 384 x 384, read by ours and by SimpleITK's series reader.

A phantom's smooth voxels with noise, 16 bits, uncompressed and JPEG 2000 lossless. Each reading is
a process of its own, by turns, after one of each to bring the files into the page cache; from the
folder to the volume, imports apart. Writes benchmarks/read_series.csv and .md.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from pydicom import uid

HERE = Path(__file__).parent
sys.path[:0] = [
    str(HERE.parent),
    str(HERE.parent / "tests/support"),
    str(HERE.parent / "workflow/scripts"),
]

EDGE = 384
SYNTAXES = {"uncompressed": None, "JPEG 2000 lossless": uid.JPEG2000Lossless}
READERS = {"ours, 1 thread": "ours 1", "ours, 2 threads": "ours 2", "SimpleITK": "simpleitk"}
AT_MOST_RATIO, AT_MOST_MB = 2.0, 1500  # uncompressed, and of memory
NOTES = f"""\
- `seconds` on the clock and `cpu_s` of processors, medians of `runs`; `peak_mb` is the most memory
  of the process (VmHWM), imports included. `ratio` is to SimpleITK's seconds, `cpu_ratio` to its
  `cpu_s`.
- To be held, uncompressed: a ratio of {AT_MOST_RATIO:g} and {AT_MOST_MB} MB.
- SimpleITK: GetGDCMSeriesFileNames and Execute, which sorts by position and keeps 16-bit integers;
  ours finds the series, checks every header against the others, and gives float32 in the patient's
  axes. SimpleITK decodes with as many threads as it likes.
- pylibjpeg-openjpeg decodes one slice at a time in a process: with more threads, ours decodes in
  processes, whose time is in `cpu_s`, too."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, nargs=2, default=[5, 3], help="of each, by syntax")
    parser.add_argument("--edge", type=int, default=EDGE)
    parser.add_argument("--write", action="store_true", help="the tables, too")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        parts = [
            measure(Path(folder) / f"{k}", name, runs, options.edge)
            for k, (name, runs) in enumerate(zip(SYNTAXES, options.runs, strict=True))
        ]
    text = page(pd.concat(parts, ignore_index=True), options.write)
    print(text)


def cpu_seconds() -> float:
    """Of this process and those that it started and waited for."""
    return sum(os.times()[:4])


def page(table: pd.DataFrame, write: bool) -> str:
    """The machine, the table and what it means."""
    from benchmarks.kernels import machine, shown

    text = "\n\n".join([machine(), shown(table), NOTES]) + "\n"
    if write:
        table.to_csv(HERE / "read_series.csv", index=False, float_format="%.4g")
        (HERE / "read_series.md").write_text(text)
    return text


def measure(folder: Path, pixels: str, runs: int, edge: int) -> pd.DataFrame:
    """A row for each reader of a series that is written first."""
    write(folder, SYNTAXES[pixels], edge)
    for reader in READERS.values():
        alone(reader, folder)
    rounds = [{name: alone(how, folder) for name, how in READERS.items()} for _ in range(runs)]
    if len({one["sum"] for each in rounds for one in each.values()}) > 1:
        sys.exit("the readers give different volumes")
    rows = []
    for name in READERS:
        row = {"pixels": pixels, "reader": name, "runs": runs}
        for figure in ("seconds", "cpu_s", "peak_mb"):
            row[figure] = statistics.median(each[name][figure] for each in rounds)
        rows.append(row)
    table = pd.DataFrame(rows)
    table["ratio"] = table["seconds"] / table["seconds"].iloc[-1]
    table["cpu_ratio"] = table["cpu_s"] / table["cpu_s"].iloc[-1]
    return table


def write(folder: Path, syntax: uid.UID | None, edge: int) -> None:
    """A series of slices of a phantom, 16 bits, with noise."""
    import scanners

    folder.mkdir()
    pixels = smooth(edge)
    for level in range(edge):
        one = scanners.slice_of(pixels[level], level, SeriesInstanceUID="1.2.3")
        one.SOPInstanceUID = f"1.2.3.{level + 1}"
        if syntax:
            one.compress(syntax)
        one.save_as(folder / f"IM{level:04d}", enforce_file_format=True)


def smooth(edge: int) -> np.ndarray:
    """A phantom's voxels as (levels, rows, columns), enlarged, with the noise of a scanner."""
    from angiovox.phantoms.acquisition import acquire

    volume = acquire(1, (edge // 4,) * 3, 0.3 * 4).volume.T
    volume = (volume - volume.min()) * (4000 / np.ptp(volume))
    rng = np.random.default_rng(0)
    large = [plane.repeat(4, axis=0).repeat(4, axis=1) for plane in volume.repeat(4, axis=0)]
    return np.stack([np.rint(p + rng.normal(1000, 12, p.shape)).astype("u2") for p in large])


def alone(how: str, folder: Path) -> dict:
    """What reading takes in a process of its own."""
    command = [sys.executable, __file__, "--read", how, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stdout)


def read(how: str, folder: Path) -> None:
    """Read and print what it took, and the sum of the volume."""
    reader, threads = (how.split() + [None])[:2]
    work = by_ours(int(threads)) if reader == "ours" else by_simpleitk()
    began, cpu = time.perf_counter(), cpu_seconds()
    volume = work(folder)
    took = {"seconds": time.perf_counter() - began, "cpu_s": cpu_seconds() - cpu}
    status = Path("/proc/self/status").read_text()
    took["peak_mb"] = int(re.search(r"VmHWM:\s*(\d+)", status)[1]) / 1e3
    print(json.dumps(took | {"sum": float(volume.sum(dtype=np.float64))}))


def by_ours(threads: int) -> Callable[[Path], np.ndarray]:
    from angiovox.io import patient_source

    return lambda folder: patient_source.find(folder).read(threads)[0]


def by_simpleitk() -> Callable[[Path], np.ndarray]:
    import SimpleITK

    def work(folder: Path) -> np.ndarray:
        reader = SimpleITK.ImageSeriesReader()
        reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
        return SimpleITK.GetArrayFromImage(reader.Execute())

    return work


if __name__ == "__main__":
    if sys.argv[1:2] == ["--read"]:
        read(sys.argv[2], Path(sys.argv[3]))
    else:
        main()
