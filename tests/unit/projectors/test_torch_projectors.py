"""The torch projectors against the numba ones, as an adjoint pair, and their gradients."""

import weakref

import numpy as np
import pytest
import torch
from angiovox.geometry.parallel_beam import rotation_table
from angiovox.projectors import backprojection, mip, torch_sampling
from angiovox.projectors.torch_projectors import back_project, project_max, project_sum
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

ANGLES = np.random.default_rng(9).uniform(-180, 360, 5)
SHAPES = [(8, 8, 5), (9, 6, 4), (6, 9, 70), (11, 4, 3), (1, 5, 2), (5, 1, 2)]
DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
TOLERANCE = 1e-5  # of the largest value: both compute in float32, in another order


def random_tensor(shape, dtype=torch.float32, seed=0, device="cpu"):
    values = np.random.default_rng(seed).normal(10, 30, shape)
    return torch.tensor(values, dtype=dtype, device=device)


def assert_close(ours, expected):
    ours = ours.cpu().numpy()
    assert ours.shape == expected.shape and ours.dtype == expected.dtype
    np.testing.assert_allclose(ours, expected, rtol=0, atol=TOLERANCE * np.abs(expected).max())


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("shape", SHAPES)
def test_project_max_equals_numba(shape, device):
    volume = random_tensor(shape, device=device)
    expected = mip.project_max(volume.cpu().numpy(), ANGLES)
    assert_close(project_max(volume, ANGLES), expected)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("shape", SHAPES)
def test_back_project_equals_numba(shape, device):
    detector, depth, levels = shape
    projections = random_tensor((len(ANGLES), detector, levels), device=device)
    expected = backprojection.back_project(projections.cpu().numpy(), ANGLES, depth)
    for ours, theirs in zip(back_project(projections, ANGLES, depth), expected, strict=True):
        assert_close(ours, theirs)


@pytest.mark.parametrize("angles", [[0.0, 90.0], [45.0], [180.0, 270.0, 30.0]])
def test_right_angles_and_blind_corners_equal_numba(angles):
    volume = random_tensor((8, 8, 5))
    projections = project_max(volume, angles)
    assert_close(projections, mip.project_max(volume.numpy(), angles))
    expected = backprojection.back_project(projections.numpy(), angles, 8)
    for ours, theirs in zip(back_project(projections, angles, 8), expected, strict=True):
        assert_close(ours, theirs)


def test_places_keep_their_precision_on_the_papers_plane():
    """Float32 places on a plane of 384 would be off by 1e-5 of a voxel, float32 weights by 1e-7."""
    volume = random_tensor((384, 384, 1))
    images = mip.project_max(volume.numpy(), ANGLES)
    total, bound = backprojection.back_project(images, ANGLES, 384)
    ours = project_max(volume, ANGLES)
    np.testing.assert_allclose(ours.numpy(), images, rtol=1e-6)
    for result, expected in zip(back_project(ours, ANGLES, 384), (total, bound), strict=True):
        np.testing.assert_allclose(result.numpy(), expected, rtol=2e-6)


@settings(max_examples=40, deadline=None)
@given(
    st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(1, 4)),
    st.lists(st.floats(-360, 360), min_size=1, max_size=4),
    st.integers(0, 2**32 - 1),
)
def test_project_sum_is_the_adjoint_of_back_project(shape, angles, seed):
    """<A v, p> = <v, A^T p> to rounding in float64, on any grid and at any angles."""
    nx, ny, nz = shape
    volume = random_tensor(shape, torch.float64, seed)
    projections = random_tensor((len(angles), nx, nz), torch.float64, seed + 1)
    left = (project_sum(volume, angles) * projections).sum()
    total, _ = back_project(projections, angles, ny)
    scale = (volume.abs().sum() * projections.abs().max()).item()
    assert abs(left - (volume * total).sum()).item() <= 1e-10 * scale


