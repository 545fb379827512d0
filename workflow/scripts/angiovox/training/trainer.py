"""Training of a network, resumable after any step."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field

import numpy as np
import torch
from torch import Tensor
from torch.optim import Optimizer
from tqdm import tqdm

from ..errors import TrainingInterrupted
from ..method import Context, Training
from .checkpoint import Checkpoint
from .learner import Learner
from .prefetch import prefetch
from .schedules import scheduler
from .settings import Settings


@dataclass
class Epoch:
    """What the steps of an epoch have added up to so far."""

    losses: list[float] = field(default_factory=list)
    hits: int = 0
    union: int = 0
    seconds: float = 0.0


class Trainer:
    """One training run: a learner on patients, resumable after any step.

    A checkpoint holds all that the next step depends on, so that a resumed run goes on bit for bit
    like one that was never stopped (on the CPU; a GPU's convolutions may round differently every
    time). It is written after each epoch, and where `context.stopping` asks for it.
    """

    def __init__(self, learner: Learner, patients: Training, settings: Settings, context: Context):
        self.learner, self.patients, self.settings = learner, patients, settings
        self.context = context
        self.device = torch.device(context.device)
        self.network = learner.network.to(self.device)
        self.optimizers = learner.optimizers(settings.learning_rate)
        self.steps_per_epoch = -(-learner.examples(patients) // settings.batch_size)
        self.schedulers = {name: self._scheduler(one) for name, one in self.optimizers.items()}
        self.dtype = autocast_dtype(settings.precision, self.device)
        self.scaler = torch.amp.GradScaler(
            self.device.type, enabled=self.dtype is torch.float16, init_scale=2.0**12
        )
        self.checkpoint = Checkpoint(self._parts(), context)
        self.history: list[dict] = []
        self.unfinished = Epoch()

    def run(self) -> list[dict]:
        """Train to the last epoch, from the checkpoint where one fits; return the history.

        Raises TrainingInterrupted where `context.stopping` asked for it, with the checkpoint
        written.
        """
        self._resume()
        remaining = range(len(self.history), self.settings.epochs)
        started = time.monotonic()
        data = prefetch(self._load, self._batches(remaining))
        with self._progress() as bar, contextlib.closing(data):
            for epoch in remaining:
                self.history.append(self._epoch(epoch, data, bar))
                self.unfinished = Epoch()
                self._save()
                done = epoch + 1 - remaining.start
                left = (time.monotonic() - started) / done * (self.settings.epochs - epoch - 1)
                row = self.history[-1]
                self.context.log(
                    f"epoch {epoch + 1}/{self.settings.epochs}: loss {row['loss']:.4f}, "
                    f"IoU {row['iou']:.3f}, {tqdm.format_interval(left)} left"
                )
        return self.history

    def _batches(self, epochs: range) -> Iterator[tuple[list[int], np.random.Generator]]:
        """What is read: each epoch's examples in its order, then the first to look at; and each
        batch's chance, which is the same whether or not a run was stopped before it."""
        done, size = len(self.unfinished.losses), self.settings.batch_size
        for epoch in epochs:
            key = [self.context.seed, epoch]
            order = self.learner.order(self.patients, np.random.default_rng(key))
            for step in range(done, self.steps_per_epoch):
                yield order[step * size :][:size], np.random.default_rng([*key, step])
            yield [0], np.random.default_rng([*key, self.steps_per_epoch])
            done = 0

    def _epoch(self, epoch: int, data: Iterator[tuple[Tensor, ...]], bar: tqdm) -> dict:
        so_far = self.unfinished
        started = time.monotonic() - so_far.seconds
        for _ in range(len(so_far.losses), self.steps_per_epoch):
            if self.context.stopping():
                so_far.seconds = time.monotonic() - started
                self._stop()
            loss, hits, union = self._step(next(data))
            so_far.losses.append(loss)
            so_far.hits += hits
            so_far.union += union
            bar.update()
        return {
            "epoch": epoch + 1,
            "learning_rate": next(iter(self.optimizers.values())).param_groups[0]["lr"],
            "loss": float(np.mean(so_far.losses)),
            "iou": so_far.hits / so_far.union if so_far.union else 1.0,
            "iou_running_statistics": self._iou_in_evaluation_mode(next(data)),
            "seconds": round(time.monotonic() - started, 2),
        }

    def _step(self, given: tuple[Tensor, ...]) -> tuple[float, int, int]:
        """Loss, hits and union of a batch, after which the weights have changed."""
        self.network.train()
        loss, hits, union = self.learner.step(given, self.dtype, self.optimizers, self.scaler)
        self.scaler.update()
        for one in self.schedulers.values():
            one.step()
        # one wait for the device, not three
        loss, hits, union = torch.stack([n.detach().double() for n in (loss, hits, union)]).tolist()
        return loss, int(hits), int(union)

    @torch.no_grad()
    def _iou_in_evaluation_mode(self, given: tuple[Tensor, ...]) -> float:
        """IoU of an example: batch norm's running statistics lag at batch 1."""
        self.network.eval()
        return self.learner.iou(given, self.dtype)

    def _load(self, batch: tuple[list[int], np.random.Generator]) -> tuple[Tensor, ...]:
        arrays = self.learner.read(self.patients, *batch)
        return tuple(torch.from_numpy(array).to(self.device) for array in arrays)

    def _scheduler(self, optimizer: Optimizer) -> torch.optim.lr_scheduler.LRScheduler:
        steps = self.settings.epochs * self.steps_per_epoch
        return scheduler(optimizer, self.settings.schedule, self.settings.learning_rate, steps)

    def _progress(self) -> tqdm:
        """A bar on a terminal; the log has a line per epoch instead."""
        return tqdm(
            total=self.settings.epochs * self.steps_per_epoch,
            initial=len(self.history) * self.steps_per_epoch + len(self.unfinished.losses),
            desc="training",
            unit="step",
            disable=not sys.stderr.isatty(),
            leave=False,
        )

    def _parts(self) -> dict:
        """All that a step depends on and that has a state, by its name in a checkpoint."""
        parts = {"network": self.network, "scaler": self.scaler}
        parts |= {f"optimizer {name}": one for name, one in self.optimizers.items()}
        return parts | {f"scheduler {name}": one for name, one in self.schedulers.items()}

    def _save(self) -> None:
        self.checkpoint.save(history=self.history, unfinished=asdict(self.unfinished))

    def _stop(self) -> None:
        self._save()
        raise TrainingInterrupted(f"stopped {self._place()}; a rerun goes on from there")

    def _place(self) -> str:
        done = len(self.unfinished.losses)
        within = f" and {done} of {self.steps_per_epoch} steps" if done else ""
        return f"after epoch {len(self.history)}{within}"

    def _resume(self) -> None:
        if state := self.checkpoint.load():
            self.history, self.unfinished = state["history"], Epoch(**state["unfinished"])
            self.context.log(f"resuming {self._place()}")


def autocast_dtype(precision: str, device: torch.device) -> torch.dtype:
    """The number type of mixed precision.

    precision : "fp32", "bf16", "fp16" or "auto": bf16 where the hardware has it, else fp16 on a
    GPU and fp32 on a CPU, where half precision without support is slower, not faster.
    """
    fixed = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
    if precision in fixed:
        return fixed[precision]
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    return torch.bfloat16 if torch.cpu.get_capabilities().get("avx512_bf16") else torch.float32
