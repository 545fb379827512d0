"""Channels, augmentation and physics of the paper's network: what they compute."""

import numpy as np
import pytest
import torch
from angiovox.errors import InputError
from angiovox.geometry.imaging import Imaging
from angiovox.method import Measurement
from angiovox.methods.denoising_autoencoder import augmentation, channels, physics
from angiovox.projectors import mip
from angiovox.projectors.torch_projectors import project_max
from bent_arteries import ANGLES, arteries, measured, patients
from scipy import ndimage

pytestmark = pytest.mark.usefixtures("one_thread")

SOME_ANGLES = [ANGLES, np.array([0.0, 90.0]), np.array([10.0, 40.0, 70.0])]


def tensor(mask):
    return torch.from_numpy(mask.astype(np.float32))


def tube(radius, edge=25, axis=2):
    """A smoothly sampled tube along an axis, through the whole grid."""
    places = np.indices((edge, edge, edge)) - (edge - 1) / 2
    across = np.delete(places, axis, axis=0)
    return np.clip(radius + 0.5 - np.hypot(*across), 0, 1).astype(np.float32)


# Channels


def test_grey_is_the_stored_sum_and_both_holds_both():
    views, _ = patients(1)[0]
    both = channels.stacked(views, "both")
    np.testing.assert_allclose(both[0], views.inputs["sum"] / 65535, atol=1e-6)
    for number, name in enumerate(("grey", "silhouettes")):
        np.testing.assert_array_equal(channels.stacked(views, name)[0], both[number])


def test_silhouettes_are_those_of_the_mask_where_noise_is_small():
    mask = arteries()
    expected = mip.project_max(mask.astype(np.float32), ANGLES)
    shown = channels.silhouettes(measured(mask))
    clear = (expected == 0) | (expected == 1)  # elsewhere the threshold decides
    assert clear.mean() > 0.8
    np.testing.assert_array_equal(shown[clear], expected[clear] == 1)


def test_what_all_views_see_has_a_silhouette_channel_of_one():
    mask = arteries()
    (share,) = channels.stacked(measured(mask, np.array([0.0, 90.0])), "silhouettes")
    assert share[mask].min() == pytest.approx(1, abs=1e-5)
    assert set(np.unique(share.round(4))) == {0, 0.5, 1}


def test_intensity_does_not_change_silhouettes_and_does_change_grey():
    views, _ = patients(1)[0]
    darker = views.inputs | {"projections": 0.3 * views.inputs["projections"] + 5}
    np.testing.assert_array_equal(
        channels.silhouettes(views), channels.silhouettes(Measurement(views.angles, darker))
    )
    change = np.array([0, 1, 1, 1, 1.1, 0.8])
    grey = torch.rand(1, 4, 4, 4)
    changed = augmentation.changed_intensity(grey, change)
    torch.testing.assert_close(changed, (1.1 * grey**0.8).clamp(max=1))


def test_other_beams_are_refused_and_named():
    imaging = Imaging(shape=8, projections=2, kind="line_integral", beam="cone")
    projections = np.zeros((2, 8, 8), dtype=np.float32)
    views = Measurement(
        np.array([0.0, 90.0]), {"projections": projections}, imaging=imaging, views=object()
    )
    with pytest.raises(InputError, match=r"kind: line_integral and beam: cone"):
        channels.silhouettes(views)


# Augmentation


@pytest.mark.parametrize("angles", SOME_ANGLES, ids=len)
@pytest.mark.parametrize("seed", range(4))
def test_a_moved_pair_stays_a_pair(angles, seed):
    """Projections of the moved volume are the moved projections, at the moved angles."""
    change = augmentation.draw(np.random.default_rng(seed), angles)
    smooth = ndimage.gaussian_filter(arteries(seed).astype(np.float32), 1.5)
    smooth /= smooth.max()
    moved = augmentation.moved_volume(torch.from_numpy(smooth)[None], change)[0]
    shown = project_max(torch.from_numpy(smooth), angles) >= 0.5
    expected, at = augmentation.moved_views(shown, angles, change)
    found = project_max(moved, at) >= 0.5
    hits, union = (found & expected).sum(), (found | expected).sum()
    assert hits / union > 0.88
    still = project_max(torch.from_numpy(smooth), angles) >= 0.5
    assert (still & expected).sum() / (still | expected).sum() < hits / union


def test_a_quarter_turn_and_flips_move_voxels_exactly():
    volume = torch.rand(1, 5, 5, 4)
    quarter = augmentation.moved_volume(volume, np.array([90.0, 1, 1, 1, 1, 1]))
    torch.testing.assert_close(quarter, volume.transpose(1, 2).flip(1), atol=1e-5, rtol=0)
    flipped = augmentation.moved_volume(volume, np.array([0.0, -1, -1, 1, 1, 1]))
    torch.testing.assert_close(flipped, volume.flip(1, 3), atol=1e-5, rtol=0)


@pytest.mark.parametrize("angles", SOME_ANGLES[1:], ids=len)
def test_a_flip_in_the_plane_keeps_the_arc_up_to_the_turn(angles):
    for seed in range(8):
        change = augmentation.draw(np.random.default_rng(seed), angles)
        _, at = augmentation.moved_views(torch.zeros(len(angles), 4, 4), angles, change)
        expected = angles if change[1] > 0 else angles[::-1]
        assert np.ptp(at - expected) == pytest.approx(0, abs=1e-9)
        assert abs(at[0] - expected[0]) <= augmentation.TURN_DEGREES


