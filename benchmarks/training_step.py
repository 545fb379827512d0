"""The paper's network, plain and as training and inference compute it: seconds and memory.

Writes benchmarks/training_step.csv and .md: the median of some training steps and of inference on
a random volume, the most memory that the process, or the GPU, held, and how far apart the losses
(as a part of the loss) or the probabilities lie. Each variant runs in a process of its own. Where
there is a GPU it is measured there too, training in half precision.
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
sys.path.insert(0, str(HERE.parent / "workflow" / "scripts"))

STEPS = {64: 30, 128: 3, 192: 1, 384: 1}  # measured, after one to warm up where there are several
PLAIN_UP_TO = {"training": 192, "inference": 384}  # on a CPU: 5 and 15 GB, the next 35 and 35
PRECISIONS = {"cpu": ("fp32", "bf16"), "cuda": ("fp16", "bf16")}
THREADS = 2


def training(plain: bool, device: str, precision: str, edge: int) -> Callable[[], float]:
    """A training step, which returns its loss."""
    import torch
    from angiovox.method import Context, Measurement
    from angiovox.methods.denoising_autoencoder.learner import Denoising, PlainDenoising
    from angiovox.methods.denoising_autoencoder.method import Settings
    from angiovox.methods.denoising_autoencoder.network import DenoisingAutoencoder
    from angiovox.training.trainer import Trainer

    volume = (255 * np.random.default_rng(0).random((edge,) * 3, dtype=np.float32)).astype("uint8")
    patients = [(Measurement(np.zeros(1), {"sum": volume}), volume > 250)]
    context = Context(0, device, Path("unused.pt"), {}, lambda message: None)
    settings = Settings(precision=precision)
    network = DenoisingAutoencoder().to(memory_format=torch.channels_last_3d)
    kind = PlainDenoising if plain else Denoising
    learner = kind(network, settings.focal_alpha, settings.focal_gamma)
    trainer = Trainer(learner, patients, settings, context)
    batch = trainer._load(([0], np.random.default_rng(0)))
    return lambda: trainer._step(batch)[0]


def inference(plain: bool, device: str, precision: str, edge: int) -> Callable[[], np.ndarray]:
    """Probabilities of a volume, in full precision."""
    import torch
    from angiovox.methods.denoising_autoencoder.inference import probabilities
    from angiovox.methods.denoising_autoencoder.network import DenoisingAutoencoder

    network = DenoisingAutoencoder().to(device).eval()
    volume = np.random.default_rng(0).random((edge,) * 3, dtype=np.float32)

    @torch.no_grad()
    def in_one_piece() -> np.ndarray:
        voxels = torch.from_numpy(volume)[None, None].to(device)
        return network(voxels).sigmoid()[0, 0].cpu().numpy()

    return in_one_piece if plain else lambda: probabilities(network, volume)


def measure(path: str, work: str, plain: bool, device: str, precision: str, edge: int) -> dict:
    """Median seconds and the peak of memory; the first result is written to a file."""
    import torch
    from angiovox.training.memory import disable_malloc_trim

    if device == "cpu" and work == "training":  # as rule fit does
        disable_malloc_trim()
    torch.set_num_threads(THREADS)
    torch.manual_seed(0)
    run = {"training": training, "inference": inference}[work](plain, device, precision, edge)
    times = []
    for step in range(STEPS[edge] + (STEPS[edge] > 1)):
        started = time.perf_counter()
        result = run()
        times.append(time.perf_counter() - started)
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
    """A row: plain beside ours."""
    row = {"work": work, "device": device, "precision": precision, "edge": edge}
    with tempfile.TemporaryDirectory() as folder:
        paths = {name: Path(folder) / f"{name}.npy" for name in ("plain", "ours")}
        for name, path in paths.items():
            plain = name == "plain"
            if plain and device == "cpu" and edge > PLAIN_UP_TO[work]:
                continue
            found = in_own_process(str(path), work, plain, device, precision, edge)
            row |= {f"{name}_{key}": value for key, value in found.items()}
        if all(path.exists() for path in paths.values()):
            theirs, ours = (np.load(path) for path in paths.values())
            apart = np.abs(ours - theirs).max()
            row["difference"] = apart / theirs if work == "training" else apart
    return row


def rows() -> list[dict]:
    """All comparisons that this machine allows."""
    import torch

    devices = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    variants = [
        (work, device, precision, edge)
        for device in devices
        for work in ("training", "inference")
        for precision in (PRECISIONS[device] if work == "training" else ("fp32",))
        for edge in STEPS
    ]
    return [compare(*variant) for variant in variants]


def machine() -> str:
    """What the figures were measured on."""
    import torch

    cores = f"{THREADS} threads of {os.cpu_count()} cores, {platform.machine()}"
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    return f"PyTorch {torch.__version__}, {cores}, {gpu}."


def main() -> None:
    """Measure all variants and write the tables."""
    table = pd.DataFrame(rows())
    table["times_faster"] = table.plain_seconds / table.ours_seconds
    table["times_smaller"] = table.plain_peak_mb / table.ours_peak_mb
    table["machine"] = machine()
    table.to_csv(HERE / "training_step.csv", index=False, float_format="%.8g")
    shown = table.drop(columns="machine")
    mb = [name for name in shown if name.endswith("_mb")]
    shown["difference"] = shown["difference"].map("{:.1g}".format, na_action="ignore")
    shown = shown.round(dict.fromkeys(mb, 0)).round(3).astype(object)
    text = shown.where(shown.notna(), "not measured").to_markdown(index=False)
    (HERE / "training_step.md").write_text(f"{text}\n\n{machine()}\n")
    print(text)


if __name__ == "__main__":
    if len(sys.argv) == 2:
        print(json.dumps(measure(*json.loads(sys.argv[1]))))
    else:
        main()
