"""The page of a study holds what it is given, in a form that people and readers can use."""

import base64
import gzip
import json
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from angiovox.io.table_files import read_table
from angiovox.masks.surfaces import level_surface, surface
from angiovox.reporting.leaderboard import leaderboard
from angiovox.reporting.study_page import gallery, packing, scene, slices
from angiovox.reporting.study_page.board import board_data
from angiovox.reporting.study_page.patients import payloads
from made_study_page import (
    AFFINE,
    METHODS,
    PATIENTS,
    RUNS,
    SHAPE,
    files,
    per_patient,
    study_page,
    vessel,
)

VOID = {"meta", "input", "img", "br", "link"}


def plain(text, dtype):
    """What `unpackPlain` of the page makes of a text."""
    planes = np.frombuffer(gzip.decompress(base64.b64decode(text)), np.uint8)
    return planes.reshape(np.dtype(dtype).itemsize, -1).T.copy().view(dtype).ravel()


def unpacked(text, dtype):
    return np.cumsum(plain(text, dtype), dtype=dtype)


def bits(text, count):
    return np.unpackbits(unpacked(text, np.uint8))[:count].astype(bool)


def points_and_triangles(payload):
    codes = unpacked(payload["points"], np.uint16).reshape(3, -1).T
    first, *others = payload["triangles"]
    first = unpacked(first, np.uint32)
    triangles = [first, *(first + plain(other, np.uint32) for other in others)]
    return payload["low"] + payload["step"] * codes, np.stack(triangles, axis=1)


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    return study_page(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    return [*payloads(files(tmp_path_factory.mktemp("files")), per_patient(), 1)]


class Page(HTMLParser):
    """Tags with their attributes, and those that are left open."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.open = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def all(self, *names):
        return [given for tag, given in self.tags if tag in names]


# Packing


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.uint32])
def test_what_is_packed_comes_back(dtype):
    values = np.random.default_rng(1).integers(0, np.iinfo(dtype).max, 999, dtype, endpoint=True)
    np.testing.assert_array_equal(unpacked(packing.pack(values), dtype), values)
    np.testing.assert_array_equal(plain(packing.pack_plain(values), dtype), values)


@pytest.mark.parametrize("count", [0, 7, 8, 1001])
def test_flags_come_back(count):
    flags = np.random.default_rng(2).random(count) < 0.3
    np.testing.assert_array_equal(bits(packing.pack_bits(flags), count), flags)


def test_no_text_ends_a_script_element():
    made = packing.script_data("data", {"title": "</script><b>"})
    assert made.count("</script>") == 1
    assert json.loads(made.split(">", 1)[1].rsplit("</", 1)[0]) == {"title": "</script><b>"}


# Surfaces


def test_a_surface_comes_back_within_a_step():
    own = scene.reconstructed_surface(vessel("first"), AFFINE, 10_000)
    points, triangles = points_and_triangles(own.payload())
    assert np.abs(points - own.points).max() <= 0.51 * own.step + 1e-4
    corners = {tuple(map(tuple, np.sort(own.points[t], axis=0))) for t in own.triangles}
    again = {tuple(map(tuple, np.sort(own.points[t], axis=0))) for t in triangles}
    assert again == corners and len(triangles) == len(own.triangles)


def test_triangles_keep_their_sense():
    own = scene.reconstructed_surface(vessel("first"), AFFINE, 10_000)
    points, triangles = points_and_triangles(own.payload())
    a, b, c = (points[triangles[:, k]] for k in range(3))
    assert np.einsum("ij,ij->i", a, np.cross(b, c)).sum() > 0  # outwards


def test_a_surface_has_no_more_triangles_than_it_may():
    full = scene.reconstructed_surface(vessel("first"), AFFINE, 100_000)
    thin = scene.reconstructed_surface(vessel("first"), AFFINE, 600)
    assert len(thin.triangles) <= 600 < len(full.triangles)


def test_many_surfaces_share_the_page():
    for count in (100, 400, 3000):
        most = scene.most_triangles(count)
        assert most * count <= max(scene.TRIANGLES_IN_ALL, scene.FEWEST_TRIANGLES * count)
    assert scene.most_triangles(1) == scene.MOST_TRIANGLES


def test_the_probability_s_level_is_nearer_to_a_round_vessel_than_the_mask_s_stairs():
    def distances(mesh):
        middle = level_surface(vessel("first"), AFFINE).center
        inner = np.abs(mesh.points[:, 2] - middle[2]) < 5
        return np.hypot(*(mesh.points[inner, :2] - np.array(middle)[:2]).T) / 0.5

    smooth = distances(level_surface(vessel("first"), AFFINE))
    stairs = distances(surface(vessel("first") >= 0.5, AFFINE))
    assert np.abs(smooth - 3).max() < 0.1 < np.abs(stairs - 3).max()  # of 3 voxels' radius


def test_the_truth_s_surface_lies_where_the_threshold_is():
    """A mask of what has a fourth of the contrast has a wider surface than one of three fourths."""
    volume = 100 * vessel("first")
    radii = []
    for threshold in (25, 75):
        own = scene.truth_surface(volume >= threshold, volume, AFFINE, 10_000)
        radii.append(np.ptp(own.points[:, 0]) / 2 / 0.5)
    assert 0.2 < radii[0] - radii[1] < 1.5


def test_a_mask_that_no_threshold_makes_has_a_surface_too():
    mask = vessel("first") >= 0.5
    volume = np.random.default_rng(0).random(SHAPE)
    assert len(scene.truth_surface(mask, volume, AFFINE, 10_000).triangles) > 100
    assert scene.truth_surface(np.zeros(SHAPE, bool), volume, AFFINE, 10_000) is None


# Patients


def test_every_patient_has_every_run(shown):
    assert [payload["name"] for payload in shown] == PATIENTS
    for payload in shown:
        assert list(payload["runs"]) == [f"{method} {views}" for method, views in RUNS]


def test_slices_and_masks_are_those_of_the_files(shown):
    for name, payload in zip(PATIENTS, shown, strict=True):
        assert payload["shape"] == list(SHAPE) and payload["step"] == 1
        greys = unpacked(payload["greys"], np.uint8).reshape(SHAPE)
        mask = bits(payload["truth"]["mask"], greys.size).reshape(SHAPE)
        np.testing.assert_array_equal(mask, vessel(name) >= 0.5)
        assert greys.max() == slices.GREYS - 1 and greys[mask].min() > greys[~mask].mean()


def test_what_is_the_truth_has_no_error_and_what_is_beside_it_has(shown):
    for payload in shown:
        count = len(points_and_triangles(payload["truth"]["surface"])[0])
        runs = payload["runs"]
        right, beside, empty = (runs[key] for key in ("hull 2", "dae 2", "late 2"))
        assert not bits(right["false"], 10**6).any() and not bits(right["missed"], count).any()
        own = len(points_and_triangles(beside["surface"])[0])
        assert 0 < bits(beside["false"], own).sum() < own
        assert 0 < bits(beside["missed"], count).sum() < count
        assert empty["surface"] is None and bits(empty["missed"], count).all()


def test_scores_stand_beside_the_runs(shown):
    assert [payload["runs"]["hull 5"]["iou"] for payload in shown] == [0.6, 0.61]
    assert shown[0]["runs"]["late 2"]["cldice"] is None


def test_large_volumes_and_many_patients_are_shown_by_every_so_many_voxels():
    assert slices.step_between((96, 96, 96), 10) == 1
    for shape, patients in (((384, 384, 384), 5), ((200, 100, 90), 80)):
        step = slices.step_between(shape, patients)
        assert step > 1
        assert patients * np.prod(-(-np.array(shape) // step)) <= slices.MOST_VOXELS
    thinned = slices.grey_slices(np.random.default_rng(0).random((9, 8, 7)), 2)
    assert thinned["shape"] == [5, 4, 4]


# The page


def test_every_tag_is_closed_and_ids_are_unique(text):
    page = Page(text)
    assert page.open == []
    ids = [given["id"] for _, given in page.tags if "id" in given]
    assert len(ids) == len(set(ids))
    targets = {given["href"][1:] for given in page.all("a") if given["href"].startswith("#")}
    labels = {given[key] for _, given in page.tags for key in ("aria-labelledby",) if key in given}
    assert targets | labels <= set(ids)


def test_nothing_is_loaded_from_elsewhere(text):
    page = Page(text)
    sources = [given[key] for _, given in page.tags for key in ("src", "href") if key in given]
    assert sources and all(re.match(r"#|data:image/png;|[\w/]+(\.\w+)?$", each) for each in sources)
    assert not page.all("link", "iframe") and "@import" not in text


def test_headings_go_down_one_level_at_a_time(text):
    levels = [int(tag[1]) for tag, _ in Page(text).tags if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert max(np.diff(levels)) == 1


def test_pictures_have_a_text_and_controls_a_name(text):
    page = Page(text)
    images = [given for given in page.all("img") if "src" in given]
    assert len(images) == 2 and all(given["alt"] for given in images)
    named = re.findall(
        r"<button[^>]*?(?:aria-label=\"[^\"]+\"[^>]*>|>[^<]+<)", text.split("<script")[0]
    )
    assert len(named) == len(page.all("button"))
    controls = re.findall(r"<(?:select|input)\b", text.split("<script")[0])
    labelled = re.findall(r"<label[^>]*>[^<]*<(?:select|input)\b", text.split("<script")[0])
    assert len(labelled) == len(controls) > 8


def test_words_of_others_are_text_and_no_tags(text):
    assert "Visual &lt;hull&gt;" in text and "<hull>" not in text


def test_what_is_switched_on_at_first(text):
    """The truth, the paper's network, and the best at the fewest views."""
    on = re.findall(r'type="checkbox" value="(\w+)" checked', text)
    assert on == ["truth", "dae", "hull"]
    assert re.findall(r'name="views" value="(\d+)" checked', text) == ["2"]


def test_one_number_of_views_is_chosen_where_none_has_those_of_the_primary_comparison(tmp_path):
    text = study_page(tmp_path, runs=[("dae", 5), ("hull", 5)])
    assert re.findall(r'name="views" value="(\d+)" checked', text) == ["5"]


def study_of(text):
    return json.loads(re.search(r'id="study">(.*?)</script>', text, re.S)[1])


def test_the_leaderboard_is_whole_and_valid(text):
    board = study_of(text)["board"]
    assert list(board["metrics"]) == ["iou", "cldice"] and board["views"] == [5, 2]
    rows = board["metrics"]["iou"]["rows"]
    assert {(row["method"], row["views"]) for row in rows} == {*RUNS}
    means = {(row["method"], row["views"]): row["mean"] for row in rows}
    assert means["hull", 2] == pytest.approx(0.605)
    assert board["metrics"]["iou"]["published"] == {"5": 0.45, "2": 0.27}
    assert "published" not in board["metrics"]["cldice"]
    assert "NaN" not in re.search(r'id="study">(.*?)</script>', text, re.S)[1]


def test_a_leaderboard_without_tests_is_valid_as_its_file_is_read(tmp_path):
    leaderboard(per_patient()).to_csv(tmp_path / "board.csv", index=False)  # of two patients
    stored = read_table(tmp_path / "board.csv")
    assert stored["difference_mark"].isna().all()
    board = board_data(stored, pd.DataFrame({"views": [2], "iou": [0.27]}), METHODS, "phantom")
    found = json.loads(packing.script_data("study", board).split(">", 1)[1].rsplit("</", 1)[0])
    assert {row["mark"] for row in found["metrics"]["iou"]["rows"]} == {""}


def test_what_json_cannot_say_is_refused():
    with pytest.raises(ValueError):
        packing.script_data("data", {"mean": float("nan")})


def test_methods_that_are_not_shown_are_not_in_it(tmp_path):
    some = {name: METHODS[name] for name in ("dae", "hull")}
    board = study_of(study_page(tmp_path, methods=some))["board"]
    assert set(board["methods"]) == {"dae", "hull"}
    assert {row["method"] for row in board["metrics"]["iou"]["rows"]} == {"dae", "hull"}


def test_figures_of_the_catalogue_come_first_and_others_have_a_title(text):
    titles = re.findall(r'aria-label="Enlarge: ([^"]+)"', text)
    assert titles == ["Figure 4", "Another one"]
    assert len(gallery.FIGURES) == len({title for title, _ in gallery.FIGURES.values()})


def test_it_says_where_it_comes_from(text):
    for words in ("0123abcd", "2026-01-02T03:04:05+00:00", "some CPU", "seed 7"):
        assert words in text
