"""What a network may see of the arteries in a cube, in numbers: `measures` of one cube."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from angiovox.geometry.parallel_beam import view_indices
from angiovox.io.quantization import LEVELS
from angiovox.methods.thresholding import best_threshold
from angiovox.metrics.overlap import ratios
from angiovox.projectors.backprojection import network_inputs
from angiovox.vessels.graph import Arteries, along, branches
from phantoms_and_trees_cubes import ANGLES, EDGE, VOXEL_MM, Cube
from scipy.ndimage import gaussian_filter1d, label
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import cKDTree

HALF = EDGE * VOXEL_MM / 2
FIELD_ML = np.pi * HALF**2 * 2 * HALF / 1000  # of the cylinder that the scanner sees
THINNEST = 0.3  # mm; the traced trees begin there
CLASSES = {"thin": (THINNEST, 0.6), "middle": (0.6, 1.0), "thick": (1.0, np.inf)}  # radius, mm
SHELLS = ((0, 8), (8, 16), (16, 24))  # mm from the middle
STEP = 0.5  # mm between samples of a course
SHARPEST = 1.0  # 1/mm
SMOOTHING = 1.5  # mm: points of the traced trees are about 2 mm apart
BANDS = ((4, 8), (8, 16), (16, 32))  # mm, wavelengths
NEAR, JOINED = 3.0, 10.0  # mm between two centrelines; through the arteries between them
AXES = ("left-right", "front-back", "up-down")


@dataclass(frozen=True)
class Course:
    """A vessel from where it leaves another to its tip, at even steps.

    points : (n, 3) mm. radii : (n,) mm. tangent, curvature : (n, 3) of the smoothed course, and its
    change per mm. inside : (n,) whether a point is in the field of view.
    """

    points: np.ndarray
    radii: np.ndarray
    tangent: np.ndarray
    curvature: np.ndarray
    inside: np.ndarray


def measures(cube: Cube) -> dict[str, dict[str, float]]:
    """All measures of a cube by group and name."""
    seen = cube.whole.keep(cube.whole.radii[cube.whole.segments].min(axis=1) >= THINNEST)
    seen = seen.finer(STEP)
    field = seen.keep(_inside(seen.points)[seen.segments].all(axis=1))
    courses = [_course(*path) for path in _courses(seen)]
    return {
        "directions": _directions(field),
        "curvature": _curvature(courses),
        "wavelengths": _wavelengths(courses),
        "branching": _branching(field),
        "neighbours": _neighbours(field),
        "calibre": _calibre(field, courses),
        "place": _place(cube, field),
        "projections": _overlaps(cube),
        "border": _border(cube, seen),
        "intensities": _intensities(cube),
        "mask": _mask(cube),
        "hull": _hull(cube),
    }


def _inside(points: np.ndarray) -> np.ndarray:
    return (np.hypot(points[:, 0], points[:, 1]) <= HALF) & (np.abs(points[:, 2]) <= HALF)


def _of_segments(arteries: Arteries) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Middle (n, 3), direction (n, 3), radius and length (n,) of each segment."""
    ends = arteries.points[arteries.segments]
    length = np.maximum(arteries.lengths, 1e-9)
    direction = (ends[:, 1] - ends[:, 0]) / length[:, None]
    return ends.mean(axis=1), direction, arteries.radii[arteries.segments].mean(axis=1), length


def _share(chosen: np.ndarray, weights: np.ndarray) -> float:
    return float(weights[chosen].sum() / weights.sum()) if weights.sum() else np.nan


def _directions(field: Arteries) -> dict[str, float]:
    """Share of the length that runs within 30 degrees of an axis, of all and by calibre."""
    _, direction, radius, length = _of_segments(field)
    found = {}
    for name, (low, high) in {"all": (0, np.inf), **CLASSES}.items():
        own = (radius >= low) & (radius < high)
        for axis, words in enumerate(AXES):
            along_axis = np.abs(direction[own, axis]) >= np.cos(np.radians(30))
            found[f"{words}, {name}"] = _share(along_axis, length[own])
    return found


def _courses(arteries: Arteries) -> list[tuple[np.ndarray, np.ndarray]]:
    """Points and radii of vessels; at each fork a vessel goes on in its thickest daughter."""
    paths = branches(arteries.segments)
    thick = [np.median(arteries.radii[path[1:]]) for path in paths]
    leaving: dict[int, list[int]] = {}
    for number, path in enumerate(paths):
        leaving.setdefault(int(path[0]), []).append(number)
    after = {node: max(own, key=lambda n: thick[n]) for node, own in leaving.items()}
    arriving = {int(path[-1]) for path in paths}
    found = []
    for number, path in enumerate(paths):
        if int(path[0]) in arriving and after[int(path[0])] == number:
            continue  # a vessel upstream goes on in it
        way, used = list(path), {number}
        while (following := after.get(int(way[-1]))) is not None and following not in used:
            used.add(following)
            way.extend(paths[following][1:])
        found.append((arteries.points[way], arteries.radii[way]))
    return [(points, radii) for points, radii in found if along(points)[-1] >= 4]


