"""Documents and their site: links lead somewhere, every page is in the nav, nothing is fetched."""

import re
import shutil
import subprocess
import sys
import threading
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import unquote

import documentation_site
import pytest
import yaml
from conftest import ROOT

PATTERNS = ("*.md", "docs/**/*.md", "config/*.md", "benchmarks/*.md", "resources/**/*.md")
DOCUMENTS = sorted({path for pattern in PATTERNS for path in ROOT.glob(pattern)})
FETCHED = {
    ("script", "src"),
    ("img", "src"),
    ("iframe", "src"),
    ("source", "src"),
    ("link", "href"),
}
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
BROWSER = [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run",
    "--remote-debugging-port=0",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--enable-logging=stderr",
]  # fmt: skip
REPORT = """
<script>
const watch = setInterval(() => {
  const link = document.querySelector(".md-search-result__link")
  if (link) { clearInterval(watch); console.log("found: " + link.href) }
}, 50)
</script>
"""
MAX_README_WORDS = 600


def prose(path: Path) -> str:
    """A document without its blocks of code."""
    return re.sub(r"^ *```.*?^ *```", "", path.read_text(encoding="utf-8"), flags=re.M | re.S)


def anchors(path: Path) -> set[str]:
    """The anchors that GitHub gives to a document's headings."""
    headings = re.findall(r"^#+ (.+)$", prose(path), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(path: Path) -> list[tuple[str, str]]:
    """Path, empty for the document itself, and anchor of each link inside the repository."""
    found = re.findall(r"\]\(([^)\s#]*)(?:#([^)\s]*))?\)", prose(path))
    return [(target, anchor) for target, anchor in found if "://" not in target]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_of_a_document_lead_to_a_file_and_a_heading(path):
    for target, anchor in links(path):
        reached = (path.parent / target).resolve() if target else path
        assert reached.exists(), target
        assert not anchor or anchor in anchors(reached), f"{target}#{anchor}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_document_has_no_tags_that_a_browser_would_take(path):
    text = re.sub(r"`[^`]*`|<!--.*?-->", "", prose(path), flags=re.S)
    assert not re.findall(r"<(?!br>)/?[A-Za-z][^>\n]*>", text)


def test_links_are_seen():
    assert sum(len(links(path)) for path in DOCUMENTS) > 100


def pages_of_nav(entry: object) -> list[str]:
    if isinstance(entry, str):
        return [entry]
    inner = entry.values() if isinstance(entry, dict) else entry
    return [page for one in inner for page in pages_of_nav(one)]


def test_the_nav_has_every_document_once():
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    named = pages_of_nav(yaml.safe_load(text[text.index("\nnav:") :])["nav"])
    inside = {path.relative_to(ROOT / "docs").as_posix() for path in ROOT.glob("docs/**/*.md")}
    outside = {*documentation_site.PAGES.values(), documentation_site.RULES}
    assert sorted(named) == sorted(inside | outside)


def test_the_gallery_has_every_picture_of_the_documents():
    folder = ROOT / "docs"
    pictures = [path for ending in ("png", "svg") for path in folder.glob(f"**/*.{ending}")]
    text = (folder / "gallery.md").read_text(encoding="utf-8")
    assert len(pictures) > 10
    assert not [path for path in pictures if f"({path.relative_to(folder).as_posix()})" not in text]


def test_links_of_the_site_lead_to_its_pages():
    def changed(text, source):
        return documentation_site.site_links(text, source)

    assert changed("[a](docs/dicom.md#cases)", "README.md") == "[a](dicom.md#cases)"
    assert changed("[a](../config/README.md)", "docs/xa.md") == "[a](configuration.md)"
    assert changed("[a](../docs/xa.md)", "benchmarks/README.md") == "[a](../xa.md)"
    assert changed("[`b`](../profiles/slurm/partitions.yaml)", "docs/cluster.md") == "`b`"
    for kept in ("[a](no_such.md)", "[a](https://example.org/b.md)", "[a](#here)"):
        assert changed(kept, "docs/xa.md") == kept


def test_a_page_begins_with_its_heading():
    page = SimpleNamespace(file=SimpleNamespace(abs_src_path=None))
    text = "<!-- made by a tool -->\n\n# A method\n\n<!-- kept -->\n"
    changed = documentation_site.on_page_markdown(text, page, None, None)
    assert changed == "# A method\n\n<!-- kept -->\n"


def test_a_picture_of_the_site_leads_to_its_file():
    given = '<p><img alt="A" src="a.png" /> and <a href="x"><img src="b.png"></a></p>'
    made = documentation_site.on_page_content(given, page=None)
    linked = (
        '<p><a href="a.png"><img alt="A" src="a.png" /></a> and <a href="x"><img src="b.png"></a>'
    )
    assert made == linked + "</p>"


def test_the_page_of_rules_has_every_rule_with_what_it_does():
    text = documentation_site.rules_page()
    rules = "".join(path.read_text() for path in (ROOT / "workflow/rules").glob("*.smk"))
    names = re.findall(r"^rule (\w+):", rules, re.M)
    rows = re.findall(r"^\| `(\w+)` \| [A-Z].*?\. \|", text, re.M)
    assert len(names) > 30 and sorted(rows) == sorted(names)
    assert "`results/masks/{patient}.nii.gz`" in text


def test_the_readme_is_short_and_begins_with_a_picture_and_a_clone():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.split()) <= MAX_README_WORDS
    assert text.count("![") == 1
    commands = re.search(r"```\n(.*?)```", text, re.S)[1].splitlines()
    assert commands[0].startswith("git clone ")
    assert [line.split("#")[0].strip() for line in commands[1:]] == ["make reproduce", "make test"]


