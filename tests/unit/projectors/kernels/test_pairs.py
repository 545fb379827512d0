"""Two neighbouring numbers at once: what two assignments or two additions give."""

import numpy as np
import pytest
from angiovox.projectors.kernels.jit import njit
from angiovox.projectors.kernels.pairs import add_pair, copy_pair, prefetch


@njit
def copied(source, at, target, to):
    copy_pair(source, np.uint64(at), target, np.uint64(to))


@njit
def added(source, at, target, to):
    prefetch(target, np.uint64(to + (1 << 40)))
    add_pair(source, np.uint64(at), target, np.uint64(to))


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("at, to", [(0, 0), (3, 6), (7, 1)])
def test_a_pair_is_copied_or_added_and_nothing_else_written(kind, at, to):
    rng = np.random.default_rng(0)
    source, target = rng.random(9).astype(kind), rng.random(8).astype(kind)
    for operate, factor in ((copied, 0), (added, 1)):
        expected, result = target.copy(), target.copy()
        expected[to : to + 2] = factor * target[to : to + 2] + source[at : at + 2]
        operate(source, at, result, to)
        np.testing.assert_array_equal(result, expected)
