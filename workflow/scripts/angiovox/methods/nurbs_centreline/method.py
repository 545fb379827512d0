"""Centrelines from intersecting surfaces, with NURBS contours (Galassi 2018).

Vesselness and thinning give the vessels' centrelines in each view, which are cut into branches at
forks. A branch and its partner in another view span two surfaces with the sources of their rays;
these intersect in a centreline in 3D. At each of its points a closed NURBS curve touches the
borders that all views show of the cross-section, and a surface is lofted over the curves. The share
of each voxel within the surfaces is the reconstruction; surface and centreline graph come back
beside it. There is nothing to train: the brightness of a border is chosen on the training patients.
A job takes seconds on one core.

It is for two to four views. More are accepted: the two nearest to a right angle are matched, and
the others add borders and rule out partners that they do not show.

On ten phantoms at 64 voxels (`config/per_patient.yaml`) it has a clDice of 0.671 at 2 views, as the
U-Net has, without having seen another vessel: better than the visual hull's by 0.141 (0.090 to
0.191). More views hardly help it: at 10 its clDice is worse than the hull's.

What it cannot do: the source has coronary arteries with labelled branches. Here nobody labels, a
brain has a hundred vessels, and two views leave open which of two alike that share their heights
lies where: a crossing of equal vessels, or the sense of a vessel that lies level, is guessed, and a
third view decides it. What is hidden behind another vessel in both views is lost.

Facts followed: vesselness and trees of two or more angiograms; surfaces that centrelines span with
the sources, whose intersection is the centreline in 3D; in the plane of each cross-section a NURBS
curve with 4 control points from two views and 6 from three, at the borders that the views show; a
lofted surface (Galassi et al. 2018, abstract and captions). Its paper prints, against optical
coherence tomography, root mean square errors of areas from 0.213 to 1.013 mm2 (largest 1.837), and
for reductions of diameter against manual ones r2 = 0.969 and a coefficient of variation of 4.6 %
(n = 24).

Original code: none was found.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...method import Context, Measurement, Method, Needs, Reconstruction, Training
from ...training.settings import Checked

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

MOST_VIEWS = 10  # of a training patient, that the level is chosen on


@dataclass(frozen=True)
class Settings(Checked):
    """What the config may set.

    smallest_sigma, largest_sigma : pixels, of the vesselness. sigmas : how many, evenly spaced.
    least_vesselness : of the pixels of a centreline, as a part of the largest in the view.
    """

    # ASSUME: the source does not say what its vesselness is; Frangi's, of 1 to 3 pixels.
    smallest_sigma: float = 1.0
    largest_sigma: float = 3.0
    sigmas: int = 3
    least_vesselness: float = 0.05

    def __post_init__(self) -> None:
        self.require_positive("smallest_sigma", "largest_sigma")
        self.require_positive("least_vesselness", or_zero=True)
        self.require_int("sigmas")
        if self.largest_sigma < self.smallest_sigma:
            raise ValueError(
                f"largest_sigma: {self.largest_sigma!r} must be at least smallest_sigma, "
                f"{self.smallest_sigma!r}"
            )

    @property
    def every_sigma(self) -> list[float]:
        """Those of the vesselness, in pixels."""
        span, gaps = self.largest_sigma - self.smallest_sigma, max(1, self.sigmas - 1)
        return [self.smallest_sigma + span * number / gaps for number in range(self.sigmas)]


class NurbsCentreline(Method):
    """Centrelines of matched branches, and surfaces lofted over NURBS contours."""

    name = "nurbs_centreline"
    title = "Centrelines with NURBS contours"
    family = "Centrelines"
    reference = "Galassi et al. 2018, PLoS ONE 13, e0190650"
    Settings = Settings
    needs = Needs(
        inputs=("projections",),
        gives_probabilities=False,
        one_job_per_patient=True,
        optimises=False,
        threads=1,
    )

    def fit(self, patients: Training, context: Context) -> tuple[dict, list[dict]]:
        """Choose the brightness with the best mean IoU of pixels and the masks' silhouettes."""
        from ..thresholding import best_threshold

        level, iou = best_threshold(_silhouettes(patients))
        context.log(f"level {level:.3f}, IoU with the silhouettes of the training masks {iou:.3f}")
        return {"level": level}, [{"epoch": 1, "iou": iou}]

    def reconstruct(
        self, state: dict, measurement: Measurement, context: Context
    ) -> Reconstruction:
        """Match the views' branches, and loft a surface over each centreline."""
        from .optimise import reconstructed

        given = self.settings
        sigmas, least = given.every_sigma, given.least_vesselness
        return reconstructed(measurement, state["level"], sigmas, least, context)


def _silhouettes(patients: Training) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Views (views, i, j) in [0, 1] of each patient, and the silhouettes of the mask in them."""
    from ..view_images import evenly_spread, images, silhouettes

    for measurement, mask in patients:
        some = evenly_spread(len(measurement.angles), MOST_VIEWS)
        yield images(measurement, some), silhouettes(mask, measurement, some)


METHOD = NurbsCentreline
