"""A short training on a GPU for `on_gpu.py`: the U-Net on phantoms, with its validation curve."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from on_gpu_rows import new_row, peak, reset_peak, rounded, to_device

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow" / "scripts"))

if TYPE_CHECKING:
    from angiovox.method import Measurement
    from angiovox.methods.unet.learner import Segmenting
    from angiovox.training.learner import Learner
    from torch import Tensor

    Patients = list[tuple[Measurement, np.ndarray]]

TRAINING_PATIENTS, VALIDATION_PATIENTS = 24, 6
VIEWS, VIEW_COUNTS = 90, (90, 10, 2)
VALIDATIONS = 10
FIELD_MM, LEARNING_RATE = 48, 3e-3


def training(device: str, edge: int, deadline: float) -> Iterator[dict]:
    """Train the U-Net on phantoms until the deadline, and validate it along the way.

    The learning rate falls linearly to 0 at the deadline.
    """
    seeds = range(1, 1 + TRAINING_PATIENTS + VALIDATION_PATIENTS)
    cohort = [phantom(seed, edge, device) for seed in seeds]
    patients = [example for each in cohort[:TRAINING_PATIENTS] for example in each]
    held_out = cohort[TRAINING_PATIENTS:]
    counts = [len(views.angles) for views, _ in patients]
    learner = segmenting(edge, hull_support(patients), counts)
    step, rng = Step(learner, device, best_dtype(device)), np.random.default_rng(0)
    steps, validations, started = 0, 0, time.time()
    reset_peak(device)
    while (share := (time.time() - started) / max(deadline - started, 1e-9)) < 1 or not steps:
        step.optimizers["all"].param_groups[0]["lr"] = LEARNING_RATE * max(1 - share, 0)
        chosen = learner.order(patients, rng)[:1]
        loss = step(to_device(device, *learner.read(patients, chosen, rng)))
        steps += 1
        if not math.isfinite(loss):
            raise ArithmeticError(f"loss {loss} after {steps} steps")
        if share * VALIDATIONS >= validations:
            validations += 1
            yield from validation(step, held_out, steps, time.time() - started)
    yield from validation(step, held_out, steps, time.time() - started)


def validation(step: Step, patients: list[Patients], steps: int, seconds: float) -> Iterator[dict]:
    """Mean IoU of patients held out from training, a row for each view count."""
    note = f"step {steps}; {TRAINING_PATIENTS} patients to train on, {len(patients)} to validate on"
    for number, count in enumerate(VIEW_COUNTS):
        shape = patients[0][number][1].shape
        row = new_row("training", f"validation, {count} views", shape, step.dtype)
        iou = np.mean([step.iou([examples[number]]) for examples in patients])
        found = {"seconds": seconds, "iou": float(iou), "note": note} | peak(step.device)
        yield row | {key: rounded(value) for key, value in found.items()}


class Step:
    """Takes training steps as `trainer.Trainer` does, but without its files."""

    def __init__(self, learner: Learner, device: str, dtype: str):
        self.learner, self.device, self.dtype = learner, device, dtype
        self.network = learner.network.to(device)
        self.optimizers = learner.optimizers(1e-3)
        kind = torch.device(device).type
        self.scaler = torch.amp.GradScaler(kind, init_scale=2.0**12, enabled=dtype == "float16")

    def __call__(self, batch: tuple[Tensor, ...]) -> float:
        """Update the weights; return the loss before."""
        self.network.train()
        how = (getattr(torch, self.dtype), self.optimizers, self.scaler)
        loss, _, _ = self.learner.step(batch, *how)
        self.scaler.update()
        return loss.item()

    @torch.no_grad()
    def iou(self, patients: Patients) -> float:
        """IoU of the first patient, by the network in evaluation mode."""
        self.network.eval()
        batch = self.learner.read(patients, [0], np.random.default_rng(0))
        return self.learner.iou(to_device(self.device, *batch), getattr(torch, self.dtype))


def best_dtype(device: str) -> str:
    """The precision of a training: bfloat16 where the card has it."""
    if device == "cpu":
        return "float32"
    return "bfloat16" if torch.cuda.is_bf16_supported() else "float16"


def segmenting(slab: int, support: dict[int, float], counts: list[int]) -> Segmenting:
    """The workflow's U-Net with random weights, as a learner."""
    from angiovox.methods.unet.learner import Segmenting, Terms
    from angiovox.methods.unet.method import Settings
    from angiovox.methods.unet.network import ResidualUNet

    torch.manual_seed(0)
    harmonics = Settings.harmonics
    network = ResidualUNet(2 + harmonics, Settings.channels, Settings.levels)
    network = network.to(memory_format=torch.channels_last_3d)
    terms = Terms(Settings.bce_weight)
    return Segmenting(network, terms, slab, support, counts, harmonics=harmonics)


def phantom(seed: int, edge: int, device: str) -> Patients:
    """A phantom's back-projections, computed on the device, and Otsu mask, for each view count."""
    from angiovox.geometry.parallel_beam import projection_angles, view_indices
    from angiovox.masks.otsu import otsu_mask
    from angiovox.method import Measurement
    from angiovox.phantoms.acquisition import acquire
    from angiovox.projectors.torch_projectors import back_project, project_max

    volume = acquire(seed, (edge,) * 3, FIELD_MM / edge).volume
    mask, _ = otsu_mask(volume)
    angles, patients = projection_angles(VIEWS), []
    projections = project_max(*to_device(device, volume), angles)
    projections -= projections.min()  # a view adds nothing where it does not see a voxel
    for count in VIEW_COUNTS:
        chosen = view_indices(VIEWS, count)
        total, bound = back_project(projections[chosen], angles[chosen], edge)
        seen = projections[chosen].cpu().numpy()
        inputs = {"projections": seen, "sum": codes(total), "min": codes(bound)}
        patients.append((Measurement(angles[chosen], inputs), mask))
    return patients


def codes(volume: Tensor) -> np.ndarray:
    """16-bit codes of a volume scaled to [0, 1]."""
    low, high = volume.aminmax()
    return (65535 * (volume - low) / (high - low)).round().cpu().numpy().astype(np.uint16)


def hull_support(patients: Patients) -> dict[int, float]:
    """Minimum over views that nearly all vessel voxels reach, by view count."""
    support = dict.fromkeys(VIEW_COUNTS, 1.0)
    for views, mask in patients:
        level = float(np.quantile(views.inputs["min"][mask], 1e-3)) / 65535
        support[len(views.angles)] = min(level, support[len(views.angles)])
    return support
