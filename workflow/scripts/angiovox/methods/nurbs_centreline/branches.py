"""Two-dimensional branches of a view: vesselness, skeleton, and paths between forks and tips."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import center_of_mass, distance_transform_edt, label, maximum
from scipy.spatial import KDTree
from skimage.filters import frangi
from skimage.morphology import skeletonize

# ASSUME: a branch that ends less than its fork's half width and a pixel away from the fork is a
# bump of the vessel's border.
SPUR_PIXELS = 1.0


@dataclass(frozen=True, eq=False)
class Skeleton:
    """Centrelines of the vessels in a view.

    Attributes
    ----------
    pixels : (n, 2) detector indices. half_width : (n,) pixels to the border of the silhouette.
    brightness : (n,) of the image. segments : (m, 2) numbers of pixels that touch.
    paths : of pixel numbers, one for each branch between forks and tips; a blob is one pixel.
    """

    pixels: np.ndarray
    half_width: np.ndarray
    brightness: np.ndarray
    segments: np.ndarray
    paths: tuple[np.ndarray, ...]


def vesselness(image: np.ndarray, sigmas: Sequence[float]) -> np.ndarray:
    """Frangi's measure of bright ridges in an image (i, j), scaled to [0, 1].

    sigmas : pixels, of the Gaussians (Frangi et al. 1998, section 2.2).
    """
    found = frangi(image, sigmas=sigmas, black_ridges=False, mode="nearest")
    return found / max(found.max(), 1e-12)


def skeleton(
    image: np.ndarray, level: float, sigmas: Sequence[float], least_vesselness: float
) -> Skeleton:
    """Thin the vessels of an image in [0, 1] to centrelines and cut these at forks.

    level : brightness of a vessel's border. least_vesselness : of the pixels that are thinned,
    without which vessels that touch side by side would be one.
    """
    silhouette = image >= level
    width = distance_transform_edt(np.pad(silhouette, 1))[1:-1, 1:-1] - 0.5
    blobs, centres = round_parts(silhouette, width)
    ridges = silhouette & ~blobs & (vesselness(image, sigmas) >= least_vesselness)
    pixels = np.concatenate([np.argwhere(skeletonize(ridges)), centres])
    while True:
        place = tuple(pixels.round().astype(int).T)
        segments = touching(pixels)
        paths = branch_paths(segments, len(pixels))
        spurs = _spurs(paths, segments, width[place])
        if not len(spurs):
            return Skeleton(pixels, width[place], image[place], segments, tuple(paths))
        pixels = np.delete(pixels, spurs, axis=0)


# ASSUME: a part of a silhouette of less than twice the area of the largest circle in it is a blob,
# of which vesselness shows the rim; its centreline is its centre.
def round_parts(silhouette: np.ndarray, half_width: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pixels (i, j) of the parts of a silhouette that are round, and their centres (blobs, 2).

    half_width : (i, j) of the largest circle about each pixel, in pixels.
    """
    parts, count = label(silhouette, np.ones((3, 3)))
    numbers = np.arange(1, count + 1)
    circle = np.pi * (maximum(half_width, parts, numbers) + 0.5) ** 2
    is_round = np.bincount(parts.ravel(), minlength=count + 1)[1:] < 2 * circle
    centres = np.array(center_of_mass(silhouette, parts, numbers[is_round]))
    return np.append(False, is_round)[parts], centres.reshape(-1, 2)


def touching(pixels: np.ndarray) -> np.ndarray:
    """Pairs (m, 2) of pixels (n, 2) that touch, without diagonals that cut a corner."""
    if len(pixels) < 2:
        return np.zeros((0, 2), int)
    pairs = KDTree(pixels).query_pairs(1, p=np.inf, output_type="ndarray")
    length = np.abs(np.diff(pixels[pairs], axis=1)[:, 0]).sum(axis=1)
    straight, diagonal = pairs[length == 1], pairs[length == 2]
    beside: list[set[int]] = [set() for _ in pixels]
    for a, b in straight.tolist():
        beside[a].add(b)
        beside[b].add(a)
    kept = [pair for pair in diagonal.tolist() if not beside[pair[0]] & beside[pair[1]]]
    return np.array([*straight.tolist(), *kept], int).reshape(-1, 2)


def branch_paths(segments: np.ndarray, count: int) -> list[np.ndarray]:
    """Paths of numbers between forks or tips; a loop is cut, a lonely number is a path of one.

    segments : (m, 2) of numbers below `count`.
    """
    degree = np.bincount(segments.ravel(), minlength=count)
    beside: list[list[tuple[int, int]]] = [[] for _ in range(count)]
    for number, (a, b) in enumerate(segments.tolist()):
        beside[a].append((number, b))
        beside[b].append((number, a))
    seen = np.zeros(len(segments), bool)
    paths = [np.array([number]) for number in np.flatnonzero(degree == 0)]
    for start in [*np.flatnonzero((degree != 2) & (degree > 0)), *np.flatnonzero(degree == 2)]:
        for number, other in beside[start]:
            if not seen[number]:
                seen[number] = True
                paths.append(_walked([int(start), other], degree, beside, seen))
    return paths


def _walked(path: list[int], degree: np.ndarray, beside: list, seen: np.ndarray) -> np.ndarray:
    """Go on from the end of a path up to a fork, a tip, or where it began."""
    while degree[path[-1]] == 2 and path[-1] != path[0]:
        ((number, other),) = [step for step in beside[path[-1]] if not seen[step[0]]]
        seen[number] = True
        path.append(other)
    return np.array(path)


def _spurs(paths: list[np.ndarray], segments: np.ndarray, half_width: np.ndarray) -> np.ndarray:
    """Pixels of the shortest path of each fork that leads to a tip hardly outside of its width."""
    degree = np.bincount(segments.ravel(), minlength=len(half_width))
    shortest: dict[int, np.ndarray] = {}
    for path in paths:
        if sorted(degree[path[[0, -1]]] > 1) != [False, True]:
            continue
        path = path if degree[path[0]] > 1 else path[::-1]
        fork = int(path[0])
        is_short = len(path) - 1 <= half_width[fork] + SPUR_PIXELS
        if is_short and (fork not in shortest or len(path) - 1 < len(shortest[fork])):
            shortest[fork] = path[1:]
    return np.concatenate([np.zeros(0, int), *shortest.values()])