def test_project_sum_is_the_adjoint_of_the_numba_back_projection():
    volume, projections = random_tensor((9, 6, 4)), random_tensor((len(ANGLES), 9, 4), seed=1)
    total, _ = backprojection.back_project(projections.numpy(), ANGLES, 6)
    left = (project_sum(volume, ANGLES).double() * projections.double()).sum().item()
    right = (volume.numpy().astype(float) * total).sum()
    assert left == pytest.approx(right, rel=1e-5)


def test_project_sum_is_the_gradient_of_back_project():
    """The scatter is written out; autograd of the gather must say the same."""
    volume = random_tensor((9, 6, 4), torch.float64)
    projections = random_tensor((len(ANGLES), 9, 4), torch.float64, 1).requires_grad_()
    (back_project(projections, ANGLES, 6)[0] * volume).sum().backward()
    torch.testing.assert_close(project_sum(volume, ANGLES), projections.grad)


def test_project_sum_keeps_the_mass_of_what_every_view_sees():
    """Linear weights add up to one: each level's sum passes to each view."""
    volume = torch.zeros(17, 17, 3, dtype=torch.float64)
    volume[5:12, 5:12] = random_tensor((7, 7, 3), torch.float64)
    mass = volume.sum(dim=(0, 1)).expand(len(ANGLES), 3)
    torch.testing.assert_close(project_sum(volume, ANGLES).sum(dim=1), mass)


def test_project_sum_at_0_and_90_degrees_is_the_sum_along_an_axis():
    volume = random_tensor((8, 8, 3), torch.float64)
    along_y, along_x = project_sum(volume, [0.0, 90.0])
    torch.testing.assert_close(along_y, volume.sum(dim=1))
    torch.testing.assert_close(along_x, volume.sum(dim=0).flip(0))


@pytest.mark.parametrize("shape", [(4, 4, 2), (5, 3, 2), (3, 5, 2)])
def test_gradients_equal_finite_differences(shape):
    """Normal values are distinct, so that no maximum or minimum is tied."""
    volume = random_tensor(shape, torch.float64).requires_grad_()
    projections = random_tensor((3, shape[0], shape[2]), torch.float64, 1).requires_grad_()
    angles = ANGLES[:3]
    assert torch.autograd.gradcheck(lambda v: project_max(v, angles), volume)
    assert torch.autograd.gradcheck(lambda v: project_sum(v, angles), volume)
    assert torch.autograd.gradcheck(lambda p: back_project(p, angles, shape[1]), projections)


def test_gradient_of_a_maximum_reaches_one_blend_per_ray():
    volume = random_tensor((8, 8, 1), torch.float64).requires_grad_()
    project_max(volume, [0.0]).sum().backward()
    rows = volume.detach()[..., 0]
    expected = torch.zeros_like(rows).scatter_(1, rows.argmax(dim=1, keepdim=True), 1.0)
    torch.testing.assert_close(volume.grad[..., 0], expected)


def hat(position, count):
    """Linear weights (..., count) of the voxels of an axis at positions on it."""
    return (1 - (position[..., None] - torch.arange(count)).abs()).clamp(min=0)


def turned(nx, ny, cos, sin):
    """Where the points of a plane fall, (nx, ny) each, and which of them inside it."""
    x = torch.arange(nx, dtype=torch.float64)[:, None] - (nx - 1) / 2
    y = torch.arange(ny, dtype=torch.float64) - (ny - 1) / 2
    x, y = cos * x + sin * y + (nx - 1) / 2, cos * y - sin * x + (ny - 1) / 2
    return x, y, (x >= 0) & (x <= nx - 1) & (y >= 0) & (y <= ny - 1)


def plain_project_max(volume, angles):
    nx, ny, _ = volume.shape
    images = []
    for cos, sin in rotation_table(angles):
        x, y, visible = turned(nx, ny, cos, sin)
        values = torch.einsum("uvx,uvy,xyz->uvz", hat(x, nx), hat(y, ny), volume)
        images.append(torch.where(visible[..., None], values, volume.min()).amax(dim=1))
    return torch.stack(images)


