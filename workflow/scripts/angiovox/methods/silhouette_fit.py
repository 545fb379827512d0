"""A surface fitted to one patient's silhouettes: what all such methods share."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from ..method import Context, Measurement, Method, Needs, Reconstruction, Training

if TYPE_CHECKING:
    from .silhouette_rays import Scene


class SilhouetteFit(Method):
    """A method that knows the level of silhouettes, and fits a surface to those of a patient.

    Settings have `hull_only`, whether the surface is sought only within the hull of silhouettes
    widened by `margin` pixels.
    """

    family = "Fitted implicit surface"
    needs = Needs(
        inputs=("projections",), one_job_per_patient=True, gives_probabilities=False, threads=1
    )

    def fit(self, patients: Training, context: Context) -> tuple[dict, list[dict]]:
        """Choose the level of silhouettes that agrees best with the training masks."""
        from .silhouettes import fit_level

        return fit_level(patients, context)

    def reconstruct(
        self, state: dict, measurement: Measurement, context: Context
    ) -> Reconstruction:
        """Fit a surface to the patient's silhouettes; nothing is found where they leave no hull."""
        from .silhouette_rays import Scene

        margin = self.settings.margin if self.settings.hull_only else None
        scene = Scene.of(measurement, state["level"], margin)
        if not scene.hull.any():
            context.log("no voxel lies in the silhouettes of all views; nothing is reconstructed")
            return Reconstruction(scene.hull.astype("float32"))
        return self.fit_surface(scene, context)

    @abstractmethod
    def fit_surface(self, scene: Scene, context: Context) -> Reconstruction:
        """Fit a surface to the silhouettes of a scene."""
