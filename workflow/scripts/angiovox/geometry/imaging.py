"""How a study takes its projections: what along each ray, from where, and with how much noise."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from .cone_beam import study_views
from .grid import Grid
from .parallel_beam import projection_angles, view_indices
from .views import Views, parallel_views

MAXIMUM, LINE_INTEGRAL = "maximum", "line_integral"
PARALLEL, CONE = "parallel", "cone"
BIPLANE = 90.0  # degrees from one plane to the other


@dataclass(frozen=True)
class Imaging:
    """The paper's maxima of a parallel beam, or line integrals, or the cone beam of a C-arm.

    Attributes
    ----------
    shape : voxels along each edge of the volumes.
    projections : how many are taken, evenly spaced over `arc_degrees` from `first_degrees` on.
    kind : "maximum" of the intensities, or "line_integral" of the attenuation by contrast.
    beam : "parallel", or "cone" of a C-arm with these distances in mm.
    photons : of a frame, that a pixel behind the head counts where no contrast is; None for no
        noise. A mask frame has as many.
    """

    shape: int
    projections: int
    kind: str = MAXIMUM
    beam: str = PARALLEL
    first_degrees: float = 0.0
    arc_degrees: float = 90.0
    photons: float | None = None
    source_detector_mm: float = 1200.0
    source_isocentre_mm: float = 785.0

    @property
    def is_papers(self) -> bool:
        """Whether maxima are taken along parallel rays, for which there are faster kernels."""
        return (self.kind, self.beam) == (MAXIMUM, PARALLEL)

    @cached_property
    def angles(self) -> np.ndarray:
        """All angles in degrees, (projections,), in the sense of `parallel_beam.rotation_table`."""
        return projection_angles(self.projections, self.first_degrees, self.arc_degrees)

    def chosen(self, views: int) -> np.ndarray:
        """Indices of the projections used for a view count, (views,), ascending.

        They are those of `parallel_beam.view_indices`. But of more than a quarter circle, two views
        are a right angle apart, or as near to it as there are, one of them as near to the frontal
        view as can be: first and last may see nearly the same, and a biplane system stands so. One
        view is the one nearest to the frontal.

        Raises ValueError when the count cannot be given.
        """
        # ASSUME: a single view is the frontal one.
        if views == 1:
            return np.array([np.abs(self.angles).argmin()])
        if views == 2 and self.arc_degrees > BIPLANE:
            apart = round(BIPLANE / self.arc_degrees * (self.projections - 1))
            from_front = np.abs(self.angles)
            nearer = np.minimum(from_front[: self.projections - apart], from_front[apart:])
            first = int(nearer.argmin())
            return np.array([first, first + apart])
        return view_indices(self.projections, views)

    def in_cone_beam(self, source_detector_mm: float, source_isocentre_mm: float) -> Imaging:
        """The same directions, as line integrals of a C-arm without noise."""
        return replace(
            self,
            kind=LINE_INTEGRAL,
            beam=CONE,
            photons=None,
            source_detector_mm=source_detector_mm,
            source_isocentre_mm=source_isocentre_mm,
        )

    def grid(self, affine: np.ndarray) -> Grid:
        """The grid of a volume with this affine, its centre in the isocentre."""
        return Grid.centred(3 * (self.shape,), affine)

    def views(self, grid: Grid) -> Views:
        """Source and detector of all projections."""
        if self.beam == CONE:
            distances = self.source_detector_mm, self.source_isocentre_mm
            return study_views(self.angles, grid, *distances)
        return parallel_views(self.angles, grid)
