"""X2Vision: a style-based 3D generator of vessels, whose latent is searched for each patient.

A mapping network takes normal numbers z to latents w, one for each layer, which scale the channels
of modulated convolutions on the way from a constant of 4^3 to a cube of probabilities; each layer
adds noise. Generator and discriminator are trained against each other on training masks and on the
phantoms of the pool; no view is looked at, so that one prior serves every number of views. Then the
generator is frozen, and for each patient w of all layers and all noise are searched, from the mean
of w and from no noise, for a volume whose projections are the patient's: silhouettes where the
study has maxima, line integrals where it has those. Priors hold w near its distribution and its
layers together, and noise near 0.

A maximum passes its gradient to one voxel of a ray, and whatever fills the hull of two views
explains them, so that what lies deep on the rays is the prior's alone. The prior of
`config/per_patient.yaml` is small: a cube of 32^3, 8 channels at its last layers, 850 steps of 8
masks of 233 phantoms, in 320 s of one processor: a tenth of the source's 3,000 patients, and next
to nothing of a StyleGAN's training. It has trunks and some branches, too thick, and no thin
vessels. There the search has 300 steps from the best of 100 random w, the projections weigh 100,
and the visual hull cuts the result, which brings back borders that 32^3 has not. On ten phantoms
it has less than the thresholded hull at every number of views, which is not shown to be a
difference: whether a search ends near the patient varies much. From the mean of w alone the IoU of
three of them was 0.65 at 10 views and 0.18 at 2, in place of 0.67 and 0.32; one ended at 0 from 2
views, with vessels where there are none. Weights, rate and start of the search were chosen on five
of the ten, which flatters it. Not measured: the defaults, a GPU, a prior that was trained to its
end, and line integrals of phantoms (of balls they are tested).

How many phantoms the prior needs was not found out with so short trainings. After 408 steps on 33,
233 and 1,233 phantoms and 200 steps of search the mean IoU was 0.63, 0.63 and 0.52 at 10 views and
0.18, 0.11 and 0.25 at 2, with one training each; where a search ends made more of a difference. The
better start helped each of these priors at 10 views, by 0.01 to 0.05, and one of the three at 2.

Facts followed: StyleGAN2 with 3D convolutions; mean and deviation of w stored; w and noise of a
patient found by the squared error of the projections, plus 0.1 times the Gaussian prior of w, 0.05
times the von Mises prior of the angles between the layers' w, and 10 times the Gaussian prior of
noise (Cafaro et al. 2023); non-saturating loss, R1 of weight 10 every 16 steps, Adam with betas 0
and 0.99 at 0.002, mapping of 8 layers of 512 at a hundredth of the rate, two w mixed in 9 of 10
volumes, averaged weights with a half-life of 10,000 volumes (Karras et al. 2019, 2020, and their
published code); 10,000 z for mean and deviation, Adam at 0.1, terms as means (Marinescu et al.
2020, published code). Cafaro et al. trained on 3,000 CT volumes, with a perceptual term that is
left out in training and search: no network for it ships here. They print a figure of PSNR and SSIM,
better than X2CT-GAN's and NeRP's from two views of the head and neck, whose numbers were not at
hand.

Original code: none of Cafaro et al. 2023 was found; StyleGAN2's (github.com/NVlabs/stylegan2,
NVIDIA's source code licence, non-commercial) and BRGM's (github.com/razvanmarinescu/brgm-pytorch)
are not used.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...method import Context, Measurement, Method, Needs, Reconstruction, Training
from ...training import settings as training_settings

FEWEST_VOXELS = 8  # along an edge


@dataclass(frozen=True)
class Settings(training_settings.Settings):
    """Those of any training, of the generator, and of the search for a patient.

    edge : of the generated cube, a power of two. channels : of the generator's last layers, and of
    the discriminator's first; twice as many at each half of the edge, up to `most_channels`.
    width : of z and w. mapping_layers : between them. r1_weight : of the gradient at true masks.
    steps, search_rate : of Adam in the search. candidates : random w beside their mean, of which
    the best is where it starts. reprojection_weight, w_weight, collinearity_weight, noise_weight :
    of its terms. hull_only : whether what lies outside the visual hull of silhouettes, widened by
    `margin` pixels, is no vessel.
    """

    # ASSUME: StyleGAN2's rate, width and depth of the mapping network, and weight of R1; 8 volumes
    # in a step, 1,000 epochs, a cube of 64^3 and 16 channels at its last layers, since X2Vision's
    # are not known.
    epochs: int = 1000
    learning_rate: float = 2e-3
    batch_size: int = 8
    edge: int = 64
    channels: int = 16
    most_channels: int = 512
    width: int = 512
    mapping_layers: int = 8
    r1_weight: float = 10.0
    steps: int = 500
    search_rate: float = 0.1
    candidates: int = 0
    # ASSUME: the weight of the projections, which is not known to us. At 1 a ball of 16^3 was found
    # from 10 views with a Dice of 0.956, at 10 with 0.964.
    reprojection_weight: float = 10.0
    w_weight: float = 0.1
    collinearity_weight: float = 0.05
    noise_weight: float = 10.0
    # ASSUME: the visual hull is no part of the source.
    hull_only: bool = False
    margin: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require_int("channels", "most_channels", "width", "mapping_layers", "steps")
        self.require_int("edge", least=FEWEST_VOXELS)
        self.require_int("margin", "candidates", least=0)
        if self.edge & (self.edge - 1):
            raise ValueError(f"edge: {self.edge!r} must be a power of two")
        self.require_positive("search_rate", "reprojection_weight")
        self.require_positive("r1_weight", "w_weight", or_zero=True)
        self.require_positive("collinearity_weight", "noise_weight", or_zero=True)
        self.require_bool("hull_only")


class X2Vision(Method):
    """A generator trained on masks, and a search of its latent for each patient."""

    name = "x2vision"
    title = "X2Vision, style-based prior"
    family = "Generative prior"
    reference = "Cafaro et al. 2023 (X2Vision); Karras et al. 2020 (StyleGAN2)"
    Settings = Settings
    needs = Needs(
        inputs=("projections",),
        requires_training=True,
        shared_across_views=True,
        one_job_per_patient=True,
        gives_probabilities=False,
        threads=1,
    )

    def fit(self, patients: Training, context: Context) -> tuple[dict, list[dict]]:
        """Train the generator on masks, and find what stands for vessel in views."""
        from .learner import trained

        return trained(patients, self.settings, context)

    def reconstruct(
        self, state: dict, measurement: Measurement, context: Context
    ) -> Reconstruction:
        """Search latents and noise whose volume has the patient's projections."""
        from .search import reconstructed

        return Reconstruction(reconstructed(state, measurement, self.settings, context))


METHOD = X2Vision
