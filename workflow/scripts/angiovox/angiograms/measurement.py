"""What is measured of a patient: line integrals of contrast, seen from few directions."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..geometry.cone_beam import CArm
from ..geometry.views import Views
from .phases import PHASES


@dataclass(frozen=True, eq=False)
class Angiograms:
    """Views of one injection, on detectors of equally many pixels.

    Attributes
    ----------
    line_integrals : (views, i, j) float32 attenuation by contrast, about 0 where there is none;
        noise may take it below. In an unknown unit where runs do not say how grey follows the beam.
    measured : (views, i, j) bool, pixels whose line integral was measured.
    noise : (views,) standard deviation of line integrals where no contrast is.
    views : source and detector of each view, mm from the isocentre in the patient's axes.
    angles : (views, 2) primary and secondary angle in degrees, as the header has them.
    arms : of each view, distances, pixels and offset of the C-arm that took it.
    labels : of each view, in words without anything that identifies a patient: "LAO 0, CRA 20".
    warnings : sentences about what was doubtful or done while reading.
    phases : (views, phases, i, j) float32 line integrals of the contrast that arrives in each phase
        of the filling, see `phases.phase_weights`; None where the runs do not show it.
    """

    line_integrals: np.ndarray
    measured: np.ndarray
    noise: np.ndarray
    views: Views
    angles: np.ndarray
    arms: tuple[CArm, ...]
    labels: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    phases: np.ndarray | None = None

    def __post_init__(self) -> None:
        count = len(self.views)
        for name in ("line_integrals", "measured"):
            shape = getattr(self, name).shape
            if shape != self.views.shape:
                raise ValueError(f"{name} of shape {shape}, expected {self.views.shape}")
        if self.phases is not None:
            shape = (count, PHASES, *self.views.detector)
            if self.phases.shape != shape:
                raise ValueError(f"phases of shape {self.phases.shape}, expected {shape}")
        for name in ("noise", "angles", "arms", "labels"):
            if len(getattr(self, name)) != count:
                raise ValueError(f"{name}: {len(getattr(self, name))} for {count} views")

    def __len__(self) -> int:
        return len(self.views)

    def at(self, views: Views) -> Angiograms:
        """The same measurement from other places, as a calibration finds them."""
        return replace(self, views=views)

    def __getitem__(self, chosen: list[int]) -> Angiograms:
        """Some of the views, by a list of indices."""
        arms, labels = ([part[index] for index in chosen] for part in (self.arms, self.labels))
        return replace(
            self,
            line_integrals=self.line_integrals[chosen],
            measured=self.measured[chosen],
            noise=self.noise[chosen],
            views=self.views[chosen],
            angles=self.angles[chosen],
            arms=tuple(arms),
            labels=tuple(labels),
            phases=None if self.phases is None else self.phases[chosen],
        )
