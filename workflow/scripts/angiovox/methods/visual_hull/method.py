"""The visual hull in grey: the minimum over views of the back-projected maxima, thresholded.

The maximum along a ray bounds every voxel on it, so the minimum over views bounds the volume from
above. It needs no training: the first baseline that any learned method must beat.
"""

from __future__ import annotations

from ..thresholding import ThresholdedScore


class VisualHull(ThresholdedScore):
    """The minimum over views with a threshold."""

    name = "hull"
    title = "Visual hull"
    family = "Visual hull"
    reference = "Laurentini 1994, for maxima in place of silhouettes"
    score = "min"


METHOD = VisualHull
