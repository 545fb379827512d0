"""Thresholds of score volumes: the best one on training patients, and what it makes of scores."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ..io.quantization import CHUNK, chunks

BINS = 1000


def above_threshold(score: np.ndarray, threshold: float) -> np.ndarray:
    """1 where a score reaches the threshold, else 0, float32."""
    return (score >= threshold).astype(np.float32)


def score_to_probability(score: np.ndarray, threshold: float) -> np.ndarray:
    """Scores in [0, 1] as probabilities, float32: linear on both sides of the threshold, at 0.5."""
    probability = np.empty_like(score, dtype=np.float32)
    places = [0, np.float32(threshold), 1]
    for part, source in zip(chunks(probability), chunks(score), strict=True):
        part[:] = np.interp(source, places, [0, 0.5, 1])
    return probability


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
    counts = np.zeros(2 * (BINS + 1), dtype=np.int64)
    flags = ["external_loop", "buffered"]
    for part, within in np.nditer((score, mask), flags=flags, buffersize=CHUNK):
        if not (part.min() >= 0 and part.max() <= 1):  # NaN neither
            refused = score.size - np.count_nonzero((score >= 0) & (score <= 1))
            raise ValueError(f"{refused} of {score.size} scores are NaN or not in [0, 1]")
        counts += np.bincount(_level(part) + (BINS + 1) * within, minlength=len(counts))
    outside, inside = counts.reshape(2, -1)
    hits = np.cumsum(inside[::-1])[::-1]
    chosen = hits + np.cumsum(outside[::-1])[::-1]
    union = chosen + inside.sum() - hits
    return hits / np.maximum(union, 1)


def _level(score: np.ndarray) -> np.ndarray:
    """Number of the last step that each score reaches."""
    level = (score * np.float32(BINS)).astype(np.int64)
    # The product may round across a step; `reconstruct` compares with the step itself.
    steps = np.append(np.arange(BINS + 1) / BINS, np.inf).astype(np.float32)
    level -= score < steps[level]
    level += score >= steps[level + 1]
    return level
