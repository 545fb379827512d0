"""Centrelines of masks by thinning that keeps their topology (after Lee et al. 1994).

scikit-image's `skeletonize` does not check again whether a voxel has become the end of a line. What
is two voxels wide unzips from its end: a tube of 2 x 2 x 9 voxels leaves nothing, and a solid tube
along a diagonal may leave one voxel. Arteries are that narrow at a study's resolution.
"""

from __future__ import annotations

import itertools

import numpy as np

from ..projectors.kernels.jit import njit

# The 27 voxels around one, and the one, are bits of a number.
_PLACES = np.array(list(itertools.product((-1, 0, 1), repeat=3)))
_APART = np.abs(_PLACES[:, None] - _PLACES[None])
_CENTRE = 13


def _bits(chosen: np.ndarray) -> int:
    return sum(1 << int(number) for number in np.flatnonzero(chosen) if number != _CENTRE)


_STEPS = np.abs(_PLACES).sum(axis=1)
FACES = _bits(_STEPS == 1)
NEAR = _bits(_STEPS <= 2)  # those that share a face or an edge with the voxel
TOUCHING = np.array([_bits(row) for row in _APART.max(axis=2) == 1])
SHARING_A_FACE = np.array([_bits(row) for row in _APART.sum(axis=2) == 1])
DIRECTIONS = np.array([4, 22, 10, 16, 12, 14])  # before and behind along each axis
# States of a voxel: kept, chosen to go in this pass (also set), gone in this pass.
KEPT, CHOSEN, GONE = 1, 2, 4


def centreline(mask: np.ndarray) -> np.ndarray:
    """Voxels of a mask's centreline, (n, 3) indices in ascending order.

    Thinned from six sides in turn until lines one voxel wide are left. Components and loops stay
    what they are (26 neighbours), a cavity keeps a shell around it, a solid blob leaves a point.
    """
    padded = np.ascontiguousarray(np.pad(mask, 1), dtype=np.uint8)
    steps = _PLACES @ np.array(padded.strides)
    flat = padded.ravel()
    left = _thin(flat, np.flatnonzero(flat), steps)
    return np.stack(np.unravel_index(left, padded.shape), axis=1) - 1


@njit(nogil=True, cache=True)
def _thin(flat, points, steps):
    """Empty the voxels that are not needed; returns the places of those that are left."""
    candidates = np.empty_like(points)
    before = len(points) + 1
    while len(points) < before:
        before = len(points)
        for side in DIRECTIONS:
            # A layer is chosen before any of it goes: else one pass would eat to the far side.
            count = 0
            for at in points:
                border = flat[at] and not flat[at + steps[side]]
                if border and _removable(_around(flat, at, steps)):
                    candidates[count] = at
                    count += 1
            layer = candidates[:count]
            for at in layer:
                flat[at] |= CHOSEN
            # From outside inwards: a tip whose neighbours went first would be the end of a spur.
            for at in layer[:: 1 if side < _CENTRE else -1]:
                if _removable(_around(flat, at, steps)) and not _unzips(flat, at, steps):
                    flat[at] = GONE
            for at in layer:
                flat[at] &= KEPT
        points = points[flat[points] > 0]
    return points


@njit(nogil=True, cache=True)
def _unzips(flat, at, steps):
    """Whether a neighbour went in this pass and all that are left may follow.

    A diagonal line that is all one layer would go from its tip to its far end.
    """
    went = False
    for number in range(27):
        state = flat[at + steps[number]]
        if state == KEPT:
            return False
        went |= state == GONE
    return went


@njit(nogil=True, cache=True)
def _around(flat, at, steps):
    bits = 0
    for number in range(27):
        if number != _CENTRE and flat[at + steps[number]] & KEPT:
            bits |= 1 << number
    return bits


@njit(nogil=True, cache=True)
def _removable(bits):
    """Whether a voxel with these neighbours is no end, and simple (Bertrand and Malandain 1994).

    Simple: neighbours in the mask hang together without it, and so does the background at its
    faces, seen through faces.
    """
    if bits & (bits - 1) == 0:  # an end, or alone
        return False
    free = NEAR & ~bits
    faces = free & FACES
    if not faces or _reached(bits & -bits, bits, TOUCHING) != bits:
        return False
    return faces & ~_reached(faces & -faces, free, SHARING_A_FACE) == 0


@njit(nogil=True, cache=True)
def _reached(start, bits, joined):
    """What hangs together with a bit, of those that are set."""
    reached, before = start, 0
    while reached != before:
        fresh, before = reached & ~before, reached
        for number in range(27):
            if fresh >> number & 1:
                reached |= joined[number] & bits
    return reached
