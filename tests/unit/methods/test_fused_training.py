"""The fused training loss and inference in tiles, against the plain network."""

import copy

import numpy as np
import pytest
import torch
from angiovox.methods.denoising_autoencoder import blocks, fused, inference
from angiovox.methods.denoising_autoencoder.focal_loss import focal_loss, focal_terms
from angiovox.methods.denoising_autoencoder.fused import training_loss
from angiovox.methods.denoising_autoencoder.inference import activations, probabilities, tile_within
from angiovox.methods.denoising_autoencoder.layer_sizes import STRIDE
from angiovox.methods.denoising_autoencoder.network import DenoisingAutoencoder
from torch import nn

PAPER = (0.5, 0.2)
SHAPES = [(1, 1, 16, 16, 16), (2, 1, 17, 9, 23), (3, 1, 5, 8, 1), (1, 1, 40, 8, 12)]
HALVES = [torch.bfloat16, torch.float16]


def trained(dtype=torch.float32, seed=0):
    """A network whose batch norms have weights of both signs and statistics of their own."""
    torch.manual_seed(seed)
    network = DenoisingAutoencoder().to(dtype)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm3d):
            for tensor in (module.weight.data, module.bias.data, module.running_mean):
                tensor.normal_()
            module.running_var.uniform_(0.5, 2)
    network.layers[-1].weight.data *= 5  # probabilities that differ
    return network


def case(shape, dtype=torch.float32, seed=1):
    generator = torch.Generator().manual_seed(seed)
    volume = torch.rand(shape, generator=generator, dtype=dtype)
    return volume, torch.rand(shape, generator=generator) < 0.3


def plain(network, volume, target):
    """Loss, hits and union as the definitions say; gradients are left on the network."""
    logits = network.train()(volume)
    loss = focal_loss(logits, target, *PAPER)
    loss.backward()
    predicted = logits >= 0
    return loss.detach(), (predicted & target).sum(), (predicted | target).sum()


def ours(network, volume, target, **how):
    loss, *counts = training_loss(network, volume, target, *PAPER, **how)
    loss.backward()
    return loss.detach(), *counts


def assert_same_gradients(first, second, tolerance):
    """Within a share of the largest of any parameter: those of biases before batch norm are 0."""
    largest = max(float(p.grad.abs().max()) for p in first.parameters())
    for (name, p), q in zip(first.named_parameters(), second.parameters(), strict=True):
        apart = float((p.grad - q.grad).abs().max())
        assert apart <= tolerance * largest, (name, apart, largest)


def both(shape, dtype, network=None):
    network = network or trained(dtype)
    pair = network, copy.deepcopy(network)
    data = case(shape, dtype)
    return pair, plain(pair[0], *data), ours(pair[1], *data)


@pytest.fixture(params=[1, 3 << 16, 1 << 26], ids=["thinnest", "some", "one"])
def slabs(request, monkeypatch):
    monkeypatch.setitem(blocks.TEMPORARY, "cpu", request.param)


# Training


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-9), (torch.float32, 1e-4)])
def test_loss_and_gradients_equal_the_plain_networks(shape, dtype, tolerance, slabs):
    pair, expected, result = both(shape, dtype)
    assert result[0].dtype == dtype
    assert float(result[0]) == pytest.approx(float(expected[0]), rel=tolerance)
    assert [int(n) for n in result[1:]] == [int(n) for n in expected[1:]]
    assert_same_gradients(*pair, tolerance)


@pytest.mark.parametrize("shape", SHAPES[:2])
def test_running_statistics_are_brought_up_to_date_alike(shape, slabs):
    pair, _, _ = both(shape, torch.float64)
    for (name, first), second in zip(pair[0].named_buffers(), pair[1].buffers(), strict=True):
        torch.testing.assert_close(second, first, rtol=1e-9, atol=1e-9, msg=name)


def test_all_outputs_of_a_window_at_once_are_the_same(monkeypatch):
    """What a GPU does."""
    monkeypatch.setattr(blocks, "span_on", lambda device: 2)
    pair, expected, result = both(SHAPES[1], torch.float64)
    assert float(result[0]) == pytest.approx(float(expected[0]), rel=1e-9)
    assert_same_gradients(*pair, 1e-9)


