"""Which voxels agree, and by how much probabilities are off (paper, section 3)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..io.quantization import CHUNK

THRESHOLD = 0.5  # of the probability, inclusive


def binary(probability: np.ndarray) -> np.ndarray:
    """The reconstruction as a mask, bool: at least 0.5 is vessel (paper, section 3)."""
    return probability >= THRESHOLD


def scores(probability: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Overlap of the reconstruction with the truth, and errors of its voxels.

    Parameters
    ----------
    probability : (x, y, z) in [0, 1]; at least 0.5 counts as vessel.
    truth : (x, y, z) bool.

    Returns
    -------
    iou, dice, precision, recall as `ratios` has them; pixel_accuracy; mse and mae of the
    probabilities and of the binary volume.

    Raises
    ------
    ValueError : shapes differ.
    """
    _check_shapes(probability, truth)
    hits, found, wanted, squared, absolute = _sums(probability, truth)
    wrong = (found + wanted - 2 * hits) / truth.size
    # ASSUME: the paper's MSE and MAE differ, which binary volumes cannot do, so both are reported
    # on probabilities as well as on binary volumes, where they are one number.
    return _ratios(hits, found, wanted) | {
        "pixel_accuracy": 1 - wrong,
        "mse_probability": squared / truth.size,
        "mae_probability": absolute / truth.size,
        "mse_binary": wrong,
        "mae_binary": wrong,
    }


def ratios(mask: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """How a mask overlaps with the truth, both bool of one shape: iou, dice, precision, recall.

    All are 1 where both masks are empty, for they agree, and 0 where one is.

    Raises ValueError when shapes differ.
    """
    _check_shapes(mask, truth)
    return _ratios(*(int(np.count_nonzero(part)) for part in (mask & truth, mask, truth)))


def exact_scores(mask: np.ndarray, share: np.ndarray | None) -> dict[str, float]:
    """iou_exact and dice_exact: overlap with the voxels that are artery by half or more.

    share : (x, y, z), of each voxel that is artery; None, where it is not known, gives no entry.
    """
    if share is None:
        return {}
    found = ratios(mask, binary(share))
    return {f"{name}_exact": found[name] for name in ("iou", "dice")}


def chunks(probability: np.ndarray, truth: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Walk through both volumes without a copy of either: pieces of float64 and of bool."""
    return np.nditer(
        (probability, truth),
        flags=["external_loop", "buffered"],
        op_dtypes=[np.float64, bool],
        casting="safe",
        buffersize=CHUNK,
    )


def _ratios(hits: int, found: int, wanted: int) -> dict[str, float]:
    parts = {
        "iou": (hits, found + wanted - hits),
        "dice": (2 * hits, found + wanted),
        "precision": (hits, found),
        "recall": (hits, wanted),
    }
    nothing = float(found == wanted == 0)
    return {name: part / whole if whole else nothing for name, (part, whole) in parts.items()}


def _sums(probability: np.ndarray, truth: np.ndarray) -> tuple[int, int, int, float, float]:
    """Hits, voxels found, voxels wanted, and squared and absolute errors."""
    hits = found = wanted = 0
    squared = absolute = 0.0
    for guess, vessel in chunks(probability, truth):
        mask = binary(guess)
        hits += int(np.count_nonzero(mask & vessel))
        found += int(np.count_nonzero(mask))
        wanted += int(np.count_nonzero(vessel))
        error = guess - vessel
        squared += float(error @ error)
        absolute += float(np.abs(error).sum())
    return hits, found, wanted, squared, absolute


def _check_shapes(volume: np.ndarray, truth: np.ndarray) -> None:
    if volume.shape != truth.shape:
        raise ValueError(f"shapes differ: {volume.shape} and {truth.shape}")
