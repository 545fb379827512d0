"""IM-NET: a decoder of coordinates and one global code per patient, on back-projections.

An encoder of 3D convolutions turns the back-projected sum and minimum into a single code of 256
numbers; a multilayer perceptron takes the code and a place and gives occupancy there. It is asked
at the voxels of the visual hull only. Cells grow finer in three stages of the training. So short a
code describes a chair and cannot tell where a hundred arteries run: the entry `local_im_net`
(`local: true`) interpolates a code for each place from the encoder's maps and has a smaller
decoder, which is the fair successor. The original's settings are the defaults here;
`config/field.yaml` has layers a quarter as wide, 4,096 points and single patients in a step, a
higher rate, and 40 epochs.

Facts followed: convolutions of kernel 4 and stride 2 with 32, 64, 128 and 256 channels and
instance norm, a code of 256 after a sigmoid, a perceptron 259-1024-1024-1024-512-256-128-1 of
3,054,593 weights with leaky ReLU of slope 0.02 and a clipped output, squared error at sampled
points, grids of a quarter, half and all of the resolution in turn, Adam at 0.00005 with a first
beta of 0.5, 32 shapes in a step (Chen and Zhang 2019; their public code).

Original code: github.com/czq142857/IM-NET-pytorch (MIT); none of it is used.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...method import Context, Measurement, Method, Needs, Reconstruction, Training
from ...training import settings as training_settings


@dataclass(frozen=True)
class Settings(training_settings.Settings):
    """Those of any training, with the original's values as defaults, and:

    points : of each patient in a step. width : of the decoder's first three layers; the others
    have a half, a quarter and an eighth of it. resolution : edge of the volume that is encoded.
    local : whether codes are interpolated at each place, in place of one for all.
    """

    # ASSUME: 200 epochs for each of the three grids, and 8,192 points in a step.
    epochs: int = 600
    learning_rate: float = 5e-5
    batch_size: int = 32
    points: int = 8192
    width: int = 1024
    resolution: int = 64
    local: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require_int("points")
        self.require_int("width", least=8)
        self.require_int("resolution", least=32)
        self.require_bool("local")
        for key, factor in (("width", 8), ("resolution", 16)):
            if getattr(self, key) % factor:
                value = getattr(self, key)
                raise ValueError(f"{key}: {value!r} must be a multiple of {factor}")


class ImNet(Method):
    """An implicit field, one network for each view count."""

    name = "im_net"
    title = "IM-NET on back-projections"
    family = "Implicit field"
    reference = "Chen and Zhang 2019, on back-projections; local codes after Peng et al. 2020"
    Settings = Settings
    needs = Needs(inputs=("sum", "min"), requires_training=True, accepts_uint16=True)

    def fit(self, patients: Training, context: Context) -> tuple[dict, list[dict]]:
        """Train encoder and decoder together from random weights."""
        from .model import trained

        return trained(patients, self.settings, context)

    def reconstruct(
        self, state: dict, measurement: Measurement, context: Context
    ) -> Reconstruction:
        """Decode the voxels of the visual hull; all others are empty."""
        from .model import probabilities

        return Reconstruction(probabilities(state, measurement, context.device))


METHOD = ImNet
