"""Neural 3D mesh renderer on maximum projections: one sphere, deformed by its silhouettes.

A network looks at two views and moves the 642 vertices of a sphere; it learns by the silhouettes
that the deformed sphere throws in these views, without a loss in 3D. The voxels that the mesh
encloses are the reconstruction. A sphere stays a sphere in topology: it can grow arms and cannot
close a loop or fall into parts, so it does not hold a tree of arteries however well it is trained.
Fitted directly to the true surfaces of six phantoms, without a network, the sphere reaches a Dice
of 0.11 to 0.30, mean 0.21 (`benchmarks/sphere_deformation.py`). The source looks at shaded pictures
of solid objects; maxima, or line integrals of a cone beam, take their place here. Its settings are
the defaults; `config/field.yaml` has images of 32 pixels, single patients in a step, a higher rate
and 20 epochs.

Facts followed: three convolutions of kernel 5 and stride 2 with 64, 128 and 256 channels, fully
connected layers of 1024, 1024 and 512, then 1024 and 2048, offsets of the vertices of a sphere of
642, a loss of 1 - IoU of silhouettes in two views plus 0.001 of the smoothness of dihedral angles,
Adam at 0.0001, 64 shapes in a step, images of 64 pixels (Kato et al. 2018; their public code).

Original code: github.com/hiroharu-kato/neural_renderer and mesh_reconstruction (MIT); none of it
is used.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...method import Context, Measurement, Method, Needs, Reconstruction, Training
from ...training import settings as training_settings


@dataclass(frozen=True)
class Settings(training_settings.Settings):
    """Those of any training, with the original's values as defaults, and:

    views : that are looked at and compared, at most, evenly spread. resolution : edge of images
    and silhouettes in pixels. smoothness : weight of the folds between triangles.
    """

    # ASSUME: 1,000 epochs; a million steps of 64 shapes, of which the last twentieth is at a tenth
    # of the rate, are no number of passes over a few patients.
    epochs: int = 1000
    learning_rate: float = 1e-4
    batch_size: int = 64
    views: int = 2
    resolution: int = 64
    smoothness: float = 1e-3

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require_int("views")
        self.require_int("resolution", least=8)
        self.require_positive("smoothness", or_zero=True)
        if self.resolution % 8:
            raise ValueError(f"resolution: {self.resolution!r} must be a multiple of 8")


class NeuralMeshRenderer(Method):
    """A deformed sphere, one network for each view count."""

    name = "neural_mesh_renderer"
    title = "Neural mesh renderer, one sphere"
    family = "Mesh deformation"
    reference = "Kato et al. 2018, on maximum projections; soft silhouettes after Liu et al. 2019"
    Settings = Settings
    needs = Needs(inputs=("projections",), requires_training=True, gives_probabilities=False)

    def fit(self, patients: Training, context: Context) -> tuple[dict, list[dict]]:
        """Train the network from random weights."""
        from .model import trained

        return trained(patients, self.settings, context)

    def reconstruct(
        self, state: dict, measurement: Measurement, context: Context
    ) -> Reconstruction:
        """Give the deformed sphere, and the share of each voxel that it encloses."""
        from .model import reconstructed

        return Reconstruction(*reconstructed(state, measurement, context.device))


METHOD = NeuralMeshRenderer
