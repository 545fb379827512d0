"""DeepMedic on back-projections: paths at full, a third and a fifth of the resolution.

Each path is eight unpadded convolutions on what it sees of the back-projected sum and minimum
around a segment: the coarse ones see more of the surroundings and less of the detail. Two layers
join their maps. It learns from segments, half of them centred on vessels, which balances the
classes without a weight in the loss, and fills a volume segment by segment. The original segments
brain lesions in several MR contrasts; here the two back-projections are the contrasts. There is a
network for each number of views.

Facts followed: paths of 30-30-40-40-40-40-50-50 maps with residual connections at layers 4, 6 and
8, then 250-250 with kernels of 3^3 and 1^3, batch norm, PReLU, dropout 0.5; segments of 37^3 voxels
in training and 45^3 after it; RMSprop at 0.001 (rho 0.9, epsilon 0.0001, momentum 0.6), L1 0.000001
and L2 0.0001, batches of 10, 35 epochs of 20 x 1000 segments, the rate halved at 17, 22, 27, 30 and
33; cross-entropy with an optional IoU term (Kamnitsas et al. 2017 and their published code). The
conditional random field that may follow is left out.

Original code: github.com/deepmedic/deepmedic (BSD 3-clause), not used.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...method import Context, Measurement, Method, Needs, Reconstruction, Training
from ...training import settings as training_settings

LEAST_SEGMENT = 19  # voxels, of which one comes out


@dataclass(frozen=True)
class Settings(training_settings.Settings):
    """Those of any training, with the values of the published code as defaults, and:

    width : maps of a path's layers are 3, 3, 4, 4, 4, 4, 5 and 5 times that many.
    joint : maps of the layers after the paths.
    segment, inference_segment : edges in voxels, in training and after it.
    segments : of an epoch.
    iou_weight : of the soft Jaccard loss beside the cross-entropy.
    """

    epochs: int = 35
    schedule: str = "halving"
    batch_size: int = 10
    width: int = 10
    joint: int = 250
    segment: int = 37
    inference_segment: int = 45
    segments: int = 20_000
    iou_weight: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require_int("width", "joint", "segments")
        self.require_int("segment", "inference_segment", least=LEAST_SEGMENT)
        self.require_positive("iou_weight", or_zero=True)


class DeepMedic(Method):
    """One network for each view count."""

    name = "deepmedic"
    title = "DeepMedic"
    family = "3D CNN"
    reference = "Kamnitsas et al. 2017"
    Settings = Settings
    needs = Needs(inputs=("sum", "min"), requires_training=True, accepts_uint16=True)

    def fit(self, patients: Training, context: Context) -> tuple[dict, list[dict]]:
        """Train the network from random weights."""
        from .learner import trained

        return trained(patients, self.settings, context)

    def reconstruct(
        self, state: dict, measurement: Measurement, context: Context
    ) -> Reconstruction:
        """Apply the network segment by segment in full precision."""
        from . import network
        from .segments import probabilities

        net = network.DeepMedic(**state["shape"]).to(context.device).eval()
        net.load_state_dict(state["network"])
        return Reconstruction(probabilities(net, measurement.inputs, state["segment"]))


METHOD = DeepMedic
