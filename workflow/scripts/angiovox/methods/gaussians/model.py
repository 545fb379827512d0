"""The optimisation of a cloud of Gaussians for one patient."""

from __future__ import annotations

import numpy as np
import torch
from scipy.spatial import cKDTree
from torch import Tensor

from ...method import Context, Measurement
from ...projectors import torch_line_integral, torch_projectors
from ...training.per_patient import optimise
from ..vessel_views import Targets, targets
from .cloud import EDGE, NAMES, Cloud
from .control import Control, adapt
from .line_integrals import line_integrals
from .losses import image_loss, total_variation
from .voxelization import voxelize

NEIGHBOURS = 3  # whose root mean square distance is a Gaussian's first scale


def reconstructed(state: dict, measurement: Measurement, settings, context: Context) -> np.ndarray:
    """Density of the optimised cloud at the voxels, (x, y, z) float32 in [0, 1].

    state : of `vessel_views.fitted`. settings : `gaussians.method.Settings`.
    """
    known = targets(state, measurement)
    support = known.hull >= state["support"]
    if not support.any():
        return np.zeros(known.grid.shape, dtype=np.float32)
    fitting = Fitting(known, support, measurement.angles, settings, context)
    optimise({"cloud": fitting.cloud}, fitting.step, settings.steps, context)
    context.log(f"{len(fitting.cloud)} Gaussians")
    with torch.no_grad():
        return fitting.volume().clamp(0, 1).cpu().numpy()


