"""When contrast comes to a place: line integrals of what arrives in each phase of the filling.

A point of an artery is reached at one time, from wherever it is seen: where two views show contrast
of different phases on their rays, it lies in different vessels. Phases are not told by a clock. All
views have the same contrast before them, so that those of one injection, or of several, reach a
share of the fullest view's total at the same point of the blood's way, whatever their frame rates.
"""

from __future__ import annotations

import numpy as np

# ASSUME: three phases, each with a third of the contrast.
SHARES = (1 / 3, 2 / 3)  # of the greatest total, at which a phase ends
PHASES = len(SHARES) + 1
# ASSUME: a run whose first frame with contrast has more of it does not show how it came.
FIRST_FRAME = 0.8  # of the greatest total


def phase_weights(totals: np.ndarray) -> np.ndarray | None:
    """Weights of frames whose sums are what arrives in each phase.

    totals : (frames,) contrast in each frame, in their order; frames after the fullest have no
        weight. Between two frames, and before the first, contrast comes evenly.

    Returns
    -------
    (phases, frames) float64; None where frames do not show how contrast came.
    """
    fullest = int(np.argmax(totals))
    if totals[fullest] <= 0 or totals[0] > FIRST_FRAME * totals[fullest]:
        return None
    rising = np.maximum.accumulate(np.append(0.0, totals[: fullest + 1])) / totals[fullest]
    until = [_at(rising, share) for share in SHARES] + [_unit(fullest + 1, len(rising))]
    arrived = np.zeros((PHASES, len(totals)))
    arrived[:, : fullest + 1] = np.array(until)[:, 1:]
    return np.diff(arrived, axis=0, prepend=0)


def _at(rising: np.ndarray, share: float) -> np.ndarray:
    """Weights of frames, the first an empty one, when a share of the contrast has come."""
    after = int(np.searchsorted(rising, share))
    before = after - 1
    part = (share - rising[before]) / (rising[after] - rising[before])
    return (1 - part) * _unit(before, len(rising)) + part * _unit(after, len(rising))


def _unit(index: int, count: int) -> np.ndarray:
    return np.eye(1, count, index)[0]
