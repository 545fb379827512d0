"""The focal loss: the paper's formula where that can be computed, and finite where it cannot."""

import pytest
import torch
from angiovox.methods.denoising_autoencoder.focal_loss import focal_loss
from torch.nn.functional import binary_cross_entropy_with_logits

HALVES = [torch.float32, torch.bfloat16, torch.float16]
PAPER = (0.5, 0.2)


def plain_formula(logits, target, alpha, gamma):
    """The paper's text, word for word."""
    p = logits.float().sigmoid()
    p = torch.where(target > 0, p, 1 - p)
    return (-alpha * (1 - p) ** gamma * p.log()).mean()


def cases(seed=0, scale=4.0):
    generator = torch.Generator().manual_seed(seed)
    logits = scale * torch.randn(200, generator=generator)
    return logits, torch.rand(200, generator=generator) < 0.3


def gradient(loss, logits, target):
    logits = logits.clone().requires_grad_()
    loss(logits, target, *PAPER).backward()
    return logits.grad


@pytest.mark.parametrize("gamma", [0.2, 0.0, 1.0, 2.0])
@pytest.mark.parametrize("alpha", [0.5, 1.0])
def test_equals_the_plain_formula_at_moderate_logits(alpha, gamma):
    logits, target = cases()
    expected = plain_formula(logits, target, alpha, gamma)
    torch.testing.assert_close(focal_loss(logits, target, alpha, gamma), expected)


def test_its_gradient_equals_that_of_the_plain_formula_at_moderate_logits():
    logits, target = cases(scale=2.0)
    torch.testing.assert_close(
        gradient(focal_loss, logits, target),
        gradient(plain_formula, logits, target),
        rtol=1e-4,
        atol=1e-7,
    )


def test_without_focus_it_is_half_the_binary_cross_entropy():
    logits, target = cases(scale=30.0)
    expected = 0.5 * binary_cross_entropy_with_logits(logits, target.float())
    torch.testing.assert_close(focal_loss(logits, target, 0.5, 0.0), expected)


@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize("target", [0, 1])
@pytest.mark.parametrize("logit", [-100.0, 100.0])
def test_value_and_gradient_are_finite_at_any_logit(dtype, target, logit):
    logits = torch.full((8,), logit, dtype=dtype)
    truth = torch.full((8,), target)
    slope = gradient(focal_loss, logits, truth)
    value = focal_loss(logits, truth, *PAPER)
    assert torch.isfinite(value)
    assert torch.isfinite(slope).all()
    wrong = (logit > 0) != bool(target)
    if wrong:  # the loss is alpha times the logit there, and its slope alpha, towards the target
        assert value == pytest.approx(50.0, rel=1e-3)
        expected = -0.5 / 8 if target else 0.5 / 8
        assert slope.float().tolist() == pytest.approx([expected] * 8, rel=1e-2)
    else:
        assert value < 1e-6


@pytest.mark.parametrize("target", [0, 1])
def test_the_plain_formula_has_no_gradient_where_the_class_is_certain(target):
    """Why ours is written in log space."""
    logits = torch.tensor([100.0 if target else -100.0])
    assert torch.isnan(gradient(plain_formula, logits, torch.tensor([target]))).all()


@pytest.mark.parametrize("gamma", [0.0, 0.2, 2.0])
def test_more_confidence_in_the_true_class_never_costs(gamma):
    logits = torch.linspace(-100, 100, 4001)
    losses = torch.stack([focal_loss(s, torch.tensor(1), 0.5, gamma) for s in logits])
    assert (losses.diff() <= 0).all()
    moderate = logits.abs() < 10
    assert (losses[moderate].diff() < 0).all()
    assert (losses >= 0).all()


def test_both_classes_are_treated_alike():
    logits, target = cases()
    torch.testing.assert_close(
        focal_loss(logits, target, *PAPER), focal_loss(-logits, ~target, *PAPER)
    )


def test_alpha_scales_and_nothing_else():
    logits, target = cases()
    torch.testing.assert_close(
        focal_loss(logits, target, 0.5, 0.2) * 3, focal_loss(logits, target, 1.5, 0.2)
    )


def test_focus_makes_a_certain_voxel_count_less():
    certain, unsure = torch.tensor([3.0]), torch.tensor([-3.0])
    truth = torch.tensor([1])

    def ratio(gamma):
        return focal_loss(certain, truth, 0.5, gamma) / focal_loss(unsure, truth, 0.5, gamma)

    assert ratio(2.0) < ratio(0.2) < ratio(0.0)


@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.float32])
def test_the_target_may_be_of_any_type(dtype):
    logits, target = cases()
    torch.testing.assert_close(
        focal_loss(logits, target.to(dtype), *PAPER), focal_loss(logits, target, *PAPER)
    )


def test_it_is_the_mean_over_voxels():
    logits, target = cases()
    each = [focal_loss(s, t, *PAPER) for s, t in zip(logits, target, strict=True)]
    torch.testing.assert_close(focal_loss(logits, target, *PAPER), torch.stack(each).mean())
