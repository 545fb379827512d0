"""The paper's back-projected sum, thresholded: what the network has to improve on.

Each view's maxima are repeated along their rays and summed over the views. One threshold, chosen
on the training patients for the best mean IoU, makes vessels of the sum. The paper's network is
given this very sum, so the difference between the two is what training adds. The soft variant
gives scores as probabilities around the same threshold, for metrics that look at them.

Facts followed: the sum of repeated projections, scaled to [0, 1] for each patient (paper, section
2.1). The paper does not threshold it.

Original code: none is public.
"""

from __future__ import annotations

from ..thresholded_score import ThresholdedScore


class Backprojection(ThresholdedScore):
    """The back-projected sum with a threshold."""

    name = "backprojection"
    title = "Thresholded back-projection"
    family = "Back-projection"
    reference = "Wu et al. 2023"
    source = "sum"


METHOD = Backprojection
