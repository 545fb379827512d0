"""Cross-sections of a vessel: its borders in all views, and NURBS contours through them."""

from __future__ import annotations

import numpy as np
from scipy.interpolate import BSpline
from scipy.ndimage import (
    distance_transform_edt,
    gaussian_filter1d,
    map_coordinates,
    maximum_filter,
    median_filter,
)

from ...geometry.views import Views
from .epipolar import directions

MOST_VOXELS = 8.0  # half width that is looked for at most
FINENESS = 0.25  # voxels, of the steps in which it is looked for; the border lies between two
# ASSUME: a border is at most 1.2 times as far as that of the largest circle about the point, or
# about one of the eight pixels beside it, that the silhouette holds, and half a pixel: across a
# fork or a crossing there is none for long.
ROUNDNESS, MARGIN_PIXELS = 1.2, 0.5
# ASSUME: a vessel is at most 1.5 times as wide in one view as in the narrowest; what is wider there
# is a vessel behind it or beside it, and the half widths are what this leaves.
WIDEST = 1.5
LEAST_VOXELS = 0.4  # half width of a vessel that its views hardly show
# ASSUME: borders are taken over the median of five points of a centreline, then smoothed.
MEDIAN, SMOOTHING = 5, 1.0
ALONG_RAY = 0.3  # sine of ray and vessel, below which the view shows no border of a cross-section
WIDEST_GAP = 120.0  # degrees between borders, in whose middle one more is put: a single view's
SAME = 10.0  # degrees between borders that are taken for one
SAMPLES = 8  # of each arc


