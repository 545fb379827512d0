"""A residual 3D U-Net on back-projections, within the visual hull.

One model for all view counts: each patient is an example once per count, so that what is seen
clearly from many views teaches what to make of few. Beside sum and minimum it sees sums weighted by
cosines of the views' angles, which tell in which of them a voxel is bright. Voxels that a view
rules out are no vessel. For a new patient, steps of refinement may move the reconstruction towards
what the patient's own views show, silhouettes of maxima or line integrals: the variant
`consistent`, which takes over the trained model.

Facts followed: an encoder and a decoder with skip connections, instance norm and leaky ReLU,
trained with Dice and cross-entropy (Isensee et al. 2021); maximum projections of the output
compared with the views (Zhao 2022), here in the refinement and not in the training.

Original code: nnU-Net (github.com/MIC-DKFZ/nnUNet, Apache-2.0) and Zhao 2022's
(github.com/zhouzhenghong-gt/self-supervised-3D-DSA-reconstructio-network, MIT); none of either is
used.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from ...method import Context, Measurement, Method, Needs, Reconstruction, Training
from ...training import settings as training_settings

TAKEN_OVER = ("starts_from", "refinement_steps")  # settings of an entry that is not trained


@dataclass(frozen=True)
class Settings(training_settings.Settings):
    """Those of any training, and:

    channels : at half the resolution, doubled at each coarser one. levels : of resolution.
    slab : axial slices that go through at a time.
    bce_weight : of cross-entropy beside the Dice loss.
    harmonics : back-projections that tell from which directions a voxel is seen bright
    (`backprojection.angular_harmonics`); 0 for none.
    hull_support : whether voxels darker in a view than any vessel of the training patients are
    ruled out.
    starts_from : the U-Net whose model is taken over, in place of a training.
    refinement_steps : for a new patient; 0 leaves out the refinement.
    """

    learning_rate: float = 3e-3
    schedule: str = "one-cycle"
    channels: int = 24
    levels: int = 5
    slab: int = 64
    bce_weight: float = 5.0
    harmonics: int = 1
    hull_support: bool = True
    starts_from: str | None = None
    refinement_steps: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require_int("channels", "slab")
        self.require_int("levels", least=3)
        self.require_int("harmonics", "refinement_steps", least=0)
        self.require_positive("bce_weight", or_zero=True)
        self.require_bool("hull_support")
        if not isinstance(self.starts_from, str | None):
            raise ValueError(f"starts_from: {self.starts_from!r} must be the name of an entry")
        for one in fields(self) if self.starts_from is not None else ():
            if one.name not in TAKEN_OVER and getattr(self, one.name) != one.default:
                raise ValueError(f"{one.name}: has no effect beside starts_from")


class UNet(Method):
    """One network for all view counts."""

    name = "unet"
    title = "3D U-Net"
    family = "U-Net"
    reference = "Isensee et al. 2021, on back-projections; refinement after Zhao 2022"
    Settings = Settings

    @property
    def needs(self) -> Needs:
        is_taken_over = self.settings.starts_from is not None
        # A model that is taken over may have harmonics, which its own entry says.
        has_harmonics = is_taken_over or self.settings.harmonics > 0
        looks_at_views = has_harmonics or self.settings.refinement_steps > 0
        return Needs(
            inputs=("projections", "sum", "min") if looks_at_views else ("sum", "min"),
            fit_inputs=("projections",) if is_taken_over else None,
            requires_training=not is_taken_over,
            starts_from=self.settings.starts_from,
            shared_across_views=True,
            accepts_uint16=True,
        )

    def fit(self, patients: Training, context: Context) -> tuple[dict, list[dict]]:
        """Train the network from random weights, or take over a model; find what views show."""
        from . import model

        steps = self.settings.refinement_steps
        if context.base is None:
            state, history = model.fit(patients, self.settings, context)
        if context.base is not None or steps:
            from .model import what_views_show

            shown, quality = what_views_show(patients, context.log)
        if context.base is not None:
            state, history = context.base, [{"epoch": 1, **quality}]
        return state | (shown | {"refinement_steps": steps} if steps else {}), history

    def reconstruct(
        self, state: dict, measurement: Measurement, context: Context
    ) -> Reconstruction:
        """Apply the network; 0 outside the hull."""
        from . import model

        logits = model.logits(state, measurement, context.device)
        if state.get("refinement_steps"):
            logits = model.refine(state, logits, measurement)
        return Reconstruction(model.probabilities(logits))


METHOD = UNet
