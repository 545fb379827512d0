"""The page in a real browser: it draws the model, turns it on request, and has no error."""

import numpy as np
import pytest
from angiovox.reporting.angiogram_files import write_all
from browser import SIZES, browse, needs_browser, reported
from made_reconstruction import findings
from matplotlib.image import imread

pytestmark = needs_browser
REPORT = """
<script>
addEventListener("load", () => setTimeout(() => {
  const canvas = document.querySelector("#viewer canvas");
  const copy = document.createElement("canvas");
  const colours = () => {
    [copy.width, copy.height] = [canvas.width, canvas.height];
    const context = copy.getContext("2d", { willReadFrequently: true });
    context.drawImage(canvas, 0, 0);
    const data = new Uint32Array(context.getImageData(0, 0, copy.width, copy.height).data.buffer);
    const first = data[0];
    return [new Set(data).size, data.filter((pixel) => pixel !== first).length];
  };
  const box = (part) => document.querySelector(`[data-part=${part}]`);
  const report = { whole: colours(), overflow: document.body.scrollWidth - innerWidth };
  box("certain").click();
  report.undecided = colours();
  box("undecided").click();
  report.none = colours();
  box("centreline").click();
  report.centreline = colours();
  box("certain").click();
  box("undecided").click();
  document.querySelectorAll("[data-look]")[3].click();
  report.turned = colours();
  console.log(JSON.stringify(report));
}, 500));
</script>
"""


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page") / "result"
    write_all(folder, findings())
    return folder / "report.html"


@pytest.mark.parametrize("size", SIZES)
def test_the_model_is_drawn_and_its_parts_can_be_hidden(report, size, tmp_path):
    probe = tmp_path / "probe.html"
    text = report.read_text(encoding="utf-8")
    probe.write_text(text.replace("</body>", f"{REPORT}</body>"), encoding="utf-8")
    console = browse(probe, size, tmp_path, f"--screenshot={tmp_path / 'page.png'}")
    found = reported(console)
    assert found["overflow"] <= 0  # nothing is wider than the window
    assert found["whole"][0] > 50
    assert 0 < found["undecided"][1] < found["whole"][1]
    assert found["none"] == [1, 0]
    assert 0 < found["centreline"][1] < found["undecided"][1]
    assert found["turned"][1] not in (0, found["whole"][1])
    picture = imread(tmp_path / "page.png")
    assert picture.shape[:2] == size[::-1]
    assert len(np.unique(picture.reshape(-1, picture.shape[2]), axis=0)) > 50


def test_an_error_of_the_page_would_be_seen(report, tmp_path):
    broken = tmp_path / "broken.html"
    text = report.read_text(encoding="utf-8")
    broken.write_text(text.replace("viewer.show(", "viewer.missing("), encoding="utf-8")
    assert browse(broken, SIZES[0], tmp_path, "--dump-dom")
