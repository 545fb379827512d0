"""NPBG++: features of the given views, taken to the visual hull's points; no fit to the patient.

A 2D network makes features of each given view. Each point of the visual hull takes them from where
it is seen, and combines those of all views, by directions, into a descriptor for the view that is
wanted. The points are rasterised at five scales, and a U-Net of gated convolutions renders the
view. All networks are trained on training patients, one model for any number of views; a patient
takes one forward pass.

Facts followed: 8 features; a descriptor is the views' mean and a linear function of 6 learnt
functions of the direction of sight, by ridge regression over the views; these functions are a
perceptron of 16 units on 3 harmonics; points that lie in an image as another channel; a renderer of
16-32-48-64-80 features without norm; batches of 8, 39 epochs of 2000 images of each scene (Rakhimov
et al. 2022, section 3, and published code). Views are aligned to one upward axis, as those of a
beam about z are anyway. Left out: an encoder trained on photographs, in whose place is MONAI's
`BasicUNet` from random weights; the perceptual loss; the term by which features of a view, rendered
directly, give the view; drawn colours; hidden points, since X-rays pass.

Original code: github.com/rakhimovv/npbgpp (MIT); none of it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..method import Context, Measurement
from .npbg_plus_plus_settings import Settings
from .predictor import Examples, ViewPredictor

if TYPE_CHECKING:
    import numpy as np


class NpbgPlusPlus(ViewPredictor):
    """Descriptors from the given views, by networks trained on training patients."""

    name = "npbg_plus_plus"
    title = "NPBG++"
    reference = "Rakhimov et al. 2022, on the visual hull's points"
    Settings = Settings

    def fit(self, examples: Examples, context: Context) -> tuple[dict, list[dict]]:
        """Train the networks from random weights."""
        from .npbg_plus_plus_training import trained

        return trained(examples, self.settings, context)

    def predict(
        self, state: dict, given: Measurement, wanted: Measurement, context: Context
    ) -> np.ndarray:
        """Apply the networks once."""
        from .npbg_plus_plus_training import predicted

        return predicted(state, given, wanted, self.settings, context)