class Fitting:
    """A cloud with the views that it is fitted to.

    known : the views. support : (x, y, z) bool, voxels of the hull. angles : (views,) degrees.
    settings, context : of the reconstruction.
    """

    def __init__(
        self, known: Targets, support: np.ndarray, angles: np.ndarray, settings, context: Context
    ):
        torch.manual_seed(context.seed)
        self.known, self.angles, self.settings = known, angles, settings
        self.device, self.seed = torch.device(context.device), context.seed
        grid = known.grid
        self.half = float(max(np.multiply(grid.shape, grid.voxel_size))) / EDGE  # mm
        # Of line integrals, too, lengths are in halves of the edge: the SSIM's constants want that.
        scale = self.half if known.are_integrals else 1.0
        self.images = torch.from_numpy(known.images / np.float32(scale)).to(self.device)
        self.support = torch.from_numpy(support).to(self.device)
        self.cloud = self._started(support)
        self.control = Control(
            settings.control_gradient,
            EDGE * settings.split_scale,
            settings.least_density,
            settings.most_gaussians,
        )

    # ASSUME: the source counts gradients of a Gaussian's place on the image; here they are those of
    # its position in the volume, in the same unit. Along the ray a line integral has none.
    def step(self, number: int) -> float:
        """Render some views, compare, and change the cloud; the loss."""
        self.cloud.optimizer.zero_grad()
        some = self._chosen(number)
        rng = np.random.default_rng([self.seed, number, 1])
        volume = None if self.known.are_integrals else self.volume()
        found = self._rendered(volume, some)
        loss = image_loss(found, self.images[some], self.settings.dssim_weight)
        if self.settings.tv_weight:
            block = self._block(volume, rng)
            loss = loss + self.settings.tv_weight * total_variation(block)
        loss.backward()
        self.cloud.step(number)
        self._adapt(number + 1)
        return loss.item()

    def volume(self) -> Tensor:
        """Density at the voxels (x, y, z), 0 outside of the hull."""
        return self._voxels((0, 0, 0), self.known.grid.shape) * self.support

    def _voxels(self, first: tuple[int, ...], shape: tuple[int, ...]) -> Tensor:
        """Density at a block of voxels, whose first one is at an index."""
        index = self._indices() - torch.tensor(first, device=self.device)
        scale = self._voxel_sizes() / self.half
        covariance = self.cloud.covariance / (scale[:, None] * scale)
        return voxelize(index, covariance, self.cloud.density, shape)

    def _indices(self) -> Tensor:
        """Voxel indices (n, 3) of the cloud."""
        middle = (torch.tensor(self.known.grid.shape, device=self.device) - 1) / 2
        return middle + self.cloud.position * (self.half / self._voxel_sizes())

    def _voxel_sizes(self) -> Tensor:
        return torch.tensor(self.known.grid.voxel_size, dtype=torch.float32, device=self.device)

    def _rendered(self, volume: Tensor | None, some: np.ndarray) -> Tensor:
        """Some views of the cloud: line integrals in closed form, or maxima of the voxels."""
        grid, views = self.known.grid, self.known.views[some]
        if volume is None:
            centre = self.half * self.cloud.position
            centre = centre + torch.tensor(grid.centre, dtype=torch.float32, device=self.device)
            covariance = self.half**2 * self.cloud.covariance
            return line_integrals(centre, covariance, self.cloud.density, views) / self.half
        if (views.source[:, 3] == 0).all():
            return torch_projectors.project_max(volume, self.angles[some])
        return torch_line_integral.project_max(volume, grid, views)

    def _block(self, volume: Tensor | None, rng: np.random.Generator) -> Tensor:
        """Density at a random block of voxels, for its total variation."""
        shape = [min(self.settings.tv_edge, count) for count in self.known.grid.shape]
        first = [
            int(rng.integers(count - edge + 1))
            for count, edge in zip(self.known.grid.shape, shape, strict=True)
        ]
        if volume is None:
            return self._voxels(tuple(first), tuple(shape))
        slices = [slice(start, start + edge) for start, edge in zip(first, shape, strict=True)]
        return volume[tuple(slices)]

    def _chosen(self, number: int) -> np.ndarray:
        """Views of a step: all in turn, in an order drawn anew for each turn."""
        count = len(self.images)
        at_once = min(self.settings.views_per_step, count)
        steps = -(-count // at_once)
        order = np.random.default_rng([self.seed, number // steps]).permutation(count)
        start = number % steps * at_once
        return np.sort(order[start : start + at_once])

    def _adapt(self, number: int) -> None:
        given = self.settings
        is_time = given.control_from < number < given.control_until
        if is_time and number % given.control_every == 0:
            adapt(self.cloud, self.control, self._is_in_hull())

    # ASSUME: a Gaussian is removed where its centre leaves the hull; the source removes those that
    # leave the volume.
    @torch.no_grad()
    def _is_in_hull(self) -> Tensor:
        """Whether the voxel that each Gaussian's centre lies in belongs to the hull, (n,)."""
        index = self._indices().round().long()
        shape = torch.tensor(self.support.shape, device=self.device)
        inside = ((index >= 0) & (index < shape)).all(dim=1)
        x, y, z = torch.minimum(index.clamp(min=0), shape - 1).unbind(1)
        return inside & self.support[x, y, z]

    def _started(self, support: np.ndarray) -> Cloud:
        """A cloud on a sample of the hull's voxels."""
        given, grid = self.settings, self.known.grid
        rng = np.random.default_rng([self.seed, 0, 2])
        voxels = np.argwhere(support)
        drawn = np.sort(rng.permutation(len(voxels))[: given.points])
        places = (grid.to_mm(voxels[drawn]) - grid.centre) / self.half
        # ASSUME: a vessel's voxels have a density of 1 at most, whatever the line integral.
        shown = np.minimum(self.known.hull[support][drawn], 1)
        shown = np.maximum(shown, 10 * given.least_density / given.start_density)
        voxel = max(grid.voxel_size) / self.half
        rates = {name: getattr(given, f"{name}_rate") for name in NAMES}
        rotation = np.tile([1.0, 0, 0, 0], (len(places), 1))
        values = {"position": places, "density": shown, "rotation": rotation}
        values["scale"] = np.repeat(spacing(places, voxel)[:, None], 3, axis=1)
        tensors = {
            name: torch.tensor(value, dtype=torch.float32, device=self.device)
            for name, value in values.items()
        }
        cloud = Cloud(tensors, rates, given.steps, voxel)
        tensors["density"] = cloud.raw_density(given.start_density * tensors["density"])
        tensors["scale"] = cloud.raw_scale(tensors["scale"])
        return Cloud(tensors, rates, given.steps, voxel)


def spacing(places: np.ndarray, alone: float) -> np.ndarray:
    """Root mean square distance (n,) of each place to its nearest ones; `alone` without any."""
    if len(places) <= NEIGHBOURS:
        return np.full(len(places), alone)
    distance, _ = cKDTree(places).query(places, NEIGHBOURS + 1)
    return np.sqrt((distance[:, 1:] ** 2).mean(axis=1))
