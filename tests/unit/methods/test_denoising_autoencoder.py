"""The paper's network: its printed sizes, and shapes that its strides do not divide."""

import functools

import pytest
import torch
import torchinfo
from angiovox.methods.denoising_autoencoder import learner
from angiovox.methods.denoising_autoencoder.layer_sizes import STRIDE, layer_sizes
from angiovox.methods.denoising_autoencoder.network import DenoisingAutoencoder
from torch import nn

PAPER_SHAPE = (1, 1, 384, 384, 384)
ODD_SHAPES = [(9, 16, 8), (5, 6, 7), (17, 8, 23), (1, 9, 8)]


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    network = DenoisingAutoencoder()
    for module in network.modules():  # statistics as after training, so that a mix-up shows
        if isinstance(module, nn.BatchNorm3d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    return network.eval()


@functools.cache
def papers_summary():
    """torchinfo at the paper's scale; the meta device computes shapes and holds no voxels."""
    with torch.device("meta"):
        network = DenoisingAutoencoder()
    volume = torch.empty(PAPER_SHAPE, device="meta")
    return torchinfo.summary(network, input_data=volume, device="meta", verbose=0)


@torch.no_grad()
def logits(network, *shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    volume = torch.rand((1, 1, *shape), generator=generator)
    return volume, network(volume)


@pytest.mark.parametrize(
    "line",
    [
        "Total params: 360,481",
        "Trainable params: 360,481",
        "Input size (MB): 226.49",
        "Forward/backward pass size (MB): 43033.56",
        "Estimated Total Size (MB): 43261.49",
    ],
)
def test_torchinfo_prints_the_papers_numbers(line):
    assert line in str(papers_summary()).splitlines()


def test_the_output_is_as_large_as_the_input_at_the_papers_scale():
    assert tuple(papers_summary().summary_list[0].output_size) == PAPER_SHAPE


def test_every_convolution_but_the_last_is_normalised_and_rectified(network):
    kinds = [type(layer) for layer in network.layers]
    encode = [nn.Conv3d, nn.BatchNorm3d, nn.ReLU, nn.MaxPool3d]
    decode = [nn.ConvTranspose3d, nn.BatchNorm3d, nn.ReLU]
    assert kinds == 3 * encode + 2 * decode + [nn.ConvTranspose3d]


@pytest.mark.parametrize("shape", [*ODD_SHAPES, (8, 8, 8), (16, 8, 24)])
def test_every_shape_comes_back_as_it_went_in(network, shape):
    volume, result = logits(network, *shape)
    assert result.shape == volume.shape


@pytest.mark.parametrize("shape", [(8, 8, 8), (16, 8, 24)])
def test_multiples_of_eight_are_not_padded(network, shape):
    volume, result = logits(network, *shape)
    with torch.no_grad():
        torch.testing.assert_close(result, network.layers(volume), rtol=0, atol=0)


@pytest.mark.parametrize("shape", ODD_SHAPES)
def test_padding_repeats_the_last_voxels_of_each_axis(network, shape):
    """Widening the volume by hand and cutting the result back is the same."""
    volume, result = logits(network, *shape)
    for axis, edge in enumerate(shape, start=2):
        last = volume.narrow(axis, edge - 1, 1)
        volume = torch.cat([volume, *[last] * (-edge % STRIDE)], dim=axis)
    x, y, z = shape
    with torch.no_grad():
        torch.testing.assert_close(result, network(volume)[:, :, :x, :y, :z], rtol=0, atol=0)


def test_axes_are_not_mixed_up(network):
    """A network with mirrored kernels on a transposed volume gives the transposed result."""
    turned = DenoisingAutoencoder().eval()
    turned.load_state_dict(
        {
            name: tensor.transpose(2, 4) if tensor.ndim == 5 else tensor
            for name, tensor in network.state_dict().items()
        }
    )
    volume, result = logits(network, 9, 16, 21)
    with torch.no_grad():
        torch.testing.assert_close(
            turned(volume.transpose(2, 4)).transpose(2, 4), result, rtol=1e-4, atol=1e-5
        )


def test_far_voxels_do_not_matter(network):
    """The receptive field is small, which is what makes tiles possible."""
    volume, result = logits(network, 64, 8, 8)
    volume[:, :, 56:] += 1
    with torch.no_grad():
        changed = (network(volume) != result).flatten(3).any(dim=3)[0, 0]
    assert changed[56:].all()
    assert not changed[:32].any()


def test_patients_of_a_batch_do_not_see_each_other_in_evaluation(network):
    (a, first), (b, second) = (logits(network, 8, 9, 8, seed=seed) for seed in (1, 2))
    with torch.no_grad():
        both = network(torch.cat([a, b]))
    torch.testing.assert_close(both, torch.cat([first, second]), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("edge", [8, 16, 24, 20])
def test_layer_sizes_are_those_of_the_real_activations(network, edge):
    """A block ends at its pooling, at the activation before a transposed convolution, or last."""
    seen = []
    ends = [3, 7, 11, 14, 17, 18]
    handles = [
        network.layers[end].register_forward_hook(lambda _, __, out: seen.append(out.shape[1:]))
        for end in ends
    ]
    logits(network, edge, edge, edge)
    for handle in handles:
        handle.remove()
    named = layer_sizes(edge)
    assert [(channels, size, size, size) for _, channels, size in named] == [*map(tuple, seen)]
    assert [name.startswith("Transposed") for name, _, _ in named] == [
        isinstance(network.layers[end - 2 if end != 18 else 18], nn.ConvTranspose3d) for end in ends
    ]


def test_gradients_reach_every_parameter():
    torch.manual_seed(0)
    network = DenoisingAutoencoder().train()
    network(torch.rand(1, 1, 8, 16, 9)).square().mean().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())


OPERATORS = [
    "threshold_backward",
    "native_batch_norm_backward",
    "batch_norm_update_stats",
    "convolution_backward",
]


@pytest.fixture
def log():
    return []


def test_the_learner_in_bounded_memory_is_chosen_and_nothing_changes(log):
    torch.manual_seed(0)
    network = DenoisingAutoencoder()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    chance = torch.get_rng_state()
    assert type(learner.denoising(network, 0.5, 0.2, log.append)) is learner.Denoising
    assert log == []
    assert torch.equal(chance, torch.get_rng_state())
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name]), name


@pytest.mark.parametrize("missing", OPERATORS)
def test_without_an_operator_the_plain_network_is_trained(monkeypatch, log, missing):
    aten = torch.ops.aten

    class Other:
        def __getattr__(self, name):
            return getattr(aten, "no_such_operator" if name == missing else name)

    monkeypatch.setattr(torch.ops, "aten", Other())
    plain = learner.denoising(DenoisingAutoencoder(), 0.5, 0.2, log.append)
    assert type(plain) is learner.PlainDenoising
    (line,) = log
    assert "several times the memory" in line
    volume = torch.rand(1, 1, 8, 8, 8)
    plain.loss((volume, (volume > 0.5).float()), torch.float32)[0].backward()
    assert all(parameter.grad is not None for parameter in plain.network.parameters())