def _course(points: np.ndarray, radii: np.ndarray) -> Course:
    far = along(points)
    places = np.arange(0, far[-1], STEP)
    even = np.stack([np.interp(places, far, axis) for axis in points.T], axis=1)
    smooth = gaussian_filter1d(even, SMOOTHING / STEP, axis=0, mode="nearest")
    tangent = np.gradient(smooth, STEP, axis=0)
    # A traced course may turn back on itself within a voxel: such a cusp bends as a circle of 1 mm.
    speed = np.maximum(np.linalg.norm(tangent, axis=1, keepdims=True), 0.2)
    tangent = tangent / speed
    curvature = np.gradient(tangent, STEP, axis=0) / speed
    curvature /= np.maximum(np.linalg.norm(curvature, axis=1, keepdims=True) / SHARPEST, 1)
    inside = _inside(even)
    inside[:6] = inside[-6:] = False  # ends, where smoothing has one side only
    return Course(even, np.interp(places, far, radii), tangent, curvature, inside)


def _curvature(courses: list[Course]) -> dict[str, float]:
    """How much vessels bend, and how much they leave the plane they bend in."""
    bend = np.concatenate([np.linalg.norm(c.curvature, axis=1)[c.inside] for c in courses])
    radius = np.concatenate([c.radii[c.inside] for c in courses])
    found = {
        "curvature, median, 1/mm": np.median(bend),
        "curvature, 90th percentile, 1/mm": np.percentile(bend, 90),
    }
    for name, (low, high) in CLASSES.items():
        own = bend[(radius >= low) & (radius < high)]
        found[f"curvature, {name}, median, 1/mm"] = np.median(own) if len(own) else np.nan
    twist = np.concatenate([_torsion(c) for c in courses])
    found["torsion, median, 1/mm"] = np.median(twist)
    found["path over chord of 10 mm"] = _path_over_chord(courses, 10)
    found["path over chord of 20 mm"] = _path_over_chord(courses, 20)
    return {name: float(value) for name, value in found.items()}


def _torsion(course: Course) -> np.ndarray:
    """Absolute torsion where a course bends: without a bend it has no plane."""
    binormal = np.cross(course.tangent, course.curvature)
    bend = np.linalg.norm(binormal, axis=1)
    binormal /= np.maximum(bend, 1e-9)[:, None]
    twist = np.linalg.norm(np.gradient(binormal, STEP, axis=0), axis=1)
    return twist[course.inside & (bend > 0.1)]