def half_widths(
    images: np.ndarray,
    views: Views,
    level: float,
    line: np.ndarray,
    tangents: np.ndarray,
    voxel: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Directions (n, views, 3) across vessel and ray, and half widths (n, views, 2) in mm.

    They reach from the line to the border in that direction and against it; NaN where a view looks
    along the vessel.
    line : (n, 3) mm. tangents : (n, 3) unit vectors. voxel : edge of one in mm.
    """
    rays = np.stack([directions(views[[number]], line) for number in range(len(views))], axis=1)
    across = np.cross(rays, tangents[:, None])
    sine = np.linalg.norm(across, axis=2)
    across /= np.maximum(sine, 1e-9)[..., None]
    borders = [
        _borders(images[number], views[[number]], level, line, across[:, number], voxel)
        for number in range(len(views))
    ]
    widths = np.stack(borders, axis=1)
    widths[(sine < ALONG_RAY) & (sine < sine.max(axis=1, keepdims=True))] = np.nan
    return across, _plausible(widths, voxel)


def _borders(
    image: np.ndarray, view: Views, level: float, line: np.ndarray, across: np.ndarray, voxel: float
) -> np.ndarray:
    """Distances (n, 2) mm to the borders in one view, along and against directions (n, 3)."""
    steps = np.arange(0, MOST_VOXELS + FINENESS, FINENESS) * voxel
    widths = np.empty((len(line), 2))
    for column, sense in enumerate((1, -1)):
        points = line[:, None] + sense * steps[:, None] * across[:, None]
        pixels = view.project(points.reshape(-1, 3))[0].T
        profile = map_coordinates(image, pixels, order=1, mode="constant").reshape(len(line), -1)
        widths[:, column] = _first_below(profile, level, steps)
    return np.minimum(widths, _longest(image >= level, view, line, across)[:, None])


def _longest(
    silhouette: np.ndarray, view: Views, line: np.ndarray, across: np.ndarray
) -> np.ndarray:
    """Distances (n,) mm within which borders are expected, by the circles in a silhouette."""
    inscribed = distance_transform_edt(np.pad(silhouette, 1))[1:-1, 1:-1] - 0.5
    here, beside = view.project(line)[0], view.project(line + across)[0]
    radius = map_coordinates(maximum_filter(inscribed, 3), here.T, order=1, mode="nearest")
    pixels_per_mm = np.linalg.norm(beside - here, axis=1)
    return (ROUNDNESS * np.maximum(radius, 0) + MARGIN_PIXELS) / np.maximum(pixels_per_mm, 1e-9)


def _first_below(profile: np.ndarray, level: float, steps: np.ndarray) -> np.ndarray:
    """Where profiles (n, steps) first fall below a level, interpolated; the last step at most."""
    below = profile < level
    below[:, -1] = True
    place = np.maximum(below.argmax(axis=1), 1)
    rows = np.arange(len(profile))
    high, low = profile[rows, place - 1], profile[rows, place]
    share = np.clip((high - level) / np.maximum(high - low, 1e-9), 0, 1)
    return steps[place - 1] + share * (steps[place] - steps[place - 1])


def _plausible(widths: np.ndarray, voxel: float) -> np.ndarray:
    """Half widths without those of neighbouring vessels, smoothed along the line."""
    total = widths.sum(axis=2, keepdims=True)
    seen = np.isfinite(total)
    least = np.where(seen, total, np.inf).min(axis=1, keepdims=True)
    limit = np.where((total > WIDEST * least) & np.isfinite(least), WIDEST * least / 2, np.inf)
    widths = np.fmax(np.minimum(widths, limit), LEAST_VOXELS * voxel)
    widths[~np.broadcast_to(seen, widths.shape)] = np.nan
    return np.apply_along_axis(_smoothed, 0, widths)


def _smoothed(values: np.ndarray) -> np.ndarray:
    """A median and a Gaussian over points (n,); NaN stay NaN."""
    known = np.isfinite(values)
    if known.any():
        smooth = median_filter(values[known], MEDIAN, mode="nearest")
        values = values.copy()
        values[known] = gaussian_filter1d(smooth, SMOOTHING, mode="nearest")
    return values


def contour(angles: np.ndarray, distances: np.ndarray) -> np.ndarray:
    """A closed NURBS curve (samples, 2) that touches the views' border lines about its centre.

    It is quadratic and rational. Control points lie where rays touch the vessel, 4 for two views
    and 6 for three, and where the border lines next to each other meet; the weight of these is the
    cosine of half the turn, so that border lines of a circle give the circle, and those of an
    ellipse along its axes give the ellipse.

    angles : (k,) radians of the directions to the borders. distances : (k,) to them.
    """
    angles, distances = _closed(angles, distances)
    distances = _within(angles, distances)
    turn = np.diff(np.append(angles, angles[0] + 2 * np.pi))
    normals = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    tangents = np.stack([-np.sin(angles), np.cos(angles)], axis=1)
    ahead = np.roll(distances, -1)
    touched = distances[:, None] * normals
    corners = touched + ((ahead - distances * np.cos(turn)) / np.sin(turn))[:, None] * tangents
    points = np.empty((2 * len(angles) + 1, 3))
    points[:-1:2, :2], points[1::2, :2], points[-1, :2] = touched, corners, touched[0]
    points[:, 2] = 1.0
    points[1::2] *= np.cos(turn / 2)[:, None]  # the corners' weights, in homogeneous coordinates
    places = np.arange(len(angles) + 1)
    knots = np.concatenate([[0], np.repeat(places, 2), places[-1:]])
    curve = BSpline(knots, points, 2)
    found = curve(np.linspace(0, places[-1], SAMPLES * len(angles), endpoint=False))
    return found[:, :2] / found[:, 2:]


# ASSUME: where no view shows a border over more than 120 degrees, the vessel is as wide as the mean
# of the borders on both sides; borders within 10 degrees are one, their mean.
def _closed(angles: np.ndarray, distances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Borders in the order of their angles, with one more in the middle of each wide gap."""
    order = np.argsort(angles % (2 * np.pi), kind="stable")
    angles, distances = angles[order] % (2 * np.pi), distances[order]
    turn = np.diff(np.append(angles, angles[0] + 2 * np.pi))
    while turn.min() < np.deg2rad(SAME):
        one = int(turn.argmin())
        other = (one + 1) % len(angles)
        angles[one] += turn[one] / 2
        distances[one] = (distances[one] + distances[other]) / 2
        angles, distances = np.delete(angles, other), np.delete(distances, other)
        turn = np.diff(np.append(angles, angles[0] + 2 * np.pi))
    wide = np.flatnonzero(turn > np.deg2rad(WIDEST_GAP))
    middles = angles[wide] + turn[wide] / 2
    means = (distances + np.roll(distances, -1))[wide] / 2
    return np.insert(angles, wide + 1, middles), np.insert(distances, wide + 1, means)


def _within(angles: np.ndarray, distances: np.ndarray) -> np.ndarray:
    """Distances at which each point of touch lies within the border lines beside it."""
    for _ in range(len(distances)):
        nearest = distances
        for shift in (1, -1):
            cosine = np.cos(np.roll(angles, shift) - angles)
            limit = np.roll(distances, shift) / np.where(cosine > 0, cosine, np.inf)
            nearest = np.minimum(nearest, np.where(cosine > 0, limit, np.inf))
        if np.allclose(nearest, distances):
            break
        distances = nearest
    return distances
