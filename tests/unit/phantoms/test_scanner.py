"""What a scanner makes of filled arteries, and one patient's way through it."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from angiovox.phantoms import scanner as imaging
from angiovox.phantoms.acquisition import AIM, MIDDLE, Settings, acquire, aim, apply_random_pose
from angiovox.phantoms.arterial_tree import grow
from angiovox.phantoms.contrast import CENTRES, inject
from angiovox.phantoms.head import Head
from angiovox.phantoms.scanner import SCANNERS, image
from angiovox.phantoms.tortuosity import STEP
from angiovox.vessels.graph import Arteries, Pose
from angiovox.vessels.voxelize import occupancy
from scipy import ndimage
from skimage.filters import threshold_otsu

SHAPE, VOXEL_SIZE = (64, 64, 64), 0.75
SEEDS = range(4)
SMALL, COARSE = (24, 22, 20), 2.0
ORIGIN = np.array([12.0, 3.0, -4.0])  # mm, about as the injection of a carotid gives it

grown = cache(grow)


@pytest.fixture
def scanner(monkeypatch):
    """A scanner like a known one but for some of its properties, by its name."""

    def changed(name="3dra", **properties):
        monkeypatch.setitem(SCANNERS, "changed", replace(SCANNERS[name], **properties))
        return "changed"

    return changed


def upright(radius, contrast=1.0, x=0.0, top=40.0):
    """One artery along z, from far below the grid to its top, a point every half millimetre."""
    z = np.arange(-40, top, 0.5)
    full, numbers = np.ones(len(z)), np.arange(len(z))
    points = np.stack([x * full, 0 * full, z], axis=1)
    segments, artery = np.stack([numbers[:-1], numbers[1:]], axis=1), 0 * numbers[1:]
    return Arteries(points, radius * full, contrast * full, segments, artery, ("upright",))


NOTHING = upright(1.0).keep(np.zeros(159, dtype=bool))


def straight(seed, injection="carotid"):
    """A patient with filled arteries, and how the head lies."""
    arteries, origin = inject(grown(seed), injection)
    return arteries, Pose(origin)


def empty(scanner, shape, voxel_size, origin=ORIGIN, seed=0):
    """A head without a filled artery."""
    return image(NOTHING, Pose(origin), shape, voxel_size, seed, scanner)[0]


def in_cylinder(shape):
    return np.hypot(*np.ix_(*[(np.arange(n) * 2 + 1) / n - 1 for n in shape[:2]])) <= 1


def axes(shape, voxel_size):
    """Places of voxels in mm, to broadcast."""
    return np.ix_(*[(np.arange(n) - (n - 1) / 2) * voxel_size for n in shape])


def noise(scanner, name="3dra", shape=(64, 64, 40)):
    """The noise alone: what a scanner shows of nothing, less what it shows without noise."""
    return empty(name, shape, VOXEL_SIZE) - empty(scanner(name, noise=0.0), shape, VOXEL_SIZE)


@pytest.mark.parametrize("seed", SEEDS)
def test_otsu_finds_the_arteries_in_a_subtracted_image(seed):
    volume, share = image(*straight(seed), SHAPE, VOXEL_SIZE, seed)
    mask, truth = volume > threshold_otsu(volume), share > 0.5
    assert 0.003 < mask.mean() < 0.05
    assert (mask & truth).sum() / (mask | truth).sum() > 0.65


@pytest.mark.parametrize("seed", SEEDS)
def test_otsu_finds_no_arteries_in_plain_ct(seed):
    """Head from air, and most of the volume is head."""
    volume, _ = image(*straight(seed), SHAPE, VOXEL_SIZE, seed, "cta")
    assert (volume > threshold_otsu(volume)).mean() > 0.5


@pytest.mark.parametrize("seed", SEEDS)
def test_what_subtraction_leaves_is_fainter_than_arteries(seed):
    volume = empty("3dra", SHAPE, VOXEL_SIZE, seed=seed)
    assert np.abs(volume).max() < 0.3 * SCANNERS["3dra"].artery
    assert volume.std() < 0.05 * SCANNERS["3dra"].artery


@pytest.mark.parametrize("name", ["3dra", "cta"])
@pytest.mark.parametrize("shape", [(64, 64, 40), (63, 50, 37), (16, 12, 500)])
def test_noise_has_the_stated_strength_all_over_the_cylinder(scanner, name, shape):
    found, inside = noise(scanner, name, shape=shape), in_cylinder(shape)
    stated = SCANNERS[name].noise
    for part in np.array_split(found[inside], 2, axis=1):
        assert part.std() == pytest.approx(stated, rel=0.02)
    assert abs(found[inside].mean()) < 0.05 * stated


@pytest.mark.parametrize("name", ["3dra", "cta"])
def test_noise_rises_with_frequency_until_the_filter_cuts_it_off(scanner, name):
    square = noise(scanner, name)[10:54, 10:54]
    window = np.hanning(44)[:, None] * np.hanning(44)
    power = (np.abs(np.fft.fft2(square * window[:, :, None], axes=(0, 1))) ** 2).mean(axis=2)
    frequency = np.fft.fftfreq(44) * 2
    share = np.hypot(frequency[:, None], frequency)
    low, mid, high = (
        power[(share >= least) & (share < most)].mean()
        for least, most in ((0, 0.15), (0.3, 0.5), (0.9, 1.1))
    )
    assert low < 0.6 * mid and high < 0.6 * mid


def test_neighbouring_slices_share_noise_and_distant_ones_do_not(scanner):
    square = noise(scanner)[10:54, 10:54]
    near = [
        np.corrcoef(square[..., :-gap].ravel(), square[..., gap:].ravel())[0, 1]
        for gap in (1, 2, 3, 8)
    ]
    assert near[0] > 0.5 and near[0] > 2 * near[1] > 0.1 and np.abs(near[2:]).max() < 0.05


@pytest.mark.parametrize("block", [1, 7, 1000])
def test_blocks_of_slices_do_not_show(monkeypatch, block):
    arteries, pose = straight(1)
    expected, _ = image(arteries, pose, (24, 22, 40), COARSE, 1, "cta")
    monkeypatch.setattr(imaging, "BLOCK", block)
    found, _ = image(arteries, pose, (24, 22, 40), COARSE, 1, "cta")
    np.testing.assert_allclose(found, expected, atol=1e-3)


@pytest.mark.parametrize("name", ["3dra", "cta"])
@pytest.mark.parametrize("shape", [(24, 24, 6), (25, 18, 5)])
def test_beyond_the_cylinder_there_is_no_data(name, shape):
    volume, _ = image(*straight(0, "all"), shape, COARSE, 0, name)
    inside = in_cylinder(shape)
    assert (volume[~inside] == SCANNERS[name].outside).all()
    assert (volume[inside] != SCANNERS[name].outside).mean() > 0.99


@pytest.mark.parametrize("name", ["3dra", "cta"])
def test_a_full_voxel_shows_the_arterys_contrast(scanner, name):
    ideal = scanner(name, noise=0.0, streaks=0.0, blur=0.0, voxel_blur=0.0)
    for level in (1.0, 0.4):
        volume, share = image(upright(3.0, level), Pose(ORIGIN), SMALL, 1.0, 0, ideal)
        np.testing.assert_allclose(volume[share == 1], level * SCANNERS[name].artery, rtol=1e-6)
        np.testing.assert_array_equal(volume[share == 0], empty(ideal, SMALL, 1.0)[share == 0])


@pytest.mark.parametrize(("blur", "voxel_blur"), [(0.3, 0.0), (0.0, 0.8), (0.4, 0.6), (0.9, 0.5)])
def test_the_point_spread_widens_a_thin_artery_and_keeps_its_signal(scanner, blur, voxel_blur):
    """Variances add: the artery's own, the detector's in mm and the reconstruction's in voxels."""
    sums, widths = [], []
    for properties in ({"blur": 0.0, "voxel_blur": 0.0}, {"blur": blur, "voxel_blur": voxel_blur}):
        name = scanner(noise=0.0, streaks=0.0, **properties)
        shown, _ = image(upright(0.3), Pose(ORIGIN), (33, 33, 8), 0.5, 0, name)
        signal = shown.astype(float) - empty(name, shown.shape, 0.5)
        x, y, _ = axes(signal.shape, 0.5)
        sums.append(signal.sum())
        widths.append((signal * (x**2 + y**2)).sum() / signal.sum() / 2)
    assert sums[1] == pytest.approx(sums[0], rel=1e-3)
    assert widths[1] - widths[0] == pytest.approx(blur**2 + (0.5 * voxel_blur) ** 2, rel=0.06)


