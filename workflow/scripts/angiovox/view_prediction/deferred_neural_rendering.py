"""Deferred neural rendering: a learnt texture on the visual hull's surface, and a renderer.

A ray meets the surface of the visual hull of the given views where it enters first and where it
leaves last. There a texture of learnt features is sampled, some of them times spherical harmonics
of the ray's direction, and a U-Net makes the view from these images. Texture and network are fitted
to the given views of one patient and to nothing else: what is predicted between them is what the
hull's outline and the smoothness of a network suggest. It adds no measurement.

Facts followed: 16 features, the sum of 4 levels of resolution, each half of the one before;
features 4 to 12 times the 9 spherical harmonics of three bands; a U-Net of 64-128-256-512-512
features with convolutions of 4 x 4, instance norm and LeakyReLU; the mean absolute error of the
view and of the first features; Adam at 1e-3 for the texture, its levels with decays of 0.01, 0.001,
0.0001 and 0, and at 1e-4 for the network; batches of 12 images (Thies et al. 2019, sections 4 and
5; an unofficial implementation).

Original code: not found. github.com/SSRSGJYD/NeuralTexture (no licence) was read; none of it is
used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..method import Context, Measurement
from .deferred_settings import Settings
from .predictor import Examples, ViewPredictor

if TYPE_CHECKING:
    import numpy as np


class DeferredNeuralRendering(ViewPredictor):
    """A neural texture on the hull's surface, fitted to the patient with its renderer."""

    name = "deferred_neural_rendering"
    title = "Deferred neural rendering"
    reference = "Thies et al. 2019, on the visual hull's surface"
    Settings = Settings

    def fit(self, examples: Examples, context: Context) -> tuple[dict, list[dict]]:
        """Return an empty model: nothing is learnt from other patients."""
        return {}, []

    def predict(
        self, state: dict, given: Measurement, wanted: Measurement, context: Context
    ) -> np.ndarray:
        """Fit texture and network to the given views, then render the wanted ones."""
        from .deferred_fit import predicted

        return predicted(given, wanted, self.settings, context)
