"""How a study takes its projections, as its config says it: for rules, and in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Projection:
    """The part of a config that `geometry.imaging.Imaging` is made from."""

    config: dict[str, Any]

    @property
    def imaging(self) -> dict[str, Any]:
        """Arguments of `Imaging`; the C-arm's distances are among them where they matter."""
        sizes = {"shape": self.config["volume"]["shape"], "projections": self.config["projections"]}
        return sizes | self._own | (self.c_arm if self._own["beam"] == "cone" else {})

    @property
    def c_arm(self) -> dict[str, float]:
        """Distances of source, isocentre and detector."""
        return self.config["cone_beam"]

    @property
    def in_cone_beam(self) -> dict[str, Any]:
        """Arguments of the line integrals for methods that ask for them beside maxima."""
        line_integrals = {"kind": "line_integral", "beam": "cone", "photons": None}
        return self.imaging | line_integrals | self.c_arm

    @property
    def has_line_integrals(self) -> bool:
        """Whether the study's own projections are line integrals."""
        return self._own["kind"] == "line_integral"

    @property
    def is_general(self) -> bool:
        """Whether projections are taken by the operators for any beam, not the paper's kernels."""
        return (self._own["kind"], self._own["beam"]) != ("maximum", "parallel")

    @property
    def segmentation(self) -> dict[str, Any]:
        """What tells vessels from the rest, where contrast is projected."""
        return {key: self.config["masks"][key] for key in ("window", "classes")}

    @property
    def remark(self) -> str:
        """How projections are taken, for captions; empty where it is the paper's way."""
        first, arc = self._own["first_degrees"], self._own["arc_degrees"]
        if not self.is_general and (first, arc) == (0, 90):
            return ""
        kind = "line integrals" if self.has_line_integrals else "maxima"
        return f"{kind} of a {self._own['beam']} beam over {arc:g}°"

    @property
    def _own(self) -> dict[str, Any]:
        return self.config["projection"]
