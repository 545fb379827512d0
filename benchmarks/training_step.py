"""The paper's network, plain, by PyTorch's means of saving memory, and ours: seconds and memory.

Writes benchmarks/training_step.csv and .md: the median of some training steps and of inference on
a random volume, the most memory that the process, or the GPU, held, and how far apart ours and the
plain network's losses (as a part of the loss) or probabilities lie. Each variant runs in a process
of its own, one after the other, several times over; the medians of these are kept. On a CPU times
are those of one thread's processor, which other work on the machine hardly changes. Where there is
a GPU it is measured there too, training in half precision.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "workflow" / "scripts")]

VARIANTS = ("plain", "stock", "ours")
STEPS = {64: 8, 128: 2, 192: 1, 384: 1}  # measured, after one to warm up below 384
ROUNDS = {64: 3, 128: 3, 192: 1, 384: 1}  # processes of each variant, in turns
OURS_ONLY_FROM = 384  # on a CPU, where the others take 15 to 35 GB
PRECISIONS = {"cpu": ("fp32", "bf16"), "cuda": ("fp16", "bf16")}
THREADS = 1


TEXT = """{table}

{machine} On the CPU: seconds of one thread's processor (other work ran on the machine, so look at
ratios); medians of the steps of 3 processes of each variant in turns, of one from 192^3 on. `stock`
is PyTorch's own way to the same end (`stock_network.py`): each block under
`torch.utils.checkpoint`; in inference batch norm folded into the convolutions, tiles of {tile}^3.

Our own gradients stay, as the same by `torch.utils.checkpoint` is not within 1.2 times of them:

- Each block under `checkpoint`: 1.5 to 3.4 times the time, and 2 to 3 times the memory from 128^3
  on, which is hardly less than the plain network takes, as the largest block decides. It would
  also update batch norm's running statistics twice, in the step and in its recomputation.
- The decoder alone under `checkpoint`, its loss in parts, the encoder ours: as long (24.0 s beside
  24.3 s), in 1.31 times the memory (5.2 GB beside 3.9 GB), one step each at 384^3 in bfloat16
  (`python benchmarks/training_step.py '["loss.npy", "training", "decoder", "cpu", "bf16", 384]'`).
- Inference by the folded network in tiles: 1.7 to 3.6 times the time.
"""


def training(variant: str, device: str, precision: str, edge: int) -> Callable[[], float]:
    """A training step, which returns its loss."""
    import torch
    from angiovox.method import Context, Measurement
    from angiovox.methods.denoising_autoencoder.learner import Denoising, PlainDenoising
    from angiovox.methods.denoising_autoencoder.method import Settings
    from angiovox.methods.denoising_autoencoder.network import DenoisingAutoencoder
    from angiovox.training.trainer import Trainer

    from benchmarks.stock_network import CheckpointedDecoder, CheckpointedDenoising

    volume = (255 * np.random.default_rng(0).random((edge,) * 3, dtype=np.float32)).astype("uint8")
    patients = [(Measurement(np.zeros(1), {"sum": volume}), volume > 250)]
    context = Context(0, device, Path("unused.pt"), {}, lambda message: None)
    settings = Settings(precision=precision)
    network = DenoisingAutoencoder().to(memory_format=torch.channels_last_3d)
    kinds = {"plain": PlainDenoising, "stock": CheckpointedDenoising, "ours": Denoising}
    kinds["decoder"] = CheckpointedDecoder
    learner = kinds[variant](network, settings.focal_alpha, settings.focal_gamma)
    trainer = Trainer(learner, patients, settings, context)
    batch = trainer._load(([0], np.random.default_rng(0)))
    return lambda: trainer._step(batch)[0]


def inference(variant: str, device: str, precision: str, edge: int) -> Callable[[], np.ndarray]:
    """Probabilities of a volume, in full precision."""
    import torch
    from angiovox.methods.denoising_autoencoder.inference import probabilities
    from angiovox.methods.denoising_autoencoder.network import DenoisingAutoencoder

    from benchmarks import stock_network

    network = DenoisingAutoencoder().to(device).eval()
    volume = np.random.default_rng(0).random((edge,) * 3, dtype=np.float32)

    @torch.no_grad()
    def in_one_piece() -> np.ndarray:
        voxels = torch.from_numpy(volume)[None, None].to(device)
        return network(voxels).sigmoid()[0, 0].cpu().numpy()

    def in_tiles() -> np.ndarray:
        voxels = torch.from_numpy(volume).to(device)
        return stock_network.probabilities(folded, voxels).cpu().numpy()

    folded = stock_network.folded(network)
    runs = {"plain": in_one_piece, "stock": in_tiles}
    return runs.get(variant, lambda: probabilities(network, volume).numpy())


def measure(path: str, work: str, variant: str, device: str, precision: str, edge: int) -> dict:
    """Median seconds and the peak of memory; the first result is written to a file."""
    import torch
    from angiovox.training.memory import disable_malloc_trim

    if device == "cpu" and work == "training":  # as rule fit does
        disable_malloc_trim()
    torch.set_num_threads(THREADS)
    torch.manual_seed(0)
    run = {"training": training, "inference": inference}[work](variant, device, precision, edge)
    clock = time.perf_counter if device == "cuda" else time.process_time
    times = []
    for step in range(STEPS[edge] + (edge < 384)):
        started = clock()
        result = run()
        times.append(clock() - started)
        if not step:
            np.save(path, result)
    memory = torch.cuda.max_memory_allocated() / 1e6 if device == "cuda" else peak_mb()
    seconds = statistics.median(times[-STEPS[edge] :])
    return {"seconds": seconds, "peak_mb": memory}


def peak_mb() -> float:
    """The most memory that this process ever held."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1.024e-3