def test_ties_within_a_window_go_to_the_first_as_in_pooling():
    """Stored volumes have plateaus, where all outputs of a window are equal."""
    network = trained(torch.float64)
    pair = network, copy.deepcopy(network)
    volume, target = case(SHAPES[0], torch.float64)
    volume = (volume > 0.97).double()
    plain(pair[0], volume, target)
    ours(pair[1], volume, target)
    assert_same_gradients(*pair, 1e-9)


def test_a_channel_whose_scale_is_zero_still_learns():
    """Its window is one tie, of which any voxel will do: the loss is the same, and it moves."""
    network = trained(torch.float64)
    for layer in (1, 5, 13):
        network.layers[layer].weight.data[:4] = 0
        network.layers[layer].bias.data[:4] = 0.5
    pair, expected, result = both(SHAPES[0], torch.float64, network)
    assert float(result[0]) == pytest.approx(float(expected[0]), rel=1e-9)
    assert pair[1].layers[1].weight.grad[:4].abs().min() > 0


def test_kernels_that_find_edges_keep_their_variance():
    """On a smooth volume they leave a millionth of the moments that theirs follows from."""
    network = trained()
    weight = network.layers[0].weight.data
    weight[:] = 0
    weight[:, 0, 1, 1, 0], weight[:, 0, 1, 1, 1], weight[:, 0, 1, 1, 2] = 1, -2, 1
    ramp = torch.linspace(0, 1, 32).view(1, 1, 1, 1, -1).expand(1, 1, 32, 32, 32).contiguous()
    data = ramp * 0.98 + 0.001 * case(ramp.shape)[0], ramp > 0.8
    pair = network, copy.deepcopy(network)
    expected, result = plain(pair[0], *data), ours(pair[1], *data)
    assert float(result[0]) == pytest.approx(float(expected[0]), rel=1e-4)
    torch.testing.assert_close(
        pair[1].layers[1].running_var, pair[0].layers[1].running_var, rtol=1e-4, atol=0
    )


@pytest.mark.parametrize("dtype", HALVES)
def test_half_precision_is_as_near_as_its_digits_allow(dtype):
    network = trained()
    pair, data = (network, copy.deepcopy(network)), case((1, 1, 32, 32, 32))
    expected, result = plain(pair[0], *data), ours(pair[1], *data, dtype=dtype)
    assert result[0].dtype == torch.float32
    assert float(result[0]) == pytest.approx(float(expected[0]), rel=0.01)
    for p, q in zip(pair[0].parameters(), pair[1].parameters(), strict=True):
        assert q.grad.dtype == torch.float32
        if p.grad.abs().max() > 1e-6:  # not a bias before batch norm
            assert nn.functional.cosine_similarity(p.grad.flatten(), q.grad.flatten(), dim=0) > 0.9


def test_half_precision_does_not_underflow_under_the_mean(monkeypatch):
    """Gradients within are enlarged as for many voxels, and brought back exactly."""
    gradients = []
    for reference in (fused.REFERENCE, 2**6):
        monkeypatch.setattr(fused, "REFERENCE", reference)
        network = trained()
        ours(network, *case((1, 1, 16, 16, 16)))
        gradients.append([p.grad for p in network.parameters()])
    for first, second in zip(*gradients, strict=True):
        torch.testing.assert_close(second, first, rtol=0, atol=0)


def test_a_scaled_loss_has_scaled_gradients():
    """What a GradScaler counts on."""
    first, second = trained(torch.float64), trained(torch.float64)
    data = case(SHAPES[1], torch.float64)
    ours(first, *data)
    (training_loss(second, *data, *PAPER)[0] * 4096).backward()
    for p, q in zip(first.parameters(), second.parameters(), strict=True):
        torch.testing.assert_close(q.grad, 4096 * p.grad)


@pytest.mark.parametrize(("dtype", "largest"), [(torch.uint8, 255), (torch.uint16, 65535)])
def test_codes_mean_their_fractions(dtype, largest):
    volume, target = case(SHAPES[1])
    codes = (volume * largest).round().to(torch.int32).to(dtype)
    exact = codes.to(torch.float32) / largest
    networks = trained(), trained()
    first, second = ours(networks[0], exact, target), ours(networks[1], codes, target)
    assert first == second
    assert_same_gradients(*networks, 0)
    of_codes, of_fractions = (
        probabilities(networks[0].eval(), volume[0, 0]) for volume in (codes, exact)
    )
    assert torch.equal(of_codes, of_fractions)


