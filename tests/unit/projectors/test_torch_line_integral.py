"""Line integrals and back-projections in torch against numba, and their gradients."""

import numpy as np
import pytest
import torch
from angiovox.geometry.cone_beam import CArm
from angiovox.geometry.grid import Grid
from angiovox.geometry.views import Views, parallel_views
from angiovox.projectors import line_integral as by_rays
from angiovox.projectors import torch_line_integral, torch_rays, torch_voxel_backprojection
from angiovox.projectors import voxel_backprojection as by_voxels
from angiovox.projectors.torch_line_integral import (
    line_integral,
    line_integral_adjoint,
    project_max,
)
from angiovox.projectors.torch_voxel_backprojection import back_project
from torch.autograd import gradcheck
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

pytestmark = pytest.mark.usefixtures("one_thread")

ARM = CArm(1200, 750, (17, 15), (2.5, 3.0), (3, -2))
CONE = ARM.views([0, 45, 100, -30], [0, 20, -10, 60])
GRIDS = [
    Grid((13, 11, 9), (2.1, 1.9, 2.3), (2, -3, 1)),
    Grid((1, 8, 6), (2.0, 2.0, 2.0)),
    Grid((8, 7, 1), (2.0, 2.0, 2.0)),
]
PARALLEL = parallel_views([0.0, 45.0, 90.0, 200.0], GRIDS[0])  # 45: axes that are as good as equal
DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-12}  # of the largest value


def random_tensor(shape, dtype=torch.float64, seed=0, device="cpu"):
    values = np.random.default_rng(seed).normal(0.3, 1, shape)
    return torch.tensor(values, dtype=dtype, device=device)


def random_poses(count, seed=3):
    return torch.tensor(np.random.default_rng(seed).normal(0, [0.02] * 3 + [1] * 3, (count, 6)))


