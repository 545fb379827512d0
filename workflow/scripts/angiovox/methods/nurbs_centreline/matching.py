"""Branches of two views matched by epipolar geometry, and the centrelines in 3D that follow.

Each branch of one view is followed along the skeleton graph of the other: the surfaces that a
branch and such a path span with their sources intersect in a centreline. Of all paths that with
the least cost is taken (Viterbi 1967).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.ndimage import distance_transform_edt, gaussian_filter1d, map_coordinates

from ...geometry.views import Views
from .branches import Skeleton
from .epipolar import height, meeting, on_detector, widest_pair

# ASSUME: the source has labelled branches. Here a branch is matched by the heights of its epipolar
# lines, its half width and brightness, and by where further views show vessel. Each counts as a
# squared difference in units of these tolerances, width and brightness at most 4.
HEIGHT_TOLERANCE = 0.75  # pixels in the isocentre, between corresponding epipolar lines
WIDTH_TOLERANCE = 0.35  # of the logarithm of a half width
BRIGHTNESS_TOLERANCE = 0.15  # of an image in [0, 1]
SILHOUETTE_TOLERANCE = 1.0  # pixels out of another view's silhouette
MOST = 4.0
# ASSUME: a vessel may be hidden behind another, and two may share one in a view: what goes without
# a partner costs 6 a pixel, a jump to another branch 12, a partner that another branch has taken 3,
# a partner for two pixels, or one left out, 1.
UNMATCHED = 6.0
JUMP = 12.0
TAKEN = 3.0
MOST_STEPS = 2  # pixels that the path goes on at most, as the branch goes on by one
HASTE = 1.0  # cost of staying, and of going on by two
SHORTEST = 3  # pixels of a branch that is left over, to be matched the other way round
EVENNESS = 0.1  # weight of the squared steps beside squared departures
SMOOTHING = 1.5  # voxels, of the Gaussian along a centreline


@dataclass(frozen=True, eq=False)
class Side:
    """One of the two views that are matched: its skeleton, and the steps along it.

    Attributes
    ----------
    view : of one. heights : (n,) of the pixels, in pixels in the isocentre.
    pixel : (states,) number of the pixel that a step leads to; a lonely pixel has one of its own.
    before : (states, k) steps that may come before each, padded with itself. costs : of that.
    """

    view: Views
    skeleton: Skeleton
    heights: np.ndarray
    pixel: np.ndarray
    before: np.ndarray
    costs: np.ndarray


def centrelines(
    skeletons: list[Skeleton], silhouettes: np.ndarray, views: Views, voxel: float
) -> list[np.ndarray]:
    """Centrelines in 3D, each (n, 3) mm with points a voxel apart, or a single one.

    silhouettes : (views, i, j) bool. voxel : edge of a voxel in mm.
    """
    pair = widest_pair(views)
    first, second = (_side(skeletons[v], views[[v]], views.source[[*pair]], voxel) for v in pair)
    others = [
        (views[[v]], distance_transform_edt(~silhouettes[v]))
        for v in range(len(views))
        if v not in pair
    ]
    lines = []
    taken = np.zeros(len(second.heights), bool)
    for path in sorted(first.skeleton.paths, key=len, reverse=True):
        matched = follow(first, path, second, others, taken)
        taken[matched[0][matched[0] >= 0]] = True
        lines += _intersections(first, path, second, *matched)
    # What no branch of the first view has for a partner is matched the other way round.
    nothing = np.zeros(len(first.heights), bool)
    for path in _left_over(second.skeleton.paths, _widened(taken, second.skeleton.segments)):
        lines += _intersections(second, path, first, *follow(second, path, first, others, nothing))
    return [smoothed(line, voxel) for line in lines]


def _side(skeleton: Skeleton, view: Views, sources: np.ndarray, voxel: float) -> Side:
    heights = height(on_detector(view, skeleton.pixels), sources) / voxel
    return Side(view, skeleton, heights, *_steps(skeleton.segments, len(heights)))


def _steps(segments: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Each segment as a step both ways: where it leads, what may come before, and its cost.

    A path that goes on from a step does not turn back. Of `Side`: pixel, before, costs.
    """
    lonely = np.setdiff1d(np.arange(count), segments)
    steps = [*segments.tolist(), *segments[:, ::-1].tolist(), *zip(lonely, lonely, strict=True)]
    into: list[list[int]] = [[] for _ in range(count)]
    for number, (_, stop) in enumerate(steps):
        into[stop].append(number)
    direct = [[k for k in into[start] if steps[k][0] != stop] for start, stop in steps]
    found = []
    for number in range(len(steps)):
        costs, fresh = {number: HASTE}, [number]
        for hops in range(MOST_STEPS):
            fresh = [k for one in fresh for k in direct[one] if k not in costs]
            costs |= dict.fromkeys(fresh, HASTE * hops)
        found.append(costs)
    width = max(map(len, found), default=1)
    before = np.repeat(np.arange(len(steps))[:, None], width, axis=1)
    prices = np.full(before.shape, HASTE)
    for number, costs in enumerate(found):
        before[number, : len(costs)], prices[number, : len(costs)] = [*costs], [*costs.values()]
    return np.array([stop for _, stop in steps], int), before, prices


