"""The parts of `on_gpu.py`: generators of rows, on any device and at any size.

A part is given the device, the edge of its volumes in voxels, and the time (`time.time()`) by which
it should end. Whatever fails inside it becomes a row that says why.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from on_gpu_rows import attempt, new_row, reason, relative, rounded, timed, to_device
from on_gpu_training import VIEWS, Step, segmenting, training

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow" / "scripts"))

if TYPE_CHECKING:
    from angiovox.methods.unet.learner import Segmenting
    from angiovox.training.learner import Learner
    from on_gpu_training import Patients
    from torch import Tensor

HALVES = ("bfloat16", "float16")


def projectors(device: str, edge: int, deadline: float) -> Iterator[dict]:
    """Compare the torch projectors with the numba kernels for each type of tensor."""
    shapes = {"project_max": (edge,) * 3, "back_project": (VIEWS, edge, edge)}
    for name, shape in shapes.items():
        values = np.random.default_rng(0).random(shape, dtype=np.float32)
        for dtype in ("float32", "uint16", *HALVES):
            row = new_row("projectors", f"{name}, {VIEWS} views", (edge,) * 3, dtype)
            yield attempt(row, projector, name, values, dtype, device)


def projector(name: str, values: np.ndarray, dtype: str, device: str) -> dict:
    """Time a torch projector and the numba kernel on the same values, and compare the results.

    Tensors of uint16 are cast to float32 on the device; the time includes it.
    """
    from angiovox.geometry.parallel_beam import projection_angles
    from angiovox.projectors import backprojection, mip, torch_projectors

    kernels = {"project_max": mip.project_max, "back_project": backprojection.back_project}
    angles, threads = projection_angles(VIEWS), len(os.sched_getaffinity(0))
    depth = (values.shape[-1],) if name == "back_project" else ()
    whole = dtype == "uint16"
    host = np.rint(65535 * values).astype(np.uint16) if whole else values
    tensor = torch.from_numpy(host).to(getattr(torch, dtype))
    host = tensor.numpy() if whole else tensor.float().numpy()
    tensor = tensor.to(device)

    def by_torch() -> tuple[Tensor, ...]:
        volume = tensor.float() if whole else tensor
        return as_tuple(getattr(torch_projectors, name)(volume, angles, *depth))

    by_numba = partial(kernels[name], host, angles, *depth, threads=threads)
    pairs = zip(by_torch(), as_tuple(by_numba()), strict=True)
    difference = max(relative(ours.float().cpu().numpy(), theirs) for ours, theirs in pairs)
    reference, found = timed(by_numba, "cpu")["seconds"], timed(by_torch, device)
    note = f"numba: {reference:.3g} s on {threads} threads"
    return found | {"ratio": reference / found["seconds"], "difference": difference, "note": note}


def network(device: str, edge: int, deadline: float) -> Iterator[dict]:
    """Compare the paper's network in plain PyTorch with ours: training step and inference."""
    for dtype in HALVES:
        yield from plain_and_ours("training step", training_step, device, edge, dtype)
    for dtype in ("float32", *HALVES):
        yield from plain_and_ours("inference", inference, device, edge, dtype)


def plain_and_ours(
    work: str, measure: Callable[..., dict], device: str, edge: int, dtype: str
) -> Iterator[dict]:
    """Measure plain PyTorch, then ours against it."""
    plain = new_row("network", f"{work}, plain", (edge,) * 3, dtype)
    plain = attempt(plain, measure, True, device, edge, dtype)
    reference = plain.pop("result", None)
    yield plain
    ours = new_row("network", f"{work}, ours", (edge,) * 3, dtype)
    ours = attempt(ours, measure, False, device, edge, dtype)
    result = ours.pop("result", None)
    if result is not None and reference is not None:
        ours["ratio"] = rounded(plain["seconds"] / ours["seconds"])
        ours["difference"] = rounded(relative(result, reference))
    yield ours


def training_step(plain: bool, device: str, edge: int, dtype: str) -> dict:
    """Measure a training step of the paper's network; its first loss is the result."""
    step = Step(denoising(plain), device, dtype)
    volume = np.random.default_rng(0).integers(0, 256, (1, 1, edge, edge, edge), dtype=np.uint8)
    batch = to_device(device, volume, volume > 250)
    loss = np.array([step(batch)])
    return timed(partial(step, batch), device) | {"result": loss}