class Attributes(HTMLParser):
    """Every (tag, attribute, value) of a page, and its ids."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str, str]] = []

    def handle_starttag(self, tag, attrs):
        if tag == "link" and dict(attrs).get("rel") == "canonical":
            return
        self.found += [(tag, name, value or "") for name, value in attrs]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site, built in strict mode: by page, its attributes."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", folder]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    pages = {}
    for path in sorted(folder.rglob("*.html")):
        parser = Attributes()
        parser.feed(path.read_text(encoding="utf-8"))
        pages[path] = parser.found
    return pages


@pytest.mark.thorough
def test_the_site_fetches_nothing_from_a_network(site):
    fetched = [
        value for page in site.values() for tag, name, value in page if (tag, name) in FETCHED
    ]
    assert len(fetched) > 100
    assert not [value for value in fetched if re.match(r"(https?:)?//", value)]
    styles = sorted(min(site).parent.rglob("*.css"))
    assert styles
    assert not [path for path in styles if re.search(r"url\([\"']?(https?:)?//", path.read_text())]


@pytest.mark.thorough
def test_every_link_of_the_site_leads_to_a_page_and_a_place_on_it(site):
    ids = {
        path: {value for _, name, value in page if name in ("id", "name")}
        for path, page in site.items()
    }
    for path, page in site.items():
        if path.name == "404.html":  # its links start at the server's root
            continue
        for tag, name, value in page:
            if name not in ("href", "src") or re.match(r"\w+:", value) or tag == "link":
                continue
            target, _, anchor = unquote(value).partition("#")
            reached = (path.parent / target).resolve() if target else path
            reached = reached / "index.html" if reached.is_dir() else reached
            assert reached.exists(), (path.name, value)
            assert not anchor or reached not in ids or anchor in ids[reached], (path.name, value)


def first_found(page: Path, words: str, folder: Path) -> str:
    """The link of the first result of a search on a page that a browser opens from the disk."""
    copy = page.with_name("searched.html")
    copy.write_text(page.read_text(encoding="utf-8") + REPORT, encoding="utf-8")
    command = [CHROMIUM, *BROWSER, f"--user-data-dir={folder}", f"{copy.as_uri()}?q={words}"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as browser:
        watch = threading.Timer(120, browser.kill)
        watch.start()
        try:
            logged = (re.search(r"found: (\S+?)\"", line) for line in browser.stderr)
            return next((match[1] for match in logged if match), "nothing")
        finally:
            watch.cancel()
            browser.kill()


@pytest.mark.thorough
@pytest.mark.skipif(CHROMIUM is None, reason="not run: Chromium is not installed")
def test_a_site_on_a_disk_is_searched_without_a_server(site, tmp_path):
    page = next(path for path in site if path.name == "glossary.html")
    assert "/methods/hull.html" in first_found(page, "visual+hull", tmp_path)
    assert "/metrics.html" in first_found(page, "empty+reconstructions", tmp_path)
