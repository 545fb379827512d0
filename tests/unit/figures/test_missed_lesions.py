"""Figure of missed lesions: a row for each, in its plane and in two views."""

import numpy as np
import pytest
from angiovox.figures.missed_lesions import missed_lesions


def lesion(views=(2, 3), **changes):
    disc = np.hypot(*np.mgrid[-20:21, -20:21]) < 6
    planes = [
        {
            "views": count,
            "truth": np.float32(disc),
            "found": 0.9 * disc * (count > 2),
            "recall": 0.4,
        }
        for count in views
    ]
    images = [
        {"label": f"LAO {angle}", "image": 9.0 * disc, "found": 3.0 * disc, "pixel_mm": 0.8}
        for angle in (0, 90)
    ]
    known = {"phantom": 7, "kind": "stenosis", "size_mm": 5.0, "degree": 0.6, "lumen_mm": 1.2}
    return known | {"planes": planes, "images": images} | changes


def texts(figure):
    own = [text.get_text() for text in figure.texts]
    return own + [text.get_text() for axes in figure.axes for text in axes.texts]


def test_each_lesion_has_a_plane_for_each_number_of_views_and_two_images():
    figure = missed_lesions([lesion(), lesion(views=(2,))], 0.5)
    assert len(figure.axes) == 2 + 2 + 1 + 2
    said = texts(figure)
    assert said.count("2 views: 40 % found") == 2 and said.count("3 views: 40 % found") == 1
    assert said.count("seen from LAO 90") == 2


def test_a_row_says_what_the_lesion_is_and_leaves_out_what_is_not_known():
    full, bare = (
        next(text for text in texts(missed_lesions([row], 0.5)) if "phantom 7" in text)
        for row in (lesion(), lesion(kind="aneurysm", degree=np.nan, lumen_mm=None))
    )
    assert full == "Stenosis of 5.0 mm, narrowed by 60 %, lumen 1.2 mm; phantom 7"
    assert bare == "Aneurysm of 5.0 mm; phantom 7"


def test_only_what_was_found_has_an_outline():
    figure = missed_lesions([lesion()], 0.5)
    outlines = [len(axes.collections) for axes in figure.axes]
    assert outlines == [0, 1, 1, 1]  # nothing is found in the plane with two views


def test_no_lesion_is_no_figure():
    with pytest.raises(ValueError, match="no missed lesion"):
        missed_lesions([], 0.5)