def assert_close(ours, expected):
    tolerance = TOLERANCE[ours.dtype] * abs(expected).max()
    np.testing.assert_allclose(ours.cpu().numpy(), expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("grid", GRIDS, ids=lambda grid: str(grid.shape))
@pytest.mark.parametrize("views", [CONE, PARALLEL], ids=["cone", "parallel"])
def test_equals_numba(views, grid, dtype, device):
    volume = random_tensor(grid.shape, dtype, device=device)
    images = random_tensor(views.shape, dtype, 1, device)
    as_array, as_images = volume.cpu().numpy(), images.cpu().numpy()
    for name in ("line_integral", "project_max"):
        ours = getattr(torch_line_integral, name)(volume, grid, views)
        assert_close(ours, getattr(by_rays, name)(as_array, grid, views))
    expected = by_rays.line_integral_adjoint(as_images, grid, views)
    assert_close(line_integral_adjoint(images, grid, views), expected)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("combine", by_voxels.COMBINATIONS)
def test_back_project_equals_numba(combine, dtype, device):
    images = random_tensor(CONE.shape, dtype, device=device)
    expected = by_voxels.back_project(images.cpu().numpy(), GRIDS[0], CONE, combine)
    assert_close(back_project(images, GRIDS[0], CONE, combine), expected)


def test_a_list_of_rays_equals_numba():
    volume, rays = random_tensor(GRIDS[0].shape), Views.of_rays(*CONE.rays())
    assert_close(
        line_integral(volume, GRIDS[0], rays), by_rays.line_integral(volume.numpy(), GRIDS[0], rays)
    )


def test_poses_move_the_views():
    volume, poses = random_tensor(GRIDS[0].shape), random_poses(4)
    moved = CONE.moved(poses.numpy())
    expected = by_rays.line_integral(volume.numpy(), GRIDS[0], moved)
    assert_close(line_integral(volume, GRIDS[0], CONE, poses), expected)
    images = random_tensor(CONE.shape)
    expected = by_voxels.back_project(images.numpy(), GRIDS[0], moved, "mean")
    assert_close(back_project(images, GRIDS[0], CONE, "mean", poses), expected)


def test_a_pose_of_zeros_moves_nothing_and_has_a_gradient():
    volume, poses = random_tensor(GRIDS[0].shape), torch.zeros(4, 6, requires_grad=True)
    images = line_integral(volume, GRIDS[0], CONE, poses)
    assert torch.equal(images, line_integral(volume, GRIDS[0], CONE))
    images.square().sum().backward()
    assert poses.grad.isfinite().all() and (poses.grad != 0).all()


# Gradients


@pytest.mark.parametrize("operate", [line_integral, project_max])
@pytest.mark.parametrize("views", [CONE, PARALLEL[1:]], ids=["cone", "parallel"])
def test_gradients_to_volume_and_poses_equal_finite_differences(operate, views):
    volume = random_tensor(GRIDS[0].shape).requires_grad_()
    poses = random_poses(len(views)).requires_grad_()

    def images(volume, poses):
        return operate(volume, GRIDS[0], views, poses)[:, ::4, ::3]

    assert gradcheck(images, (volume, poses), fast_mode=True)


def test_gradient_to_a_pose_equals_finite_differences_of_numba():
    volume, poses = random_tensor(GRIDS[0].shape), random_poses(4).requires_grad_()
    weights = random_tensor(CONE.shape, seed=2)
    (line_integral(volume, GRIDS[0], CONE, poses) * weights).sum().backward()

    def loss(change):
        moved = CONE.moved(poses.detach().numpy() + change)
        return (by_rays.line_integral(volume.numpy(), GRIDS[0], moved) * weights.numpy()).sum()

    for view in range(4):
        for number in range(6):
            step = np.zeros((4, 6))
            step[view, number] = 1e-7
            slope = (loss(step) - loss(-step)) / 2e-7
            assert poses.grad[view, number].item() == pytest.approx(slope, rel=1e-3, abs=1e-2)


def test_gradient_to_the_volume_is_the_adjoint():
    volume = random_tensor(GRIDS[0].shape).requires_grad_()
    weights = random_tensor(CONE.shape, seed=1)
    (line_integral(volume, GRIDS[0], CONE) * weights).sum().backward()
    assert_close(volume.grad, by_rays.line_integral_adjoint(weights.numpy(), GRIDS[0], CONE))


def test_gradient_of_the_adjoint_is_the_line_integral():
    images = random_tensor(CONE.shape).requires_grad_()
    weights = random_tensor(GRIDS[0].shape, seed=1)
    (line_integral_adjoint(images, GRIDS[0], CONE) * weights).sum().backward()
    assert_close(images.grad, by_rays.line_integral(weights.numpy(), GRIDS[0], CONE))


@pytest.mark.parametrize("combine", by_voxels.COMBINATIONS)
def test_gradients_of_a_back_projection_equal_finite_differences(combine):
    images, poses = random_tensor(CONE.shape).requires_grad_(), random_poses(4).requires_grad_()

    def volume(images, poses):
        return back_project(images, GRIDS[0], CONE, combine, poses)

    assert gradcheck(volume, (images, poses), fast_mode=True)


def test_a_pose_is_found_again_by_its_gradient():
    """One view, off by 1 degree and 2 mm."""
    grid = Grid((24,) * 3, (2.0,) * 3)
    x, y, z = np.moveaxis(grid.to_mm(np.moveaxis(np.indices(grid.shape), 0, -1)), -1, 0)
    blobs = np.exp(-((x - 8) ** 2 + y**2 + (z + 6) ** 2) / 60)
    blobs += np.exp(-((x + 10) ** 2 + (y - 9) ** 2 + (z - 8) ** 2) / 40)
    volume, views = torch.tensor(blobs), ARM.views(20, 10)
    true = torch.tensor([[0.0, 0.0, np.radians(1.0), 0.0, 0.0, 2.0]])
    seen = line_integral(volume, grid, views, true)
    pose = torch.zeros(1, 6, dtype=torch.float64, requires_grad=True)
    scale = torch.tensor([0.01] * 3 + [1.0] * 3)  # radians and mm alike
    optimizer = torch.optim.LBFGS([pose], max_iter=60, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        loss = (line_integral(volume, grid, views, pose * scale) - seen).square().sum()
        loss.backward()
        return loss

    first = closure().item()
    optimizer.step(closure)
    assert closure().item() < 1e-4 * first
    assert abs((pose * scale - true)[0, 5].item()) < 0.3


# Memory and determinism


class Largest(TorchDispatchMode):
    """The largest tensor in bytes that any operation gives."""

    def __init__(self):
        super().__init__()
        self.bytes = 0

    def __torch_dispatch__(self, operation, types, arguments=(), named=None):
        result = operation(*arguments, **(named or {}))
        tensors = [leaf for leaf in tree_leaves(result) if isinstance(leaf, torch.Tensor)]
        self.bytes = max([self.bytes, *(tensor.nbytes for tensor in tensors)])
        return result


def test_blocks_bound_the_memory_and_change_nothing(monkeypatch):
    volume, images = random_tensor(GRIDS[0].shape), random_tensor(CONE.shape, seed=1)
    poses = random_poses(4)

    def gradients():
        given = [tensor.clone().requires_grad_() for tensor in (volume, images, poses)]
        loss = line_integral(given[0], GRIDS[0], CONE, given[2]).square().sum()
        loss = loss + project_max(given[0], GRIDS[0], CONE, given[2]).square().sum()
        loss = loss + back_project(given[1], GRIDS[0], CONE, "sum", given[2]).square().sum()
        loss.backward()
        return [tensor.grad for tensor in given]

    whole = gradients()
    budget = 1 << 17
    monkeypatch.setattr(torch_rays, "BUDGET", budget)
    monkeypatch.setattr(torch_voxel_backprojection, "BUDGET", budget)
    with Largest() as largest:
        parts = gradients()
    assert largest.bytes <= max(budget / 4, volume.nbytes, images.nbytes)
    for part, expected in zip(parts, whole, strict=True):
        torch.testing.assert_close(part, expected)


def test_threads_do_not_change_a_bit():
    volume, values = random_tensor((40, 36, 30)), random_tensor(CONE.shape, seed=1)
    grid, before = Grid((40, 36, 30), (0.7, 0.8, 0.9)), torch.get_num_threads()

    def results():
        given, poses = volume.clone().requires_grad_(), random_poses(4).requires_grad_()
        result = line_integral(given, grid, CONE, poses)
        result.square().sum().backward()
        images = values.clone().requires_grad_()
        total = back_project(images, grid, CONE, "sum")
        total.square().sum().backward()
        return result, given.grad, line_integral_adjoint(values, grid, CONE), total, images.grad

    try:
        torch.set_num_threads(1)
        one = results()
        torch.set_num_threads(2)
        assert all(torch.equal(*pair) for pair in zip(one, results(), strict=True))
    finally:
        torch.set_num_threads(before)


def test_what_cannot_be_projected_is_refused():
    volume = random_tensor(GRIDS[0].shape)
    with pytest.raises(ValueError, match=r"\(13, 11, 9\), expected \(1, 8, 6\) of the grid"):
        line_integral(volume, GRIDS[1], CONE)
    with pytest.raises(ValueError, match="float16: convert"):
        project_max(volume.half(), GRIDS[0], CONE)
    with pytest.raises(ValueError, match=r"poses of shape \(1, 6\), expected \(4, 6\)"):
        line_integral(volume, GRIDS[0], CONE, torch.zeros(1, 6))
    with pytest.raises(ValueError, match="of the views"):
        line_integral_adjoint(volume, GRIDS[0], CONE)
    with pytest.raises(ValueError, match="int64: convert"):
        back_project(random_tensor(CONE.shape).long(), GRIDS[0], CONE, "sum")
