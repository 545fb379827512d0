"""One threshold for a score volume, chosen on training patients."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

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
    """
    curves = [_iou_by_threshold(score, mask) for score, mask in scored]
    mean = np.mean(curves, axis=0)
    best = int(np.argmax(mean))
    return best / BINS, float(mean[best])


def _iou_by_threshold(score: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """IoU at thresholds 0, 1 / BINS, ..., 1, shape (BINS + 1,)."""
    score = score.ravel()
    level = np.minimum((score * np.float32(BINS)).astype(np.int64), BINS)
    # The product may round across a step; `reconstruct` compares with the step itself.
    steps = (np.arange(BINS + 2) / BINS).astype(np.float32)
    steps[-1] = np.inf
    level -= score < steps[level]
    level += score >= steps[level + 1]
    inside = np.bincount(level[mask.ravel()], minlength=BINS + 1)
    everywhere = np.bincount(level, minlength=BINS + 1)
    hits = np.cumsum(inside[::-1])[::-1]
    chosen = np.cumsum(everywhere[::-1])[::-1]
    union = chosen + mask.sum() - hits
    return hits / np.maximum(union, 1)
