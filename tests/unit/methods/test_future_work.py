"""Options of the paper's network: what they compute, and that a training with them is one."""

import numpy as np
import pytest
import torch
from angiovox.errors import InputError
from angiovox.geometry.imaging import Imaging
from angiovox.method import Context, Measurement
from angiovox.methods import registry
from angiovox.methods.denoising_autoencoder import augmentation, channels, extended, physics
from angiovox.methods.denoising_autoencoder.focal_loss import focal_loss
from angiovox.methods.denoising_autoencoder.method import Settings
from angiovox.methods.denoising_autoencoder.network import DenoisingAutoencoder
from angiovox.projectors import backprojection, mip
from angiovox.projectors.torch_projectors import project_max
from scipy import ndimage

pytestmark = pytest.mark.usefixtures("one_thread")

EDGE = 24
ANGLES = np.array([0.0, 30.0, 90.0])
SOME_ANGLES = [ANGLES, np.array([0.0, 90.0]), np.array([10.0, 40.0, 70.0])]
ALL = {"channels": "both", "augment": True, "projection_weight": 0.1, "geometry_weight": 0.01}
OPTIONS = [
    {"channels": "silhouettes"},
    {"channels": "both"},
    {"augment": True},
    {"projection_weight": 0.1},
    {"geometry_weight": 0.01},
    ALL,
]


def arteries(seed=0, edge=EDGE):
    """Two bent tubes within the circle that turns about z without leaving the grid."""
    rng = np.random.default_rng(seed)
    x, y, z = np.indices((edge, edge, edge)) - (edge - 1) / 2
    mask = np.zeros(x.shape, dtype=bool)
    for radius in (2.2, 1.6):
        a, b, phase = rng.uniform(-3, 3, 3)
        centre_x, centre_y = a + 2 * np.sin(z / 5 + phase), b + 2 * np.cos(z / 6 + phase)
        mask |= (x - centre_x) ** 2 + (y - centre_y) ** 2 < radius**2
    return mask & (abs(z) < edge / 3)


def measured(mask, angles=ANGLES, noise=0.1, seed=0):
    """The views of a mask in noise, and the sum of their back-projections as codes."""
    rng = np.random.default_rng(seed)
    grey = (mask + rng.uniform(0, noise, mask.shape)).astype(np.float32)
    projections = mip.project_max(grey, angles)
    whole = [np.arange(len(angles))]
    sums, _ = backprojection.network_inputs(projections, angles, whole, mask.shape[1])
    return Measurement(angles, {"sum": sums[0], "projections": projections})


def patients(count=2, edge=EDGE):
    masks = [arteries(seed, edge) for seed in range(count)]
    return [(measured(mask, seed=seed), mask) for seed, mask in enumerate(masks)]


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
    with pytest.raises(InputError, match="line_integral and projection.beam: cone"):
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
    mask = arteries()
    shown = project_max(tensor(mask), ANGLES) >= 0.5
    right = physics.projection_loss(tensor(mask), shown, np.array([0.0, 90.0])[:0].repeat(0))
    assert torch.isnan(right)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("radius", [1.5, 2.0, 3.0])
def test_the_local_radius_of_a_tube_is_its_radius(radius, axis):
    volume = tube(radius, axis=axis)
    found = physics.local_radius(torch.from_numpy(volume))
    centre = found[(12,) * 3].item()
    assert centre == pytest.approx(radius, rel=0.12)
