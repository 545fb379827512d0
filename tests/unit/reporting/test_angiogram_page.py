"""The page of a reconstruction: what it says, where outlines lie, that it needs nothing else."""

import base64
import dataclasses
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from angiovox.angiograms.centreline import vessel_centreline
from angiovox.angiograms.surface import vessel_surface
from angiovox.reporting.angiogram_page import runs, tables
from angiovox.reporting.angiogram_page.heat_map import heat_map
from angiovox.reporting.angiogram_page.model import payload
from angiovox.reporting.angiogram_page.page import fit_sentence, page, shares
from made_reconstruction import ANGLES, findings
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkIOImage import vtkPNGReader

FILES = [{"file": "artery.stl", "content": "surface"}]
VOID = {"meta", "input"}


class Tags(HTMLParser):
    """Tags and attributes of a page, and whether each that opens is closed."""

    def __init__(self, text):
        super().__init__()
        self.found, self.open = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))
        self.open += [tag] * (tag not in VOID)

    def handle_startendtag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def parts(known):
    volumes = known.probability, known.state, known.calibrated, known.grid
    return vessel_surface(*volumes), vessel_centreline(*volumes)


def written(known):
    return page(known, *parts(known), FILES)


@pytest.fixture(scope="module")
def text():
    return written(findings())


def without_scripts(text):
    return re.sub(r"<(script|style)[^>]*>.*?</\1>", "", text, flags=re.S)


def test_every_tag_is_closed(text):
    assert Tags(text).open == []


def test_nothing_is_loaded_from_elsewhere(text):
    for tag, attributes in Tags(text).found:
        for name in ("src", "href", "xlink:href"):
            value = attributes.get(name, "data:")
            assert value.startswith("data:"), (tag, value)
    assert not re.search(r"@import|url\((?!#)", re.search(r"<style>.*?</style>", text, re.S)[0])
    assert len(text) < 12e6


def test_all_pictures_have_a_text_and_all_tables_heads(text):
    tags = Tags(text).found
    pictures = [a for tag, a in tags if tag == "svg" or a.get("role") == "img"]
    assert len(pictures) >= 3 and all(a.get("aria-label") for a in pictures)
    count = {tag: sum(other == tag for other, _ in tags) for tag in ("table", "thead", "caption")}
    assert count["table"] == count["thead"] == count["caption"] >= 3
    assert all("scope" in attributes for tag, attributes in tags if tag == "th")