def inference(plain: bool, device: str, edge: int, dtype: str) -> dict:
    """Measure the paper's network on a volume, from host memory to host memory."""
    from angiovox.methods.denoising_autoencoder.inference import probabilities

    learner, kind = denoising(plain), getattr(torch, dtype)
    learner.network.to(device).eval()
    volume = np.random.default_rng(0).random((edge,) * 3, dtype=np.float32)

    @torch.no_grad()
    def in_one_piece() -> Tensor:
        logits = learner._logits(*to_device(device, volume[None, None]), kind)
        return logits.float().sigmoid()[0, 0].cpu()

    work = in_one_piece if plain else partial(probabilities, learner.network, volume, dtype=kind)
    result = work().numpy()
    return timed(work, device) | {"result": result}


def unet(device: str, edge: int, deadline: float) -> Iterator[dict]:
    """Measure the U-Net: a training step on a slab in each precision, and inference."""
    from angiovox.methods.unet.method import Settings

    cube, slab = (edge,) * 3, (edge, edge, min(edge, Settings.slab))
    for dtype in HALVES:
        row = new_row("unet", "training step on a slab", slab, dtype)
        yield attempt(row, unet_slab, True, device, edge, dtype)
    row = new_row("unet", "inference on a slab", slab, "float32")
    yield attempt(row, unet_slab, False, device, edge, "float32")
    row = new_row("unet", "inference in overlapping slabs", cube, "float32")
    yield attempt(row, unet_inference, device, edge)


def unet_slab(trained: bool, device: str, edge: int, dtype: str) -> dict:
    """Measure a training step of the U-Net, or its logits, on a slab that is on the device."""
    learner, patients = unet_case(edge)
    batch = to_device(device, *learner.read(patients, [0], np.random.default_rng(0)))
    if trained:
        return timed(partial(Step(learner, device, dtype), batch), device)
    learner.network.to(device).eval()
    volume, _, support = batch
    logits = torch.no_grad()(learner._logits)
    return timed(partial(logits, volume, support, getattr(torch, dtype)), device)


def unet_inference(device: str, edge: int) -> dict:
    """Measure the U-Net's logits of a volume as the workflow computes them."""
    from angiovox.methods.unet import model
    from angiovox.methods.unet.method import Settings

    learner, ((views, _),) = unet_case(edge)
    state = {"network": learner.network.state_dict(), "slab": learner.slab}
    inputs = 2 + learner.harmonics
    state |= {"shape": {"inputs": inputs, "channels": Settings.channels, "levels": Settings.levels}}
    state |= {"harmonics": learner.harmonics}
    state |= {"support": learner.support}
    return timed(lambda: model.logits(state, views, device).cpu(), device)


def denoising(plain: bool) -> Learner:
    """The paper's network with the same random weights each time, as a learner."""
    from angiovox.methods.denoising_autoencoder.learner import Denoising, PlainDenoising
    from angiovox.methods.denoising_autoencoder.method import Settings
    from angiovox.methods.denoising_autoencoder.network import DenoisingAutoencoder

    torch.manual_seed(0)
    network = DenoisingAutoencoder().to(memory_format=torch.channels_last_3d)
    kind = PlainDenoising if plain else Denoising
    return kind(network, Settings.focal_alpha, Settings.focal_gamma)


def unet_case(edge: int) -> tuple[Segmenting, Patients]:
    """A U-Net and a patient of random voxels, as from two views."""
    from angiovox.method import Measurement
    from angiovox.methods.unet.method import Settings

    rng = np.random.default_rng(0)
    inputs = {kind: rng.integers(0, 1 << 16, (edge,) * 3, np.uint16) for kind in ("sum", "min")}
    inputs["projections"] = rng.random((2, edge, edge), np.float32)
    patients = [(Measurement(np.array([0.0, 90.0]), inputs), inputs["sum"] > 65000)]
    return segmenting(min(edge, Settings.slab), {2: 0.1}, [2]), patients


def as_tuple(result: object) -> tuple:
    """Results of a projector that returns one or several."""
    return result if isinstance(result, tuple) else (result,)


PARTS = {"projectors": projectors, "network": network, "unet": unet, "training": training}


def rows_of(part: str, device: str, edge: int, deadline: float) -> Iterator[dict]:
    """The rows of a part as they become known; if it fails, the last one says why."""
    try:
        yield from PARTS[part](device, edge, deadline)
    except Exception as error:
        yield {"part": part, "note": reason(error)}