def in_own_process(*variant: object) -> dict:
    """`measure` in a fresh interpreter."""
    command = [sys.executable, __file__, json.dumps(variant)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        return {"seconds": np.nan, "peak_mb": np.nan}
    return json.loads(done.stdout)


def compare(work: str, device: str, precision: str, edge: int) -> dict:
    """A row: the variants beside each other."""
    row = {"work": work, "device": device, "precision": precision, "edge": edge}
    able = VARIANTS if device != "cpu" or edge < OURS_ONLY_FROM else ("ours",)
    with tempfile.TemporaryDirectory() as folder:
        paths = {name: Path(folder) / f"{name}.npy" for name in able}
        found = [
            {"name": name} | in_own_process(str(paths[name]), work, name, device, precision, edge)
            for _ in range(ROUNDS[edge])
            for name in able
        ]
        for name, medians in pd.DataFrame(found).groupby("name").median().iterrows():
            row |= {f"{name}_{key}": value for key, value in medians.items()}
        if "plain" in paths and paths["plain"].exists():
            theirs, ours = (np.load(paths[name]) for name in ("plain", "ours"))
            apart = np.abs(ours - theirs).max()
            row["difference"] = apart / theirs if work == "training" else apart
    print(row, flush=True)
    return row


def rows() -> list[dict]:
    """All comparisons that this machine allows."""
    import torch

    devices = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    variants = [
        (work, device, precision, edge)
        for edge in STEPS
        for device in devices
        for work in ("training", "inference")
        for precision in (PRECISIONS[device] if work == "training" else ("fp32",))
    ]
    return [compare(*variant) for variant in variants]


def machine(threads: int) -> str:
    """What the figures were measured on."""
    import torch

    cores = f"{threads} of {os.cpu_count()} cores, {platform.machine()}"
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    return f"PyTorch {torch.__version__}, {cores}, {gpu}."


def main() -> None:
    """Measure all variants and write the tables."""
    table = pd.DataFrame(rows())
    order = [f"{name}_{what}" for what in ("seconds", "peak_mb") for name in VARIANTS]
    table = table[["work", "device", "precision", "edge", *order, "difference"]]
    for name in VARIANTS[:2]:
        for what in ("seconds", "peak_mb"):
            table[f"{name}_{what}_to_ours"] = table[f"{name}_{what}"] / table[f"ours_{what}"]
    table["machine"] = machine(THREADS)
    table.to_csv(HERE / "training_step.csv", index=False, float_format="%.8g")
    (HERE / "training_step.md").write_text(markdown(table))


def markdown(table: pd.DataFrame) -> str:
    """The table for readers, with units in its head, and what follows from it."""
    from benchmarks import stock_network

    machine = table.pop("machine").iloc[0]
    mb = [name for name in table if name.endswith("_mb")]
    table["difference"] = table["difference"].map("{:.1g}".format, na_action="ignore")
    table = table.round(dict.fromkeys(mb, 0)).round(3).astype(object)
    table.columns = [name.replace("peak_mb", "MB").replace("_", " ") for name in table]
    shown = table.where(table.notna(), "not measured").to_markdown(index=False)
    return TEXT.format(table=shown, machine=machine, tile=stock_network.TILE)


if __name__ == "__main__":
    if len(sys.argv) == 2:
        print(json.dumps(measure(*json.loads(sys.argv[1]))))
    else:
        main()
