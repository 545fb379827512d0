"""Measure projectors, networks and a short training on a GPU: seconds, memory and exactness.

Writes benchmarks/gpu.csv and gpu.md, row by row as each is known. Each part runs in a process of
its own and within its share of the time: if it fails, lacks a package or runs out of memory or
time, a row says so and the next part runs. Without a GPU it says how to run it on one.
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
import io
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

try:
    import torch
except ModuleNotFoundError:
    torch = None

HERE = Path(__file__).parent
SECONDS, EDGE, TRAINING_EDGE = 480, 384, 128
TIME_SHARES = {"projectors": 0.2, "network": 0.3, "unet": 0.15, "training": 1.0}  # of what is left
END_S = 15  # of the training's share, for its last validation
TITLES = {
    "projectors": "Projectors in PyTorch against the numba kernels",
    "network": "The paper's network, plain PyTorch against ours",
    "unet": "U-Net",
    "training": "U-Net trained on phantoms",
}
COLUMNS = ("part", "what", "shape", "dtype", "seconds", "peak_gb", "ratio", "difference", "iou")
COLUMNS += ("note", "machine")
COMMAND = "python benchmarks/on_gpu.py"
NOT_MEASURED = f"""# On a GPU

Not measured. On a machine with a CUDA card, `{COMMAND}` takes at most {SECONDS // 60} minutes
and writes this page and [gpu.csv](gpu.csv), row by row as each is known. It needs PyTorch, numba
and scikit-image; tqdm and monai add the U-Net's inference in overlapping slabs. On a
smaller card, lower `--edge` ({EDGE}) or `--training-edge` ({TRAINING_EDGE}).
"""
LEGEND = """`seconds`: median of up to 5 runs after a warm-up; in the training, time since its
start. `peak_gb`: largest memory that PyTorch allocated on the GPU. `ratio`: how many times faster
than the reference, which is the numba kernel or plain PyTorch. `difference`: largest difference
from the reference, as a fraction of its largest value. `iou`: mean over the validation patients.
Projectors are timed on tensors that are on the GPU already, inference of the paper's network from
host memory to host memory. Convolutions in float32 use TF32 where the card has it, as is PyTorch's
default."""


def in_own_process(part: str, device: str, edge: int, seconds: float) -> Iterator[dict]:
    """Rows of a part from a fresh interpreter, which is killed when its time is up."""
    deadline = str(time.time() + seconds - END_S)
    command = [sys.executable, __file__, "--part", part, device, str(edge), deadline]
    late = threading.Event()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        timer = threading.Timer(max(seconds, 0), lambda: (late.set(), process.kill()))
        timer.start()
        try:
            yield from (json.loads(line) for line in process.stdout if line.startswith("{"))
            process.wait()
        finally:
            timer.cancel()
            process.kill()  # does nothing once it has ended
    if process.returncode:
        stopped = f"stopped: its {max(seconds, 0):.0f} s were up"
        failed = f"failed: exit code {process.returncode}"
        yield {"part": part, "note": stopped if late.is_set() else failed}


def measure_all(
    options: argparse.Namespace, machine: str, rows_of_part: Callable = in_own_process
) -> None:
    """Run every part, and write the table and the page after each row."""
    end, rows = time.time() + options.seconds, []
    for part, share in TIME_SHARES.items():
        edge = options.training_edge if part == "training" else options.edge
        for row in rows_of_part(part, options.device, edge, share * (end - time.time())):
            rows.append(row | {"machine": machine})
            print(*row.values(), sep=", ", flush=True)
            write(options.folder, rows)


def write(folder: Path, rows: list[dict]) -> None:
    """Replace the table and the page, each atomically."""
    text = io.StringIO()
    table = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    for name, content in (("gpu.csv", text.getvalue()), ("gpu.md", page(rows))):
        temporary = folder / f".{name}.part"
        temporary.write_text(content)
        os.replace(temporary, folder / name)


def page(rows: list[dict]) -> str:
    """Render rows as Markdown, a table for each part with the columns it uses."""
    if not rows:
        return NOT_MEASURED
    sections = ["# On a GPU", rows[0]["machine"], LEGEND]
    for part, title in TITLES.items():
        chosen = [row for row in rows if row["part"] == part]
        if chosen:
            sections += [f"## {title}", markdown(chosen)]
    return "\n\n".join(sections) + "\n"


def markdown(rows: list[dict]) -> str:
    """A Markdown table of the columns that any row uses; pandas would need tabulate for it."""
    used = [name for name in COLUMNS[1:-1] if any(row.get(name, "") != "" for row in rows)]
    cells = [[str(row.get(name, "")).replace("|", "/") for name in used] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in (used, ["---"] * len(used), *cells))


def machine_line(options: argparse.Namespace) -> str:
    """Card, driver, versions, date and command."""
    query = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        driver = subprocess.run(query, capture_output=True, text=True).stdout.split()[0]
    except (OSError, IndexError):
        driver = "unknown"
    lacking = f" Not installed: {', '.join(missing())}." if missing() else ""
    return (
        f"{torch.cuda.get_device_name()}, driver {driver}, CUDA {torch.version.cuda}, "
        f"PyTorch {torch.__version__}, {date.today()}: `{COMMAND} --seconds {options.seconds} "
        f"--edge {options.edge} --training-edge {options.training_edge}`.{lacking}"
    )


def missing() -> list[str]:
    """Wheels that a part needs and that are not installed."""
    from on_gpu_rows import WHEELS

    return [wheel for name, wheel in WHEELS.items() if importlib.util.find_spec(name) is None]


def main(arguments: list[str] | None = None) -> None:
    """Measure all parts on the GPU; without one, say how to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=SECONDS, help="for all parts together")
    parser.add_argument("--edge", type=int, default=EDGE, help="of volumes, in voxels")
    parser.add_argument("--training-edge", type=int, default=TRAINING_EDGE)
    parser.add_argument("--folder", type=Path, default=HERE, help="for gpu.csv and gpu.md")
    parser.add_argument("--part", nargs=4, help=argparse.SUPPRESS)
    parser.set_defaults(device="cuda")
    options = parser.parse_args(arguments)
    if options.part:
        print_rows(*options.part)
    elif torch is None or not torch.cuda.is_available():
        print(f"PyTorch finds no GPU here; on a machine with a CUDA card, run `{COMMAND}`.")
    else:
        measure_all(options, machine_line(options))
        if wheels := missing():
            print(f"To measure what was skipped, install {' '.join(wheels)}.")


def print_rows(part: str, device: str, edge: str, deadline: str) -> None:
    """Print the rows of a part as JSON, a line for each."""
    from on_gpu_parts import rows_of

    for row in rows_of(part, device, int(edge), float(deadline)):
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