def test_ids_are_unique_and_labels_exist(text):
    tags = Tags(text).found
    ids = [attributes["id"] for _, attributes in tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    labels = {attributes.get("aria-labelledby") for _, attributes in tags} - {None}
    assert labels and labels <= set(ids)


def test_words_of_others_are_text_and_no_tags(text):
    body = without_scripts(text)
    assert "Read with &lt;care&gt;." in body and "<care>" not in body
    assert "&lt;trunk&gt;" in body and "<trunk>" not in body


def test_warnings_come_first(text):
    body = without_scripts(text)
    assert body.index("The runs are 90 s apart.") < body.index('id="runs"')
    assert "Not for diagnosis" in body


def test_what_is_not_given_is_not_shown():
    known = findings(initial=None, advice=None, calibration=(), branches=(), warnings=(), fit=())
    body = without_scripts(written(known))
    assert 'class="before"' not in body and 'id="advice"' not in body
    assert 'id="calibration"' not in body and "By branch" not in body
    assert "explains each view" not in body


def test_the_fit_to_each_view_is_told_in_words(text):
    """From 4 and 4 to 2 and 3 times the noise."""
    body = without_scripts(text)
    assert body.index('class="runs"') < body.index("explains each view") < body.index('id="model"')
    sentence = fit_sentence(findings().fit)
    assert sentence in body
    assert "38 % smaller" in sentence and "LAO 70, CRA 0, with 3.0 times" in sentence
    worse = [{"view": "a", "before_the_fit": 2.0, "after_the_fit": 3.0}]
    assert "50 % larger" in fit_sentence(worse)


def test_an_empty_reconstruction_has_a_page():
    known = findings(probability=np.zeros(findings().grid.shape, np.float32))
    text = written(known)
    data = json.loads(re.search(r'id="model-data">(.*?)</script>', text, re.S)[1])
    assert data["triangles"] == "" and Tags(text).open == []


def test_the_model_gives_back_the_surface():
    known = findings()
    mesh, graph = parts(known)
    data = payload(mesh, graph, (0.0, 0.0))
    points = np.frombuffer(base64.b64decode(data["points"]), "<i2").reshape(-1, 3) * data["scale"]
    np.testing.assert_allclose(points, mesh.points, atol=data["scale"] / 2 + 1e-5)
    triangles = np.frombuffer(base64.b64decode(data["triangles"]), "<u4").reshape(-1, 3)
    assert sorted(map(tuple, triangles)) == sorted(map(tuple, mesh.regular_faces))
    z = points[triangles].mean(axis=1)[:, 2]
    certain = np.arange(len(triangles)) < data["certain"]
    assert z[certain].max() < 1 and z[~certain].min() > -1  # the views decide below the fork
    line = np.frombuffer(base64.b64decode(data["line"]), "<i2").reshape(-1, 2, 3) * data["scale"]
    assert len(line) == sum(len(path) - 1 for path in graph.paths)


def test_shares_add_up():
    known = findings()
    of_vessel = shares(known)
    assert sum(of_vessel.values()) == pytest.approx(1)
    assert 0.2 < of_vessel["certain"] < 0.8 and of_vessel["contradicted"] == 0
    nothing_known = dataclasses.replace(known, state=np.zeros_like(known.state))
    assert shares(nothing_known) == {"certain": 0, "undecided": 0, "contradicted": 1}


def test_outlines_surround_what_the_views_see():
    known = findings()
    views = known.angiograms.views
    for k, lines in enumerate(runs.outlines(known.probability, known.grid, views)):
        edge = np.concatenate(lines)
        seen = np.argwhere(known.angiograms.line_integrals[k] > 0.3)
        np.testing.assert_allclose(edge.min(axis=0), seen.min(axis=0), atol=1.5)
        np.testing.assert_allclose(edge.max(axis=0), seen.max(axis=0), atol=1.5)


def test_outlines_move_with_the_views():
    known = findings()
    after, before = (
        runs.outlines(known.probability, known.grid, part.views)[1]
        for part in (known.angiograms, known.initial)
    )
    assert not np.allclose(np.concatenate(after).mean(axis=0), np.concatenate(before).mean(axis=0))


def test_the_field_holds_every_voxel():
    known = findings()
    views = known.angiograms.views
    corners = np.array(list(np.ndindex(2, 2, 2))) * np.subtract(known.grid.shape, 1)
    corners = known.grid.to_mm(corners)
    for frame, seen in zip(runs.field(known.grid, views), views.project(corners), strict=True):
        steps = np.diff(frame, axis=0)
        across = seen[:, None] - frame[None, :-1]
        sides = steps[:, 0] * across[..., 1] - steps[:, 1] * across[..., 0]
        assert (sides >= 0).all() or (sides <= 0).all()


def test_a_picture_is_dark_where_contrast_is_and_stands_with_the_head_up():
    line_integrals = np.zeros((20, 10), np.float32)
    line_integrals[15, 8] = 1  # right of the middle, near the head
    picture = runs.grey_picture(line_integrals, np.ones((20, 10), bool))
    assert picture.shape == (10, 20)
    assert np.argwhere(picture < 128).tolist() == [[1, 15]]
    hidden = runs.grey_picture(line_integrals, line_integrals > 0)
    assert (hidden[0] == runs.NOT_MEASURED).all()


def test_a_png_gives_back_the_picture(tmp_path):
    picture = np.random.default_rng(0).integers(0, 256, (7, 11), dtype=np.uint8)
    (tmp_path / "a.png").write_bytes(runs.png(picture))
    reader = vtkPNGReader()
    reader.SetFileName(str(tmp_path / "a.png"))
    reader.Update()
    read = vtk_to_numpy(reader.GetOutput().GetPointData().GetScalars()).reshape(7, 11)[::-1]
    np.testing.assert_array_equal(read, picture)


def test_an_outline_and_its_picture_agree():
    """A pixel (i, j) of the detector is row J - 1 - j and column i of the picture."""
    assert runs.path([np.array([[3, 2], [4, 2]])], height=10) == "M3.5 7.5L4.5 7.5"


def test_the_map_has_a_cell_for_each_pair_of_angles():
    advice = findings().advice
    svg = heat_map(advice, ANGLES)
    assert svg.count("<rect") == advice.gain.size
    assert svg.count("url(#unreachable)") == np.isnan(advice.gain).sum()
    assert svg.count("<title>taken") == len(ANGLES) and svg.count("<title>advised") == 1


def test_cells_and_heads_are_words():
    assert tables.heading("length_mm") == "Length (mm)"
    assert tables.cell(float("nan")) == tables.cell(None) == tables.MISSING
    assert (
        tables.cell(True) == "yes" and tables.cell(3.0) == "3" and tables.cell(0.12345) == "0.123"
    )
    text = tables.table([{"a": 1}, {"a": 2, "b": "x"}], "c")
    assert text.count("<tr>") == 3 and tables.MISSING in text
