"""NPBG: descriptors of the visual hull's points, rasterised and rendered by a network.

Each voxel of the visual hull of the given views is a point with a learnt descriptor. The points are
rasterised at five scales, and a U-Net of gated convolutions renders the view from these images. The
network is pre-trained on training patients, each with descriptors of its own, fitted to all of
their views; for a patient, new descriptors start at 0 and are fitted to the given views together
with the network. So what is predicted of a patient is what the hull, the given views and other
patients' vessels suggest; it adds no measurement.

Facts followed: 8 numbers a point, which start at 0; 5 scales; gated convolutions of 16 to 256
features, average pooling, interpolation upwards; Adam at 1e-4 for the network, RMSprop at 0.1 for
the descriptors, batches of 8 images, 40 epochs of 2000 images, from a network pre-trained on other
scenes (Aliev et al. 2020, section 3, and published code). Left out: the perceptual loss, whose
network is trained on photographs; crops at random zooms, since a view of 64 x 64 pixels goes in
whole; that near points hide far ones.

Original code: github.com/alievk/npbg (MIT); none of it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..method import Context, Measurement
from .npbg_settings import Settings
from .predictor import Examples, ViewPredictor

if TYPE_CHECKING:
    import numpy as np


class Npbg(ViewPredictor):
    """Descriptors on the hull's points, fitted to the patient, and a pre-trained renderer."""

    name = "npbg"
    title = "NPBG"
    reference = "Aliev et al. 2020, on the visual hull's points"
    Settings = Settings

    def fit(self, examples: Examples, context: Context) -> tuple[dict, list[dict]]:
        """Pre-train the network on the training patients' views."""
        from .npbg_fit import pretrained

        return pretrained(examples, self.settings, context)

    def predict(
        self, state: dict, given: Measurement, wanted: Measurement, context: Context
    ) -> np.ndarray:
        """Fit descriptors and network to the given views, then render the wanted ones."""
        from .npbg_fit import predicted

        return predicted(state, given, wanted, self.settings, context)
