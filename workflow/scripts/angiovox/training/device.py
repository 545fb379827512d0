"""What networks run on."""

from __future__ import annotations

from types import ModuleType


def use_device(method: ModuleType, threads: int) -> tuple[str, str]:
    """Choose what a method's networks run on, and limit PyTorch to some CPU threads.

    PyTorch, which takes a second to import, is left alone where the method has no network.

    Returns the device, "cuda" or "cpu", and its name for the log.
    """
    cpu = "cpu", f"{threads} CPU threads"
    if not (method.TRAINED or hasattr(method, "BASE")):
        return cpu
    import torch

    torch.set_num_threads(threads)
    return ("cuda", torch.cuda.get_device_name()) if torch.cuda.is_available() else cpu