def follow(
    one: Side, path: np.ndarray, other: Side, others: list, taken: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Find for each pixel of a branch its partner in the other view.

    path : (n,) numbers of pixels of `one`. others : further views with distances to their
    silhouettes. taken : (m,) whether a pixel of `other` has a partner already.

    Returns partners (n,), numbers of pixels of `other` or -1, and whether each goes on from the one
    before without a jump.
    """
    alone = len(other.pixel)  # the state without a partner
    differences = _differences(one, path, other, others) + TAKEN * taken
    local = np.column_stack([differences[:, other.pixel], np.full(len(path), UNMATCHED)])
    total, origins = local[0], [np.arange(alone + 1)]
    for costs in local[1:]:
        reach = total[other.before] + other.costs
        nearest = reach.argmin(axis=1)[:, None]
        origin = np.append(np.take_along_axis(other.before, nearest, 1)[:, 0], alone)
        gone = np.append(np.take_along_axis(reach, nearest, 1)[:, 0], total[alone])
        best = int(total.argmin())
        jumps = gone > total[best] + JUMP
        gone[jumps], origin[jumps] = total[best] + JUMP, best
        total = gone + costs
        origins.append(origin)
    states = [int(total.argmin())]
    for origin in origins[:0:-1]:
        states.append(int(origin[states[-1]]))
    states = np.array(states[::-1])
    joined = [b != alone and a in other.before[b] for a, b in pairwise(states.tolist())]
    return np.append(other.pixel, -1)[states], np.array([False, *joined])


def _differences(one: Side, path: np.ndarray, other: Side, others: list) -> np.ndarray:
    """Cost (n, m) of each pixel of the other view as a partner; infinite on other heights."""
    apart = (one.heights[path, None] - other.heights) / HEIGHT_TOLERANCE
    n, m = np.nonzero(np.abs(apart) < 2)
    own, partners = path[n], m
    cost = apart[n, m] ** 2
    ratio = np.log(np.maximum(one.skeleton.half_width[own], 0.5))
    ratio -= np.log(np.maximum(other.skeleton.half_width[partners], 0.5))
    cost += np.minimum((ratio / WIDTH_TOLERANCE) ** 2, MOST)
    gap = one.skeleton.brightness[own] - other.skeleton.brightness[partners]
    cost += np.minimum((gap / BRIGHTNESS_TOLERANCE) ** 2, MOST)
    if len(n):
        points, _ = meeting(
            one.view, one.skeleton.pixels[own], other.view, other.skeleton.pixels[partners]
        )
        for view, distance in others:
            away = map_coordinates(distance, view.project(points)[0].T, order=1, mode="nearest")
            cost += (away / SILHOUETTE_TOLERANCE) ** 2
    found = np.full(apart.shape, np.inf)
    found[n, m] = cost
    return found


def _intersections(
    one: Side, path: np.ndarray, other: Side, partner: np.ndarray, joined: np.ndarray
) -> list[np.ndarray]:
    """Centrelines (n, 3) mm of the runs of a branch whose partners follow each other."""
    lines = []
    for run in np.split(np.arange(len(path)), np.flatnonzero(~joined)):
        if len(run) and partner[run[0]] >= 0 and (len(run) > 1 or len(path) == 1):
            pixels = one.skeleton.pixels[path[run]]
            places = _eased(other, partner[run])
            lines.append(meeting(one.view, pixels, other.view, places)[0])
    return lines


# ASSUME: where both centrelines run along one epipolar line, every pair of their points would do;
# there they are passed at even speed.
def _eased(other: Side, partner: np.ndarray) -> np.ndarray:
    """Places (n, 2) along partners in the other view, in detector indices.

    They are as evenly spaced as their heights allow: a sum of squares of steps, and of departures
    from the partners in the direction in which heights change, is least.
    """
    pixels = other.skeleton.pixels[partner]
    along = np.append(0, np.cumsum(np.linalg.norm(np.diff(pixels, axis=0), axis=1)))
    if along[-1] == 0:
        return pixels
    distances, first = np.unique(along, return_index=True)
    slope = np.gradient(other.heights[partner][first], distances) if len(first) > 1 else np.zeros(1)
    weight = np.interp(along, distances, slope**2)
    weight[[0, -1]] = np.maximum(weight[[0, -1]], 1)
    count = len(along)
    steps = np.diff(np.eye(count), axis=0)
    matrix = np.diag(weight) + EVENNESS * steps.T @ steps
    eased = np.linalg.solve(matrix, weight * along)
    return np.stack([np.interp(eased, distances, axis[first]) for axis in pixels.T], axis=1)


def _widened(taken: np.ndarray, segments: np.ndarray) -> np.ndarray:
    """Numbers that are taken or touch one that is."""
    found = taken.copy()
    for a, b in (segments.T, segments.T[::-1]):
        found[a[taken[b]]] = True
    return found


def _left_over(paths: tuple[np.ndarray, ...], explained: np.ndarray) -> list[np.ndarray]:
    """Runs of branches' pixels that are not explained, of a few pixels, or of whole branches."""
    runs = []
    for path in paths:
        cuts = np.flatnonzero(np.diff(explained[path])) + 1
        for run in np.split(path, cuts):
            if not explained[run[0]] and (len(run) >= SHORTEST or len(run) == len(path)):
                runs.append(run)
    return sorted(runs, key=len, reverse=True)


def smoothed(line: np.ndarray, voxel: float) -> np.ndarray:
    """A centreline (n, 3) mm, smoothed along itself, with points a voxel apart; at least one."""
    if len(line) > 1:
        line = gaussian_filter1d(_resampled(line, voxel / 2), 2 * SMOOTHING, axis=0, mode="nearest")
        line = _resampled(line, voxel)
    return line


def _resampled(line: np.ndarray, step: float) -> np.ndarray:
    """Points about a step apart along a line, its ends among them; one where it has no length."""
    along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    count = round(along[-1] / step)
    if count == 0:
        return line.mean(axis=0, keepdims=True)
    places = np.linspace(0, along[-1], count + 1)
    return np.stack([np.interp(places, along, axis) for axis in line.T], axis=1)
