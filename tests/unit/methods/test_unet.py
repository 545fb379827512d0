"""The U-Net: any size, training on slabs and view counts, the hull, the silhouettes in the loop."""

import itertools

import numpy as np
import pytest
import torch
from angiovox.errors import InputError
from angiovox.geometry.affine import isotropic_affine
from angiovox.geometry.imaging import Imaging
from angiovox.geometry.parallel_beam import projection_angles, view_indices
from angiovox.io.model_files import load_model, save_model
from angiovox.io.quantization import quantize
from angiovox.method import Context, Measurement
from angiovox.methods import registry
from angiovox.methods.unet import model
from angiovox.methods.unet.learner import (
    OUTSIDE_HULL_LOGIT,
    Segmenting,
    Terms,
    channels,
    within_hull,
)
from angiovox.methods.unet.method import Settings, UNet
from angiovox.methods.unet.network import InstanceNorm, ResidualUNet, to_channels, to_voxels
from angiovox.methods.unet.silhouettes import Silhouettes, refine, silhouette_loss
from angiovox.methods.view_levels import brightness, contrast_in_masks
from angiovox.projectors.attenuation import CONTRAST
from angiovox.projectors.backprojection import network_inputs
from angiovox.projectors.imaging import network_inputs as imaging_inputs
from angiovox.projectors.imaging import project
from angiovox.projectors.mip import project_max
from entries import variant

pytestmark = pytest.mark.usefixtures("one_thread")

EDGE = 16
SMALL = {"epochs": 2, "channels": 2, "levels": 3, "precision": "fp32", "schedule": "constant"}


def patient(seed, count=2, edge=EDGE):
    """A bright bar through a dark cube, seen from some of ten angles, and its mask."""
    rng = np.random.default_rng(seed)
    mask = np.zeros((edge, edge, edge), dtype=bool)
    x, y = rng.integers(3, edge - 6, 2)
    mask[x : x + 3, y : y + 3] = True
    volume = (100 * mask + rng.uniform(0, 20, mask.shape)).astype(np.float32)
    angles, chosen = projection_angles(10), view_indices(10, count)
    projections = project_max(volume, angles)
    sums, minima = network_inputs(projections, angles, [chosen], edge)
    inputs = {"sum": sums[0], "min": minima[0], "projections": projections[chosen]}
    return Measurement(angles[chosen], inputs), mask


def shared(seeds=(1, 2, 3), counts=(10, 2)):
    return [patient(seed, count) for count in counts for seed in seeds]


def context(folder, base=None):
    folder.mkdir(exist_ok=True)
    return Context(1, "cpu", folder / "checkpoint.pt", {}, lambda line: None, base=base)


def fitted(folder, patients, **settings):
    return UNet(Settings(**SMALL | settings)).fit(patients, context(folder))


@pytest.mark.parametrize("harmonics", [0, 1, 2])
@pytest.mark.parametrize("steps", [0, 3])
def test_a_model_that_is_taken_over_stays_as_it_is(tmp_path, steps, harmonics):
    patients = shared(seeds=(1, 2))
    base, _ = fitted(tmp_path, patients, harmonics=harmonics)
    assert "projections" in refining(steps).needs.inputs
    state, history = refining(steps).fit(patients, context(tmp_path / "own", base))
    assert state["network"] is base["network"] and len(history) == 1
    assert state.get("refinement_steps", 0) == steps
    measurement, _ = patients[0]
    same = np.array_equal(applied(state, measurement, steps), applied(base, measurement))
    assert same == (steps == 0)


def refining(steps):
    return UNet(Settings(starts_from="unet", refinement_steps=steps))


def applied(state, measurement, steps=0):
    """The reconstruction of a U-Net's state."""
    return refining(steps).reconstruct(state, measurement, Context()).probability


def fitted_to_refine(folder, patients, steps, **settings):
    base, _ = fitted(folder, patients, **settings)
    return refining(steps).fit(patients, context(folder, base))[0]