def test_a_larger_scale_makes_vessels_wider():
    mask = tensor(arteries())[None]
    larger = augmentation.moved_volume(mask, np.array([0, 1, 1, 1.1, 1, 1]))
    assert larger.sum() / mask.sum() == pytest.approx(1.1**3, rel=0.05)


# Physics


def test_projections_of_the_truth_cost_next_to_nothing_and_others_cost_more():
    mask = tensor(arteries())
    shown = (project_max(mask, ANGLES[::2]) >= 0.5).float()
    costs = [
        float(physics.projection_loss(volume, shown, ANGLES[::2]))
        for volume in (mask, mask.roll(1, 0), torch.zeros_like(mask))
    ]
    assert costs[0] < 0.001 < costs[1] < costs[2]


def test_the_projection_loss_is_the_cross_entropy_of_each_rays_maximum():
    """At 90 degrees the rays run along x: the maxima are 0.8 where a vessel is shown, else 0.1."""
    volume = torch.full((4, 4, 4), 0.1)
    volume[1, :, 2] = 0.8
    shown = torch.zeros(1, 4, 4)
    shown[0, :, 2] = 1
    expected = -(0.25 * np.log(0.8) + 0.75 * np.log(0.9))
    found = physics.projection_loss(volume, shown, np.array([90.0]))
    assert float(found) == pytest.approx(expected, rel=1e-5)


def test_the_projection_loss_asks_for_vessels_on_rays_that_miss_one():
    volume = torch.full((4, 4, 4), 0.2).requires_grad_()
    shown = torch.zeros(1, 4, 4)
    shown[0, 1, 2] = 1
    physics.projection_loss(volume, shown, np.array([0.0])).backward()
    assert volume.grad[1, :, 2].sum() < 0
    volume.grad[1, :, 2] = 0
    assert (volume.grad >= 0).all() and volume.grad.sum() > 0


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("radius", [1.5, 2.0, 3.0])
def test_the_local_radius_of_a_tube_is_its_radius(radius, axis):
    volume = tube(radius, axis=axis)
    found = physics.local_radius(torch.from_numpy(volume))
    centre = found[(12,) * 3].item()
    assert centre == pytest.approx(radius, rel=0.12)


def test_a_blur_hardly_changes_the_local_radius():
    sharp = tube(2.5)
    found = [
        physics.local_radius(torch.from_numpy(volume))[12, 12, 12].item()
        for volume in (sharp, ndimage.gaussian_filter(sharp, 0.7, mode="nearest"))
    ]
    assert found[0] == pytest.approx(found[1], rel=0.1)


def test_the_range_of_radii_is_that_of_the_thinnest_and_the_widest_patient():
    thin, wide, empty = tube(1.5) >= 0.5, tube(3) >= 0.5, np.zeros((25, 25, 25), dtype=bool)
    one, other = (physics.RadiusRange.of([mask]) for mask in (thin, wide))
    assert one.least < 1.5 * 1.12 and other.most > 3 / 1.12 and one.most < other.least
    both = physics.RadiusRange.of([thin, empty, wide])
    assert (both.least, both.most) == (one.least, other.most)


def test_radii_within_the_range_cost_nothing_and_those_beyond_cost_their_squared_logarithm():
    volume = torch.from_numpy(tube(2))
    within = physics.RadiusRange(0.05, 10.0)
    assert float(within.loss(volume)) == 0
    radius = physics.local_radius(volume)
    too_thin = physics.RadiusRange(20.0, 30.0)
    expected = (volume * (20 / radius).log().square()).sum() / volume.sum()
    assert float(too_thin.loss(volume)) == pytest.approx(float(expected), rel=1e-5)
    too_wide = physics.RadiusRange(0.001, 0.05)
    expected = (volume * (radius / 0.05).log().square()).sum() / volume.sum()
    assert float(too_wide.loss(volume)) == pytest.approx(float(expected), rel=1e-5)


@pytest.mark.parametrize("radius", [1.0, 4.0])
def test_a_step_down_the_radius_loss_brings_a_tube_nearer_to_the_range(radius):
    logits = (6 * torch.from_numpy(tube(radius)) - 3).requires_grad_()
    around_two = physics.RadiusRange(1.9, 2.1)
    before = around_two.loss(logits.sigmoid())
    before.backward()
    assert torch.isfinite(logits.grad).all()
    step = 0.3 * logits.grad / logits.grad.abs().max()
    assert around_two.loss((logits - step).sigmoid()) < before


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_losses_of_empty_and_full_volumes_are_finite_with_their_gradients(value):
    volume = torch.full((10, 10, 10), value, requires_grad=True)
    shown = torch.ones(2, 10, 10)
    loss = physics.projection_loss(volume, shown, np.array([0.0, 90.0]))
    loss = loss + physics.RadiusRange(1.0, 2.0).loss(volume)
    loss.backward()
    assert torch.isfinite(loss) and torch.isfinite(volume.grad).all()


def test_without_a_vessel_there_is_no_range():
    with pytest.raises(ValueError, match="geometry_weight: no training mask has a vessel"):
        physics.RadiusRange.of([np.zeros((4, 4, 4), dtype=bool)])
