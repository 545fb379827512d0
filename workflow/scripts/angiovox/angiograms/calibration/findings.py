"""What a calibration has to warn of: views that disagree, and poses too far from the header."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..measurement import Angiograms
from .consistency import Pair, comparable_pairs
from .refinement import Prior

JUDGED = 1.5  # mm of smoothing across planes, at which views are judged
# ASSUME: below this correlation views saw other contrast, or a pose is out of reach
# (benchmarks/calibration.md).
LEAST_AGREEMENT = 0.8
# ASSUME: share of a plane's contrast by which times of two runs let views differ.
TOLERANCE = 0.2
FAR = 3.0  # standard deviations of the prior


@dataclass(frozen=True)
class Inconsistency:
    """Of two views.

    views : their numbers. agreement : correlation of the contrast per plane, 1 where it is the
    same. unmatched : share of the contrast of each that the other lacks in the same planes.
    """

    views: tuple[int, int]
    agreement: float
    unmatched: tuple[float, float]


def inconsistency(angiograms: Angiograms) -> list[Inconsistency]:
    """What each two views contradict each other in, where they are said to stand.

    Views at wrong poses contradict each other too: calibrate first.
    """
    arm, views = angiograms.arms[0], angiograms.views
    sizes = np.multiply(arm.detector, arm.pixel_size) / arm.magnification
    pairs, _ = comparable_pairs(angiograms, np.zeros(3), float(np.hypot(*sizes)) / 2)
    return [inconsistency_of(pair, np.zeros((len(views), 6))) for pair in pairs]


def inconsistency_of(pair: Pair, poses: np.ndarray) -> Inconsistency:
    """The same of one pair, at poses (views, 6) of all views."""
    own = poses[[*pair.views]]
    first, second = pair.unmatched(own, JUDGED, TOLERANCE)
    agreement = pair.agreement(own, JUDGED)
    return Inconsistency(pair.views, agreement, (float(first), float(second)))


def disagreements(found: Sequence[Inconsistency], labels: Sequence[str]) -> list[str]:
    """A sentence on each pair that disagrees."""
    sentences = []
    for one in found:
        first, second = (labels[view] for view in one.views)
        if one.agreement < LEAST_AGREEMENT:
            sentences.append(
                f"Views {first} and {second} disagree after calibration: correlation of contrast "
                f"per plane {one.agreement:.2f}, expected {LEAST_AGREEMENT:g} or more; "
                f"{one.unmatched[0]:.0%} and {one.unmatched[1]:.0%} of their contrast has no "
                "counterpart. Are they of one injection and one field, and are their angles right?"
            )
    return sentences


def far_from_header(motion: np.ndarray, labels: Sequence[str], prior: Prior) -> list[str]:
    """A sentence on each view that moved farther than its header can be wrong.

    motion : (views, 6) as `observability.PARAMETERS`.
    """
    sentences = []
    for label, change in zip(labels, motion, strict=True):
        degrees, mm = (float(np.linalg.norm(part)) for part in (change[:3], change[3:]))
        if degrees > FAR * prior.degrees or mm > FAR * prior.mm:
            sentences.append(
                f"View {label} moved by {degrees:.1f} degrees and {mm:.1f} mm, beyond the "
                f"{FAR * prior.degrees:g} degrees and {FAR * prior.mm:g} mm that calibration can "
                "be trusted with; check its angles and the position of the table."
            )
    return sentences
