"""The adviser's map over the angles of a C-arm, as inline SVG."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np

from ...angiograms.certainty import colours
from ...geometry.cone_beam import angle_name
from .findings import AngleMap

WIDTH, LEFT, TOP, RIGHT, BOTTOM = 640, 58, 16, 16, 52  # of the drawing, and its margins
TICK_DEGREES = 30
UNREACHABLE = "url(#unreachable)"


def heat_map(advice: AngleMap, taken: np.ndarray) -> str:
    """Draw the map, with the views taken (n, 2) as rings and the advised ones as numbers."""
    step_x, step_y = (_step(angles) for angles in (advice.primary, advice.secondary))
    low = (advice.primary[0] - step_x / 2, advice.secondary[0] - step_y / 2)
    high = (advice.primary[-1] + step_x / 2, advice.secondary[-1] + step_y / 2)
    scale = (WIDTH - LEFT - RIGHT) / (high[0] - low[0])
    height = TOP + BOTTOM + scale * (high[1] - low[1])

    def at(primary: float, secondary: float) -> tuple[float, float]:
        return LEFT + scale * (primary - low[0]), TOP + scale * (high[1] - secondary)

    cells = [
        _cell(at(p - step_x / 2, s + step_y / 2), scale * step_x, scale * step_y, colour, title)
        for p, s, colour, title in _cells(advice)
    ]
    marks = [_ring(at(p, s), angle_name(p, s)) for p, s in taken]
    marks += [_number(at(p, s), k, angle_name(p, s)) for k, (p, s) in enumerate(advice.best, 1)]
    label = f"{advice.quantity} by the angles of one more view; best: " + "; ".join(
        angle_name(*pair) for pair in advice.best
    )
    return (
        f'<svg class="map" viewBox="0 0 {WIDTH} {height:.0f}" role="img" '
        f'aria-label="{escape(label)}">'
        '<defs><pattern id="unreachable" width="6" height="6" patternUnits="userSpaceOnUse">'
        '<path d="M0 6L6 0" stroke="#888"/></pattern></defs>'
        + "".join(cells + _axes(at, low, high, height) + marks)
        + "</svg>"
    )


def _step(angles: np.ndarray) -> float:
    return float(angles[1] - angles[0]) if len(angles) > 1 else 10.0


def _cells(advice: AngleMap):
    """Angles, colour and title of each cell."""
    finite = np.isfinite(advice.gain)
    low, high = (advice.gain[finite].min(), advice.gain[finite].max()) if finite.any() else (0, 1)
    share = (advice.gain - low) / max(high - low, 1e-12)
    rgb = colours(np.clip(np.nan_to_num(share), 0, 1))
    for i, j in np.ndindex(advice.gain.shape):
        p, s = float(advice.primary[i]), float(advice.secondary[j])
        colour = "#" + bytes(rgb[i, j]).hex() if finite[i, j] else UNREACHABLE
        value = f"{advice.gain[i, j]:.3g}" if finite[i, j] else "cannot be reached"
        yield p, s, colour, f"{angle_name(p, s)}: {value}"


def _cell(corner: tuple[float, float], width: float, height: float, colour: str, title: str) -> str:
    return (
        f'<rect x="{corner[0]:.1f}" y="{corner[1]:.1f}" width="{width + 0.3:.1f}" '
        f'height="{height + 0.3:.1f}" fill="{colour}" '
        f'shape-rendering="crispEdges"><title>{title}</title></rect>'
    )


def _axes(at, low: Sequence[float], high: Sequence[float], height: float) -> list[str]:
    parts = []
    for angle in _ticks(low[0], high[0]):
        x, y = at(angle, low[1])
        name = angle_name(angle, 0).split(",")[0] if angle else "0"
        parts.append(f'<text x="{x:.1f}" y="{y + 18:.1f}" text-anchor="middle">{name}</text>')
    for angle in _ticks(low[1], high[1]):
        x, y = at(low[0], angle)
        name = angle_name(0, angle).split(", ")[1] if angle else "0"
        parts.append(f'<text x="{x - 6:.1f}" y="{y + 4:.1f}" text-anchor="end">{name}</text>')
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(
        f'<text x="{middle}" y="{height - 10:.1f}" text-anchor="middle">'
        "primary angle (degrees), secondary angle upwards</text>"
    )
    return parts


def _ticks(low: float, high: float) -> range:
    first = int(np.ceil(low / TICK_DEGREES)) * TICK_DEGREES
    return range(first, int(high) + 1, TICK_DEGREES)


def _ring(place: tuple[float, float], name: str) -> str:
    x, y = place
    circle = f'cx="{x:.1f}" cy="{y:.1f}" r="7" fill="none"'
    return (
        f'<g><title>taken: {name}</title><circle {circle} stroke="#000" stroke-width="5"/>'
        f'<circle {circle} stroke="#fff" stroke-width="2.5"/></g>'
    )


def _number(place: tuple[float, float], number: int, name: str) -> str:
    x, y = place
    return (
        f'<g class="best"><title>advised: {name}</title><circle cx="{x:.1f}" cy="{y:.1f}" r="11"/>'
        f'<text x="{x:.1f}" y="{y + 5:.1f}" text-anchor="middle">{number}</text></g>'
    )