def test_streaks_lie_in_the_slices_that_a_thick_artery_crosses(scanner):
    def streaks(arteries):
        names = (scanner(noise=0.0, streaks=strongest) for strongest in (30.0, 0.0))
        return np.subtract(
            *[image(arteries, Pose(ORIGIN), SMALL, 1.0, 0, name)[0] for name in names]
        )

    found = np.abs(streaks(upright(2.0, x=2.0, top=0.0))).max(axis=(0, 1))
    assert (found[:10] > 5).all() and (found < 30.001).all() and not found[11:].any()
    assert not streaks(upright(0.8)).any()


@pytest.mark.parametrize("name", ["3dra", "cta"])
def test_a_patient_shifted_by_whole_voxels_is_the_same_image_shifted(scanner, name):
    still = scanner(name, noise=0.0, streaks=0.0)
    arteries, pose = straight(0)
    shift = np.array([8.0, -4.0, 12.0])
    here, _ = image(arteries, pose, (48, 48, 48), 4.0, 0, still)
    there, _ = image(arteries.moved(shift), Pose(pose.origin + shift), (48, 48, 48), 4.0, 0, still)
    # Away from the cylinder's edge and from the first and last slices; the skull is in view.
    gap = np.abs(there[12:36, 12:36, 6:46] - here[10:34, 13:37, 3:43])
    assert (gap < 0.02).mean() > 0.999


