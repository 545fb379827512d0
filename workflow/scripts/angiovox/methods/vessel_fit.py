"""A fit to one patient's views in units of vessel: what all such methods share."""

from __future__ import annotations

from ..method import Context, Method, Needs, Training


class VesselFit(Method):
    """A method that knows what stands for vessel, and fits a volume to the views of a patient."""

    needs = Needs(
        inputs=("projections",), one_job_per_patient=True, gives_probabilities=False, threads=1
    )

    def fit(self, patients: Training, context: Context) -> tuple[dict, list[dict]]:
        """Find what stands for vessel in the views of the training patients."""
        from .vessel_views import fitted

        state, quality = fitted(patients)
        context.log(", ".join(f"{name} {value:.4g}" for name, value in (state | quality).items()))
        return state, [{"epoch": 1, **quality}]
