"""DVR's silhouette terms: an occupancy network fitted to one patient's silhouettes.

A perceptron gives the occupancy of each place. A ray outside of the silhouettes has to be free:
the first occupied place on it, or a random one, is pushed to 0. A ray in a silhouette that meets
nothing occupied has to meet something: a random place on it, or the one where it enters the visual
hull, is pushed to 1. Nothing is learned from other patients but the level at which projections
become silhouettes, those of maxima and of line integrals alike. DVR's colours, whose implicit
gradient moves its surfaces, have no counterpart in X-rays and are left out: a ray of a silhouette
that meets something asks for nothing more, so that the result is one of many that fit. Occupancy
at the hull's depth lies on the side of the hull that faces the source, where no vessel need be. The
original's settings are the defaults; `config/per_patient.yaml` has the hull's depth, places encoded
by 6 frequencies, which the source does not have, asks the network in the hull of silhouettes
widened by 2 pixels only, and has a smaller network, a higher rate and fewer steps and pixels: some
10 seconds of one core for a patient at 64 voxels. On ten phantoms it is worse than the thresholded
hull at all numbers of views: after so few steps the result's silhouettes still differ from those
that were given (on three of the phantoms by an IoU of 0.86 at 10 views and 0.81 at 2). Random
depths had 0.26 in place of 0.15 on two of them at 2 views, and 0.39 in place of 0.60 on one at 10.

Facts followed: 5 residual blocks of 512 for one scene, occupancy on the rays of silhouettes at a
random depth or at the visual hull's, weight 1, free space outside, weight 1, both by cross-entropy,
threshold 0.5, Adam at 0.0001 halved after 3000 and 5000 epochs, 2048 pixels in a step (Niemeyer et
al. 2020, published code and configuration).

Original code: github.com/autonomousvision/differentiable_volumetric_rendering (MIT); none of it is
used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...method import Context, Reconstruction
from ..silhouette_fit import SilhouetteFit
from .settings import Settings

if TYPE_CHECKING:
    from ..silhouette_rays import Scene


class Dvr(SilhouetteFit):
    """An occupancy network of each patient."""

    name = "dvr"
    title = "DVR, silhouette terms"
    reference = "Niemeyer et al. 2020, on silhouettes, without colour"
    Settings = Settings

    def fit_surface(self, scene: Scene, context: Context) -> Reconstruction:
        """Fit the occupancy: probabilities, and the surface where they are 0.5."""
        from .optimise import Fit

        return Fit(scene, self.settings, context).run()


METHOD = Dvr
