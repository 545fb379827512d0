"""Runs that are to be reconstructed together: one patient, and enough directions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ....errors import InputError
from ....geometry.cone_beam import c_arm_rotation
from .run import Run

LEAST_DEGREES = 20.0
SAME_VIEW = 1.0  # degrees


@dataclass(frozen=True)
class Pairing:
    """How runs belong together.

    degrees : the widest angle between two of their directions, 90 at most. biplane : whether they
    are plane A and B of one acquisition. notes : what to know of them, in sentences.
    """

    degrees: float
    biplane: bool
    notes: tuple[str, ...]


def check_together(runs: Sequence[Run]) -> Pairing:
    """Check that runs can be reconstructed together: two planes, or one rotational run.

    Raises InputError for runs of two patients, and for a single direction.
    """
    patients = {run.identity.patient for run in runs if run.identity.patient}
    names = " and ".join(run.name for run in runs)
    if len(patients) > 1:
        raise InputError(f"{names}: runs of {len(patients)} patients; give each patient's own runs")
    degrees = widest_angle(np.concatenate([run.angles[run.contrast] for run in runs]))
    if degrees < SAME_VIEW:
        raise InputError(
            f"{names}: one direction of view, and depth needs a second; add a run from another, at "
            f"least {LEAST_DEGREES:g} degrees away"
        )
    biplane = is_biplane(runs)
    notes = []
    if degrees < LEAST_DEGREES:
        factor = 1 / np.sin(np.radians(degrees))
        notes.append(
            f"views at most {degrees:.0f} degrees apart: errors along the rays are {factor:.1f} "
            "times those across them"
        )
    if len(runs) > 1 and not biplane:
        notes.append(
            "runs of different acquisitions: the patient, or the filling, may have changed between"
        )
    return Pairing(degrees, biplane, tuple(notes))


def is_biplane(runs: Sequence[Run]) -> bool:
    """Whether two runs are plane A and plane B of one acquisition.

    Either names the other's file, or both are of one study, acquisition number and time.
    """
    if sorted(run.plane for run in runs) != ["A", "B"]:
        return False
    first, second = (run.identity for run in runs)
    named = first.instances & second.partners or second.instances & first.partners
    return bool(named or (first.acquisition and first.acquisition == second.acquisition))


def widest_angle(angles: np.ndarray) -> float:
    """The widest angle in degrees, 90 at most, between the central rays of views.

    angles : (views, 2) primary and secondary, degrees.
    """
    rays = c_arm_rotation(*np.asarray(angles, dtype=float).T)[:, :, 1]
    sines = np.linalg.norm(np.cross(rays[:, None], rays[None]), axis=2)
    return float(np.degrees(np.arcsin(np.clip(sines.max(), 0, 1))))
