"""The page of a study in a real browser: what its controls do, in a wide and a narrow window."""

import pytest
from browser import SIZES, browse, needs_browser, reported
from made_study_page import SHAPE, study_page

pytestmark = needs_browser
BUDGET = 30_000  # ms of the page's own time, which passes as fast as the machine allows
PROBE = """
<script>
addEventListener("load", async () => {
  const picture = (canvas) => {
    const copy = document.createElement("canvas");
    [copy.width, copy.height] = [canvas.width, canvas.height];
    const context = copy.getContext("2d", { willReadFrequently: true });
    context.drawImage(canvas, 0, 0);
    const data = new Uint32Array(context.getImageData(0, 0, copy.width, copy.height).data.buffer);
    const counts = new Map();
    let sum = 0;
    data.forEach((pixel, k) => {
      counts.set(pixel, (counts.get(pixel) || 0) + 1);
      sum = (sum * 31 + pixel) % 4294967291;
    });
    return { colours: counts.size, rest: data.length - Math.max(...counts.values()), sum };
  };
  const cut = (canvas) => { // pixels of the left and right edge that are not background
    const copy = document.createElement("canvas");
    [copy.width, copy.height] = [canvas.width, canvas.height];
    const context = copy.getContext("2d", { willReadFrequently: true });
    context.drawImage(canvas, 0, 0);
    const edges = [0, copy.width - 1].map((x) => context.getImageData(x, 0, 1, copy.height).data);
    const pixels = edges.flatMap((each) => [...new Uint32Array(each.buffer)]);
    return pixels.filter((pixel) => pixel !== pixels[0]).length;
  };
  const scene = () => picture(document.querySelector("#viewer canvas"));
  const planes = () => [...document.querySelectorAll("#planes canvas")].map(picture);
  const pause = () => new Promise((resolve) => setTimeout(resolve, 20));
  const settled = async (act) => {
    const before = document.body.dataset.ready;
    act();
    for (let k = 0; k < 500 && document.body.dataset.ready === before; k++) await pause();
  };
  const pick = (select, value) => {
    select.value = value;
    select.dispatchEvent(new Event("change"));
  };
  const box = (name) => document.querySelector(`#layers [value=${name}]`);
  const radio = (name, value) => document.querySelector(`[name=${name}][value="${value}"]`);
  const texts = (where) => [...document.querySelectorAll(where)].map((each) => each.textContent);
  const order = () => texts("#board tbody th");
  const heading = (number) => document.querySelectorAll("#board thead button")[number];
  const report = {};
  for (let k = 0; k < 500 && !document.body.dataset.ready; k++) await pause();
  try {
    report.overflow = document.documentElement.scrollWidth - innerWidth;
    const viewer = document.querySelector("#viewer");
    await settled(() => radio("arrangement", "together").click());
    const canvas = viewer.querySelector("canvas");
    viewer.style.width = "90px";
    for (let k = 0; k < 500 && canvas.clientWidth !== 90; k++) await pause();
    report.narrow = [canvas.clientWidth, scene().rest, cut(canvas)];
    viewer.style.width = "";
    for (let k = 0; k < 500 && canvas.clientWidth === 90; k++) await pause();
    await settled(() => radio("arrangement", "apart").click());
    report.first = scene();
    report.cells = texts("#viewer .cell");
    document.querySelector("[data-look='90 0']").click();
    report.turned = scene();
    const key = new KeyboardEvent("keydown", { key: "ArrowUp" });
    document.querySelector("#viewer").dispatchEvent(key);
    report.tilted = scene();
    await settled(() => radio("arrangement", "together").click());
    report.together = scene();
    await settled(() => radio("colouring", "method").click());
    report.byMethod = scene();
    await settled(() => box("dae").click());
    report.without = scene();
    await settled(() => { box("truth").click(); box("hull").click(); });
    for (let k = 0; k < 20; k++) await pause();
    report.none = scene();
    await settled(() => box("late").click());
    report.empty = document.querySelector("#layers [value=late] ~ output").textContent;
    await settled(() => radio("views", "5").click());
    report.absent = [box("late").disabled, ...texts("#layers [value=late] ~ output")];
    await settled(() => box("hull").click());
    report.patient = scene();
    report.slices = planes();
    await settled(() => pick(document.querySelector("#patient"), "1"));
    report.other = scene();
    report.status = document.querySelector("#status").textContent;
    report.otherSlices = planes();
    const slider = document.querySelector("#planes input");
    slider.value = slider.max;
    slider.dispatchEvent(new Event("input"));
    report.moved = planes();
    const wheel = new WheelEvent("wheel", { deltaY: -1, cancelable: true });
    document.querySelector("#planes canvas").dispatchEvent(wheel);
    report.scrolled = Number(slider.value);
    document.querySelector("#outlines").click();
    report.plain = planes();

    report.best = order();
    heading(0).click();
    report.byTitle = order();
    report.sort = [...document.querySelectorAll("#board thead th")].map((head) => head.ariaSort);
    heading(2).click();
    report.ascending = order();
    heading(2).click();
    report.descending = order();
    const search = document.querySelector("#search");
    search.value = "HULL";
    search.dispatchEvent(new Event("input"));
    report.found = order();
    search.value = "";
    pick(document.querySelector("#board-views"), "5");
    report.at5 = order();
    report.heads = texts("#board thead th");
    pick(document.querySelector("#family"), "Autoencoder");
    report.family = order();
    pick(document.querySelector("#metric"), "cldice");
    report.caption = document.querySelector("#board caption").textContent;

    const dialog = document.querySelector("#enlarged");
    document.querySelectorAll(".gallery button")[1].click();
    report.opened = [dialog.open, document.querySelector("#enlarged-title").textContent];
    report.width = document.querySelector("#enlarged-image").naturalWidth;
    document.querySelector("#next").click();
    report.next = document.querySelector("#enlarged-title").textContent;
    document.querySelector("#close").click();
    report.closed = dialog.open;
    report.overflowAtEnd = document.documentElement.scrollWidth - innerWidth;
  } catch (error) {
    report.error = String(error);
  }
  console.log(JSON.stringify(report));
});
</script>
"""


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    return study_page(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module", params=SIZES, ids=str)
def found(request, text, tmp_path_factory):
    """What the probe reports, at a window's size; there is no error beside it."""
    folder = tmp_path_factory.mktemp("probe")
    probe = folder / "probe.html"
    probe.write_text(text.replace("</body>", f"{PROBE}</body>"), encoding="utf-8")
    report = reported(browse(probe, request.param, folder, budget=BUDGET))
    assert "error" not in report, report
    return report


def test_surfaces_are_drawn_and_turn(found):
    assert found["first"]["colours"] > 50 and found["first"]["rest"] > 1000
    sums = [found[key]["sum"] for key in ("first", "turned", "tilted")]
    assert len(set(sums)) == 3


def test_surfaces_fit_into_a_window_that_becomes_narrow(found):
    width, drawn, cut = found["narrow"]
    assert width == 90 and drawn > 300 and cut == 0


def test_each_method_shown_has_a_cell_with_its_score(found):
    assert found["cells"] == ["Truth", "Paper's network, IoU 0.30", "Visual <hull>, IoU 0.60"]


def test_surfaces_are_arranged_coloured_and_switched_off(found):
    states = ("tilted", "together", "byMethod", "without", "none")
    assert len({found[state]["sum"] for state in states}) == len(states)
    assert found["none"]["rest"] == 0 < found["without"]["rest"] < found["byMethod"]["rest"]


def test_what_there_is_not_is_said(found):
    assert found["empty"] == "empty"
    assert found["absent"] == [True, "not from 5 views"]


def test_each_patient_has_surfaces_and_slices(found):
    assert found["patient"]["sum"] != found["other"]["sum"]
    assert all(plane["colours"] > 10 for plane in found["slices"])
    for one, other in zip(found["slices"], found["otherSlices"], strict=True):
        assert one["sum"] != other["sum"]
    assert found["status"].startswith("second, 5 views: Visual <hull>")


def test_slices_scroll_with_outlines_over_them(found):
    sums = [[plane["sum"] for plane in found[key]] for key in ("otherSlices", "moved", "plain")]
    assert sums[0][0] != sums[1][0]
    assert found["scrolled"] == SHAPE[2] - 2
    assert all(a != b for a, b in zip(sums[1][1:], sums[2][1:], strict=True))


def test_the_leaderboard_sorts(found):
    last = "Published, on other data (Wu et al. 2023)"
    titles = ["Visual <hull>", "For two views only", "Paper's network"]
    assert found["best"][-1] == found["descending"][-1] == last
    assert found["byTitle"][:-1] == sorted(titles)
    assert found["sort"] == ["ascending", "none", "none"]
    assert found["ascending"][:-1] == ["Paper's network", "For two views only", "Visual <hull>"]
    assert found["descending"][:-1] == titles


def test_the_leaderboard_filters(found):
    assert found["found"][:-1] == ["Visual <hull>"]
    assert set(found["at5"][:-1]) == {"Visual <hull>", "Paper's network"}
    assert found["heads"] == ["method", "rank", "mean", "less the best", "p", "empty"]
    assert found["family"][:-1] == ["Paper's network"]
    assert found["caption"].startswith("clDice")


def test_figures_enlarge(found):
    assert found["opened"] == [True, "Another one"] and found["width"] == 30
    assert found["next"] == "Figure 4" and found["closed"] is False


def test_nothing_is_wider_than_the_window(found):
    assert found["overflow"] <= 0 and found["overflowAtEnd"] <= 0


def test_an_error_of_the_page_would_be_seen(text, tmp_path):
    broken = tmp_path / "broken.html"
    broken.write_text(text.replace("viewer.compare(", "viewer.missing("), encoding="utf-8")
    assert browse(broken, SIZES[0], tmp_path, "--dump-dom")
