"""NeRP: a sinusoidal network that learns a prior image, then goes on with one patient's views.

The network gives the value of each place, encoded by random frequencies. In the first stage it
learns the values of a prior image at the voxels; in the second, with the same weights and
frequencies, what the views show of it, whole projections in each step. The prior is the mask of an
earlier volume of the patient, where the sheet names one (column `prior`) or phantoms had an earlier
scan (`cohort.phantoms.earlier`), and else the mean of the training masks, which says where vessels
are frequent. The paper's priors are images of the patient; here methods see masks alone. Maxima and
line integrals are both fitted; the gradient of a maximum reaches the voxels around one place of its
ray. A ball from 10 views over a quarter circle comes back as its hull (Dice with the hull 0.98,
with the ball 0.92), over a half circle as the ball (0.96), from line integrals over 200 degrees
likewise (0.99, 20 voxels along an edge, without a prior). The original's settings are the defaults;
`config/per_patient.yaml` asks the network in the hull only, has 4 layers of 64 and 64 frequencies,
learns the prior from 8,192 voxels a step, and has higher rates and fewer steps. On ten phantoms,
from the mean training mask, it is better than the thresholded hull at 5 and 10 views, by 0.108 and
0.123 of IoU, and worse at 2. With an earlier volume a patient took 8 s of one processor. From an
earlier scan with aneurysms of half the size, on four other
phantoms, the mean IoU was 0.84, 0.74 and 0.59 at 10, 3 and 2 views, from the mean mask 0.73, 0.59
and 0.39, from random weights 0.67, 0.55 and 0.38; the earlier mask itself has 0.80 with nothing of
the growth, of which the fit from it found 0.74, 0.61 and 0.59 of the voxels
(benchmarks/growing_aneurysm.py). So at 2 and 3 views the fit takes away more of what was known than
it adds. Four phantoms are no test. Not measured: the defaults,
line integrals of phantoms, and a GPU.

Facts followed: 256 frequencies of scale 4, sines and cosines of them, 8 layers of 256 with sines of
30 times their sum, one output; the prior by its mean squared error on the whole grid, Adam at
0.0001 with weight decay 0.0001, 2000 steps; then half of the mean squared error of projections,
0.00001, or 0.0001 without a prior, 2000 steps, of 20 views over 180 degrees (Shen, Pauly and Xing
2022, public code and configurations). What the paper prints was not at hand and is not quoted.

Original code: github.com/liyues/NeRP (Stanford's licence for research only, patent pending); none
of it is used.
"""

from __future__ import annotations

from ...method import Context, Measurement, Needs, Reconstruction, Training
from ..vessel_fit import VesselFit
from .settings import EARLIER, NONE, Settings


class NeRP(VesselFit):
    """A network of each patient that starts from a prior image."""

    name = "nerp"
    title = "NeRP"
    family = "Fitted implicit field"
    reference = "Shen, Pauly and Xing 2022; the prior is a mask"
    Settings = Settings

    @property
    def needs(self) -> Needs:
        """Without a prior nothing is trained."""
        return Needs(
            inputs=("projections",),
            requires_training=self.settings.prior != NONE,
            looks_at_prior=self.settings.prior == EARLIER,
            one_job_per_patient=True,
            gives_probabilities=False,
            threads=1,
        )

    def fit(self, patients: Training, context: Context) -> tuple[dict, list[dict]]:
        """Find what stands for vessel in the training views, and embed the mean training mask."""
        from ..mean_mask import mean_mask
        from .optimise import embedded

        state, history = super().fit(patients, context)
        if self.settings.prior == NONE:
            return state, history
        network, history = embedded(mean_mask(patients), self.settings, context)
        return state | {"network": network}, history

    def reconstruct(
        self, state: dict, measurement: Measurement, context: Context
    ) -> Reconstruction:
        """Fit the network to the patient's views, from the prior on."""
        from .optimise import reconstructed

        return Reconstruction(reconstructed(state, measurement, self.settings, context))


METHOD = NeRP
