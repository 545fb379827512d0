"""How much of each voxel a closed surface encloses."""

from __future__ import annotations

import numpy as np

from ..geometry.grid import Grid
from .kernels.jit import njit

SUBDIVISIONS = 4  # lines through a voxel along x and y; along z their lengths are exact


def surface_occupancy(vertices: np.ndarray, triangles: np.ndarray, grid: Grid) -> np.ndarray:
    """Share (x, y, z) float32 of each voxel that lies within a closed surface.

    Inside is where the surface winds about a place: bodies that overlap count once, a wall within
    another that is turned the other way bounds a hole.

    Parameters
    ----------
    vertices : (n, 3) mm. triangles : (m, 3) numbers of vertices; each edge of one is that of
        another the other way round, so that lines meet as many walls on their way in as out.
    """
    # In units of lines along x and y, of voxels from its lower face along z.
    fine = (grid.to_index(vertices) + 0.5) * [SUBDIVISIONS, SUBDIVISIONS, 1] - [0.5, 0.5, 0]
    triangles = np.ascontiguousarray(triangles, dtype=np.int64)
    share = np.zeros(grid.shape, dtype=np.float32)
    lines = np.array([SUBDIVISIONS * grid.shape[0], SUBDIVISIONS * grid.shape[1]])
    nothing = np.zeros(0, dtype=np.int64), np.zeros(0), np.zeros(0, dtype=np.int8)
    count = _cross(fine, triangles, lines, *nothing)
    line, height, sign = np.empty(count, np.int64), np.empty(count), np.empty(count, np.int8)
    _cross(fine, triangles, lines, line, height, sign)
    order = np.lexsort((height, line))
    _fill(share, line[order], height[order], sign[order], lines[1])
    return np.minimum(share, np.float32(1))


@njit(nogil=True, cache=True)
def _cross(vertices, triangles, lines, line, height, sign):
    """Where lines along z meet triangles; returns how often. Written where there is room.

    Triangles that share an edge find its crossing by the same numbers, and a line on it belongs to
    one of them: no line slips through.
    """
    count = 0
    room = len(line)
    at = np.empty(2)
    for number in range(len(triangles)):
        a, b, c = triangles[number]
        p, q, r = vertices[a], vertices[b], vertices[c]
        area = (q[0] - p[0]) * (r[1] - p[1]) - (r[0] - p[0]) * (q[1] - p[1])
        if area == 0:
            continue
        low, high = min(p[1], q[1], r[1]), max(p[1], q[1], r[1])
        bottom, top = min(p[2], q[2], r[2]), max(p[2], q[2], r[2])
        dx = ((q[2] - p[2]) * (r[1] - p[1]) - (r[2] - p[2]) * (q[1] - p[1])) / area
        dy = ((r[2] - p[2]) * (q[0] - p[0]) - (q[2] - p[2]) * (r[0] - p[0])) / area
        for v in range(max(0, int(np.ceil(low))), min(lines[1], int(np.ceil(high)))):
            met = 0
            for edge in range(3):
                s, t = triangles[number, edge], triangles[number, (edge + 1) % 3]
                if (vertices[s, 1] <= v) != (vertices[t, 1] <= v):
                    if vertices[s, 1] > vertices[t, 1]:
                        s, t = t, s
                    along = (v - vertices[s, 1]) / (vertices[t, 1] - vertices[s, 1])
                    at[met] = vertices[s, 0] + along * (vertices[t, 0] - vertices[s, 0])
                    met += 1
            if met < 2:
                continue
            first, last = int(np.ceil(min(at[0], at[1]))), int(np.ceil(max(at[0], at[1])))
            for u in range(max(0, first), min(lines[0], last)):
                if room:
                    z = p[2] + (u - p[0]) * dx + (v - p[1]) * dy
                    line[count] = u * lines[1] + v
                    height[count] = min(max(z, bottom), top)
                    sign[count] = 1 if area > 0 else -1
                count += 1
    return count


@njit(nogil=True, cache=True)
def _fill(share, line, height, sign, columns):
    """Add the lengths between ways in and out, of crossings in order of lines and heights."""
    weight = 1.0 / SUBDIVISIONS**2
    winding = 0
    for k in range(len(line)):
        if k and line[k] != line[k - 1]:
            winding = 0
        winding += sign[k]
        if not winding or k + 1 == len(line) or line[k + 1] != line[k]:
            continue
        x, y = line[k] // columns // SUBDIVISIONS, line[k] % columns // SUBDIVISIONS
        start = max(height[k], 0.0)
        stop = min(height[k + 1], float(share.shape[2]))
        z = int(start)
        while z < stop:
            share[x, y, z] += weight * (min(stop, z + 1.0) - max(start, float(z)))
            z += 1
