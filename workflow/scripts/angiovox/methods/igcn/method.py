"""IGCN on maximum projections: a mean vessel surface, deformed by image and graph convolutions.

The template is the surface of the mean training mask. A U-Net draws on each view by how much what
is seen there has to move in 3D; each vertex of the template reads that where it is projected, and
ten graph convolutions turn it, with the vertex's position, into the vertex's offset. The voxels
within the deformed surface are the reconstruction. It was made for organs that all patients have
in one shape, such as the liver; vessel trees differ in topology, which a deformation keeps, and
have no corresponding points, so this is a stated counter-example. The source projects by rendering
line integrals; maxima, or line integrals of a cone beam, take their place here. Its settings are
the defaults; `config/field.yaml` has fewer channels and layers' widths, a higher rate and 20
epochs.

Facts followed: images of the template's silhouette, a constant and the projection; a U-Net of
20-40-80-160-320-640 channels with two convolutions of kernel 3 at a level and a map of three
channels; ten graph convolutions 6-256-3 on D^-1 (A + I) with averaged residuals; squared distance
of vertices, coordinates in [0, 1], plus 10 times the map's error plus the Laplacian's; Adam at
0.0001, 300 epochs, one patient in a step (Nakao et al. 2021; the public code of its successor).

Original code: github.com/meguminakao/IGCN (no licence); none of it is used.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...method import Context, Measurement, Method, Needs, Reconstruction, Training
from ...training import settings as training_settings


@dataclass(frozen=True)
class Settings(training_settings.Settings):
    """Those of any training, with the original's values as defaults, and:

    views : looked at, at most, evenly spread. channels, levels : of the U-Net. hidden : width of
    the graph convolutions. cell : edge of the blocks of voxels that the template is drawn from.
    mapping_weight, laplacian_weight : beside the squared distance of vertices.
    """

    # ASSUME: blocks of 2^3 voxels give a template of some hundred vertices at 64 voxels; the
    # source has 500.
    epochs: int = 300
    learning_rate: float = 1e-4
    views: int = 2
    channels: int = 20
    levels: int = 6
    hidden: int = 256
    cell: int = 2
    mapping_weight: float = 10.0
    laplacian_weight: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require_int("views", "channels", "hidden", "cell")
        self.require_int("levels", least=2)
        self.require_positive("mapping_weight", "laplacian_weight", or_zero=True)


class Igcn(Method):
    """A deformed template, one pair of networks for each view count."""

    name = "igcn"
    title = "IGCN, mean vessel surface"
    family = "Mesh deformation"
    reference = "Nakao et al. 2021, on maximum projections"
    Settings = Settings
    needs = Needs(inputs=("projections",), requires_training=True, gives_probabilities=False)

    def fit(self, patients: Training, context: Context) -> tuple[dict, list[dict]]:
        """Make the template and train both networks from random weights."""
        from .model import trained

        return trained(patients, self.settings, context)

    def reconstruct(
        self, state: dict, measurement: Measurement, context: Context
    ) -> Reconstruction:
        """Give the deformed surface, and the share of each voxel that it encloses."""
        from .model import reconstructed

        return Reconstruction(*reconstructed(state, measurement, context.device))


METHOD = Igcn