@pytest.mark.parametrize("name", ["3dra", "cta"])
def test_a_head_turned_by_a_right_angle_is_the_same_image_turned(scanner, name):
    still = scanner(name, noise=0.0, streaks=0.0)
    arteries, pose = straight(0)
    turn = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    turned = replace(arteries, points=arteries.points @ turn.T)
    here, _ = image(arteries, pose, (40, 40, 32), 4.0, 0, still)
    there, _ = image(turned, Pose(turn @ pose.origin, turn), (40, 40, 32), 4.0, 0, still)
    gap = np.abs(there - np.rot90(here, axes=(0, 1)))
    # Ventricles, in plain CT, and what falls on an edge of a voxel may differ.
    assert (gap < 0.02).mean() > (0.999 if name == "3dra" else 0.98)


def test_heads_lie_a_little_tilted_and_off_the_isocentre():
    """Rigidly: distances stay, and the pose takes the head's origin with the arteries."""
    arteries, origin = inject(grown(0), "carotid")
    lain = [apply_random_pose(arteries, origin, seed) for seed in range(60)]
    for moved, pose in lain[:5]:
        np.testing.assert_allclose(pose.place(arteries.points - origin), moved.points, atol=1e-9)
        np.testing.assert_allclose(pose.rotation @ pose.rotation.T, np.eye(3), atol=1e-12)
    shifts = [pose.origin - pose.rotation @ origin for _, pose in lain]
    tilts = [np.degrees(np.arccos((np.trace(pose.rotation) - 1) / 2)) for _, pose in lain]
    assert 2.4 < np.std(shifts) < 3.6 and 10 < np.median(tilts) < 22


def test_scanners_aim_at_an_artery_near_the_circle():
    arteries, origin = inject(grown(0), "carotid")
    places = []
    for seed in range(200):
        aimed, moved = aim(arteries, origin, seed)
        np.testing.assert_allclose(aimed.points - moved, arteries.points - origin, atol=1e-9)
        assert np.linalg.norm(aimed.points, axis=1).min() < 1e-9
        places.append(origin - moved)
    far = np.linalg.norm(places, axis=1)
    assert 0.5 * AIM < np.median(far) < 2 * AIM and len(np.unique(np.round(places, 6), axis=0)) > 50


@pytest.mark.parametrize("name", ["3dra", "cta"])
def test_two_grids_show_one_head(scanner, name):
    still = scanner(name, noise=0.0, streaks=0.0)
    coarse, fine = empty(still, (40, 40, 32), 5.0), empty(still, (80, 80, 64), 2.5)
    blocks = fine.reshape(40, 2, 40, 2, 32, 2).mean(axis=(1, 3, 5))
    inner = np.s_[8:32, 8:32, 2:30]
    assert np.corrcoef(coarse[inner].ravel(), blocks[inner].ravel())[0, 1] > 0.9


