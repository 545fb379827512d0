"""How near a reconstruction comes to the arteries of a trial, in millimetres where they apply."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import ndimage
from scipy.spatial import KDTree

from ..metrics.lesions import FOUND, lesion_scores
from ..metrics.overlap import ratios
from ..metrics.surface_distance import surface_scores
from ..metrics.topology import FULL, centreline_dice
from ..vessels.radii import radii
from ..vessels.skeleton import centreline
from .alignment import Truth

LEAST_PART_MM3 = 10.0  # volume from which a part that touches no artery is counted
SIZES = {"aneurysm": "size_mm", "stenosis": "length_mm", "malformation": "size_mm"}


def scores(found: np.ndarray, truth: Truth) -> dict[str, float]:
    """Compare a mask with the truth on the same grid.

    Parameters
    ----------
    found : (x, y, z) bool.

    Returns
    -------
    dice, precision, recall; missed, the share of the truth that was not found; cldice with
    topology_precision and topology_sensitivity; hd95_mm, assd_mm and nsd_1mm; what `radius_errors`
    and `spurious_parts` have. No entry where a number cannot be had.

    Raises
    ------
    ValueError : another shape than the truth's.
    """
    mask, voxel_mm = truth.mask, np.asarray(truth.grid.voxel_size)
    overlap = ratios(found, mask)
    del overlap["iou"]
    lines = centreline(found), centreline(mask)
    return {
        **overlap,
        "missed": 1 - overlap["recall"],
        **centreline_dice(found, mask, lines),
        **surface_scores(found, mask, voxel_mm),
        **radius_errors(found, lines[0], truth),
        **spurious_parts(found, mask, float(voxel_mm.prod())),
    }


def radius_errors(found: np.ndarray, line: np.ndarray, truth: Truth) -> dict[str, float]:
    """Compare radii along the true centreline, as it was grown or traced, where it was found.

    A point of the truth counts where its voxel is artery. It was found where a point of the found
    centreline lies within its radius and one voxel, and has the radius of the nearest.

    Parameters
    ----------
    found : (x, y, z) bool. line : (n, 3) indices of its centreline.

    Returns
    -------
    radius_error_mm and radius_error_share, mean absolute error and that by the true radius;
    radius_bias_mm, mean of found less true; centreline_recall, the share of points that were found.
    No entry where there is nothing to compare.
    """
    fine = truth.arteries.finer(min(truth.grid.voxel_size))
    points, true = _within(fine.points, fine.radii, truth)
    if not len(points):
        return {}
    if not len(line):
        return {"centreline_recall": 0.0}
    voxel_mm = np.asarray(truth.grid.voxel_size)
    apart, nearest = KDTree(truth.grid.to_mm(line)).query(points)
    reached = apart <= true + voxel_mm.max()
    recall = {"centreline_recall": float(reached.mean())}
    if not reached.any():
        return recall
    error = radii(found, line, voxel_mm)[nearest[reached]] - true[reached]
    return recall | {
        "radius_error_mm": float(np.abs(error).mean()),
        "radius_error_share": float((np.abs(error) / true[reached]).mean()),
        "radius_bias_mm": float(error.mean()),
    }


def _within(points: np.ndarray, radius: np.ndarray, truth: Truth) -> tuple[np.ndarray, np.ndarray]:
    """Points (n, 3) and their radii whose voxel is artery."""
    index = np.rint(truth.grid.to_index(points)).astype(int)
    inside = ((index >= 0) & (index < truth.grid.shape)).all(axis=1)
    inside[inside] = truth.mask[tuple(index[inside].T)]
    return points[inside], radius[inside]


def spurious_parts(found: np.ndarray, mask: np.ndarray, voxel_mm3: float) -> dict[str, float]:
    """Parts of what was found that touch no artery and are larger than 10 mm³.

    Returns
    -------
    spurious_parts, their number, and spurious_mm3, the volume of all parts of any size that touch
    none.
    """
    parts, count = ndimage.label(found, FULL)
    sizes = np.bincount(parts.ravel(), minlength=count + 1)
    loose = np.ones(count + 1, dtype=bool)
    loose[0] = False
    loose[np.unique(parts[mask])] = False
    volumes = sizes[loose] * voxel_mm3
    return {
        "spurious_parts": float(np.count_nonzero(volumes > LEAST_PART_MM3)),
        "spurious_mm3": float(volumes.sum()),
    }


def lesion_rows(found: np.ndarray, truth: Truth) -> list[dict[str, Any]]:
    """What was found of each lesion of which the truth has a voxel.

    Returns
    -------
    For each: kind, size_mm (width of an aneurysm's dome, length of a stenosis), degree of a
    stenosis or None, recall (share of its voxels), found (1 where that is at least a half).
    """
    voxel_mm = np.asarray(truth.grid.voxel_size)
    rows = []
    for lesion, sphere in zip(truth.lesions, truth.spheres, strict=True):
        held = lesion_scores(found, truth.mask, voxel_mm, [sphere])
        if held:
            rows.append(
                {
                    "kind": lesion.kind,
                    "size_mm": lesion.measures[SIZES[lesion.kind]],
                    "degree": lesion.measures.get("degree"),
                    "recall": held["lesion_recall"],
                    "found": float(held["lesion_recall"] >= FOUND),
                }
            )
    return rows
