"""The cone beam of a C-arm: how angles, distances and pixels place the source and the detector.

All signs of the cone beam are fixed here.

- Patient coordinates are (x, y, z) mm from the isocentre, x to the patient's left, y to posterior,
  z to superior. The patient lies head first supine.
- At primary = secondary = 0 the source is behind the patient (+y) and the detector in front: the
  central ray runs along -y.
- The primary angle p is positive to LAO: the detector moves to the patient's left (+x). The
  secondary angle s is positive to cranial: the detector moves to the head (+z). It is then in the
  direction (sin p cos s, -cos p cos s, sin s) from the isocentre, as DICOM's Positioner Primary
  Angle (0018,1510) and Positioner Secondary Angle (0018,1511) have it.
- Axis u of the detector is (cos p, sin p, 0), the patient's left at 0; axis v is
  (-sin p sin s, cos p sin s, cos s), the head at s = 0. So an image stands as it is shown, with the
  patient's left at its right; DICOM's rows run down, against v.
- The patient lies on the table: where it moves, the isocentre moves the other way in the patient.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .grid import Grid
from .views import Views


@dataclass(frozen=True)
class CArm:
    """One source and flat detector that turn about the isocentre.

    Attributes
    ----------
    source_detector, source_isocentre : mm; DICOM's DistanceSourceToDetector and
        DistanceSourceToPatient.
    detector : pixels along u and v. pixel_size : mm along u and v, at the detector.
    offset : mm along u and v from where the central ray meets the detector to its centre.

    Raises
    ------
    ValueError : the detector is not behind the isocentre, or sizes are not positive.
    """

    source_detector: float
    source_isocentre: float
    detector: tuple[int, int]
    pixel_size: tuple[float, float]
    offset: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        if not 0 < self.source_isocentre < self.source_detector < np.inf:
            raise ValueError(
                f"source to isocentre {self.source_isocentre} mm, source to detector "
                f"{self.source_detector} mm: the isocentre lies between the two"
            )
        if not min(self.pixel_size) > 0:
            raise ValueError(f"pixels of {self.pixel_size} mm: sizes are positive")

    @property
    def magnification(self) -> float:
        """Of what lies in the isocentre."""
        return self.source_detector / self.source_isocentre

    def views(
        self,
        primary: np.ndarray | float,
        secondary: np.ndarray | float = 0.0,
        table: np.ndarray | tuple[float, float, float] = (0.0, 0.0, 0.0),
    ) -> Views:
        """Place the C-arm by its angles.

        Parameters
        ----------
        primary, secondary : (views,) degrees, LAO and cranial positive; or one for all views.
        table : (views, 3) or (3,) mm by which the patient moved with the table, in the patient's
            axes, since the isocentre was the origin.
        """
        primary, secondary = np.broadcast_arrays(np.atleast_1d(primary), secondary)
        rotations = c_arm_rotation(primary, secondary)
        isocentres = np.broadcast_to(-np.asarray(table, dtype=np.float64), (len(primary), 3))
        return self.views_at(rotations, isocentres)

    def rotational_run(
        self, first: float, last: float, count: int, secondary: float = 0.0
    ) -> Views:
        """Turn evenly from a first to a last primary angle (degrees), both included."""
        return self.views(np.linspace(first, last, count), secondary)

    def views_at(self, rotations: np.ndarray, isocentres: np.ndarray) -> Views:
        """Place the C-arm by any poses.

        rotations : (views, 3, 3), what turns the pose of angles 0 into each view's: columns are the
            detector's u, the direction to the source, and the detector's v. isocentres : (views, 3)
            mm, what the C-arm turns about.
        """
        u, to_source, v = np.moveaxis(np.asarray(rotations, dtype=np.float64), 2, 0)
        isocentres = np.asarray(isocentres, dtype=np.float64)
        source = isocentres + self.source_isocentre * to_source
        centre = source - self.source_detector * to_source
        centre = centre + self.offset[0] * u + self.offset[1] * v
        u, v = u * self.pixel_size[0], v * self.pixel_size[1]
        origin = centre - (self.detector[0] - 1) / 2 * u - (self.detector[1] - 1) / 2 * v
        return Views(
            np.pad(source, ((0, 0), (0, 1)), constant_values=1), origin, u, v, self.detector
        )


def study_views(
    angles: np.ndarray, grid: Grid, source_detector_mm: float, source_isocentre_mm: float
) -> Views:
    """Place a C-arm at the study's angles, with a detector that just sees all of a grid.

    A pixel is as wide as a voxel in the isocentre, which is the grid's centre.

    Parameters
    ----------
    angles : (views,) degrees, in the sense of `parallel_beam.rotation_table`.

    Raises
    ------
    ValueError : the source is within the cylinder that the grid turns in.
    """
    # The silhouette of a cylinder is where rays touch it; its rims are largest nearest the source.
    width, depth, height = np.multiply(grid.shape, grid.voxel_size)
    radius = np.hypot(width, depth) / 2
    if radius >= source_isocentre_mm:
        raise ValueError(
            f"the source is {source_isocentre_mm:g} mm from the isocentre, the volume reaches "
            f"{radius:g} mm"
        )
    pixel = grid.voxel_size[0] * source_detector_mm / source_isocentre_mm
    across = radius * source_detector_mm / np.sqrt(source_isocentre_mm**2 - radius**2)
    along = height / 2 * source_detector_mm / (source_isocentre_mm - radius)
    detector = tuple(int(np.ceil(2 * reach / pixel)) for reach in (across, along))
    arm = CArm(source_detector_mm, source_isocentre_mm, detector, (pixel, pixel))
    return arm.views(-np.asarray(angles))


def c_arm_rotation(primary: np.ndarray, secondary: np.ndarray) -> np.ndarray:
    """Rotations (views, 3, 3) of a C-arm from angles 0 to primary and secondary ones in degrees.

    First by the secondary angle about x, against the right-hand rule, then by the primary about z.
    """
    p, s = np.radians(np.asarray(primary, float)), np.radians(np.asarray(secondary, float))
    zero = np.zeros_like(p)
    u = [np.cos(p), np.sin(p), zero]
    to_source = [-np.sin(p) * np.cos(s), np.cos(p) * np.cos(s), -np.sin(s)]
    v = [-np.sin(p) * np.sin(s), np.cos(p) * np.sin(s), np.cos(s)]
    return np.stack([np.stack(axis, axis=-1) for axis in (u, to_source, v)], axis=-1)


def angle_name(primary: float, secondary: float) -> str:
    """Angles of a C-arm in degrees as an angiographer says them: LAO 30, CAU 20."""
    side = "RAO" if round(primary) < 0 else "LAO"
    tilt = "CAU" if round(secondary) < 0 else "CRA"
    return f"{side} {abs(primary):.0f}, {tilt} {abs(secondary):.0f}"


def view_name(primary: float, secondary: float) -> str:
    """A view by its angles in degrees, without those that are 0: frontal, CRA 20."""
    side, tilt = angle_name(primary, secondary).split(", ")
    parts = [side] if round(primary) else ["frontal"]
    return ", ".join(parts + ([tilt] if round(secondary) else []))
