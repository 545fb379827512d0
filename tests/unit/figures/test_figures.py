"""Figures hold what they must say, are written whole, and come out the same each time."""

from __future__ import annotations

import subprocess
import sys
from itertools import combinations, pairwise

import numpy as np
import pandas as pd
import pytest
from angiovox.figures import (
    best_method,
    biplane,
    cohort,
    curves,
    error_profiles,
    learning,
    network,
    phantoms,
    quality,
    style,
    surfaces,
    volumes,
)
from angiovox.geometry.affine import isotropic_affine
from angiovox.geometry.parallel_beam import projection_angles, view_indices
from angiovox.masks.otsu import Limits, assess
from angiovox.phantoms.acquisition import acquire
from angiovox.phantoms.arterial_tree import grow
from angiovox.phantoms.contrast import inject
from angiovox.projectors.backprojection import back_project
from angiovox.projectors.mip import project_max
from angiovox.vessels.voxelize import occupancy
from matplotlib.figure import Figure
from matplotlib.image import imread
from matplotlib.text import Text
from scipy import ndimage
from skimage.color import deltaE_ciede2000, rgb2lab
from skimage.filters import threshold_otsu

EDGE = 32
VIEWS = (10, 3, 2)
NOTE = "phantom cohort"
LAYERS = [("conv", 32, 32), ("pool", 32, 16), ("conv", 64, 16), ("up-conv", 1, 32)]
DOUBLE, SINGLE = 180 / 25.4 * 300, 85 / 25.4 * 300  # pixels


@pytest.fixture(scope="module")
def patient():
    shape, size = (EDGE,) * 3, 1.25
    acquired = acquire(1, shape, size)
    volume = acquired.volume
    threshold, angles = threshold_otsu(volume), projection_angles(10)
    projections = project_max(volume, angles)
    noisy, reconstructions = {}, {}
    for views in VIEWS:
        chosen = view_indices(10, views)
        total, bound = back_project(projections[chosen], angles[chosen], EDGE)
        noisy[views], reconstructions[views] = total / total.max(), bound > threshold
    return {
        "volume": volume,
        "arteries": acquired.arteries,
        "mask": volume > threshold,
        "angles": angles,
        "projections": projections,
        "noisy": noisy,
        "reconstructions": reconstructions,
        "affine": isotropic_affine(shape, size),
    }


def named(*names):
    """Methods by name: of families of their own, but for a soft one, which is of its sibling's."""
    return {name: {"title": name, "family": f"{name.split()[-1]}s"} for name in names}


BOARD = named("autoencoder", "hull", "soft hull")


def summary(methods=("autoencoder", "hull")):
    rows = [
        (method, views, 0.5 - 0.1 * k, 0.4 - 0.1 * k, 0.6 - 0.1 * k)
        for k, method in enumerate(methods)
        for views in VIEWS
    ]
    return pd.DataFrame(rows, columns=["method", "views", "mean", "low", "high"])


def published():
    return pd.DataFrame({"views": [90, 10, 2], "iou": [0.5681, 0.5222, 0.2683]})


def history(methods=("autoencoder",), seeds=(0,)):
    rows = [
        (method, views, seed, epoch, 1 / epoch, 1 - 1 / epoch if epoch % 2 else np.nan)
        for method in methods
        for views in VIEWS
        for seed in seeds
        for epoch in range(1, 8)
    ]
    return pd.DataFrame(rows, columns=["method", "views", "seed", "epoch", "loss", "iou"])


def board(methods=("autoencoder", "hull"), alone=("soft hull",)):
    """Every metric that is shown, each with values of its own; methods at two views alone."""
    rows = [
        (metric, method, views, 0.9 - 0.1 * k - 0.2 * m, 0.8 - 0.1 * k - 0.2 * m, 1 - 0.2 * m)
        for m, metric in enumerate(quality.SHOWN)
        for k, method in enumerate([*methods, *alone])
        for views in (VIEWS if method in methods else VIEWS[-1:])
    ]
    return pd.DataFrame(rows, columns=["metric", "method", "views", "mean", "low", "high"])


def profiles(methods=("autoencoder", "hull")):
    """One patient; bins of the calibres lie in steps of 1, the hull says yes or no."""
    rows = [
        (method, profile, number, 10, number / 10, 0.1 * number * (k + 1) / (p + 1))
        for k, method in enumerate(methods)
        for p, profile in enumerate(error_profiles.PANELS)
        for number in ((0, 9) if (method, profile) == ("hull", "reliability") else range(5))
    ]
    columns = ["method", "profile", "bin", "count", "position", "value"]
    return pd.DataFrame(rows, columns=columns)


def scored(names):
    return {name: {"iou": 0.25, "cldice": 0.5} for name in names}


def montage_rows(patient, implausible=(1,), count=3):
    return [
        {
            "patient": f"P{number:03d}",
            "volume_mip": patient["volume"].max(axis=1),
            "mask_mip": patient["mask"].max(axis=1),
            "fraction": 0.0123,
            "components": number,
            "plausible": number not in implausible,
            "reason": "air is taken for vessel" if number in implausible else "",
        }
        for number in range(count)
    ]


