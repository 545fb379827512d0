"""Temperature scaling: probabilities of which 0.8 is right in 8 of 10 voxels.

A network that learns from Dice or from re-weighted voxels is too sure on one side of 0.5 and too
unsure on the other. One temperature for each side mends both and moves no voxel across 0.5, so that
masks, surfaces and every metric of theirs stay as they are.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.special import expit, logit

from ..io.quantization import CHUNK, chunks

# Of |logit|: a probability beyond is as good as 0 or 1; it has no part in the fit and is not moved.
LARGEST = 12.0
BINS = 1200  # of |logit| below it
RANGE = (0.05, 20.0)


@dataclass(frozen=True)
class Temperatures:
    """What logits are divided by; 1 changes nothing.

    vessel : where the probability is at least 0.5. background : below.

    Source: Guo et al. 2017, On Calibration of Modern Neural Networks, section 4.2, which has one
    temperature for both sides.
    """

    vessel: float = 1.0
    background: float = 1.0

    def calibrated(self, probability: np.ndarray) -> np.ndarray:
        """Probabilities in [0, 1], of any shape, after scaling; float32.

        0.5 stays, and so does what is beyond a logit of `LARGEST`, such as 0 outside a hull.
        """
        result = np.empty_like(probability, dtype=np.float32)
        for part, source in zip(chunks(result), chunks(probability), strict=True):
            score = logit(source.astype(np.float64))
            scaled = expit(score / np.where(score >= 0, self.vessel, self.background))
            part[:] = np.where(np.abs(score) < LARGEST, scaled, source)
        return result


def load_temperatures(path: str | Path, views: int) -> Temperatures:
    """Those of a view count, from the file that rule calibrate writes."""
    found = json.loads(Path(path).read_text(encoding="utf-8"))[str(views)]
    return Temperatures(found["vessel"], found["background"])


def fit_temperatures(counts: np.ndarray) -> Temperatures:
    """The temperatures under which masks are likeliest; a side without any voxel keeps 1.

    counts : of `logit_counts`, summed over examples.
    """
    return Temperatures(vessel=_likeliest(*counts[1]), background=_likeliest(*counts[0]))


def logit_counts(probability: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Count voxels by side of 0.5, whether that side is right (0, 1), and bin of |logit|.

    probability : in [0, 1]. truth : the mask, bool, of the same shape. Voxels beyond a logit of
    `LARGEST`, which no temperature moves, are left out. Returns (2, 2, `BINS`).
    """
    counts = np.zeros(4 * BINS, dtype=int)
    flags = ["external_loop", "buffered"]
    for part, vessel in np.nditer((probability, truth), flags=flags, buffersize=CHUNK):
        score = logit(part.astype(np.float64))
        known = np.abs(score) < LARGEST
        score, side = score[known], score[known] >= 0
        number = (np.abs(score) * (BINS / LARGEST)).astype(int)
        number += BINS * (2 * side + (side == vessel[known]))
        counts += np.bincount(number, minlength=4 * BINS)
    return counts.reshape(2, 2, BINS)


def _likeliest(wrong: np.ndarray, right: np.ndarray) -> float:
    """The temperature of one side, from its wrong and right voxels by bin of |logit|."""
    from scipy.optimize import minimize_scalar

    if not (wrong.any() or right.any()):
        return 1.0
    middles = (np.arange(BINS) + 0.5) * (LARGEST / BINS)

    def surprise(log_temperature: float) -> float:
        scaled = middles / np.exp(log_temperature)
        return float((wrong + right) @ np.log1p(np.exp(-scaled)) + wrong @ scaled)

    found = minimize_scalar(surprise, bounds=np.log(RANGE), method="bounded")
    return float(np.exp(found.x))