@pytest.mark.parametrize("seed", range(3))
def test_plain_ct_has_hounsfield_units_of_air_brain_and_skull(seed):
    shape, voxel_size = (96, 96, 80), 2.25
    volume = empty("cta", shape, voxel_size, np.zeros(3), seed)
    depth = Head.draw(np.random.default_rng(0), Pose(np.zeros(3))).depth(*axes(shape, voxel_size))
    air, skull, brain = (
        np.median(volume[(depth > least) & (depth < most)])
        for least, most in ((20, np.inf), (0, 7), (-np.inf, -5))
    )
    assert -1020 < air < -950 and 20 < brain < 50 and 300 < skull < 1500
    assert volume.min() > -1200 and volume.max() < 3071


def test_an_unknown_scanner_is_refused_with_its_name():
    with pytest.raises(ValueError, match=r"^scanner 'mri'.*3dra, cta, plain$"):
        image(NOTHING, Pose(ORIGIN), SMALL, COARSE, 0, "mri")


def test_the_middle_of_given_arteries_is_put_where_grown_ones_have_theirs():
    boxes = [grown(seed).arteries.points for seed in range(6)]
    middles = [(points.min(axis=0) + points.max(axis=0)) / 2 for points in boxes]
    np.testing.assert_allclose(np.mean(middles, axis=0), MIDDLE, atol=1.5)


@pytest.mark.parametrize("centre", CENTRES)
def test_the_head_lies_around_given_centrelines(tmp_path, centre):
    """Around the middle of these, which is 40 mm to the left of their first fork."""
    path = tmp_path / "tree.swc"
    path.write_text("1 0 -40 0 -20 1 -1\n2 0 -40 0 0 1 1\n3 0 40 0 20 1 2\n4 0 -40 0 20 1 2\n")
    settings = Settings(centre=centre, scanner="cta")
    found = acquire(1, (40, 40, 40), 6.0, settings, str(path))
    x = axes((40, 40, 40), 6.0)[0]
    inner = np.s_[:, 8:32, 18:30]
    weight = (found.volume[inner] > -500).mean(axis=(1, 2))
    middle = (x.ravel() * weight).sum() / weight.sum()
    box = found.arteries.points
    assert middle == pytest.approx((box[:, 0].min() + box[:, 0].max()) / 2, abs=6)
    assert abs(middle) > 20 if centre == "circle" else abs(middle) < 6


SETTINGS = [Settings(), Settings("vertebral", "head"), Settings("all", scanner="cta")]


@pytest.mark.parametrize("settings", SETTINGS, ids=lambda settings: settings.injection)
def test_a_patient_is_grown_injected_and_imaged_by_the_settings(settings):
    """The same arguments, the same bytes: finite intensities and the exact share."""
    found = acquire(3, SMALL, COARSE, settings)
    arteries, origin = inject(grown(3), settings.injection, settings.centre)
    if settings.centre == "circle":
        arteries, origin = aim(arteries, origin, 3)
    arteries, pose = apply_random_pose(arteries, origin, 3, grown(3).size)
    volume, share = image(arteries, pose, SMALL, COARSE, 3, settings.scanner)
    assert found.volume.tobytes() == volume.tobytes() and np.isfinite(volume).all()
    assert found.share.tobytes() == share.tobytes()
    np.testing.assert_array_equal(share, occupancy(arteries, SMALL, COARSE)[0])
    assert volume.shape == share.shape == SMALL and volume.dtype == share.dtype == np.float32
    assert found.variant == grown(3).variant and found.lesions == []


def test_lesions_are_planted_by_the_settings():
    wanted = {"aneurysm": {"share": 1.0, "size_mm": [5.0, 8.0]}}
    healthy = acquire(0, SMALL, COARSE).share
    ill = acquire(0, SMALL, COARSE, Settings(lesions=wanted))
    assert [lesion.kind for lesion in ill.lesions] == ["aneurysm"]
    assert (ill.share >= healthy).all() and ill.share.sum() > healthy.sum() + 5