def test_the_full_resolution_never_has_channels(monkeypatch):
    """The largest tensor of a step is smaller than one with 32 channels for each voxel."""
    monkeypatch.setitem(blocks.TEMPORARY, "cpu", 1 << 20)
    largest = 0

    class Watch(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            nonlocal largest
            result = function(*args, **kwargs or {})
            for tensor in result if isinstance(result, tuple | list) else [result]:
                if isinstance(tensor, torch.Tensor):
                    largest = max(largest, tensor.untyped_storage().nbytes())
            return result

    data = case((1, 1, 64, 64, 64))
    with Watch():
        ours(trained(), *data)
    assert largest <= 64 / 8 * 64**3 * 4


# The loss's slope


@pytest.mark.parametrize("gamma", [0.0, 0.2, 2.0])
def test_the_slope_is_the_derivative_of_the_loss(gamma):
    logits = torch.linspace(-30, 30, 999, dtype=torch.float64).repeat(2).requires_grad_()
    target = torch.arange(len(logits)) < 999
    terms, slope = focal_terms(logits, target, 0.5, gamma)
    torch.testing.assert_close(terms.mean(), focal_loss(logits, target, 0.5, gamma))
    (expected,) = torch.autograd.grad(terms.sum(), logits)
    torch.testing.assert_close(slope, expected)


@pytest.mark.parametrize("dtype", [torch.float32, *HALVES])
def test_the_slope_is_finite_at_any_logit(dtype):
    logits = torch.tensor([-100.0, 100.0, -100.0, 100.0], dtype=dtype)
    terms, slope = focal_terms(logits, torch.tensor([0, 0, 1, 1]), *PAPER)
    assert torch.isfinite(terms).all()
    assert slope.tolist() == pytest.approx([0, 0.5, -0.5, 0], abs=1e-6)


# Inference


def one_piece(network, volume):
    with torch.no_grad():
        return network.eval()(volume[None, None]).sigmoid()[0, 0]


@pytest.mark.parametrize(
    ("shape", "tile"),
    [
        ((16, 16, 16), None),
        ((40, 33, 21), (16, 8, 16)),
        ((5, 9, 30), (8, 8, 8)),
        ((48, 24, 24), (8, 24, 8)),
        ((1, 8, 50), (64, 64, 24)),
    ],
)
def test_tiles_equal_the_network_in_one_piece(shape, tile, slabs):
    network, volume = trained(), case(shape)[0]
    expected = one_piece(network, volume)
    assert expected.std() > 0.02
    result = probabilities(network, volume, tile)
    assert result.dtype == torch.float32
    torch.testing.assert_close(result, expected, rtol=0, atol=1e-5)


def test_a_smaller_margin_would_not_do(monkeypatch):
    network, volume = trained(), case((48, 8, 8))[0]
    monkeypatch.setattr(inference, "MARGIN", 0)
    result = probabilities(network, volume, (16, 8, 8))
    assert (result - one_piece(network, volume)).abs().max() > 1e-3


def test_arrays_are_taken_and_left_alone():
    network, volume = trained(), case((16, 9, 8))[0]
    array = volume.numpy().copy()
    result = probabilities(network, array)
    torch.testing.assert_close(result, one_piece(network, volume), rtol=0, atol=1e-5)
    np.testing.assert_array_equal(array, volume.numpy())


@pytest.mark.parametrize("tile", [(0, 8, 8), (8, 4, 8), (16, 16, 12), (8, 8, -8)])
def test_a_tile_that_the_strides_do_not_allow_is_refused_with_its_size(tile):
    with pytest.raises(ValueError, match="x".join(f" ?{edge} ?" for edge in tile)) as refused:
        probabilities(trained(), torch.zeros(16, 16, 16), tile)
    assert f"multiple of {STRIDE}" in str(refused.value)


@pytest.mark.parametrize("shape", [(64, 64, 64), (384, 384, 384), (2000, 1500, 900), (7, 900, 12)])
def test_the_tile_keeps_to_the_memory(shape):
    memory = 1 << 29
    tile = tile_within(memory, shape)
    assert activations(tile, shape, torch.float32) <= memory
    assert all(edge % STRIDE == 0 for edge in tile)


def test_a_volume_that_fits_is_one_tile():
    assert tile_within(inference.MEMORY, (384, 380, 384), torch.float32) == (384, 384, 384)


def test_memory_that_no_tile_fits_is_refused_with_the_figures():
    with pytest.raises(ValueError, match=r"memory: 1\.0 MB, but the least tile .* takes [\d.]+ MB"):
        tile_within(1_000_000, (64, 64, 64))
