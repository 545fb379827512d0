"""The paper's back-projected sum, thresholded: what the network has to improve on."""

from __future__ import annotations

from ..thresholding import ThresholdedScore


class Backprojection(ThresholdedScore):
    """The back-projected sum with a threshold."""

    name = "backprojection"
    title = "Thresholded back-projection"
    family = "Back-projection"
    reference = "Wu et al. 2023"
    score = "sum"


METHOD = Backprojection