@pytest.mark.parametrize("centre", CENTRES)
def test_given_centrelines_are_imaged_in_place_of_grown_arteries(tmp_path, centre):
    """A trunk that forks after 20 mm; the seed changes only what is not artery."""
    path = tmp_path / "tree.swc"
    path.write_text("1 0 5 0 0 2 -1\n2 0 5 0 20 2 1\n3 0 15 0 26 1 2\n4 0 1 0 30 1 2\n")
    one, two = (acquire(s, SMALL, COARSE, Settings(centre=centre), str(path)) for s in (1, 2))
    assert one.variant is None and one.arteries.names == ("centreline",)
    assert one.share.sum() > 20 and one.share.tobytes() == two.share.tobytes()
    assert (one.volume != two.volume).mean() > 0.5
    fork = one.arteries.points[1]
    np.testing.assert_allclose(fork, {"circle": [0, 0, 0], "head": [-3, 0, 5]}[centre], atol=1e-9)
    assert one.arteries.contrast.max() == 1 > one.arteries.contrast.min()
    assert one.arteries.lengths.max() <= STEP * (1 + 1e-9)


# Trees of files


FORKED = "1 0 5 0 0 2 -1\n2 0 5 0 20 2 1\n3 2 15 0 26 1 2\n4 3 1 0 30 1 2\n"


@pytest.fixture
def forked(tmp_path):
    """A trunk of type 0 that forks into branches of types 2 and 3."""
    path = tmp_path / "tree.swc"
    path.write_text(FORKED)
    return str(path)


def test_a_tree_in_a_random_pose_lies_as_a_grown_one_of_its_seed(forked):
    straight = acquire(1, SMALL, COARSE, centreline=forked)
    posed = acquire(1, SMALL, COARSE, centreline=forked, random_pose=True)
    isocentre = np.array([5, 0, 20]) - [8, 0, 15]  # the fork from the middle of the extent
    expected, _ = apply_random_pose(*aim(straight.arteries, -isocentre - MIDDLE, 1), 1)
    np.testing.assert_allclose(posed.arteries.points, expected.points)
    assert np.abs(posed.arteries.points - straight.arteries.points).max() > 0.5
    other = acquire(2, SMALL, COARSE, centreline=forked, random_pose=True)
    assert np.abs(posed.arteries.points - other.arteries.points).max() > 0.5


def test_a_territory_of_a_tree_is_imaged_without_the_rest(forked):
    whole, part = (
        acquire(1, SMALL, COARSE, centreline=forked, territory=types) for types in (None, [2])
    )
    assert len(part.arteries.segments) < len(whole.arteries.segments)
    assert 0 < part.share.sum() < whole.share.sum()


# The simplified scanner


def test_the_plain_scanner_shows_arteries_full_of_contrast_and_nothing_else(forked):
    """No head, no streaks, no edge of the field: the blurred share times one intensity."""
    settings = Settings(scanner="plain")
    for given in ({"centreline": forked}, {}):
        found = acquire(3, SMALL, COARSE, settings, **given)
        scanner = SCANNERS["plain"]
        sigma = np.hypot(scanner.blur / COARSE, scanner.voxel_blur)
        clean = ndimage.gaussian_filter(scanner.artery * found.share, sigma, truncate=3.0)
        if "centreline" in given:
            assert set(found.arteries.contrast) == {1.0}
            noise = found.volume - clean
            assert noise.std() == pytest.approx(scanner.noise, rel=0.03)
            assert abs(noise.mean()) < 0.5
        far = found.share == 0
        far &= ndimage.maximum_filter(found.share, 9) == 0
        assert far.any() and abs(found.volume[far].mean()) < 1.0


def test_the_plain_scanners_noise_is_white():
    """Neighbours share nothing, along each axis; of the other scanners they do."""
    noise = empty("plain", (48, 48, 48), COARSE)
    for axis in range(3):
        first, second = (np.take(noise, range(s, s + 47), axis) for s in (0, 1))
        assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.02


def test_contrast_thins_where_the_scanner_says_so(scanner):
    arteries = {
        name: acquire(3, SMALL, COARSE, Settings(scanner=name)).arteries
        for name in ("3dra", "plain", scanner(thins=False))
    }
    ends = {name: (own.contrast.min(), own.contrast.max()) for name, own in arteries.items()}
    assert ends["3dra"][0] < 0.9 < ends["3dra"][1] <= 1
    assert ends["changed"] == ends["plain"]
    points = arteries["3dra"].points
    assert all((own.points == points).all() for own in arteries.values())
