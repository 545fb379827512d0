"""Places that can be empty and can be vessel: refits of views with blocks of voxels held."""

import numpy as np
import pytest
from angiovox.angiograms.measurement import Angiograms
from angiovox.angiograms.refit import Part, apart, block_voxels, both_states_fit
from angiovox.geometry.cone_beam import CArm
from angiovox.geometry.grid import Grid
from angiovox.projectors.attenuation import CONTRAST
from angiovox.projectors.line_integral import line_integral

GRID = Grid((24,) * 3, (1.0,) * 3)
ARM = CArm(1200, 785, (56, 56), (1.2, 1.2))
ANGLES = ((0, 0), (90, 0), (45, 0))
NOISE = 0.003
ITERATIONS = 60  # with blocks held: vessels of 3 mm move to other places slowly
NEAR, FAR = 7, 16  # voxels along x and y, at which columns of vessel stand
EVERYWHERE = Part(GRID, np.ones(GRID.shape, bool))


def columns(*places):
    """Columns along z, three voxels wide, at (x, y)."""
    share = np.zeros(GRID.shape, np.float32)
    for x, y in places:
        share[x - 1 : x + 2, y - 1 : y + 2, 2:22] = 1
    return share


def taken(share, count, seed=0):
    angles = np.array(ANGLES[:count], float)
    views = ARM.views(*angles.T)
    seen = line_integral(share * np.float32(CONTRAST), GRID, views)
    seen += np.random.default_rng(seed).normal(0, NOISE, seen.shape).astype(np.float32)
    measured, arms, labels = np.ones(seen.shape, bool), (ARM,) * count, ("",) * count
    return Angiograms(seen, measured, np.full(count, NOISE), views, angles, arms, labels)


def refit(share, count, *blocks, part=EVERYWHERE, scale=1.0):
    views = taken(share, count)
    views.line_integrals[:] *= np.float32(scale)
    views.noise[:] *= scale
    contrast = np.full(count, CONTRAST * scale)
    return both_states_fit(views, [part], contrast, np.array(blocks), held_iterations=ITERATIONS)


TWO = columns((NEAR, NEAR), (FAR, FAR))
TRUE, GHOST = (NEAR, NEAR, 12), (NEAR, FAR, 12)


def test_two_columns_are_both_possible_at_each_crossing_of_two_views():
    """What two views show of them, the other two crossings of their rays would show too."""
    for block in (TRUE, GHOST):
        found = refit(TWO, 2, block)
        assert found.can_be_empty.all() and found.can_be_full.all()


def test_a_third_view_through_empty_places_lets_no_block_there_be_full():
    found = refit(TWO, 3, GHOST)
    assert found.can_be_empty.all() and not found.can_be_full.any()
    assert found.full[0, 2] > found.limit[0, 2] > found.empty[0, 2]


def test_a_third_view_that_sees_a_column_alone_lets_it_not_be_empty():
    found = refit(TWO, 3, TRUE)
    assert found.can_be_full.all() and not found.can_be_empty.any()


@pytest.mark.parametrize("count", [1, 2, 3])
def test_where_any_view_sees_nothing_no_block_can_be_full(count):
    share = columns((NEAR, NEAR))
    beside = {1: (FAR, NEAR, 12), 2: (NEAR, FAR, 12), 3: (NEAR, FAR, 12)}[count]
    assert not refit(share, count, beside).can_be_full.any()


def test_one_view_leaves_every_place_on_a_filled_ray_open():
    """A ray holds 3 mm of vessel, and 24 mm that may hold it."""
    for depth in (3, NEAR, FAR, 20):
        found = refit(columns((NEAR, NEAR)), 1, (NEAR, depth, 12))
        assert found.can_be_empty.all() and found.can_be_full.all(), depth


def test_without_another_candidate_on_its_rays_a_block_cannot_be_empty():
    support = columns((NEAR, NEAR)) > 0
    assert not refit(columns((NEAR, NEAR)), 2, TRUE, part=Part(GRID, support)).can_be_empty.any()
    assert refit(TWO, 2, TRUE).can_be_empty.all()


def test_the_unit_of_line_integrals_is_free():
    here, there = (refit(TWO, 3, TRUE, scale=scale) for scale in (1.0, 50.0))
    for name in ("free", "empty", "full"):
        np.testing.assert_allclose(getattr(here, name), getattr(there, name), rtol=0.02)


def test_pixels_that_were_not_measured_notice_nothing():
    views = taken(TWO, 3)
    views.measured[2] = False
    contrast = np.full(3, CONTRAST)
    found = both_states_fit(views, [EVERYWHERE], contrast, np.array([GHOST]))
    assert found.can_be_full.all() and (found.full[:, 2] == 0).all()


def test_contrast_beside_the_grid_of_blocks_is_explained_by_another_part():
    """The upper half holds the vessels, the lower half the blocks."""
    half = Grid((24, 24, 12), (1.0,) * 3, (0.0, 0.0, -6.0))
    below = Part(half, np.ones(half.shape, bool))
    above = Part(Grid(half.shape, half.voxel_size, (0, 0, 6.0)), below.support)
    views, contrast = taken(TWO, 2), np.full(2, CONTRAST)
    block = np.array([[NEAR, NEAR, 10]])
    alone, both = (
        both_states_fit(views, parts, contrast, block, held_iterations=ITERATIONS)
        for parts in ([below], [below, above])
    )
    assert both.can_be_empty.all() and both.can_be_full.all()
    assert (both.free < alone.free).all()


def test_a_block_is_what_of_its_voxels_are_candidates():
    support = np.zeros(GRID.shape, bool)
    support[:8] = True
    held = block_voxels(np.array([[0, 0, 0], [8, 12, 12]]), 1, Part(GRID, support))
    assert held.sum() == 2**3 + 9
    assert not (held & ~support).any()


def test_blocks_that_are_chosen_lie_apart_in_every_view_and_the_first_is_among_them():
    blocks = np.random.default_rng(0).integers(0, 24, (60, 3))
    views = taken(TWO, 2).views
    chosen = apart(blocks, GRID, views, 8)
    seen = views.project(GRID.to_mm(blocks[chosen]))
    between = np.abs(seen[:, :, None] - seen[:, None]).max(axis=3)
    assert chosen[0] == 0 and 1 < len(chosen) < 60
    assert (between[:, ~np.eye(len(chosen), dtype=bool)] >= 8).all()


def test_holding_a_block_explains_no_more_than_holding_none():
    """A free fit that ended sooner than the others would excuse what they miss."""
    for block in (TRUE, GHOST):
        found = refit(TWO, 3, block)
        assert (found.free <= 1.1 * np.minimum(found.empty, found.full)).all()
