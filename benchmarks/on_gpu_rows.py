"""Rows of `on_gpu.py`: timing, memory, and reasons where there is no result."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from torch import Tensor

WHEELS = {"numba": "numba", "skimage": "scikit-image", "scipy": "scipy"}  # by module
WHEELS |= {"tqdm": "tqdm", "monai": "monai"}
REPEATS, MAX_REPEATS_S = 5, 10  # fewer repeats where they take longer


def timed(work: Callable[[], object], device: str) -> dict:
    """Median seconds of several calls after a warm-up, and their peak memory on a GPU."""
    reset_peak(device)
    times: list[float] = []
    while len(times) < 2 or (len(times) <= REPEATS and sum(times) < MAX_REPEATS_S):
        started = time.perf_counter()
        work()
        if device != "cpu":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - started)
    return {"seconds": statistics.median(times[1:])} | peak(device)


def reset_peak(device: str) -> None:
    """Free the GPU's memory that is no longer used, and forget the peak so far."""
    if device != "cpu":
        torch.cuda.init()
        free_memory()
        torch.cuda.reset_peak_memory_stats()


def free_memory() -> None:
    """Free the GPU's memory that is no longer used."""
    if torch.cuda.is_initialized():
        gc.collect()
        torch.cuda.empty_cache()


def peak(device: str) -> dict:
    """Largest memory allocated on a GPU since `reset_peak`, in GB."""
    return {} if device == "cpu" else {"peak_gb": torch.cuda.max_memory_allocated() / 1e9}


def relative(ours: np.ndarray, reference: np.ndarray) -> float:
    """Largest difference, as a fraction of the reference's largest value."""
    return float(np.abs(ours - reference).max() / np.abs(reference).max())


def rounded(value: object) -> object:
    """A number to three significant digits; anything else as it is."""
    return float(f"{value:.3g}") if isinstance(value, float) else value


def new_row(part: str, what: str, shape: tuple[int, ...], dtype: str) -> dict:
    """A row without results."""
    return {"part": part, "what": what, "shape": " x ".join(map(str, shape)), "dtype": dtype}


def attempt(row: dict, measure: Callable[..., dict], *arguments: object) -> dict:
    """A row with the results of a measurement, or with the reason why it failed."""
    free_memory()
    try:
        found = measure(*arguments)
    except Exception as error:
        found = {"note": reason(error)}
    return row | {key: rounded(value) for key, value in found.items()}


def reason(error: Exception) -> str:
    """Why there is no result."""
    if isinstance(error, ModuleNotFoundError) and error.name:
        name = error.name.partition(".")[0]
        return f"skipped: {WHEELS.get(name, name)} is not installed"
    if isinstance(error, torch.cuda.OutOfMemoryError):
        return "failed: out of GPU memory"
    return f"failed: {type(error).__name__}: {(str(error).splitlines() or [''])[0]}"


def to_device(device: str, *arrays: np.ndarray) -> tuple[Tensor, ...]:
    """Arrays as tensors on a device."""
    return tuple(torch.from_numpy(np.asarray(array)).to(device) for array in arrays)
