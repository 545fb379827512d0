"""The visual hull in grey: the minimum over views of the back-projected maxima, thresholded.

The maximum along a ray bounds every voxel on it, so the minimum over views bounds the volume from
above. It needs no training and costs what the back-projected sum costs: the first baseline that
any learned method must beat. From two views it holds every place where the views' vessels could
cross. The soft variant gives scores as probabilities around the same threshold.

Facts followed: a point belongs to the hull if no view rules it out (Laurentini 1994, for
silhouettes); here a bright maximum takes the place of a silhouette.

Original code: none; it is an idea and a theorem.
"""

from __future__ import annotations

from ..thresholded_score import ThresholdedScore


class VisualHull(ThresholdedScore):
    """The minimum over views with a threshold."""

    name = "hull"
    title = "Visual hull"
    family = "Visual hull"
    reference = "Laurentini 1994, for maxima in place of silhouettes"
    source = "min"


METHOD = VisualHull
