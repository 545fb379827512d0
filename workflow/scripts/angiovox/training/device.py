"""What networks run on."""

from __future__ import annotations

from ..method import Needs


def use_device(needs: Needs, threads: int) -> tuple[str, str]:
    """Choose what a method's networks run on, and have PyTorch compute with some CPU threads.

    threads : also where there are fewer processors. Sums of other parts are rounded otherwise, and
        a training carries that on: 1 and 2 threads give other networks.

    PyTorch, which takes a second to import, is left alone where the method has no network.

    Returns the device, "cuda" or "cpu", and its name for the log.
    """
    cpu = "cpu", f"{threads} CPU threads"
    if not needs.runs_networks:
        return cpu
    import torch

    torch.set_num_threads(threads)
    return ("cuda", torch.cuda.get_device_name()) if torch.cuda.is_available() else cpu
