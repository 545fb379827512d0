"""A plain 3D CNN on back-projections, trained by the soft Jaccard loss alone, after Lu 2019.

The back-projected sum and minimum are segmented voxel by voxel by convolutions at full resolution,
with neither pooling nor skip connections. Vessels are a hundredth of a volume or less; the loss is
their overlap with the truth, so that the rest of the volume does not outweigh them and no weight
has to be chosen. Beside the U-Net it shows what a loss alone does. There is a network for each
number of views.

Facts followed: the loss 1 - sum(p g) / sum(p + g - p g) against the imbalance of the classes (Lu
2019, who reports a Dice index of 0.982 for livers and 0.937 for liver tumours in CT). Network and
training of the original are not known to us: only the loss is its own.

Original code: none was found.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...method import Context, Measurement, Method, Needs, Reconstruction, Training
from ...training import settings as training_settings


@dataclass(frozen=True)
class Settings(training_settings.Settings):
    """Those of any training, and:

    channels : of each layer. slab : axial slices that go through at a time.
    """

    # ASSUME: Adam at 0.001 for 100 epochs, with 32 channels: the original's are not known to us.
    channels: int = 32
    slab: int = 64

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require_int("channels", "slab")


class JaccardCNN(Method):
    """One plain network for each view count."""

    name = "jaccard_cnn"
    title = "3D CNN, Jaccard loss"
    family = "3D CNN"
    reference = "the loss after Lu 2019"
    Settings = Settings
    needs = Needs(inputs=("sum", "min"), requires_training=True, accepts_uint16=True)

    def fit(self, patients: Training, context: Context) -> tuple[dict, list[dict]]:
        """Train the network from random weights."""
        from .learner import trained

        return trained(patients, self.settings, context)

    def reconstruct(
        self, state: dict, measurement: Measurement, context: Context
    ) -> Reconstruction:
        """Apply the network in full precision."""
        from .network import PlainCNN, probabilities

        network = PlainCNN(state["channels"]).to(context.device).eval()
        network.load_state_dict(state["network"])
        return Reconstruction(probabilities(network, measurement.inputs, state["slab"]))


METHOD = JaccardCNN
