"""The page in a real browser: it draws the model, turns it on request, and has no error."""

import json
import re
import shutil
import subprocess

import numpy as np
import pytest
from angiovox.reporting.angiogram_files import write_all
from made_reconstruction import findings
from matplotlib.image import imread

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="not run: Chromium is not installed")
FLAGS = [
    "--headless=new", "--no-sandbox", "--disable-quic", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--enable-logging=stderr",
    "--virtual-time-budget=6000",
]  # fmt: skip
SIZES = [(1280, 900), (390, 844)]
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


def browse(path, size, tmp_path, *options):
    """What the browser's console says on a page."""
    window = f"--window-size={size[0]},{size[1]}"
    command = [CHROMIUM, *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", window, *options]
    ran = subprocess.run([*command, path.as_uri()], capture_output=True, text=True, timeout=300)
    return [line for line in ran.stderr.splitlines() if "CONSOLE" in line]


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
    assert len(console) == 1, console  # what the probe reports, and no error
    found = json.loads(re.search(r'"(\{.*\})"', console[0])[1])
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