def draw_figure1(p):
    arrays = (p["volume"], p["mask"], p["projections"], p["angles"], p["noisy"][10])
    return volumes.figure1(*arrays, p["affine"], note=NOTE)


def draw_figure2(p):
    seen = {v: project_max(noisy, volumes.FIGURE_ANGLES) for v, noisy in p["noisy"].items()}
    return volumes.figure2(seen, p["affine"], note=NOTE)


def draw_figure3(p):
    arrays = (p["noisy"][10], p["noisy"][10], p["mask"])
    return network.figure3(*arrays, LAYERS, p["affine"], note=NOTE)


def draw_figure4(p):
    ious = {10: 0.7712, 3: 0.5, 2: 0.25}
    return surfaces.figure4(p["mask"], p["reconstructions"], p["affine"], ious, note=NOTE)


def draw_best(p):
    worst, best = ({n: p["reconstructions"][n] for n in few} for few in ((10, 3, 2), (3, 2)))
    ious = dict.fromkeys(VIEWS, 0.25)
    rows = [best_method.Row("the paper's", worst, ious), best_method.Row("the best", best, ious)]
    shown = best_method.SurfaceRows(p["mask"], rows, p["affine"])
    return best_method.best_method(shown, note=NOTE)


def draw_iou(p):
    return curves.iou_by_views(summary(), published(), BOARD, note=NOTE)


def draw_learning(p):
    return learning.learning_curves(history(), BOARD, note=NOTE)


def draw_quality(p):
    return quality.quality_by_views(board(), published(), BOARD, note=NOTE)


def draw_errors(p):
    return error_profiles.error_profiles(profiles(), BOARD, note=NOTE)


def draw_biplane(p):
    found = {f"from {views}": mask for views, mask in p["reconstructions"].items()}
    return biplane.biplane(p["mask"], found, scored(found), p["affine"], named(*found), note=NOTE)


def draw_montage(p):
    return cohort.mask_montage(montage_rows(p), note=NOTE)


def draw_phantoms(p):
    rows = [phantoms.sheet_row(name, p["volume"], p["affine"], p["arteries"]) for name in "ab"]
    return phantoms.phantom_sheet(rows, note=NOTE)


def draw_anatomy(p):
    return phantoms.anatomy_chart(*inject(grow(1), "all", "head"), note=NOTE)


DRAW = {
    "phantom_sheet": (draw_phantoms, DOUBLE),
    "anatomy_chart": (draw_anatomy, DOUBLE),
    "figure1": (draw_figure1, DOUBLE),
    "figure2": (draw_figure2, None),
    "figure3": (draw_figure3, DOUBLE),
    "figure4": (draw_figure4, None),
    "best_method": (draw_best, DOUBLE),
    "iou_by_views": (draw_iou, DOUBLE),
    "learning_curves": (draw_learning, SINGLE),
    "mask_montage": (draw_montage, DOUBLE),
    "quality_by_views": (draw_quality, DOUBLE),
    "error_profiles": (draw_errors, DOUBLE),
    "biplane": (draw_biplane, DOUBLE),
}


def texts(figure: Figure) -> list[str]:
    """All that a figure says, ticks included."""
    found = [text.get_text() for text in figure.findobj(Text)]
    return [text for text in found if text]


def visible_boxes(figure: Figure):
    """Extent on the page of every text, tick labels left to Matplotlib."""
    figure.draw_without_rendering()
    owners = [figure, *figure.axes]
    return [(t.get_text(), t.get_window_extent()) for owner in owners for t in owner.texts]


@pytest.fixture(scope="module")
def drawn(patient):
    return {name: draw(patient) for name, (draw, _) in DRAW.items()}


@pytest.mark.parametrize("name", DRAW)
def test_a_png_of_its_width_and_a_pdf_are_written(name, patient, tmp_path):
    draw, width = DRAW[name]
    png, pdf = tmp_path / "figure.png", tmp_path / "figure.pdf"
    style.save(draw(patient), png, pdf)
    pixels = imread(png)
    assert pdf.read_bytes().startswith(b"%PDF") and pdf.stat().st_size > 5000
    assert pixels.shape[1] <= DOUBLE
    assert width is None or pixels.shape[1] == pytest.approx(width, abs=1)
    assert pixels.shape[0] <= 240 / 25.4 * 300  # fits a page
    assert pixels[..., :3].std() > 0.05
    assert sorted(tmp_path.iterdir()) == [pdf, png]


@pytest.mark.parametrize("name", DRAW)
def test_the_same_input_gives_the_same_bytes(name, patient, tmp_path):
    draw, _ = DRAW[name]
    written = []
    for turn in "ab":
        paths = tmp_path / f"{turn}.png", tmp_path / f"{turn}.pdf"
        style.save(draw(patient), *paths)
        written.append([path.read_bytes() for path in paths])
    assert written[0] == written[1]


@pytest.mark.parametrize("name", DRAW)
def test_the_note_is_shown(name, drawn):
    assert NOTE in texts(drawn[name])