def _path_over_chord(courses: list[Course], length: float) -> float:
    """Median over all pieces of a given length."""
    steps = round(length / STEP)
    found = [
        length / np.maximum(np.linalg.norm(c.points[steps:] - c.points[:-steps], axis=1), 0.1)
        for c in courses
        if len(c.points) > steps
    ]
    inside = [
        c.inside[steps // 2 : steps // 2 + len(c.points) - steps]
        for c in courses
        if len(c.points) > steps
    ]
    return np.median(np.concatenate(found)[np.concatenate(inside)])


def _wavelengths(courses: list[Course]) -> dict[str, float]:
    """Root mean square of the curvature vector in bands of wavelength, in a frame that stays.

    The vector holds torsion as well: a helix bends as much everywhere, but in turning directions.
    """
    power = {band: [0.0, 0] for band in BANDS}
    for course in courses:
        spectrum = np.fft.rfft(course.curvature, n=2 * len(course.points), axis=0)
        frequency = np.fft.rfftfreq(2 * len(course.points), STEP)
        for low, high in BANDS:
            if len(course.points) * STEP < high:
                continue
            within = (frequency >= 1 / high) & (frequency < 1 / low)
            part = np.fft.irfft(spectrum * within[:, None], axis=0)[: len(course.points)]
            own = np.sum(part[course.inside] ** 2, axis=1)
            power[low, high][0] += own.sum()
            power[low, high][1] += len(own)
    found = {
        f"bends of {low} to {high} mm, 1/mm": float(np.sqrt(total / max(count, 1)))
        for (low, high), (total, count) in power.items()
    }
    short, _, long = found.values()
    return found | {"bends of 4 to 8 over 16 to 32 mm": short / max(long, 1e-9)}


def _branching(field: Arteries) -> dict[str, float]:
    """Branches and forks in the field; a branch that it cuts counts."""
    paths = branches(field.segments)
    lengths = [along(field.points[path])[-1] for path in paths]
    degree = np.bincount(field.segments.ravel())
    _, _, radius, length = _of_segments(field)
    return {
        "branches of 2 mm and more": float(np.sum(np.array(lengths) >= 2)),
        "forks": float(np.sum(degree > 2)),
        "tips and ends": float(np.sum(degree == 1)),
        "branch length, median, mm": float(np.median(lengths)),
        "length, mm/mL": float(length.sum() / FIELD_ML),
        **{
            f"length, {name}, mm/mL": float(
                length[(radius >= low) & (radius < high)].sum() / FIELD_ML
            )
            for name, (low, high) in CLASSES.items()
        },
        "angle between daughters, degrees": _daughter_angle(field, paths),
    }


def _daughter_angle(field: Arteries, paths: list[np.ndarray]) -> float:
    """Median over forks, by the first 8 mm of daughters: traced ones begin within their parent."""
    leaving: dict[int, list[np.ndarray]] = {}
    for path in paths:
        points = field.points[path]
        end = np.searchsorted(along(points), 8.0)
        if end < len(points):
            way = points[end] - points[0]
            leaving.setdefault(int(path[0]), []).append(way / np.linalg.norm(way))
    cosines = [float(a @ b) for a, b, *rest in (w for w in leaving.values() if len(w) > 1)]
    return float(np.degrees(np.median(np.arccos(np.clip(cosines, -1, 1))))) if cosines else np.nan


def _neighbours(field: Arteries) -> dict[str, float]:
    """Branches that come near others, by a way through the arteries that is longer than 10 mm."""
    middle, direction, radius, length = _of_segments(field)
    own = np.zeros(len(length), dtype=int)
    number_of = {tuple(segment): i for i, segment in enumerate(np.sort(field.segments).tolist())}
    for branch, path in enumerate(branches(field.segments)):
        steps = np.sort(np.stack([path[:-1], path[1:]], axis=1))
        own[[number_of[tuple(step)] for step in steps.tolist()]] = branch
    first, last = cKDTree(middle).query_pairs(NEAR, output_type="ndarray").T
    apart = (own[first] != own[last]) & ~_is_joined(field)[
        field.segments[first, 0], field.segments[last, 0]
    ]
    first, last = first[apart], last[apart]
    gap = np.linalg.norm(middle[first] - middle[last], axis=1)
    cosine = np.abs(np.sum(direction[first] * direction[last], axis=1))
    # Of each pair of branches, where it is narrowest.
    pair = np.sort(np.stack([own[first], own[last]], axis=1))
    narrowest = np.lexsort((gap, pair[:, 1], pair[:, 0]))
    _, chosen = np.unique(pair[narrowest], axis=0, return_index=True)
    met = cosine[narrowest[chosen]]
    is_parallel = cosine > np.cos(np.radians(30))
    touches = gap - radius[first] - radius[last] < VOXEL_MM
    beside, touching = (np.unique([first[s], last[s]]) for s in (is_parallel, touches))
    per_100, total = 100 / length.sum(), length.sum()
    return {
        "pairs nearer than 3 mm, per 100 mm": len(met) * per_100,
        "of them parallel (30 degrees)": np.sum(met > np.cos(np.radians(30))) * per_100,
        "of them crossing (60 degrees)": np.sum(met < np.cos(np.radians(60))) * per_100,
        "share of length beside a parallel one": float(length[beside].sum() / total),
        "share of length within a voxel of another": float(length[touching].sum() / total),
    }


def _is_joined(field: Arteries) -> np.ndarray:
    """Whether a way of 10 mm at most joins two points, (n, n)."""
    count = len(field.points)
    ways = csr_array((np.maximum(field.lengths, 1e-9), field.segments.T), shape=(count, count))
    return np.isfinite(dijkstra(ways, directed=False, limit=JOINED))


def _calibre(field: Arteries, courses: list[Course]) -> dict[str, float]:
    """Radii by place, the field's share of each class, and how uneven walls are."""
    middle, _, radius, length = _of_segments(field)
    far = np.linalg.norm(middle, axis=1)
    found = {}
    for low, high in SHELLS:
        own = (far >= low) & (far < high)
        found[f"mean radius {low} to {high} mm from the middle, mm"] = (
            float(np.average(radius[own], weights=length[own])) if own.any() else np.nan
        )
    volume = np.pi * radius**2 * length
    for name, (low, high) in CLASSES.items():
        own = (radius >= low) & (radius < high)
        found[f"share of the field, {name}, per mille"] = float(volume[own].sum() / FIELD_ML)
    rough = [_roughness(c) for c in courses if c.inside.sum() >= 16]
    # Relative to what 8 mm of the vessel have on average.
    found["unevenness of radii"] = float(np.sqrt(np.mean(np.concatenate(rough) ** 2)))
    found["radius, widest, mm"] = float(np.percentile(radius, 99))
    return found


def _roughness(course: Course) -> np.ndarray:
    radii = np.log(course.radii)
    return (radii - gaussian_filter1d(radii, 4.0 / STEP, mode="nearest"))[course.inside]


def _place(cube: Cube, field: Arteries) -> dict[str, float]:
    """Where in the field arteries are: to the filled side, to the back, up; and how spread out."""
    middle, _, radius, length = _of_segments(field)
    middle = middle * [-1 if cube.is_mirrored else 1, 1, 1]
    volume = np.pi * radius**2 * length
    found = {}
    for words, weights in (("length", length), ("volume", volume)):
        mean = np.average(middle, axis=0, weights=weights)
        spread = np.sqrt(np.average((middle - mean) ** 2, axis=0, weights=weights))
        for name, value in zip(("to the side", "to the back", "up"), mean, strict=True):
            found[f"middle of the {words}, {name}, mm"] = float(value)
        for name, value in zip(AXES, spread, strict=True):
            found[f"spread of the {words}, {name}, mm"] = float(value)
    fine = radius < CLASSES["thick"][0]
    low, high = fine & (middle[:, 2] < -5), fine & (middle[:, 2] > 5)
    found["radius below 1 mm, 5 mm and more below the middle, mm"] = float(length[low].sum())
    found["radius below 1 mm, 5 mm and more above the middle, mm"] = float(length[high].sum())
    far = np.linalg.norm(middle, axis=1)
    for low, high in SHELLS:
        found[f"share of length {low} to {high} mm from the middle"] = _share(
            (far >= low) & (far < high), length
        )
    return found


def _overlaps(cube: Cube) -> dict[str, float]:
    """Vessels that a ray through at least one meets, from the exact arteries."""
    exact = cube.share >= 0.5
    found = {}
    for angle, axis in ((0, 1), (90, 0)):
        runs = np.sum(np.diff(exact, axis=axis, prepend=False).astype(bool), axis=axis)
        last = np.take(exact, -1, axis=axis)
        met = (runs + last) // 2
        seen = met[met > 0]
        found[f"vessels on a ray at {angle} degrees"] = float(seen.mean())
        found[f"pixels with two or more at {angle} degrees"] = float(np.mean(seen > 1))
        found[f"share of pixels with a vessel at {angle} degrees"] = float(np.mean(met > 0))
    return found


def _border(cube: Cube, seen: Arteries) -> dict[str, float]:
    inner = cube.mask[1:-1, 1:-1, 1:-1].sum()
    inside = _inside(seen.points)[seen.segments]
    return {
        "share of the mask on the border": float(1 - inner / max(cube.mask.sum(), 1)),
        "arteries through the field's faces": float(np.sum(inside[:, 0] != inside[:, 1])),
    }


def _intensities(cube: Cube) -> dict[str, float]:
    values = cube.volume[cube.mask]
    peak = np.percentile(cube.volume, 99.99)
    return {
        "mean in the mask, of the peak": float(values.mean() / peak),
        "standard deviation in the mask, of the peak": float(values.std() / peak),
        "Otsu's threshold, of the peak": float(cube.threshold / peak),
        "peak": float(peak),
    }


def _mask(cube: Cube) -> dict[str, float]:
    labels, count = label(cube.mask, np.ones((3, 3, 3)))
    sizes = np.bincount(labels.ravel())[1:]
    exact = ratios(cube.mask, cube.share >= 0.5)
    return {
        "share of voxels, per mille": float(cube.mask.mean() * 1000),
        "components": float(count),
        "largest component": float(sizes.max() / sizes.sum()),
        "IoU with the exact arteries": exact["iou"],
        "recall of the exact arteries": exact["recall"],
        "precision": exact["precision"],
    }


def _hull(cube: Cube) -> dict[str, float]:
    """IoU of the hull with the threshold that suits this cube best."""
    found = {}
    for views in (2, 90):
        chosen = view_indices(len(ANGLES), views)
        total, least = (
            volumes[0] / np.float32(LEVELS)
            for volumes in network_inputs(cube.projections, ANGLES, [chosen], EDGE)
        )
        found[f"IoU of the hull, {views} views"] = best_threshold([(least, cube.mask)])[1]
        if views == 2:
            found["IoU of the sum, 2 views"] = best_threshold([(total, cube.mask)])[1]
    return found