def plain_project_sum(volume, angles):
    nx, ny, _ = volume.shape
    images = []
    for cos, sin in rotation_table(angles):
        u, _, visible = turned(nx, ny, cos, -sin)
        images.append(torch.einsum("xyu,xy,xyz->uz", hat(u, nx), visible.double(), volume))
    return torch.stack(images)


def plain_back_project(projections, angles, depth):
    total, bound = 0, projections.max()
    for image, (cos, sin) in zip(projections, rotation_table(angles), strict=True):
        u, _, visible = turned(len(image), depth, cos, -sin)
        values = torch.einsum("xyu,uz->xyz", hat(u, len(image)), image)
        total = total + values * visible[..., None]
        bound = torch.where(visible[..., None], torch.minimum(values, bound), bound)
    return total, bound


def values_and_gradient(operate, tensor, seed=5):
    """Results of an operator as a tuple, and the gradient of their sum under random weights."""
    tensor = tensor.detach().clone().requires_grad_()
    results = operate(tensor)
    results = results if isinstance(results, tuple) else (results,)
    weights = [random_tensor(r.shape, r.dtype, seed + n) for n, r in enumerate(results)]
    torch.autograd.backward(results, weights)
    return *(result.detach() for result in results), tensor.grad


def operators(shape, angles, dtype=torch.float64):
    """Each operator with its plain form, and a tensor to apply them to."""
    nx, ny, nz = shape
    volume = random_tensor(shape, dtype)
    projections = random_tensor((len(angles), nx, nz), dtype, 1)
    return {
        "project_max": (project_max, plain_project_max, volume, [angles]),
        "project_sum": (project_sum, plain_project_sum, volume, [angles]),
        "back_project": (back_project, plain_back_project, projections, [angles, ny]),
    }


OPERATORS = list(operators((1, 1, 1), ANGLES))


@pytest.mark.parametrize("name", OPERATORS)
@pytest.mark.parametrize("shape", [(7, 10, 3), (13, 5, 2), (1, 6, 2), (6, 1, 3), (9, 9, 1)])
def test_values_and_gradients_equal_those_of_the_plain_form(name, shape):
    """The plain form is autograd's, through all voxels' weights at once."""
    ours, plain, tensor, arguments = operators(shape, [0.0, 17.0, 45.0, 90.0, 208.0])[name]
    results = values_and_gradient(lambda t: ours(t, *arguments), tensor)
    expected = values_and_gradient(lambda t: plain(t, *arguments), tensor)
    for ours, theirs in zip(results, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-10 * theirs.abs().max().item())


@pytest.mark.parametrize("name", OPERATORS)
@pytest.mark.parametrize("shape", [(3, 5, 2), (5, 2, 1)])
def test_second_gradients_equal_finite_differences(name, shape):
    operate, _, tensor, arguments = operators(shape, ANGLES[:2])[name]
    tensor.requires_grad_()
    assert torch.autograd.gradgradcheck(lambda t: operate(t, *arguments), tensor)


@pytest.mark.parametrize("name", OPERATORS)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_short_floats_are_widened_once_and_rounded_once(name, dtype):
    """Values between 0 and 1, whose sums float16 can hold; whole float16 sums would lose bits."""
    angles = np.linspace(0, 90, 90)
    operate, _, tensor, arguments = operators((12, 12, 3), angles, torch.float32)[name]
    tensor = tensor.sub(tensor.min()).div(200).to(dtype)

    def one_result(tensor, number):
        results = operate(tensor, *arguments)
        return results[number] if isinstance(results, tuple) else results

    for number in range(1 + (name == "back_project")):
        results = values_and_gradient(lambda t, n=number: one_result(t, n), tensor)
        widened = values_and_gradient(
            lambda t, n=number: one_result(t.float(), n).to(dtype), tensor
        )
        for short, long in zip(results, widened, strict=True):
            assert short.dtype == dtype and torch.equal(short, long)


