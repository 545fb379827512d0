"""The one threshold that hull and back-projection learn."""

import weakref

import numpy as np
import pytest
from angiovox.method import Context, Measurement
from angiovox.methods.backprojection.method import Backprojection
from angiovox.methods.thresholding import BINS, best_threshold, score_to_probability
from angiovox.methods.visual_hull.method import VisualHull
from angiovox.metrics.overlap import scores

METHODS = {"sum": Backprojection, "min": VisualHull}


def scored(seed, shape=(6, 5, 4)):
    """A score that says something about the mask, and the mask."""
    rng = np.random.default_rng(seed)
    mask = rng.random(shape) < 0.2
    score = np.clip(0.4 * mask + rng.random(shape) * 0.7, 0, 1).astype(np.float32)
    return score, mask


def on_the_steps(seed, shape=(6, 5, 4)):
    """Scores that are themselves possible thresholds, as their nearest float32."""
    rng = np.random.default_rng(seed)
    score = (rng.integers(0, BINS + 1, shape) / BINS).astype(np.float32)
    return score, rng.random(shape) < score


def iou(score, mask, threshold):
    return scores((score >= threshold).astype(np.float32), mask)["iou"]


def brute_force(pairs):
    """Mean IoU at every threshold there is."""
    steps = np.arange(BINS + 1) / BINS
    return steps, np.array([np.mean([iou(*pair, float(t)) for pair in pairs]) for t in steps])


def context(tmp_path, log=str):
    return Context(1, "cpu", tmp_path / "checkpoint.pt", {}, log)


def patients(kind, pairs):
    return [(Measurement(np.array([0.0, 90.0]), {kind: score}), mask) for score, mask in pairs]


@pytest.mark.parametrize("make", [scored, on_the_steps])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_equals_trying_every_threshold(make, seed):
    pairs = [make(10 * seed + number) for number in range(3)]
    threshold, reached = best_threshold(pairs)
    steps, means = brute_force(pairs)
    assert reached == pytest.approx(means.max(), abs=1e-12)
    assert means[np.flatnonzero(np.isclose(steps, threshold))[0]] == pytest.approx(means.max())


def test_neighbouring_steps_are_told_apart():
    """Float32 times 1000 may fall a hair below a whole number; `>=` does not."""
    mask = np.array([[[False, True]]])
    confused = []
    for step in range(1, BINS + 1):
        score = (np.array([[[step - 1, step]]]) / BINS).astype(np.float32)
        threshold, reached = best_threshold([(score, mask)])
        if reached != 1 or iou(score, mask, threshold) != 1:
            confused.append(step)
    assert confused == []


@pytest.mark.parametrize(("low", "high"), [(0.3, 0.4), (0.0, 1.0), (0.5, 0.502), (0.9, 1.0)])
def test_scores_that_can_be_separated_are(low, high):
    mask = np.random.default_rng(0).random((6, 5, 4)) < 0.3
    score = np.where(mask, high, low).astype(np.float32)
    threshold, reached = best_threshold([(score, mask)])
    assert reached == 1
    assert low < threshold <= high


def test_it_is_the_mean_over_patients_and_not_over_voxels():
    """A large patient weighs no more than a small one."""
    pairs = [scored(1), scored(2, (12, 12, 12))]
    _, reached = best_threshold(pairs)
    assert reached == pytest.approx(brute_force(pairs)[1].max())


def test_neither_the_order_in_memory_nor_the_axes_matter():
    score, mask = scored(3)
    expected = best_threshold([(score, mask)])
    for turn in (np.asfortranarray, np.transpose, lambda array: array[::-1, :, ::-1]):
        assert best_threshold([(turn(score), turn(mask))]) == expected
    assert best_threshold([(np.asfortranarray(score), mask)]) == expected


@pytest.mark.parametrize("bad", [np.nan, -0.1, 1.1, np.inf])
def test_scores_that_are_none_are_counted(bad):
    score, mask = scored(0)
    score[0, 0, :2] = bad
    with pytest.raises(ValueError, match=r"^2 of 120 scores"):
        best_threshold([(score, mask)])


def test_an_empty_mask_does_no_harm():
    score, mask = scored(0)
    assert np.isfinite(best_threshold([(score, np.zeros_like(mask)), (score, mask)])).all()


@pytest.mark.parametrize("make", [scored, on_the_steps])
@pytest.mark.parametrize("kind", METHODS)
def test_reconstructing_the_training_patients_reaches_the_reported_iou(tmp_path, kind, make):
    method, pairs = METHODS[kind](), [make(seed) for seed in range(4)]
    training = patients(kind, pairs)
    state, history = method.fit(training, context(tmp_path))
    reached = [
        scores(method.reconstruct(state, views, Context()).probability, mask)["iou"]
        for views, mask in training
    ]
    assert [row["iou"] for row in history] == [pytest.approx(np.mean(reached))]


@pytest.mark.parametrize("kind", METHODS)
def test_the_log_says_threshold_and_iou(tmp_path, kind):
    lines = []
    method = METHODS[kind]()
    state, history = method.fit(patients(kind, [scored(1)]), context(tmp_path, lines.append))
    assert lines == [
        f"threshold {state['threshold']:.3f}, IoU on the training patients {history[0]['iou']:.3f}"
    ]


def test_patients_are_read_once_each_and_never_kept(tmp_path):
    """A cohort at the paper's scale does not fit in memory."""
    read, most = [], []

    class OneByOne:
        def __iter__(self):
            for seed in range(5):
                score, mask = scored(seed)
                read.append(weakref.ref(score))
                most.append(sum(reference() is not None for reference in read))
                pair = Measurement(np.array([0.0]), {"min": score}), mask
                del score
                yield pair
                del pair

    VisualHull().fit(OneByOne(), context(tmp_path))
    assert len(read) == 5
    assert max(most) <= 2


# The soft versions


@pytest.mark.parametrize("threshold", [0.0, 0.001, 0.3, 0.337, 0.999, 1.0])
def test_a_stretched_score_reaches_a_half_where_it_reaches_the_threshold(threshold):
    score, _ = on_the_steps(3)
    at = np.float32(threshold)
    score = np.append(score.ravel(), [0, at, np.nextafter(at, np.float32(0)), 1]).astype(np.float32)
    probability = score_to_probability(score, threshold)
    np.testing.assert_array_equal(probability >= 0.5, score >= at)
    assert (np.diff(probability[np.argsort(score)]) >= 0).all()
    assert probability.min() >= 0 and probability.max() <= 1


@pytest.mark.parametrize("method", METHODS.values())
def test_a_soft_method_has_the_mask_of_the_hard_one(tmp_path, method):
    score, mask = scored(5)
    soft, hard = (method(method.Settings(soft)) for soft in (True, False))
    views = Measurement(np.array([0.0, 90.0]), {hard.needs.inputs[0]: score})
    state, _ = soft.fit([(views, mask)], context(tmp_path))
    graded, binary = (one.reconstruct(state, views, Context()).probability for one in (soft, hard))
    np.testing.assert_array_equal(graded >= 0.5, binary >= 0.5)
    assert len(np.unique(graded)) > 10 and len(np.unique(binary)) == 2