@pytest.mark.parametrize("name", DRAW)
def test_words_stay_on_the_page_and_off_each_other(name, drawn):
    figure = drawn[name]
    width, height = figure.get_size_inches() * figure.dpi
    boxes = visible_boxes(figure)
    for text, box in boxes:
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= height, text
    for number, (text, box) in enumerate(boxes):
        for other_text, other in boxes[number + 1 :]:
            assert not box.padded(-2).overlaps(other.padded(-2)), (text, other_text)


@pytest.mark.parametrize(
    "name", ["iou_by_views", "quality_by_views", "error_profiles", "learning_curves"]
)
def test_labels_of_axes_stay_on_the_page_and_off_other_panels(name, drawn):
    figure = drawn[name]
    figure.draw_without_rendering()
    boxes = [axes.get_tightbbox() for axes in figure.axes]
    page = figure.bbox
    for number, box in enumerate(boxes):
        assert page.x0 <= box.x0 and page.y0 <= box.y0 and box.x1 <= page.x1 and box.y1 <= page.y1
        assert not any(box.overlaps(other) for other in boxes[number + 1 :])


@pytest.mark.parametrize("name", [*(f"figure{n}" for n in (1, 2, 3, 4)), "best_method", "biplane"])
def test_shapes_have_a_scale_bar(name, drawn):
    assert any("mm" in text for text in texts(drawn[name]))


def test_figure1_shows_the_three_steps_and_the_mask(drawn):
    said = " ".join(texts(drawn["figure1"]))
    for words in ("Patient volume", "Maximum intensity projections, n = 10", "Otsu mask", "90°"):
        assert words in said
    assert "Back-projected volume" in said


def test_figure1_needs_one_grid(patient):
    p = patient
    with pytest.raises(ValueError, match="one shape"):
        volumes.figure1(
            p["volume"], p["mask"][1:], p["projections"], p["angles"], p["noisy"][2], p["affine"]
        )


def test_figure2_has_rows_of_falling_view_counts_and_columns_of_angles(drawn):
    said = texts(drawn["figure2"])
    rows = [text for text in said if "\nviews" in text]
    assert rows == [f"{views}\nviews" for views in VIEWS]
    assert [text for text in said if text.endswith("°")] == ["0°", "22.5°", "45°", "67.5°", "90°"]


def test_figure2_shows_projections_of_the_back_projection(patient, drawn):
    shown = drawn["figure2"].axes[1].images[0].get_array()
    expected = project_max(patient["noisy"][10], np.array([0.0]))[0].T
    np.testing.assert_array_equal(shown, expected)


def test_figure2_needs_one_shape(patient):
    given = {10: np.zeros((5, 8, 8)), 2: np.zeros((5, 8, 9))}
    with pytest.raises(ValueError, match="one shape"):
        volumes.figure2(given, patient["affine"])


def test_figure2_needs_a_projection_for_each_angle(patient):
    with pytest.raises(ValueError, match="4 projections but 5 angles"):
        volumes.figure2({10: np.zeros((4, 8, 8))}, patient["affine"])


def test_figure3_names_each_layer_with_channels_and_edge(drawn):
    said = texts(drawn["figure3"])
    for name, channels, edge in LAYERS:
        assert {name, str(channels), f"{edge}³"} <= set(said)
    assert {"Input", "Output", "Truth", "forward pass", "backward pass"} <= set(said)


def test_figure3_needs_layers(patient):
    arrays = (patient["noisy"][10], patient["noisy"][10], patient["mask"])
    with pytest.raises(ValueError, match="at least one layer"):
        network.figure3(*arrays, [], patient["affine"])


def test_figure4_titles_give_view_count_and_iou(drawn):
    said = texts(drawn["figure4"])
    assert {"Ground truth", "10 views\nIoU 0.77", "3 views\nIoU 0.50"} <= set(said)
    assert {"Anterior", "Right lateral", "Oblique"} <= set(said)


def test_figure4_paints_what_lies_away_from_the_truth(patient):
    """A reconstruction that is the truth is all near; the same one moved far is all away."""
    from angiovox.figures import surfaces

    truth = np.zeros((24, 24, 24), dtype=bool)
    truth[4:8, 4:8, 2:20] = True
    moved = np.roll(truth, 10, axis=0)
    meshes = surfaces._meshes(truth, [truth, moved], isotropic_affine(truth.shape, 0.7))
    near, away = (np.unique(mesh["colour"], axis=0) for mesh in meshes[1:])
    np.testing.assert_array_equal(near, [surfaces.rgb(surfaces.NEAR_COLOUR)])
    np.testing.assert_array_equal(away, [surfaces.rgb(surfaces.FAR_COLOUR)])


def test_figure4_is_of_levels_between_voxels_where_it_is_given_them():
    """Of the truth's intensities and of probabilities; the mask's stairs are half a voxel off."""
    affine = isotropic_affine((24, 24, 24), 1.0)
    x, y, _ = np.indices((24, 24, 24)) - 11.5
    share = np.clip(0.5 + 5.0 - np.hypot(x, y), 0, 1)
    mask = share >= 0.5
    smooth = surfaces._meshes(mask, [share], affine, 200 * share)
    stairs = surfaces._meshes(mask, [mask], affine)
    for even, uneven in zip(smooth, stairs, strict=True):
        spread = [np.ptp(_radii(mesh)) for mesh in (even, uneven)]
        assert spread[0] < 0.5 * spread[1]


