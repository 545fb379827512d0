"""What is written of a patient: the reconstruction, and what is known and advised about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ...angiograms.measurement import Angiograms
from ...geometry.grid import Grid


@dataclass(frozen=True, eq=False)
class AngleMap:
    """What one more view would tell, by its angles.

    Attributes
    ----------
    primary, secondary : (n,) and (m,) degrees, ascending, LAO and cranial positive.
    gain : (n, m), larger is better; NaN where the C-arm cannot go.
    best : pairs of angles, the best first.
    sentence : the advice in words. quantity : what `gain` is, with its unit.
    """

    primary: np.ndarray
    secondary: np.ndarray
    gain: np.ndarray
    best: Sequence[tuple[float, float]]
    sentence: str
    quantity: str = "expected gain"

    def __post_init__(self) -> None:
        if self.gain.shape != (len(self.primary), len(self.secondary)):
            raise ValueError(
                f"gain of shape {self.gain.shape} for {len(self.primary)} primary and "
                f"{len(self.secondary)} secondary angles"
            )


@dataclass(frozen=True, eq=False)
class Findings:
    """All that files and page are made of.

    Attributes
    ----------
    grid : mm from the isocentre, LPS. probability : (x, y, z) float32 in [0, 1].
    state, calibrated : (x, y, z), what is known of each voxel (`certainty.EMPTY` ...) and the
        calibrated probability of undecided ones.
    angiograms : as they were reconstructed from. initial : the same where the headers put them, or
        None without a calibration.
    calibration, branches : rows of tables, one for each view and for each branch.
    fit : rows of view, before_the_fit and after_the_fit, what line integrals differ by from those
        of the probability, in standard deviations of their noise.
    advice : None where none was asked for.
    warnings : sentences. parameters : names and values that the reconstruction ran with.
    """

    grid: Grid
    probability: np.ndarray
    state: np.ndarray
    calibrated: np.ndarray
    angiograms: Angiograms
    initial: Angiograms | None = None
    calibration: Sequence[Mapping[str, object]] = ()
    branches: Sequence[Mapping[str, object]] = ()
    fit: Sequence[Mapping[str, object]] = ()
    advice: AngleMap | None = None
    warnings: Sequence[str] = ()
    parameters: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("probability", "state", "calibrated"):
            shape = getattr(self, name).shape
            if shape != self.grid.shape:
                raise ValueError(f"{name} of shape {shape} on a grid of {self.grid.shape}")
