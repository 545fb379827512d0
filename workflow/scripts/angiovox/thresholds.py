"""One threshold for a score volume, chosen on training patients."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numba import njit

from .interface import Context, Training

BINS = 1000


def fit_threshold(kind: str, patients: Training, context: Context) -> tuple[dict, list[dict]]:
    """Fit a method that only needs a threshold on one kind of back-projection, "sum" or "min"."""
    scored = ((views.inputs[kind], mask) for views, mask in patients)
    threshold, iou = best_threshold(scored)
    context.log(f"threshold {threshold:.3f}, IoU on the training patients {iou:.3f}")
    return {"threshold": threshold}, [{"epoch": 1, "iou": iou}]


def best_threshold(scored: Iterable[tuple[np.ndarray, np.ndarray]]) -> tuple[float, float]:
    """The threshold with the highest mean IoU over patients, and that IoU.

    scored : pairs of a score volume in [0, 1] and a mask of the same shape. A voxel belongs to
    the reconstruction when its score is at least the threshold, one of `BINS` equal steps.

    Raises ValueError for a score that is NaN or not in [0, 1].
    """
    curves = [_iou_by_threshold(score, mask) for score, mask in scored]
    mean = np.mean(curves, axis=0)
    best = int(np.argmax(mean))
    return best / BINS, float(mean[best])


def _iou_by_threshold(score: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """IoU at thresholds 0, 1 / BINS, ..., 1, shape (BINS + 1,); scores beyond are refused."""
    # `reconstruct` compares with the step itself, so it is what decides here.
    steps = (np.arange(BINS + 1) / BINS).astype(np.float32)
    if score.flags.f_contiguous:  # as files hold it: then its last axis is the one to run along
        score, mask = score.T, mask.T
    (outside, inside), refused = _count_by_step(score, mask, steps)
    if refused:
        raise ValueError(f"{refused} of {score.size} scores are NaN or not in [0, 1]")
    hits = np.cumsum(inside[::-1])[::-1]
    chosen = hits + np.cumsum(outside[::-1])[::-1]
    union = chosen + inside.sum() - hits
    return hits / np.maximum(union, 1)


@njit(nogil=True, cache=True)
def _count_by_step(score, mask, steps):
    """How many voxels reach each step and not the next: outside the mask, inside it; refused."""
    counts, refused = np.zeros((2, len(steps)), dtype=np.int64), 0
    last = len(steps) - 1
    scale = np.float32(last)
    for x in range(score.shape[0]):
        for y in range(score.shape[1]):
            for z in range(score.shape[2]):
                value = score[x, y, z]
                if not 0 <= value <= 1:  # NaN neither
                    refused += 1
                    continue
                level = min(int(value * scale), last)
                # The product may round across a step.
                if value < steps[level]:
                    level -= 1
                elif level < last and value >= steps[level + 1]:
                    level += 1
                counts[int(mask[x, y, z]), level] += 1
    return counts, refused
