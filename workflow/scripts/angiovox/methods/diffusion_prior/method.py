"""A diffusion model of vessel masks, sampled under the views of each patient.

A denoiser learns to recover training masks, and those of the pool's phantoms, from any amount of
noise; no view is looked at, so that one prior serves every number of views. A patient's volume
starts as noise. Each step denoises it, moves the result towards the patient's views, and
puts back the noise of the next time, until there is none. Several samples differ where neither
views nor prior decide; their mean is the share of samples that have a vessel in a voxel.

The denoiser is a 3D U-Net on cubes of 2^3 voxels, which gives a logit for each voxel; the logit
that follows by Bayes' rule from the voxel's own noisy value is added. Maxima and line integrals are
both fitted, line integrals with a contrast of the patient's own, but within a hull by that of the
training patients. A patient takes steps times samples times steps of data, each a projection with
gradients at the patient's resolution: 16,000 by default, which was not timed beyond 64^3.

The denoiser of `config/per_patient.yaml` is small, 24 channels and 1,584 steps of one mask, and a
patient has three samples of 60 steps. On ten phantoms it is better than the thresholded hull at 3,
5 and 10 views, by 0.125 to 0.128 of IoU; at 2 views it is not shown to differ. These settings were
chosen on two and three phantoms that were held back from training, from 2 and 10 views with one
seed: to draw all noise anew in place of a part, twenty steps towards the views in place of five or
ten, and more steps from noise were better, and without the hull's log-odds 2 views gave too few
vessels. A denoiser that is not told the time was about as good. Not measured: the defaults, a GPU,
a longer training, how far the samples spread where the truth is unknown, and line integrals of
phantoms (of balls they are tested).

Facts followed: volumes with normal noise whose share grows with time, a U-Net of residual blocks
with group norm that knows the time by sines, Adam at 0.0002, weights averaged with 0.9999 (Ho et
al. 2020); the cosine schedule (Nichol and Dhariwal 2021), with another ratio of signal to noise for
volumes of many voxels (Hoogeboom et al. 2023); at each of 100 times the denoised volume, the one
nearby that explains the measurement, and the noise of the next time (Zhu et al. 2023: weight 1 of
the denoised volume, noise of the measurement 0.05; a tenth of the noise is drawn anew, for
inpainting all of it). None of them is about vessels, and all are about natural images in 2D: what
they print is no measure of this.

Original code: those of Ho et al. (github.com/hojonathanho/diffusion, no licence named) and Zhu et
al. (github.com/yuanzhi-zhu/DiffPIR, MIT) are not used.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...method import Context, Measurement, Method, Needs, Reconstruction, Training
from ...training import settings as training_settings


@dataclass(frozen=True)
class Settings(training_settings.Settings):
    """Those of any training, of the denoiser, and of the samples of a patient.

    edge : of the cube that is sampled, divisible by 2^levels. channels : at half the resolution,
    twice as many at each coarser one. levels : of resolution, from half of the cube's on. shift :
    factor of the ratio of the amplitudes of signal and noise. decay : of the averaged weights.
    steps, samples : from noise to volumes. fresh_noise : share of the next time's noise that is
    drawn anew. hull_weight : of the log-odds that a voxel gains by lying in the visual hull.
    prior_weight : of the denoised volume beside the views, where noise equals the signal.
    data_steps, data_rate : of Adam, towards the views, in each step.
    """

    # ASSUME: batches of 8 masks, 1,000 epochs, a cube of 64^3 with 64 channels at half of it; the
    # sources' images are 2D.
    epochs: int = 1000
    learning_rate: float = 2e-4
    batch_size: int = 8
    edge: int = 64
    channels: int = 64
    levels: int = 4
    # ASSUME: a quarter of the cosine schedule's ratio, since a vessel of several voxels is seen
    # through more noise than one voxel.
    shift: float = 0.25
    decay: float = 0.9999
    steps: int = 100
    samples: int = 8
    # ASSUME: all noise is drawn anew, as Zhu et al. 2023 do to fill in what is missing.
    fresh_noise: float = 1.0
    # ASSUME: the hull counts a quarter of what Bayes' rule gives it for a voxel by itself, since
    # voxels of a hull lie together; Zhu et al. have nothing of the kind.
    hull_weight: float = 0.25
    # ASSUME: the weight 1 of Zhu et al. 2023 times the square of their noise of the measurement,
    # 0.05; views are shares of the greatest value that they show.
    prior_weight: float = 0.0025
    # ASSUME: twenty steps of Adam on logits; the sources' measurements are linear, and the nearest
    # volume that explains them has a closed form.
    data_steps: int = 20
    data_rate: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require_int("edge", "channels", "levels", "steps", "samples", "data_steps")
        self.require_positive("shift", "data_rate")
        self.require_positive("prior_weight", "hull_weight", "fresh_noise", "decay", or_zero=True)
        if self.edge % 2**self.levels:
            raise ValueError(f"edge: {self.edge!r} must be a multiple of {2**self.levels}")
        for key in ("fresh_noise", "decay"):
            if getattr(self, key) > 1:
                raise ValueError(f"{key}: {getattr(self, key)!r} must be at most 1")


class DiffusionPrior(Method):
    """A denoiser trained on masks, and samples of it that have a patient's views."""

    name = "diffusion_prior"
    title = "Diffusion prior"
    family = "Generative prior"
    reference = "Ho et al. 2020 (DDPM); Zhu et al. 2023 (DiffPIR)"
    Settings = Settings
    needs = Needs(
        inputs=("projections",),
        requires_training=True,
        shared_across_views=True,
        one_job_per_patient=True,
        threads=1,
    )

    def fit(self, patients: Training, context: Context) -> tuple[dict, list[dict]]:
        """Train the denoiser on masks, and find what stands for vessel in views."""
        from .learner import trained

        return trained(patients, self.settings, context)

    def reconstruct(
        self, state: dict, measurement: Measurement, context: Context
    ) -> Reconstruction:
        """Sample masks under the patient's views, and average them."""
        from .sampling import reconstructed

        return Reconstruction(reconstructed(state, measurement, self.settings, context))


METHOD = DiffusionPrior