def test_a_sum_that_float16_cannot_hold_is_infinite():
    projections = torch.full((90, 5, 1), 1000.0, dtype=torch.float16)
    total, bound = back_project(projections, np.linspace(0, 90, 90), 5)
    assert total[2, 2, 0].isinf() and bound[2, 2, 0] == 1000


@pytest.mark.parametrize("name", OPERATORS)
def test_results_and_gradients_do_not_depend_on_threads(name):
    operate, _, tensor, arguments = operators((40, 36, 33), ANGLES, torch.float32)[name]
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        alone = values_and_gradient(lambda t: operate(t, *arguments), tensor)
        torch.set_num_threads(3)
        shared = values_and_gradient(lambda t: operate(t, *arguments), tensor)
    finally:
        torch.set_num_threads(before)
    assert all(map(torch.equal, alone, shared))


class Held(TorchDispatchMode):
    """The most bytes of tensors that were alive at a time, without those there before."""

    def __init__(self, *before):
        super().__init__()
        self.storages = {tensor.untyped_storage()._cdata for tensor in before}
        self.now = self.most = 0

    def __torch_dispatch__(self, operate, types, arguments=(), keywords=None):
        result = operate(*arguments, **(keywords or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, torch.Tensor):
                self.add(tensor.untyped_storage())
        return result

    def add(self, storage):
        if storage._cdata not in self.storages:
            self.storages.add(storage._cdata)
            weakref.finalize(storage, self.drop, storage._cdata, storage.nbytes())
            self.now += storage.nbytes()
            self.most = max(self.most, self.now)

    def drop(self, storage, size):
        self.storages.remove(storage)
        self.now -= size


@pytest.mark.parametrize("name", OPERATORS)
@pytest.mark.parametrize("shape", [(60, 50, 90), (90, 31, 60), (20, 24, 300)])
def test_memory_is_bounded_in_both_directions_and_blocks_change_nothing(name, shape, monkeypatch):
    """A volume takes about a megabyte here, and one for each view would be 20."""
    operate, _, tensor, arguments = operators(shape, np.linspace(0, 90, 20), torch.float32)[name]
    expected = values_and_gradient(lambda t: operate(t, *arguments), tensor)
    monkeypatch.setattr(torch_sampling, "BUDGET", 800_000)
    tensor.requires_grad_()
    with Held(tensor) as forward:
        results = operate(tensor, *arguments)
    results = results if isinstance(results, tuple) else (results,)
    numbers = 0 if name == "project_sum" else results[-1].numel()  # a byte each
    kept = sum(result.nbytes for result in results) + numbers
    weights = [random_tensor(result.shape, seed=5 + n) for n, result in enumerate(results)]
    with Held(tensor, *weights, *results) as backward:
        torch.autograd.backward(results, weights)
    gradients = tensor.nbytes * (1 if len(results) == 1 else 3) + numbers  # two and their sum
    assert forward.most - kept < torch_sampling.BUDGET
    assert backward.most - gradients < torch_sampling.BUDGET
    for ours, theirs in zip((*results, tensor.grad), expected, strict=True):
        assert_close(ours.detach(), theirs.numpy())


def test_a_tie_is_given_to_a_place_on_the_ray():
    """In a volume of zeros, with samples outside before those inside, none of it is lost."""
    volume = torch.zeros(9, 9, 2, requires_grad=True)
    project_max(volume, [45.0])[0, 2].sum().backward()
    torch.testing.assert_close(volume.grad.sum(dim=(0, 1)), torch.ones(2))
    x, y = volume.grad.any(dim=2).nonzero().T - 4
    assert ((x - y) / 2**0.5 + 4 - 2).abs().max() < 1.5


def test_functional_gradients_are_the_same():
    for operate, _, tensor, arguments in operators((5, 4, 3), ANGLES).values():

        def total(tensor, operate=operate, arguments=arguments):
            results = operate(tensor, *arguments)
            return sum(r.sum() for r in results) if isinstance(results, tuple) else results.sum()

        tensor.requires_grad_()
        expected = torch.autograd.grad(total(tensor), tensor)[0]
        torch.testing.assert_close(torch.func.grad(total)(tensor.detach()), expected)


def test_results_that_carry_gradients_may_be_changed_in_place():
    volume = random_tensor((5, 4, 3)).requires_grad_()
    image = project_max(volume, ANGLES)
    expected = torch.autograd.grad((image * 2).sum(), volume)[0]
    again = project_max(volume, ANGLES).mul_(2)
    assert torch.equal(torch.autograd.grad(again.sum(), volume)[0], expected)


def graph_volumes(operate, tensor, volume_size):
    """How many volumes' worth of elements an operator's graph keeps for the gradient."""
    kept = {}

    def pack(saved):
        storage = saved.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes() / tensor.element_size()
        return saved

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda saved: saved):
        result = operate(tensor.clone().requires_grad_())
    del result
    return sum(kept.values()) / volume_size


