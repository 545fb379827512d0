"""docs/methods: a page for every method, as its code, the config and stored results say."""

import re

import method_pages
import pytest
from angiovox.methods import registry
from conftest import ROOT

METHODS = pytest.mark.parametrize("name", registry.classes())
MAX_PICTURE_BYTES = 60_000


def stored():
    return [row for name in method_pages.RESULTS for row in method_pages.stored(name)[1]]


@pytest.mark.parametrize("path", method_pages.pages(), ids=lambda path: path.stem)
def test_a_page_is_up_to_date(path):
    assert path.read_text() == method_pages.pages()[path], "run `make reference`"


def test_every_page_is_of_a_method():
    found = {path.stem for path in method_pages.FOLDER.glob("*.md")}
    assert found == {*registry.classes(), "README"}


@METHODS
def test_a_methods_module_says_what_its_page_needs(name):
    text = method_pages.paragraphs(name)
    assert set(text) == {"about", "Facts followed", "Original code"}
    assert len(text["about"]) > 200 and all(part.endswith(".") for part in text.values())


@METHODS
def test_a_page_names_every_setting_and_every_entry(name):
    text = method_pages.page(name)
    fields = registry.classes()[name].Settings.__dataclass_fields__
    entries = method_pages.entries_of(name)
    assert name in entries
    assert all(f"| `{word}` |" in text for word in (*fields, *entries))
    assert not re.search(r"\| `\w+` \|  \|", text.split("## Settings")[1].split("##")[0])


@METHODS
def test_a_page_has_a_small_picture_where_there_are_results(name):
    known = {row["method"] for row in stored()} & {*method_pages.entries_of(name)}
    picture = method_pages.FOLDER / f"{name}.png"
    assert picture.exists() == bool(known)
    assert not known or 2_000 < picture.stat().st_size < MAX_PICTURE_BYTES


def test_every_entry_of_the_configs_is_in_the_index_once():
    index = method_pages.index()
    assert all(index.count(f"| `{entry}` |") == 1 for entry in method_pages.entries())


def test_stored_results_say_what_they_are_and_agree_with_the_table_of_results():
    remark, rows = method_pages.stored()
    assert remark.startswith("Phantoms, not patients") and "make reproduce" in remark
    table = (ROOT / "docs/results.md").read_text()
    for row in rows:
        title = method_pages.study()[row["method"]].title
        line = re.search(rf"^\| {re.escape(title)} \|.*$", table, re.M)
        if line:
            assert f"{float(row['iou']):.3f}<br>" in line[0], row
    assert sum(f"| {method.title} |" in table for method in method_pages.study().values()) > 5


def test_numbers_in_the_settings_are_those_of_code_and_config():
    (line,) = (
        line for line in method_pages.page("unet").splitlines() if line.startswith("| `epochs`")
    )
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    default = registry.classes()["unet"].Settings().epochs
    assert cells[2:] == [str(default), str(method_pages.entries()["unet"]["epochs"]), ""]
