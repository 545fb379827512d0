"""Figures hold what they must say, are written whole, and come out the same each time."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from angiovox.backprojection import back_project
from angiovox.figures import cohort, curves, network, phantoms, style, surfaces, volumes
from angiovox.geometry import LPS_TO_RAS, isotropic_affine, projection_angles, view_indices
from angiovox.phantom.acquisition import acquire
from angiovox.phantom.growth import grow
from angiovox.phantom.injection import inject
from angiovox.phantom.occupancy import occupancy
from angiovox.projection import project_max
from matplotlib.figure import Figure
from matplotlib.image import imread
from matplotlib.text import Text
from scipy import ndimage
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


def draw_iou(p):
    return curves.iou_by_views(summary(), published(), note=NOTE)


def draw_learning(p):
    return curves.learning_curves(history(), note=NOTE)


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
    "iou_by_views": (draw_iou, SINGLE),
    "learning_curves": (draw_learning, SINGLE),
    "mask_montage": (draw_montage, DOUBLE),
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


@pytest.mark.parametrize("name", ["figure1", "figure2", "figure3", "figure4"])
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


def test_figure4_calls_near_what_a_dilation_by_one_voxel_holds():
    rng = np.random.default_rng(0)
    truth, affine = rng.random((9, 8, 7)) < 0.05, isotropic_affine((9, 8, 7), 0.7)
    indices = rng.uniform(-0.5, np.array(truth.shape) - 0.5, (500, 3))
    points = indices @ (LPS_TO_RAS @ affine)[:3, :3].T + (LPS_TO_RAS @ affine)[:3, 3]
    dilated = ndimage.binary_dilation(truth, np.ones((3, 3, 3)))
    expected = dilated[tuple(np.rint(indices).astype(int).clip(0).T)]
    assert 0 < expected.sum() < 500
    np.testing.assert_array_equal(surfaces._near(truth, points, affine), expected)


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


def test_published_iou_is_labelled_so_and_comes_last(drawn):
    (axes,) = drawn["iou_by_views"].axes
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels == ["autoencoder", "hull", "Wu et al. 2023 (published, other data)"]


def test_iou_axes_name_their_quantity_and_tick_the_view_counts(drawn):
    (axes,) = drawn["iou_by_views"].axes
    assert axes.get_xlabel() == "Number of views" and axes.get_ylabel().startswith("IoU")
    assert axes.get_ylim() == (0, 1)
    assert [label.get_text() for label in axes.get_xticklabels()] == ["2", "3", "10", "90"]


def test_iou_lines_pass_through_the_means(drawn):
    (axes,) = drawn["iou_by_views"].axes
    means = axes.containers[0].lines[0].get_ydata()
    np.testing.assert_allclose(means, [0.5, 0.5, 0.5])
    (segments,) = axes.containers[0].lines[2]
    np.testing.assert_allclose(segments.get_segments()[0][:, 1], [0.4, 0.6])


def test_iou_may_stand_without_a_published_curve():
    figure = curves.iou_by_views(summary(), published().iloc[:0])
    assert style.PUBLISHED_LABEL not in texts(figure)


def test_a_missing_column_is_named():
    with pytest.raises(ValueError, match="summary: no column low"):
        curves.iou_by_views(summary().drop(columns="low"), published())
    with pytest.raises(ValueError, match="history: no column iou, loss"):
        curves.learning_curves(history().drop(columns=["loss", "iou"]))


def test_learning_curves_have_a_line_per_view_count_and_log_loss():
    figure = curves.learning_curves(history())
    by_label = {axes.get_ylabel(): axes for axes in figure.axes}
    assert by_label["Training loss"].get_yscale() == "log"
    assert len(by_label["Training loss"].lines) == len(VIEWS)
    assert len(by_label["Training IoU"].lines[0].get_xdata()) == 4  # NaN epochs are left out
    assert {"Views", "10", "3", "2", "Epoch"} <= set(texts(figure))


def test_learning_curves_have_a_column_per_method_and_thin_lines_per_seed():
    figure = curves.learning_curves(history(methods=("autoencoder", "unet"), seeds=(0, 1)))
    assert [axes.get_title() for axes in figure.axes if axes.get_title()] == ["autoencoder", "unet"]
    assert len(figure.axes[0].lines) == 3 * len(VIEWS)
    assert figure.get_size_inches()[0] * 25.4 == pytest.approx(180)


def test_learning_curves_need_a_row():
    with pytest.raises(ValueError, match="no rows"):
        curves.learning_curves(history().iloc[:0])


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


def test_the_montage_needs_a_patient():
    with pytest.raises(ValueError, match="at least one"):
        cohort.mask_montage([])


def test_colours_of_view_counts_are_told_apart_in_grey():
    colours = style.view_colours([2, 3, 5, 10, 24, 46, 90])
    assert list(colours) == [90, 46, 24, 10, 5, 3, 2]
    luminance = np.array(list(colours.values()))[:, :3] @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(luminance) > 0.03).all() and luminance.max() < 0.85


def test_methods_have_colours_of_their_own():
    looks = style.method_styles(["a", "b", "a", "c"])
    assert list(looks) == ["a", "b", "c"]
    assert len({look["color"] for look in looks.values()}) == 3


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