@pytest.mark.parametrize("name", ["project_max", "project_sum", "back_project"])
def test_the_graph_keeps_less_than_a_volume_per_view(name):
    """Planes and lines may be kept for each view; a volume is 128 planes here."""
    shape = nx, ny, nz = 12, 12, 128

    def kept(views):
        angles = np.linspace(0, 90, views)
        if name == "back_project":
            tensor = random_tensor((views, nx, nz))
            return graph_volumes(lambda p: back_project(p, angles, ny), tensor, nx * ny * nz)
        operate = {"project_max": project_max, "project_sum": project_sum}[name]
        return graph_volumes(lambda v: operate(v, angles), random_tensor(shape), nx * ny * nz)

    assert (kept(20) - kept(4)) / 16 < 0.5


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_results_have_the_dtype_of_the_input(dtype):
    volume = random_tensor((7, 5, 4)).to(dtype)
    reference = volume.double()
    for operate in (project_max, project_sum, lambda v, a: back_project(v[:5], a, 6)[0]):
        result = operate(volume, ANGLES)
        assert result.dtype == dtype
        expected = operate(reference, ANGLES)
        error = (result.double() - expected).abs().max() / expected.abs().max()
        assert error < 8 * torch.finfo(dtype).eps


def test_strided_tensors_are_read_as_they_look():
    volume = random_tensor((4, 7, 9)).permute(2, 1, 0)
    for operate in (project_max, project_sum):
        assert torch.equal(operate(volume, ANGLES), operate(volume.contiguous(), ANGLES))


@pytest.mark.parametrize("operate", [project_max, project_sum])
@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 6, 7), (4, 0, 6)])
def test_a_tensor_that_is_no_volume_is_refused_with_its_shape(operate, shape):
    with pytest.raises(ValueError, match=", ".join(map(str, shape))):
        operate(torch.zeros(shape), [0.0])


@pytest.mark.parametrize("operate", [project_max, project_sum])
def test_no_angles_give_no_views(operate):
    assert operate(random_tensor((4, 5, 6)), []).shape == (0, 4, 6)


def test_integers_are_refused_with_their_type():
    """Their interpolation weights would all be rounded to 0."""
    with pytest.raises(ValueError, match=r"torch\.int16"):
        project_max(torch.zeros(3, 3, 3, dtype=torch.int16), [0.0])


def test_mismatch_of_angles_is_refused_with_both_numbers():
    with pytest.raises(ValueError, match="3 projections but 2 angles"):
        back_project(torch.zeros(3, 4, 5), [0.0, 90.0], 4)