def learner(patients, support=0.0, slab=64, consistency=0.0, seen=None):
    terms = Terms(bce=1.0, consistency=consistency)
    counts = [len(views.angles) for views, _ in patients]
    levels = dict.fromkeys(counts, support)
    return Segmenting(ResidualUNet(2, 2, 3), terms, slab, levels, counts, seen)


# The network


@pytest.mark.parametrize("batch", [1, 2])
def test_instance_norm_is_pytorchs_with_its_gradients_in_any_layout(batch):
    generator = torch.Generator().manual_seed(0)
    volume = torch.randn(batch, 3, 5, 4, 6, generator=generator)
    ours, theirs = InstanceNorm(3, affine=True), torch.nn.InstanceNorm3d(3, affine=True)
    ours.load_state_dict(theirs.state_dict())
    results = []
    for norm, layout in ((ours, torch.channels_last_3d), (theirs, torch.contiguous_format)):
        given = volume.clone(memory_format=layout).requires_grad_()
        normed = norm(given)
        (normed**3).sum().backward()
        results.append((normed.detach(), given.grad, norm.weight.grad, norm.bias.grad))
    for mine, plain in zip(*results, strict=True):
        torch.testing.assert_close(mine, plain, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("edges", [(16, 16, 16), (12, 10, 9), (1, 17, 5)])
def test_logits_have_the_edges_of_the_volume_whatever_they_are(edges):
    assert ResidualUNet(2, 2, 3)(torch.rand(1, 2, *edges)).shape == (1, 1, *edges)


def test_gradients_in_bfloat16_are_near_those_of_float32_on_the_smallest_volume():
    """On 2^3 voxels PyTorch's gradient of a kernel holds what memory held before."""
    network, volume = ResidualUNet(2, 16, 4), torch.rand(1, 2, 16, 16, 16)
    norms = []
    for dtype in [torch.float32, *[torch.bfloat16] * 8]:
        [torch.full((size,), 1e30) for size in 4 * [30_000, 100_000, 1_000_000]]  # then freed
        network.zero_grad()
        with torch.autocast("cpu", dtype, enabled=dtype is torch.bfloat16):
            network(volume).square().mean().backward()
        norms.append(float(torch.nn.utils.get_total_norm([p.grad for p in network.parameters()])))
    assert norms[1:] == pytest.approx([norms[0]] * 8, rel=0.2)


def test_cubes_become_channels_and_voxels_again():
    volume = torch.rand(2, 3, 4, 6, 8)
    assert torch.equal(to_voxels(to_channels(volume)), volume)
    cube = volume[0, 0, 2:4, 4:6, :2].flatten()
    assert torch.equal(to_channels(volume)[0, :8, 1, 2, 0], cube)


def test_what_the_network_sees_reaches_the_voxel_next_to_it_and_the_far_ones():
    network = ResidualUNet(1, 2, 3).double()
    volume = torch.rand(1, 1, 16, 16, 16, dtype=torch.float64, requires_grad=True)
    network(volume)[0, 0, 8, 8, 8].backward()
    seen = volume.grad[0, 0] != 0
    assert seen[8, 8, 8] and seen[7, 9, 8] and seen[0, 15, 0]


def test_few_voxels_are_vessel_before_the_first_step():
    probability = ResidualUNet(2, 8, 3)(torch.rand(1, 2, 16, 16, 16)).sigmoid()
    assert 0.01 < probability.mean() < 0.2


# Its training


def test_it_learns_and_a_reconstruction_repeats_itself(tmp_path):
    patients = [patient(seed) for seed in range(4)]
    state, history = fitted(tmp_path, patients, epochs=25, learning_rate=1e-2, channels=4)
    assert history[-1]["iou"] > 0.8 > history[0]["iou"]
    views, mask = patient(9)
    found = applied(state, views)
    np.testing.assert_array_equal(applied(state, views), found)
    assert (found >= 0.5)[mask].mean() > 0.7 and (found >= 0.5)[~mask].mean() < 0.05


def test_an_epoch_goes_through_each_patient_once_at_a_count_of_its_own():
    patients = shared(seeds=range(5), counts=(10, 3, 2))
    own = learner(patients)
    orders = [own.order(patients, np.random.default_rng(seed)) for seed in range(2000)]
    assert all(sorted(index % 5 for index in order) == list(range(5)) for order in orders)
    seen = np.bincount([index // 5 for order in orders for index in order]) / 10000
    assert seen[0] < seen[1] < seen[2]
    np.testing.assert_allclose(seen**-2 * seen[2] ** 2, [5, 1.5, 1], rtol=0.1)


def test_a_slab_is_cut_from_the_same_slices_of_everything():
    views, mask = patient(1)
    marks = np.broadcast_to(np.arange(EDGE, dtype=np.uint16), mask.shape)
    inputs = {"sum": marks, "min": marks, "projections": views.inputs["projections"]}
    example = [(Measurement(views.angles, inputs), marks > 7)]
    own = learner(example, slab=4, consistency=1.0, seen=Silhouettes(0.5))
    firsts = set()
    for seed in range(20):
        volume, target, _, silhouettes, _ = own.read(example, [0], np.random.default_rng(seed))
        first = int(volume[0, 0, 0, 0, 0])
        firsts.add(first)
        assert volume.shape == (1, 2, EDGE, EDGE, 4) and silhouettes.shape[-1] == 4
        assert (volume[0, :, 3, 5] == range(first, first + 4)).all()
        assert (target[0, 0] == (volume[0, 0] > 7)).all()
        whole = own.silhouettes.silhouettes(example[0][0])[0]
        np.testing.assert_array_equal(silhouettes, whole[..., first : first + 4])
    assert len(firsts) > 5 and max(firsts) <= EDGE - 4


def test_the_loss_is_least_for_the_truth_and_grows_with_each_term():
    own = learner([patient(1)])
    target = torch.zeros(1, 1, 8, 8, 8)
    target[..., 3:6, 3:6, :] = 1
    right, wrong = 20 * (2 * target - 1), 20 * (1 - 2 * target)
    values = [float(own._overlap(z, z.sigmoid(), target)) for z in (right, 0 * right, wrong)]
    assert values == sorted(values) and values[0] == pytest.approx(0, abs=1e-3)


def test_the_weight_of_cross_entropy_changes_the_model(tmp_path):
    plain, _ = fitted(tmp_path, [patient(1)])
    changed, _ = fitted(tmp_path / "other", [patient(1)], bce_weight=0.0)
    pairs = ((weight, changed["network"][name]) for name, weight in plain["network"].items())
    assert not all(torch.equal(*pair) for pair in pairs)


# What it sees


@pytest.mark.parametrize("harmonics", [1, 2])
def test_brighter_or_shifted_projections_look_the_same(harmonics):
    views, _ = patient(1, count=3)
    seen = channels(views, harmonics)
    assert seen.shape == (2 + harmonics, EDGE, EDGE, EDGE)
    shifted = views.inputs | {"projections": 7 * views.inputs["projections"] - 1000}
    again = channels(Measurement(views.angles, shifted), harmonics)
    np.testing.assert_allclose(again, seen, atol=1e-4)


def test_of_two_views_the_channels_tell_which_shows_a_voxel_bright():
    """Exchanging two views mirrors sum and minimum, and negates the harmonic as well."""
    volume = np.random.default_rng(0).uniform(0, 1, (EDGE, EDGE, 4)).astype(np.float32)
    projections = project_max(volume, [0.0, 90.0])
    given = []
    for shown in (projections, projections[::-1]):
        sums, minima = network_inputs(shown, np.array([0.0, 90.0]), [np.arange(2)], EDGE)
        inputs = {"sum": sums[0], "min": minima[0], "projections": shown}
        given.append(channels(Measurement(np.array([0.0, 90.0]), inputs), 1))
    first, second = given
    turned = second.swapaxes(1, 2)[:, ::-1, ::-1]
    assert np.abs(first[0]).max() > 0.1
    np.testing.assert_allclose(turned[0], -first[0], atol=1e-6)
    np.testing.assert_allclose(turned[1:], first[1:], atol=1e-4)


def test_a_slab_has_the_channels_of_the_whole():
    views, _ = patient(1, count=3)
    within = np.s_[..., 5:9]
    np.testing.assert_allclose(channels(views, 1, within), channels(views, 1)[within], atol=1e-6)


def test_a_model_without_a_word_on_harmonics_has_none(tmp_path):
    state, _ = fitted(tmp_path, [patient(1)], harmonics=0)
    older = {key: value for key, value in state.items() if key != "harmonics"}
    np.testing.assert_array_equal(applied(older, patient(2)[0]), applied(state, patient(2)[0]))


def test_without_harmonics_stored_codes_go_through_untouched_and_projections_are_not_needed():
    views, _ = patient(1)
    seen = channels(Measurement(views.angles, {k: views.inputs[k] for k in ("sum", "min")}))
    assert seen.dtype == np.uint16
    assert UNet(Settings(harmonics=0)).needs.inputs == ("sum", "min")


# The hull


def test_nothing_is_found_where_no_vessel_was_ever_as_dark(tmp_path):
    state, _ = fitted(tmp_path, shared())
    assert 0 < state["support"][10] < state["support"][2]
    views, _ = patient(7)
    outside = views.inputs["min"] / np.float32(65535) < state["support"][2]
    found = applied(state, views)
    assert outside.any() and (found[outside] < 1e-6).all() and (found[~outside] > 1e-6).any()
    free, _ = fitted(tmp_path / "free", shared(), hull_support=False)
    assert (applied(free, views)[outside] > 1e-6).any()


def test_the_support_keeps_nearly_all_of_every_training_patient(tmp_path):
    patients = shared()
    state, _ = fitted(tmp_path, patients, epochs=1)
    for views, mask in patients:
        reached = views.inputs["min"][mask] / 65535 >= state["support"][len(views.angles)] - 1e-6
        assert reached.mean() > 0.99


@pytest.mark.parametrize(("views", "support"), [(2, 0.3), (3, 0.2), (5, 0.2), (90, 0.1), (91, 0.0)])
def test_an_unknown_view_count_takes_the_support_of_the_next_larger_one(views, support):
    assert model._support({90: 0.1, 5: 0.2, 2: 0.3}, views) == support


def test_each_example_of_a_batch_has_its_own_support():
    logits, volume = torch.zeros(2, 1, 1, 1, 2), torch.tensor([0.1, 0.4]).expand(2, 1, 1, 1, 2)
    kept = within_hull(logits, volume, torch.tensor([0.2, 0.5])) == 0
    assert kept.flatten().tolist() == [False, True, False, False]


# Slabs of a volume


def test_a_volume_of_more_slices_goes_through_in_overlapping_slabs(tmp_path):
    """Slabs see less around them, so the results are alike and not the same."""
    patients = [patient(seed) for seed in range(4)]
    state, _ = fitted(tmp_path, patients, epochs=15, learning_rate=1e-2, channels=4)
    views, _ = patient(9)
    whole, slabs = (applied(state | {"slab": n}, views) for n in (EDGE, 8))
    assert slabs.shape == whole.shape
    assert ((slabs >= 0.5) == (whole >= 0.5)).mean() > 0.98


# The physics


def test_silhouettes_are_those_of_the_mask():
    patients = [patient(seed, count=10) for seed in range(3)]
    seen = Silhouettes.of(patients)
    for views, mask in patients:
        shown, angles = seen.silhouettes(views)
        true = project_max(mask.astype(np.float32), views.angles) >= 0.5
        assert (shown & true).sum() / (shown | true).sum() > 0.8
        np.testing.assert_array_equal(angles, views.angles)


def test_brightness_does_not_depend_on_the_units():
    views, _ = patient(1)
    scaled = {"projections": 3 * views.inputs["projections"] - 1000}
    expected = brightness(views)
    np.testing.assert_allclose(brightness(Measurement(views.angles, scaled)), expected, atol=0.02)
    flat = {"projections": np.full((2, 4, 4), 7, dtype=np.float32)}
    assert np.isfinite(brightness(Measurement(views.angles, flat))).all()


def test_of_many_views_a_few_are_compared_from_the_first_to_the_last():
    views, _ = patient(1, count=10)
    shown, angles = Silhouettes(0.5).silhouettes(views, most=4)
    assert len(shown) == len(angles) == 4
    assert angles[0] == views.angles[0] and angles[-1] == views.angles[-1]


def test_the_truth_is_consistent_and_what_lacks_or_adds_a_vessel_is_not():
    views, mask = patient(1, count=10)
    truth = torch.from_numpy(mask).float()
    shown = torch.from_numpy(project_max(mask.astype(np.float32), views.angles) >= 0.5)
    added = truth.clone()
    added[1:3, 1:3] = 1
    distances = [
        float(silhouette_loss(volume, shown, views.angles)) for volume in (truth, 0 * truth, added)
    ]
    assert distances[0] < 0.3 * min(distances[1:])


def test_refinement_moves_towards_the_silhouettes_and_never_out_of_the_hull():
    views, mask = patient(1)
    truth = torch.from_numpy(mask)
    shown = torch.from_numpy(project_max(mask.astype(np.float32), views.angles) >= 0.5)
    logits = torch.where(truth, -1.0, -3.0)
    logits[:2] = OUTSIDE_HULL_LOGIT
    before, *after = (refine(logits, shown, views.angles, steps) for steps in (0, 2, 5, 10))
    assert torch.equal(before, logits)
    distances = [float(silhouette_loss(v.sigmoid(), shown, views.angles)) for v in (before, *after)]
    assert distances == sorted(distances, reverse=True)
    assert all((volume[:2] == OUTSIDE_HULL_LOGIT).all() for volume in after)


def test_refinement_in_slabs_is_refinement_of_the_whole(tmp_path):
    """Rays lie in slices, so that slabs do not know of each other."""
    state = fitted_to_refine(tmp_path, [patient(1)], 3, epochs=1)
    views, _ = patient(2)
    start = model.logits(state, views, "cpu")
    whole, slabs = (model.refine(state | {"slab": n}, start, views) for n in (EDGE, 4))
    moved = (whole - start).abs() > 0.5
    assert moved.any()
    assert ((slabs - start).abs() > 0.5)[moved].float().mean() > 0.9


def test_projections_in_the_loss_change_the_model(tmp_path):
    settings = Settings(**SMALL)
    weights = [
        model.fit([patient(1)], settings, context(tmp_path / str(weight)), weight)[0]
        for weight in (1e-6, 5.0)
    ]
    pairs = itertools.starmap(
        torch.equal, zip(*(w["network"].values() for w in weights), strict=True)
    )
    assert not all(pairs)


def test_examples_of_several_view_counts_share_a_batch(tmp_path):
    settings = Settings(**SMALL | {"batch_size": 2, "epochs": 1})
    _, history = model.fit(shared(), settings, context(tmp_path), consistency=0.2)
    assert np.isfinite(history[0]["loss"])


def test_without_steps_of_refinement_it_is_the_model_it_starts_from(tmp_path):
    state = fitted_to_refine(tmp_path, shared(), 0)
    views, _ = patient(5)
    np.testing.assert_array_equal(applied(state, views, 1), applied(state, views))


def test_a_model_on_disk_knows_all_that_it_needs(tmp_path):
    state = fitted_to_refine(tmp_path, shared(), 2, slab=8)
    save_model(tmp_path / "model.pt", state)
    views, _ = patient(5)
    np.testing.assert_array_equal(
        applied(load_model(tmp_path / "model.pt"), views, 1),
        applied(state, views, 1),
    )


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("unet.channels", 0),
        ("unet.levels", 2),
        ("unet.starts_from", 3),
        ("unet.slab", 0),
        ("unet.bce_weight", -1),
        ("unet.hull_support", "yes"),
        ("consistent.refinement_steps", -1),
    ],
)
def test_a_bad_setting_is_refused_with_its_full_key(key, value):
    method, _, name = key.partition(".")
    with pytest.raises(InputError, match=rf"^methods\.{method}\.{name}: "):
        registry.create(method, variant(method, **{name: value}))


# Other beams than the paper's


def seen_by(imaging, seed, views=2):
    """The bar of `patient` as another imaging takes it."""
    _, mask = patient(seed)
    share = mask.astype(np.float32)
    affine = isotropic_affine(mask.shape, 1.0)
    volume = quantize(100 * share)
    projections = project(imaging, volume, affine, share)
    chosen = imaging.chosen(views)
    (total,), (bound,) = imaging_inputs(imaging, projections, affine, [chosen])
    grid = imaging.grid(affine)
    beam = imaging.views(grid)[chosen]
    inputs = {"sum": total, "min": bound, "projections": projections.values()[chosen]}
    return Measurement(imaging.angles[chosen], inputs, grid=grid, imaging=imaging, views=beam), mask


BEAMS = [
    Imaging(EDGE, 10, kind="line_integral", beam="cone", arc_degrees=180),
    Imaging(EDGE, 10, kind="line_integral"),
    Imaging(EDGE, 10, beam="cone", arc_degrees=180),
]


@pytest.mark.parametrize("imaging", BEAMS, ids=lambda i: f"{i.kind}-{i.beam}")
def test_refinement_moves_towards_the_views_of_any_beam(tmp_path, imaging):
    """A guess that is half right sees its other half back."""
    patients = [seen_by(imaging, seed) for seed in (1, 2, 3)]
    base, _ = fitted(tmp_path, patients)
    state, _ = refining(10).fit(patients, context(tmp_path / "own", base))
    measured, mask = patients[0]
    guess = torch.full(mask.shape, -2.0)
    guess[torch.from_numpy(mask)] = 1.0
    guess[..., EDGE // 2 :] = -2.0
    moved = model.refine(state, guess, measured)
    lost = torch.from_numpy(mask)
    lost[..., : EDGE // 2 + 2] = False
    least = 0.5 if imaging.kind == "line_integral" else 0.1  # a maximum is of one place on its ray
    assert moved[lost].mean() > guess[lost].mean() + least
    elsewhere = ~torch.from_numpy(mask)
    assert moved[elsewhere].mean() < moved[lost].mean() - least


@pytest.mark.parametrize("imaging", BEAMS, ids=lambda i: f"{i.kind}-{i.beam}")
def test_a_network_of_any_beam_gives_probabilities(tmp_path, imaging):
    patients = [seen_by(imaging, seed, views) for views in (10, 2) for seed in (1, 2)]
    state, history = fitted(tmp_path, patients, slab=8)
    assert np.isfinite([row["loss"] for row in history]).all()
    found = UNet().reconstruct(state, patients[0][0], Context()).probability
    assert found.shape == (EDGE,) * 3 and 0 <= found.min() <= found.max() <= 1


def test_channels_of_a_slab_are_those_of_the_whole_volume():
    measured, _ = seen_by(BEAMS[0], 1)
    within = np.s_[..., 3:9]
    np.testing.assert_array_equal(channels(measured, 2, within), channels(measured, 2)[within])


def test_contrast_is_what_makes_masks_attenuate_as_measured():
    """The bar is full of undiluted contrast."""
    contrast, explained = contrast_in_masks([seen_by(BEAMS[0], seed) for seed in (1, 2)])
    assert contrast == pytest.approx(CONTRAST, rel=1e-3) and explained > 0.999