def _radii(mesh):
    """Distances from the axis of points that are far from both ends."""
    middle = np.abs(mesh.points[:, 2] - mesh.center[2]) < 6
    return np.hypot(*(mesh.points[middle, :2] - np.array(mesh.center)[:2]).T)


def test_figure4_looks_from_in_front_and_from_the_right():
    """A vessel at the patient's left shows at the right from in front, behind from the right."""
    mask = np.zeros((24, 24, 24), dtype=bool)
    mask[16:20, 2:22, 4:8] = True  # along y, on the left
    mask[2:4, 2:4, 2:20] = True  # upright, right and anterior
    figure = surfaces.figure4(mask, {}, isotropic_affine(mask.shape, 1.0), {})
    anterior, lateral = (axes.images[0].get_array().min(axis=2) < 250 for axes in figure.axes[1:3])
    columns = [
        np.flatnonzero(image[: len(image) // 3].any(axis=0)) for image in (anterior, lateral)
    ]
    assert columns[0].max() < anterior.shape[1] / 2  # the upright one, at the patient's right
    assert columns[1].min() > lateral.shape[1] / 2  # anterior is at the right, seen from the right


def test_figure4_says_which_reconstruction_is_empty(patient):
    masks = {5: patient["mask"], 2: np.zeros_like(patient["mask"])}
    figure = surfaces.figure4(patient["mask"], masks, patient["affine"], {5: 1.0, 2: 0.0})
    assert texts(figure).count("empty") == 3


def test_figure4_draws_nothing_but_words_when_all_is_empty(patient):
    nothing = np.zeros_like(patient["mask"])
    figure = surfaces.figure4(nothing, {2: nothing}, patient["affine"], {2: 0.0})
    assert texts(figure).count("empty") == 6


def test_figure4_needs_an_iou_for_each(patient):
    with pytest.raises(ValueError, match="10 views: no IoU"):
        surfaces.figure4(patient["mask"], {10: patient["mask"]}, patient["affine"], {})


def test_figure4_needs_one_grid(patient):
    with pytest.raises(ValueError, match="10 views: shape"):
        surfaces.figure4(patient["mask"], {10: patient["mask"][1:]}, patient["affine"], {10: 1.0})


def panels(figure):
    """Axes with data: legends have axes of their own."""
    return [axes for axes in figure.axes if axes.get_label() != "legend"]


def test_published_iou_is_labelled_so_above_all_panels(drawn):
    (legend,) = drawn["iou_by_views"].legends
    labels = [text.get_text() for text in legend.get_texts()]
    assert labels == ["Wu et al. 2023 (published, other data)", "all other methods"]


def test_iou_axes_name_their_quantity_and_tick_the_view_counts(drawn):
    first, second = panels(drawn["iou_by_views"])
    assert first.get_ylabel().startswith("IoU") and second.get_ylabel() == ""
    for axes in (first, second):
        assert axes.get_xlabel() == "Number of views" and axes.get_ylim() == (0, 1)
        assert [label.get_text() for label in axes.get_xticklabels()] == ["2", "3", "10", "90"]


def test_iou_lines_pass_through_the_means(drawn):
    axes, _ = panels(drawn["iou_by_views"])
    means = axes.containers[0].lines[0].get_ydata()
    np.testing.assert_allclose(means, [0.5, 0.5, 0.5])
    (segments,) = axes.containers[0].lines[2]
    np.testing.assert_allclose(segments.get_segments()[0][:, 1], [0.4, 0.6])


def test_a_panel_has_its_family_with_intervals_and_all_others_in_grey():
    figure = curves.iou_by_views(summary(BOARD), published().iloc[:0], BOARD)
    lone, pair = panels(figure)
    assert [len(axes.containers) for axes in (lone, pair)] == [1, 2]
    for axes, others in ((lone, 2), (pair, 1)):
        behind = [line for line in axes.lines if line.get_color() == curves.BEHIND["color"]]
        assert len(behind) == others
    behind = sorted(line.get_ydata().mean() for line in lone.lines if line.get_zorder() < 1)
    np.testing.assert_allclose(behind, [0.3, 0.4])


def test_iou_may_stand_without_a_published_curve():
    figure = curves.iou_by_views(summary(), published().iloc[:0], BOARD)
    assert style.PUBLISHED_LABEL not in texts(figure)


def test_a_missing_column_is_named():
    with pytest.raises(ValueError, match="summary: no column low"):
        curves.iou_by_views(summary().drop(columns="low"), published(), BOARD)
    with pytest.raises(ValueError, match="history: no column iou, loss"):
        learning.learning_curves(history().drop(columns=["loss", "iou"]), BOARD)


def test_learning_curves_have_a_line_per_view_count_and_log_loss():
    figure = learning.learning_curves(history(), BOARD)
    by_label = {axes.get_ylabel(): axes for axes in figure.axes}
    assert by_label["Training loss"].get_yscale() == "log"
    assert len(by_label["Training loss"].lines) == len(VIEWS)
    assert len(by_label["Training IoU"].lines[0].get_xdata()) == 4  # NaN epochs are left out
    assert {"Views", "10", "3", "2", "Epoch"} <= set(texts(figure))


def test_learning_curves_have_a_column_per_method_and_thin_lines_per_seed():
    names = ("autoencoder", "unet")
    figure = learning.learning_curves(history(names, seeds=(0, 1)), named(*names))
    assert [axes.get_title() for axes in figure.axes if axes.get_title()] == ["autoencoder", "unet"]
    assert len(figure.axes[0].lines) == 3 * len(VIEWS)
    assert figure.get_size_inches()[0] * 25.4 == pytest.approx(180)


def test_learning_curves_of_each_method_run_over_its_own_epochs_and_losses():
    names = ("autoencoder", "conditional GAN, slice by slice", "c", "d", "e")
    table = history(names)
    second = table["method"].str.startswith("cond")
    table.loc[second, ["epoch", "loss"]] *= 10
    figure = learning.learning_curves(table, named(*names))
    losses = [axes for axes in figure.axes if axes.get_yscale() == "log"]
    reach = [axes.get_xlim()[1] for axes in losses]
    assert reach[1] == pytest.approx(10 * reach[0]) and reach[2] == reach[0]
    assert losses[1].get_ylim()[0] == pytest.approx(10 * losses[0].get_ylim()[0])
    ious = [axes for axes in figure.axes if axes not in losses]
    assert {axes.get_ylim() for axes in ious} == {(0, 1)}


def test_learning_curves_wrap_titles_to_their_columns():
    names = [f"a method with a very long name, number {number}" for number in range(5)]
    figure = learning.learning_curves(history(names), named(*names))
    figure.draw_without_rendering()
    titles = [axes.title for axes in figure.axes if axes.get_title()]
    assert [title.get_text().replace("\n", " ") for title in titles] == names
    boxes = [title.get_window_extent() for title in titles]
    assert all(left.x1 < right.x0 for left, right in pairwise(boxes))
    assert max(box.y1 for box in boxes) < figure.bbox.y1


def test_learning_curves_name_a_model_of_all_views_in_the_legend():
    table = history(methods=("autoencoder", "unet"))
    table["views"] = table["views"].where(table["method"] == "autoencoder", "all")
    figure = learning.learning_curves(table, named("autoencoder", "unet"))
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["10", "3", "2", "all"]


def test_learning_curves_need_a_row():
    with pytest.raises(ValueError, match="no rows"):
        learning.learning_curves(history().iloc[:0], BOARD)


def test_the_montage_counts_frames_and_explains_implausible_masks(patient):
    figure = cohort.mask_montage(montage_rows(patient, implausible=(1, 2), count=9))
    said = texts(figure)
    assert "Masks of 9 patients: 2 implausible" in said
    assert {"P000", "! P001", "! P002", "P003"} <= set(said)
    assert sum(text.replace("\n", " ") == "air is taken for vessel" for text in said) == 2
    assert len(figure.axes[0].patches) == 2  # frames


def test_the_montage_holds_a_cohort_of_fifty_and_odd_masks(patient):
    rows = montage_rows(patient, count=50)
    rows[0]["mask_mip"] = np.zeros_like(rows[0]["mask_mip"])
    rows[1]["mask_mip"] = np.ones_like(rows[1]["mask_mip"])
    rows[1]["reason"] = "a reason much longer than the room for it below its panel " * 3
    figure = cohort.mask_montage(rows)
    assert len(figure.axes) == 1 + 50
    assert any(text.endswith("…") for text in texts(figure))


@pytest.mark.parametrize("place", [np.s_[:], np.s_[0, 0, 0], np.s_[::2, ::2, 8], np.s_[:, 0, 0]])
def test_each_reason_a_mask_may_have_fits_below_its_panel(patient, place):
    mask = np.zeros((40, 40, 40), dtype=bool)
    mask[place] = True
    reason = assess(mask, 0.0, Limits(0.0005, 0.06, 0.2, 0.2)).reason
    figure = cohort.mask_montage([montage_rows(patient)[1] | {"reason": reason}])
    assert reason and reason in [text.replace("\n", " ") for text in texts(figure)]


def test_the_montage_needs_a_patient():
    with pytest.raises(ValueError, match="at least one"):
        cohort.mask_montage([])


def test_colours_of_view_counts_are_told_apart_in_grey():
    colours = style.view_colours([2, 3, 5, 10, 24, 46, 90])
    assert list(colours) == [90, 46, 24, 10, 5, 3, 2]
    luminance = np.array(list(colours.values()))[:, :3] @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(luminance) > 0.03).all() and luminance.max() < 0.85


# What a colour is to eyes without one kind of cones (Machado et al. 2009), in linear RGB.
VISION = {
    "all cones": np.eye(3),
    "protanopia": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
    "deuteranopia": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
    "tritanopia": [[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]],
}


@pytest.mark.parametrize("vision", VISION)
def test_twelve_families_are_told_apart_with_any_vision(vision):
    """No two colours are closer than the closest of Okabe and Ito's, nor too pale on white."""

    def seen(names):
        linear = np.array([surfaces.rgb(name) for name in names]) / 255
        linear = (linear**2.2 @ np.transpose(VISION[vision])).clip(0, 1)
        return rgb2lab(linear ** (1 / 2.2))

    def closest(colours):
        pairs = combinations(colours, 2)
        return min(float(deltaE_ciede2000(first, second)) for first, second in pairs)

    ours, known = seen(style.FAMILY_COLOURS), seen(style.OKABE_ITO[:6])
    assert len(ours) == 12
    assert closest(ours) > min(10, 0.999 * closest(known))
    assert ours[:, 0].max() < 80 < seen(style.OKABE_ITO[6:])[0, 0]


@pytest.mark.parametrize(
    ("longest", "length"), [(24.0, 20.0), (20.0, 20.0), (9.9, 5.0), (1.0, 1.0), (0.3, 0.2)]
)
def test_scale_bars_have_round_lengths(longest, length):
    assert style.round_length(longest) == pytest.approx(length)


def test_a_failed_save_leaves_no_file(tmp_path):
    class Broken(Figure):
        def savefig(self, *args, **kwargs):
            super().savefig(*args, **kwargs)
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        style.save(Broken(), tmp_path / "a.png", tmp_path / "a.pdf")
    assert list(tmp_path.iterdir()) == []


def test_importing_the_figures_imports_neither_pyvista_nor_pyplot():
    code = (
        f"import sys; sys.path[:0] = {sys.path!r}; import angiovox.figures; "
        "sys.exit(' '.join({'pyvista', 'torch', 'matplotlib.pyplot'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == "" and done.returncode == 0


# Leaderboard


def legend_of(figure):
    """Looks by label, of the one legend with axes of its own."""
    (axes,) = (axes for axes in figure.axes if axes.get_label() == "legend")
    return {line.get_label(): line for line in axes.lines}


def test_quality_says_which_way_is_better(drawn):
    titles = [axes.get_title(loc="left") for axes in panels(drawn["quality_by_views"])]
    assert titles == [
        "IoU, higher is better",
        "clDice (own thinning), higher is better",
        "HD95 (mm), lower is better",
        "Dice of held-out projections, higher is better",
    ]


def heights(axes):
    return [container.lines[0].get_ydata().tolist() for container in axes.containers]


def test_swapped_metrics_are_swapped_panels():
    swapped = board().replace({"metric": {"iou": "cldice", "cldice": "iou"}})
    first, second = (
        panels(quality.quality_by_views(table, published().iloc[:0], BOARD))
        for table in (board(), swapped)
    )
    assert heights(first[0]) == heights(second[1]) != heights(first[1])
    assert heights(first[1]) == heights(second[0])
    assert heights(first[2]) == heights(second[2])


def test_only_the_iou_has_a_published_curve(drawn):
    lines = [
        [line.get_label() for line in axes.lines].count(style.PUBLISHED_LABEL)
        for axes in panels(drawn["quality_by_views"])
    ]
    assert lines == [1, 0, 0, 0]


def test_a_method_at_one_view_count_is_a_lone_marker_at_its_place(drawn):
    for axes in panels(drawn["quality_by_views"]):
        *lines, lone = (container.lines[0] for container in axes.containers)
        assert {line.get_linestyle() for line in lines} == {"-"}
        assert lone.get_linestyle() == "None" and lone.get_marker() != "None"
        places = [line.get_xdata().min() for line in (*lines, lone)]
        assert places == sorted(set(places)) and places[0] < 2 < places[-1]  # beside each other


def test_one_patient_has_means_without_intervals():
    table = board().assign(low=np.nan, high=np.nan)
    figure = quality.quality_by_views(table, published(), BOARD)
    figure.draw_without_rendering()
    assert heights(figure.axes[0]) == heights(draw_quality(None).axes[0])
    (bars,) = figure.axes[0].containers[0].lines[2]
    assert not any(part.size and np.isfinite(part).all() for part in bars.get_segments())


def test_a_method_keeps_its_look_in_all_figures_and_when_others_are_away():
    names = named("away", *BOARD)
    figures = [
        quality.quality_by_views(board(), published(), names),
        quality.quality_by_views(board(methods=["hull"], alone=()), published(), names),
        error_profiles.error_profiles(profiles(["hull"]), names),
    ]
    lines = [legend_of(figure)["hull"] for figure in figures]
    assert len({(line.get_color(), line.get_marker()) for line in lines}) == 1


def test_tables_of_the_leaderboard_are_checked():
    with pytest.raises(ValueError, match="board: no column low"):
        quality.quality_by_views(board().drop(columns="low"), published(), BOARD)
    with pytest.raises(ValueError, match="published: no column iou"):
        quality.quality_by_views(board(), published().drop(columns="iou"), BOARD)
    with pytest.raises(ValueError, match="profiles: no column count"):
        error_profiles.error_profiles(profiles().drop(columns="count"), BOARD)


def test_swapped_profiles_are_swapped_panels():
    recall, discovery = "recall_by_calibre", "false_discovery_by_calibre"
    swapped = profiles().replace({"profile": {recall: discovery, discovery: recall}})
    first, second = (
        [
            [line.get_ydata().tolist() for line in axes.lines]
            for axes in panels(error_profiles.error_profiles(table, BOARD))
        ]
        for table in (profiles(), swapped)
    )
    assert first[0] == second[1] != first[1] == second[0]
    assert first[2:] == second[2:]


def test_profiles_are_means_weighted_by_count():
    once = profiles()
    doubled = once.assign(count=2 * once["count"])
    assert error_profiles.weighted_means(doubled).equals(error_profiles.weighted_means(once))
    other = once.assign(count=30, value=once["value"] + 0.4)
    both = error_profiles.weighted_means(pd.concat([once, other]))
    alone = error_profiles.weighted_means(once)
    np.testing.assert_allclose(both["value"], alone["value"] + 0.3)
    np.testing.assert_allclose(both["position"], alone["position"])


def test_a_bin_without_voxels_is_a_gap():
    table = profiles(["autoencoder"]).query("bin != 2 or profile != 'recall_by_calibre'")
    recall, discovery, *_ = panels(error_profiles.error_profiles(table, BOARD))
    values = recall.lines[0].get_ydata()
    np.testing.assert_array_equal(np.isnan(values), [False, False, True, False, False])
    assert np.isfinite(discovery.lines[0].get_ydata()).all()


def test_reliability_is_of_methods_that_give_probabilities(drawn):
    axes = dict(zip(error_profiles.PANELS, panels(drawn["error_profiles"]), strict=True))
    named = {
        profile: {line.get_label() for line in panel.lines} & {"autoencoder", "hull"}
        for profile, panel in axes.items()
    }
    assert named.pop("reliability") == {"autoencoder"}
    assert all(names == {"autoencoder", "hull"} for names in named.values())
    hard = error_profiles.error_profiles(profiles(["hull"]), BOARD)
    assert texts(hard).count("no method to show") == 1


def test_biplane_labels_the_truth_first_and_each_method_with_its_scores(drawn):
    said = texts(drawn["biplane"])
    shown = [text for text in said if text == "Truth" or text.startswith("from ")]
    assert shown == ["Truth", *(f"from {views}" for views in VIEWS)]
    assert said.count("IoU 0.25   clDice 0.50") == len(VIEWS)


def panels_of(figure, row):
    """Slice and projection of a row, as outcomes."""
    axes = figure.axes[1 + 3 * row :]
    return [np.asarray(panel.images[0].get_array()) for panel in axes[:2]]


def test_biplane_tells_hits_misses_and_false_alarms_apart(patient):
    """What one misses of the other is what that one makes up of it."""
    truth, found = patient["mask"], np.roll(patient["mask"], 1, axis=0)
    first, second = (
        panels_of(biplane.biplane(a, {"b": b}, scored("b"), patient["affine"], named("b")), 1)
        for a, b in ((truth, found), (truth & found, found))
    )
    assert set(np.unique(first[0])) == {0, biplane.FALSE_ALARM, biplane.MISSED, biplane.HIT}
    assert biplane.MISSED not in second[0] and biplane.MISSED not in second[1]
    x, z = np.array([[[1, 1, 0]], [[1, 0, 0]]], bool), np.array([[[0, 1, 0]], [[1, 1, 0]]], bool)
    one, other = biplane.along_rays(x, z), biplane.along_rays(z, x)
    np.testing.assert_array_equal(one == biplane.MISSED, other == biplane.FALSE_ALARM)
    np.testing.assert_array_equal(one == biplane.HIT, other == biplane.HIT)
    assert set(np.unique(one)) == {0, biplane.FALSE_ALARM, biplane.MISSED, biplane.HIT}


def test_a_pixel_of_the_projection_has_the_commonest_outcome_on_its_ray():
    truth, found = np.zeros((2, 1, 10, 1), dtype=bool)
    truth[0, 2:5], found[0, 2:5], found[0, 6:8] = True, True, True
    assert biplane.along_rays(found, truth) == biplane.HIT
    found[0, 8:10] = True
    assert biplane.along_rays(found, truth) == biplane.FALSE_ALARM
    assert biplane.along_rays(~truth & False, truth) == biplane.MISSED


def test_biplane_shows_the_fullest_slice_with_anterior_up():
    truth = np.zeros((12, 12, 12), dtype=bool)
    truth[3, 3, :] = True
    truth[2:5, 2:9, 7] = True  # a bar that ends far at the back
    truth[8, 8, 7] = True
    image, _ = panels_of(biplane.biplane(truth, {}, {}, isotropic_affine((12,) * 3, 1.0), {}), 0)
    assert (image == biplane.HIT).sum() == truth[:, :, 7].sum()
    lowest, rightmost = (np.argwhere(image == biplane.HIT).min(0)[0], image[:, -2:])
    assert image[lowest].sum() > 0 and (rightmost == biplane.HIT).any()
    height = len(image)
    assert np.argwhere(rightmost == biplane.HIT)[:, 0].max() < height / 2  # posterior is down


def test_biplane_shows_all_that_anyone_found(patient):
    """A false alarm in a corner far from the truth is there to be seen, in every row's frame."""
    truth = np.zeros((20, 20, 20), dtype=bool)
    truth[8:12, 8:12, 8:12] = True
    wild = truth.copy()
    wild[0, 0, 0] = wild[-1, -1, -1] = True
    found = {"tame": truth, "wild": wild}
    figure = biplane.biplane(
        truth, found, scored(found), isotropic_affine(truth.shape, 1.0), named(*found)
    )
    shapes = {panels_of(figure, row)[1].shape for row in range(3)}
    assert shapes == {(20, 20)}
    projection = panels_of(figure, 2)[1]
    assert projection[0, 0] == projection[-1, -1] == biplane.FALSE_ALARM
    alone = biplane.biplane(truth, {"tame": truth}, scored(["tame"]), np.eye(4), named("tame"))
    assert panels_of(alone, 1)[1].shape < (20, 20)


@pytest.mark.parametrize("methods", [0, 1, 2, 3, 9, 20])
def test_biplane_fits_a_page_for_any_number_of_methods(patient, methods):
    found = {f"method {number}, slice by slice": patient["mask"] for number in range(methods)}
    figure = biplane.biplane(
        patient["mask"], found, scored(found), patient["affine"], named(*found)
    )
    width, height = figure.get_size_inches() * 25.4
    assert width == pytest.approx(180) and height <= 235 + 1e-6
    rows = [axes.get_position().bounds for axes in figure.axes[1:]]
    assert len(rows) == 3 * (methods + 1)
    for number, (left, bottom, across, up) in enumerate(rows):
        assert left >= 0 and bottom >= 0 and left + across <= 1 and bottom + up <= 1
        for other in rows[number + 1 :]:
            apart = left + across <= other[0] or other[0] + other[2] <= left
            assert apart or bottom + up <= other[1] or other[1] + other[3] <= bottom


def test_biplane_says_what_is_empty_and_draws_nothing_but_words_when_all_is(patient):
    nothing = np.zeros_like(patient["mask"])
    figure = biplane.biplane(
        patient["mask"], {"a": nothing}, scored("a"), patient["affine"], named("a")
    )
    assert texts(figure).count("empty") == 1
    figure = biplane.biplane(nothing, {"a": nothing}, scored("a"), patient["affine"], named("a"))
    assert texts(figure).count("empty") == 2


def test_biplane_surfaces_are_of_levels_between_voxels(patient):
    """Steps of a mask become slopes of its probability; slices and projections stay."""
    mask = patient["reconstructions"][10]
    soft = np.where(mask, 0.9, 0.2 * ndimage.uniform_filter(1.0 * mask, 3))
    slices, surfaces_ = [], []
    for found in (mask, soft):
        figure = biplane.biplane(
            patient["mask"], {"a": found}, scored("a"), patient["affine"], named("a")
        )
        slices.append(panels_of(figure, 1)[:2])
        surfaces_.append([axes for axes in figure.axes if axes.images][-1].images[0].get_array())
    for first, second in zip(*slices, strict=True):
        np.testing.assert_array_equal(first, second)
    assert surfaces_[0].shape == surfaces_[1].shape
    assert (surfaces_[0] != surfaces_[1]).mean() > 0.01


def test_biplane_needs_one_grid_and_scores(patient):
    truth, affine = patient["mask"], patient["affine"]
    with pytest.raises(ValueError, match="unet: shape"):
        biplane.biplane(truth, {"unet": truth[1:]}, scored(["unet"]), affine, named("unet"))
    with pytest.raises(ValueError, match="unet: no cldice is given"):
        biplane.biplane(truth, {"unet": truth}, {"unet": {"iou": 1.0}}, affine, named("unet"))
    with pytest.raises(ValueError, match="unet: no cldice, iou is given"):
        biplane.biplane(truth, {"unet": truth}, {}, affine, named("unet"))
    with pytest.raises(ValueError, match="unet: no title and family"):
        biplane.biplane(truth, {"unet": truth}, scored(["unet"]), affine, {})


# Phantoms


def test_the_anatomy_names_every_artery_that_the_phantom_has(patient, drawn):
    said = texts(drawn["anatomy_chart"])
    names = grow(1).arteries.names
    assert {"ICA", "ACA", "MCA", "PCA", "BA", "VA", "M1", "P2"} <= set(said)
    assert said.count("PCoA") == sum(name.endswith("PCoA") for name in names)


def test_the_sheets_surface_is_of_the_arteries_in_the_volumes_place(patient):
    """The fine grid covers the same field, and its arteries are as voluminous."""
    row = phantoms.sheet_row("a", patient["volume"], patient["affine"], patient["arteries"])
    coarse, fine = (
        np.array(shape) * np.diag(affine)[:3]
        for shape, affine in (
            (patient["volume"].shape, row["affine"]),
            (row["artery"].shape, row["artery_affine"]),
        )
    )
    np.testing.assert_allclose(fine, coarse)
    share, _ = occupancy(patient["arteries"], patient["volume"].shape, 1.25)
    volume = row["artery"].sum() * abs(np.linalg.det(row["artery_affine"]))
    assert volume == pytest.approx(share.sum() * 1.25**3, rel=0.05)


def test_a_sheet_of_nobody_is_refused():
    with pytest.raises(ValueError, match="at least one patient"):
        phantoms.phantom_sheet([])
