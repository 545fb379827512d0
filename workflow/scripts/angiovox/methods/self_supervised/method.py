"""Stage 1 of the self-supervised reconstruction of Zhao et al. 2022, which learns without masks.

Each view is scaled to [0, 1] and spread along its rays into a channel of its own. A 3D U-Net makes
a volume of these channels, and the loss compares maximum projections of that volume with the views
themselves, so that no truth in 3D is needed. A maximum passes its gradient to one voxel of a ray,
and the visual hull already meets this loss: what counts is the gap to `hull`. Volumes are the mean
over overlapping slabs, with Otsu's level at 0.5. Stage 2, which refines at full resolution, is left
out. The views span the study's arc of 90 degrees where the original's span 180. It works with the
maxima of a parallel beam, as the published code does; other studies are refused.

Facts followed: a 3D U-Net of 16 to 256 channels with two convolutions, batch norm and ReLU a level,
max pooling, transposed convolutions of 4^3 and an output scaled by its own minimum and maximum;
mean squared error of maximum projections; slabs of 32 slices drawn at random; Adam at 0.001,
falling by (1 - t)^0.9 over 1500 epochs of batches of 8; slabs that overlap by half, slices of a
mean above 0.01 set to 0 (Zhao et al. 2022 and their code, which trains stage 1 on 128 x 256 x 256
voxels and 8 views).

Original code: github.com/zhouzhenghong-gt/self-supervised-3D-DSA-reconstructio-network (MIT), not
used.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...method import Context, Measurement, Method, Needs, Reconstruction, Training
from ...training import settings as training_settings


@dataclass(frozen=True)
class Settings(training_settings.Settings):
    """Those of any training, with the values of the published code as defaults, and:

    channels : at full resolution, doubled at each of four coarser ones.
    slab : axial slices that go through at a time.
    largest_mean : slices of a reconstruction with a higher mean are set to 0; 1 keeps them all.
    """

    # ASSUME: the rate falls at every step; full precision, since PyTorch 2.13 gets the bfloat16
    # gradient of layers of two voxels wrong, which the coarsest level of a slab has.
    epochs: int = 1500
    schedule: str = "polynomial"
    batch_size: int = 8
    precision: str = "fp32"
    channels: int = 16
    slab: int = 32
    largest_mean: float = 0.01

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require_int("channels", "slab")
        self.require_positive("largest_mean")


class SelfSupervised(Method):
    """One network for each view count, which has a channel for each view."""

    name = "self_supervised"
    title = "Self-supervised U-Net (stage 1), maxima"
    family = "Self-supervised"
    reference = "Zhao et al. 2022, stage 1"
    Settings = Settings
    # No mask has a part in it, nor one in a calibration.
    needs = Needs(
        inputs=("projections",),
        requires_training=True,
        gives_probabilities=False,
        parallel_maxima=True,
    )

    def fit(self, patients: Training, context: Context) -> tuple[dict, list[dict]]:
        """Train the network from random weights on the patients' views alone."""
        from .learner import trained

        return trained(patients, self.settings, context)

    def reconstruct(
        self, state: dict, measurement: Measurement, context: Context
    ) -> Reconstruction:
        """Apply the network slab by slab; its result, with Otsu's level moved to 0.5."""
        import torch
        from skimage.filters import threshold_otsu

        from ..thresholding import score_to_probability
        from .network import UNet3D, score
        from .views import scaled_views, spread_views

        network = UNet3D(**state["shape"]).to(context.device).eval()
        network.load_state_dict(state["network"])
        views = torch.from_numpy(scaled_views(measurement)).to(context.device)
        channels = spread_views(views, measurement.angles, measurement.shape[1])
        found = score(network, channels, state["slab"], state["largest_mean"])
        # ASSUME: Otsu's level over the whole volume makes vessels of the result; the original
        # does not say how its volumes are binarised.
        level = float(threshold_otsu(found)) if found.any() else 0.5
        return Reconstruction(score_to_probability(found, level))


METHOD = SelfSupervised
