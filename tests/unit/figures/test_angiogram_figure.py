"""Subtracted runs, drawn."""

import numpy as np
import pytest
from angiovox.figures.angiograms import angiograms, view_name
from angiovox.geometry.cone_beam import CArm
from simulated_run import simulated_run

ARM = CArm(1200, 785, (24, 32), (2.0, 2.0))


def filling(shares):
    """Line integrals of a bar that fills by shares."""
    images = np.zeros((len(shares), 24, 32))
    images[:, 8:12, 5:25] = np.array(shares)[:, None, None]
    return images


def texts(figure):
    return [text.get_text() for axes in figure.axes for text in [axes.title, *axes.texts]]


def test_a_run_that_stands_still_is_shown_over_time_while_contrast_is_in():
    shares = [0, 0, 0.2, 1.0, 0.6, 0.3, 0, 0]
    run = simulated_run(filling(shares), ARM, 0.0, 25.0, 1.0, plane="A", frame_time_s=0.5)
    figure = angiograms([run], "a phantom")
    assert [t for t in texts(figure) if t.endswith(" s")] == ["1.5 s", "2.0 s", "2.5 s", "3.0 s"]
    assert "plane A" in texts(figure)
    assert any("CRA 25" in text for text in texts(figure))


def test_a_rotation_is_shown_over_its_angles():
    turned = simulated_run(filling([1.0] * 9), ARM, np.linspace(-100, 100, 9), 0.0, 1.0)
    names = [text for text in texts(angiograms([turned])) if "AO" in text or text == "frontal"]
    assert names == ["RAO 100", "RAO 50", "frontal", "LAO 50", "LAO 100"]


def test_contrast_is_dark_and_upright():
    images = filling([1.0, 1.0])
    images[:, :, :16] = 0  # left is what is above in the image
    run = simulated_run(images, ARM, 90.0, 0.0, 1.0)
    shown = angiograms([run]).axes[0].images[0]
    drawn = np.asarray(shown.get_array())
    assert shown.origin == "lower"
    assert drawn[20, 10] < drawn[2, 2]  # rows upwards: the head is above
    assert drawn[5, 10] == pytest.approx(drawn[2, 2], abs=0.01)


@pytest.mark.parametrize(
    ("angles", "name"),
    [
        ((0, 0), "frontal"),
        ((90, 0), "LAO 90"),
        ((-30, -25), "RAO 30, CAU 25"),
        ((0.2, 20), "frontal, CRA 20"),
    ],
    ids=str,
)
def test_views_are_named_as_angiographers_do(angles, name):
    assert view_name(*angles) == name
