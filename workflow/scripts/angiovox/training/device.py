"""What networks run on."""

from __future__ import annotations

from ..method import Needs


def use_device(needs: Needs, threads: int) -> tuple[str, str]:
    """Choose what a method's networks run on, and limit PyTorch to some CPU threads.

    PyTorch, which takes a second to import, is left alone where the method has no network.

    Returns the device, "cuda" or "cpu", and its name for the log.
    """
    cpu = "cpu", f"{threads} CPU threads"
    if not needs.runs_networks:
        return cpu
    import torch

    torch.set_num_threads(threads)
    return ("cuda", torch.cuda.get_device_name()) if torch.cuda.is_available() else cpu
