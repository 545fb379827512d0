"""What a scanner makes of filled arteries: intensities on a grid, with all that is not artery.

Everything has its place in the head, not in the grid: two grids show one patient. Volumes are
worked on in blocks of slices, so that a 384 cube needs few copies of itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy import fft, ndimage

from ..projectors.kernels.jit import njit
from ..vessels.graph import Arteries, Pose
from ..vessels.voxelize import occupancy
from .head import Head, plain_ct, residue

BLOCK = 32  # slices
STREAK_RADIUS = 1.2  # mm; thinner arteries leave no streaks to speak of


@dataclass(frozen=True)
class Scanner:
    """One kind of acquisition, in its own intensity units (Hounsfield units for CT).

    background : what of the head is seen around the arteries, positions to intensities; None for
    nothing. thins : whether contrast thins along the arteries. noise_cutoff : share of the Nyquist
    frequency at which the filter leaves 37 % of the noise power; None for white noise. outside :
    intensity beyond the cylindrical field of view; None where there is no such edge.
    """

    description: str
    units: str | None  # as DICOM's rescale type
    background: Callable[..., np.ndarray] | None
    thins: bool
    artery: float  # intensity of an artery full of contrast
    noise: float  # standard deviation
    streaks: float  # strongest streak beside a full carotid
    blur: float  # mm, standard deviation of the point spread of detector and motion
    voxel_blur: float  # voxels, of the reconstruction's filter
    noise_cutoff: float | None
    outside: float | None


# ASSUME: levels of a clear clinical acquisition; the paper's scanner and protocol are not stated.
SCANNERS = {
    "3dra": Scanner(
        description="3D rotational angiography",
        units=None,
        background=residue,
        thins=True,
        artery=700.0,
        noise=12.0,
        streaks=30.0,
        blur=0.22,
        voxel_blur=0.45,
        noise_cutoff=0.6,
        outside=0.0,
    ),
    "cta": Scanner(
        description="CT angiography",
        units="HU",
        background=plain_ct,
        thins=True,
        artery=380.0,
        noise=14.0,
        streaks=15.0,
        blur=0.30,
        voxel_blur=0.45,
        noise_cutoff=0.5,
        outside=-1000.0,
    ),
    # A check on the other two: what holds on both does not hang on how they are simulated.
    "plain": Scanner(
        description="Simplified angiography",
        units=None,
        background=None,
        thins=False,
        artery=700.0,
        noise=12.0,
        streaks=0.0,
        blur=0.22,
        voxel_blur=0.45,
        noise_cutoff=None,
        outside=None,
    ),
}


def scanner_named(name: str) -> Scanner:
    """The scanner of a name.

    Raises ValueError for a name that none has.
    """
    if name not in SCANNERS:
        raise ValueError(f"scanner {name!r}: choose one of {', '.join(SCANNERS)}")
    return SCANNERS[name]


def image(
    arteries: Arteries,
    pose: Pose,
    shape: tuple[int, int, int],
    voxel_size: float,
    seed: int,
    scanner: str = "3dra",
    scan: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """Simulated angiogram of one patient, and the exact share of artery in each voxel.

    Parameters
    ----------
    arteries : filled ones, around the isocentre.
    pose : how the head around them lies.
    shape : (x, y, z) of the grid, centred on the isocentre.
    voxel_size : mm.
    seed : of the patient; the same arguments give the same image.
    scanner : "3dra" is subtracted rotational angiography, "cta" plain CT angiography with skull
        and air, "plain" arteries alone, with blur and white noise.
    scan : another one has other noise and streaks, of the same head.

    Returns
    -------
    Intensities and share, both (x, y, z) float32.

    Raises
    ------
    ValueError : a voxel size or radius that is not positive, or a scanner of another name.
    """
    kind = scanner_named(scanner)
    share, contrast = occupancy(arteries, shape, voxel_size)
    rng = np.random.default_rng([seed, 3])
    head = Head.draw(rng, pose)
    rng = np.random.default_rng([seed, 3, scan]) if scan else rng
    volume = np.empty(shape, dtype=np.float32)
    for z, axes in _blocks(shape, voxel_size):
        background = kind.background(head, *axes) if kind.background else np.float32(0)
        filled = kind.artery * contrast[:, :, z]
        volume[:, :, z] = background + share[:, :, z] * (filled - background)
    del contrast  # the filter takes a volume of its own
    sigma = np.hypot(kind.blur / voxel_size, kind.voxel_blur)
    ndimage.gaussian_filter(volume, sigma, output=volume, truncate=3.0)
    if kind.streaks:
        _add_streaks(volume, arteries, voxel_size, kind.streaks, rng)
    if kind.noise_cutoff is None:
        _add_white_noise(volume, kind.noise, rng)
    else:
        _add_noise(volume, kind.noise, kind.noise_cutoff, rng)
    if kind.outside is not None:
        _cut_cylinder(volume, kind.outside)
    return volume, share


def _blocks(shape: tuple[int, int, int], voxel_size: float) -> Iterator[tuple[slice, list]]:
    """Blocks of slices with the positions in mm of their voxels, as broadcastable axes."""
    x, y, z = [((np.arange(n) - (n - 1) / 2) * voxel_size).astype(np.float32) for n in shape]
    for start in range(0, shape[2], BLOCK):
        part = slice(start, min(start + BLOCK, shape[2]))
        yield part, [x[:, None, None], y[None, :, None], z[None, None, part]]


def _add_white_noise(volume: np.ndarray, noise: float, rng: np.random.Generator) -> None:
    for z in range(volume.shape[2]):
        volume[:, :, z] += np.float32(noise) * rng.standard_normal(volume.shape[:2], np.float32)


def _add_noise(volume: np.ndarray, noise: float, cutoff: float, rng: np.random.Generator) -> None:
    """Noise whose in-plane spectrum rises with frequency and is cut off by the filter.

    Filtered back-projection amplifies high frequencies and its window damps them again; slices
    share some of their noise (Riederer 1978, Phys Med Biol 23:446).
    """
    nx, ny, nz = volume.shape
    frequency = np.hypot(np.fft.fftfreq(nx)[:, None], np.fft.fftfreq(ny)) * 2  # of Nyquist's
    power = frequency * np.exp(-((frequency / cutoff) ** 2))
    response = np.sqrt(power[:, : ny // 2 + 1]).astype(np.float32)
    weights = np.array([0.25, 0.5, 0.25], dtype=np.float32)
    # Standard deviation of white noise after both filters, by Parseval.
    scale = noise / np.sqrt(power.mean() * np.sum(weights**2))
    # Two slices of the last block stay, so that blocks join without a seam.
    before = _filtered(rng, response, 2, (nx, ny))
    for start in range(0, nz, BLOCK):
        stop = min(start + BLOCK, nz)
        white = np.concatenate([before, _filtered(rng, response, stop - start, (nx, ny))])
        mixed = weights[0] * white[:-2] + weights[1] * white[1:-1] + weights[2] * white[2:]
        volume[:, :, start:stop] += np.float32(scale) * np.moveaxis(mixed, 0, 2)
        before = white[-2:]


def _filtered(
    rng: np.random.Generator, response: np.ndarray, count: int, shape: tuple[int, int]
) -> np.ndarray:
    white = rng.standard_normal((count, *shape), dtype=np.float32)
    return fft.irfft2(fft.rfft2(white, workers=2) * response, s=shape, workers=2)


def _add_streaks(
    volume: np.ndarray,
    arteries: Arteries,
    voxel_size: float,
    strongest: float,
    rng: np.random.Generator,
) -> None:
    """Streaks in the slices that thick arteries cross, as few views leave around dense things."""
    lobes = rng.standard_normal(360).astype(np.float32)
    pattern = ndimage.gaussian_filter1d(lobes, 1.5, mode="wrap")
    pattern *= strongest / np.abs(pattern).max()
    places, weights = _thick_crossings(arteries, voxel_size)
    places += (np.asarray(volume.shape) - 1) / 2
    slices, left = np.rint(places[:, 2]).astype(int), places[:, 0] >= volume.shape[0] / 2
    centres = []
    # One centre per slice and side of the head is enough for a picture of streaks.
    for z, side in product(range(volume.shape[2]), (False, True)):
        here = (slices == z) & (left == side)
        if here.any():
            x, y, _ = np.average(places[here], axis=0, weights=weights[here])
            centres.append((z, x, y, min(1.0, weights[here].max())))
    if centres:
        _paint_streaks(volume, np.array(centres), pattern, np.float32(6.0 / voxel_size))


def _thick_crossings(arteries: Arteries, voxel_size: float) -> tuple[np.ndarray, np.ndarray]:
    """Places (n, 3) in voxels along thick arteries, closer than slices, and how dense each is."""
    dense = (arteries.radii / 2.0) ** 2 * arteries.contrast
    segments = arteries.segments[arteries.radii[arteries.segments].min(axis=1) > STREAK_RADIUS]
    first, last = segments.T
    starts, ends = arteries.points[first], arteries.points[last]
    longest = np.linalg.norm(ends - starts, axis=1).max(initial=0.0)
    shares = np.linspace(0, 1, int(longest / voxel_size) * 2 + 2)[:, None]
    places = starts + shares[..., None] * (ends - starts)
    weights = dense[first] + shares * (dense[last] - dense[first])
    return places.reshape(-1, 3) / voxel_size, weights.ravel()


@njit(nogil=True, cache=True)
def _paint_streaks(volume, centres, pattern, reach):
    for i in range(len(centres)):
        z = int(centres[i, 0])
        cx, cy, weight = np.float32(centres[i, 1]), np.float32(centres[i, 2]), centres[i, 3]
        for x in range(volume.shape[0]):
            for y in range(volume.shape[1]):
                dx, dy = np.float32(x) - cx, np.float32(y) - cy
                far = np.sqrt(dx * dx + dy * dy)
                turn = (np.arctan2(dy, dx) / np.float32(np.pi) + 1) * np.float32(180)
                lobe = pattern[int(turn) % 360]
                # None in the artery itself, strongest beside it, then fading.
                rise = min(np.float32(1.0), far / reach)
                volume[x, y, z] += np.float32(weight) * lobe * rise / (1 + far / (3 * reach))


def _cut_cylinder(volume: np.ndarray, outside: float) -> None:
    """A C-arm sees a cylinder: corners of the square beyond it hold no data."""
    nx, ny, _ = volume.shape
    x, y = np.arange(nx)[:, None] - (nx - 1) / 2, np.arange(ny) - (ny - 1) / 2
    volume[np.hypot(x / (nx / 2), y / (ny / 2)) > 1] = outside
