"""Angiograms of the page, with the outline of the reconstruction drawn over them."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from html import escape

import numpy as np

from ...angiograms.measurement import Angiograms
from ...geometry.grid import Grid
from ...geometry.views import Views
from ...projectors.line_integral import line_integral

LEVEL = 0.5  # of the probability
OUTLINE_VOXELS = 0.5  # a ray that passes through this much vessel is within the outline
TOLERANCE_PIXELS = 0.25  # by which an outline may move to have fewer points
SHORTEST_OUTLINE = 4  # points
# Of the measured pixels: what lies above is a vessel seen end on, which would leave the rest pale.
WINDOW_PERCENTILES = (0.1, 99.5)
NOT_MEASURED = 128  # grey
MOST_PIXELS = 1024  # along an edge of a picture


def grey_picture(line_integrals: np.ndarray, measured: np.ndarray) -> np.ndarray:
    """Picture (rows, columns) uint8 of a subtracted view, vessels dark on light, the head up.

    line_integrals, measured : (i, j), i to the right and j up.
    """
    known = line_integrals[measured] if measured.any() else np.array([0, 1])
    low, high = np.percentile(known, WINDOW_PERCENTILES)
    share = (line_integrals - low) / max(high - low, np.finfo(np.float32).tiny)
    grey = np.rint(255 * (1 - np.clip(share, 0, 1)))
    grey = np.where(measured, grey, NOT_MEASURED).astype(np.uint8)
    step = -(-max(grey.shape) // MOST_PIXELS)
    return np.ascontiguousarray(grey.T[::-1][::step, ::step])


def png(picture: np.ndarray) -> bytes:
    """A grey picture (rows, columns) uint8 as PNG."""
    from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy
    from vtkmodules.vtkCommonDataModel import vtkImageData
    from vtkmodules.vtkIOImage import vtkPNGWriter

    image = vtkImageData()
    image.SetDimensions(picture.shape[1], picture.shape[0], 1)
    image.GetPointData().SetScalars(numpy_to_vtk(picture[::-1].ravel(), deep=True))
    writer = vtkPNGWriter()
    writer.SetInputData(image)
    writer.WriteToMemoryOn()
    writer.Write()
    return vtk_to_numpy(writer.GetResult()).tobytes()


def outlines(
    probability: np.ndarray, grid: Grid, views: Views, threads: int = 1
) -> list[list[np.ndarray]]:
    """Outline of the vessels in each view, closed or open lines of (n, 2) detector indices."""
    from skimage.measure import approximate_polygon, find_contours

    vessel = (probability >= LEVEL).astype(np.float32)
    level = OUTLINE_VOXELS * min(grid.voxel_size)
    found = []
    for image in line_integral(vessel, grid, views, threads):
        contours = find_contours(image, level)
        lines = [approximate_polygon(line, TOLERANCE_PIXELS) for line in contours]
        found.append([line for line in lines if len(line) >= SHORTEST_OUTLINE])
    return found


def field(grid: Grid, views: Views) -> list[np.ndarray]:
    """Edge of the field that is reconstructed in each view, a closed line of detector indices."""
    from scipy.spatial import ConvexHull

    corners = np.array(list(np.ndindex(2, 2, 2))) * grid.shape - 0.5
    seen = views.project(grid.to_mm(corners))
    hulls = [places[ConvexHull(places).vertices] for places in seen]
    return [np.concatenate([hull, hull[:1]]) for hull in hulls]


def path(lines: Iterable[np.ndarray], height: int) -> str:
    """Lines of detector indices as the `d` of an SVG path, in pixels from the upper left edge."""
    parts = []
    for line in lines:
        places = np.stack([line[:, 0] + 0.5, height - 0.5 - line[:, 1]], axis=1).round(1)
        text = "L".join(f"{x:g} {y:g}" for x, y in places)
        parts.append(f"M{text}")
    return "".join(parts)


def figures(
    angiograms: Angiograms,
    after: list[list[np.ndarray]],
    before: list[list[np.ndarray]] | None,
    fields: list[np.ndarray],
) -> str:
    """Each view as an HTML figure.

    after, before : of `outlines`, where views are and were. fields : of `field`.
    """
    texts = []
    width, height = angiograms.views.detector
    for k, label in enumerate(angiograms.labels):
        picture = png(grey_picture(angiograms.line_integrals[k], angiograms.measured[k]))
        source = base64.b64encode(picture).decode()
        lines = f'<path class="field" d="{path([fields[k]], height)}"/>'
        lines += f'<path class="after" d="{path(after[k], height)}"/>'
        if before is not None:
            lines = f'<path class="before" d="{path(before[k], height)}"/>' + lines
        name = escape(label)
        texts.append(
            f'<figure class="run"><svg viewBox="0 0 {width} {height}" role="img" '
            f'aria-label="Subtracted angiogram, {name}, with the outline of the reconstruction">'
            f'<image href="data:image/png;base64,{source}" width="{width}" height="{height}"/>'
            f"{lines}</svg><figcaption>{name}</figcaption></figure>"
        )
    return "\n".join(texts)
