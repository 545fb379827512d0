"""Draw docs/geometry.png: where the source and the detector stand, from the geometry itself."""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "workflow" / "scripts"))

from angiovox.geometry.cone_beam import CArm  # noqa: E402

ARM = CArm(1200, 750, (101, 101), (4.0, 4.0))
COLORS = "#555555", "#c2410c"
PANELS = (
    # title, axes across and up, their signs, angles of the second pose, its name, labels
    ("From the feet (axial)", (0, 1), (1, -1), (40, 0), "LAO 40", ("left (+x)", "anterior (-y)")),
    (
        "From the left (sagittal)",
        (1, 2),
        (1, 1),
        (0, 30),
        "cranial 30",
        ("posterior (+y)", "superior (+z)"),
    ),
)


def draw(panel: plt.Axes, title, axes, signs, angles, name, labels) -> None:
    """One plane through the isocentre, with the C-arm at angles 0 and at other angles."""

    def flat(points: np.ndarray) -> np.ndarray:
        return np.asarray(points)[..., list(axes)] * signs

    panel.add_patch(plt.Circle((0, 0), 96, color="#e5e7eb"))
    for pose, color, text in zip(
        (ARM.views(0, 0), ARM.views(*angles)), COLORS, ("0", name), strict=True
    ):
        source, u, v = pose.source[0, :3], pose.u[0] * 100, pose.v[0] * 100
        first = pose.origin[0] + (v / 2 if axes == (0, 1) else u / 2)
        edge = np.stack([first, first + (u if axes == (0, 1) else v)])
        for end in edge:
            panel.plot(*flat(np.stack([source, end])).T, color=color, lw=0.6, ls=":")
        panel.plot(*flat(np.stack([source, edge.mean(axis=0)])).T, color=color, lw=0.8)
        panel.plot(*flat(source), "o", color=color)
        panel.annotate(
            "",
            flat(edge[1]),
            flat(edge[0]),
            arrowprops={"color": color, "arrowstyle": "->", "lw": 2},
        )
        panel.annotate(
            f"{'u' if axes == (0, 1) else 'v'} at {text}",
            flat(edge[1]),
            color=color,
            fontsize=8,
            textcoords="offset points",
            xytext=(4, 4) if text != "0" else (-34, 6),
        )
        panel.annotate(
            f"source at {text}",
            flat(source),
            color=color,
            fontsize=8,
            textcoords="offset points",
            xytext=(8, -3),
        )
    panel.set(title=title, xlabel=f"{labels[0]}, mm", ylabel=f"{labels[1]}, mm", aspect="equal")
    panel.set(xlim=(-900, 1450), ylim=(-900, 750))


def main() -> None:
    """Write the figure."""
    figure, panels = plt.subplots(1, 2, figsize=(9, 4.2), layout="constrained")
    for panel, arguments in zip(panels, PANELS, strict=True):
        draw(panel, *arguments)
    figure.savefig(ROOT / "docs/geometry.png", dpi=90, metadata={"Software": None})


if __name__ == "__main__":
    main()
