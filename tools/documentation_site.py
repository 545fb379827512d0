"""Hooks of the documentation site (mkdocs.yml): pages from outside docs/, links, and the search.

Documents keep the links that GitHub follows. On the site a link to a document goes to its page, and
one to another file of the repository is shown as its name, since the site does not hold it.

Browsers start no worker from a file on a disk. The theme searches in one, and its offline plugin
would fetch a replacement from a network: here pages from a disk get the worker's source instead.
"""

from __future__ import annotations

import json
import os
import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
RULES = "rules.md"
PAGES = {  # documents outside docs/, and where the site has them
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "README.md": "index.md",
    "config/README.md": "configuration.md",
    "resources/angiogram_network/docs/README.md": "angiogram_network.md",
}
BENCHMARKS = [f"benchmarks/{path.name}" for path in sorted(ROOT.glob("benchmarks/*.md"))]
PAGES |= {path: path for path in BENCHMARKS}
WORKERS = "assets/javascripts/workers"
SEARCH = "search/iframe-worker.js"  # the offline plugin looks for this name in mkdocs.yml
WORKER_FROM_DISK = """\
if (location.protocol === "file:") {
  const source = %s
  const FileWorker = Worker
  window.Worker = function () {
    return new FileWorker(URL.createObjectURL(new Blob([source], {type: "text/javascript"})))
  }
}
"""
IMAGE = re.compile(r'(<img\b[^>]*\bsrc="([^"]+)"[^>]*>)(?!</a>)')
LINK = re.compile(r"\[([^\]]*)\]\(([^)\s#]+)(#[^)\s]*)?\)")


def place(path: str) -> str | None:
    """Where the site has a file of the repository, both relative; None where it does not."""
    if path in PAGES:
        return PAGES[path]
    inside = path.startswith("docs/") and (ROOT / path).is_file()
    return path.removeprefix("docs/") if inside else None


def site_links(text: str, source: str) -> str:
    """A document's Markdown with the site's links in place of the repository's.

    source : the document's path in the repository.
    """
    here = posixpath.dirname(place(source) or "")

    def replace(link: re.Match[str]) -> str:
        title, target, anchor = link[1], link[2], link[3] or ""
        if "://" in target or target.startswith("mailto:"):
            return link[0]
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
        if not (ROOT / path).exists():
            return link[0]  # for the builder to refuse
        page = place(path)
        return title if page is None else f"[{title}]({posixpath.relpath(page, here)}{anchor})"

    return LINK.sub(replace, text)


def list_indents(text: str) -> str:
    """Continue items of numbered lists by four spaces, where GitHub takes three."""
    numbered = re.search(r"^1\. ", text, re.M)
    return re.sub(r"^ {3}(?=\S)", "    ", text, flags=re.M) if numbered else text


def rules_page() -> str:
    """Every rule by its file, with the summary line of its docstring and its first outputs."""
    about = "Each rule, by its file in `workflow/rules`; `snakemake --list` prints them."
    parts = ["# Rules", about]
    for path in sorted((ROOT / "workflow/rules").glob("*.smk")):
        rows = rule_rows(path.read_text(encoding="utf-8"))
        if rows:
            table = "\n".join(["| rule | what it does | writes |", "|---|---|---|", *rows])
            parts += [f"## `{path.name}`", table]
    return "\n\n".join(parts) + "\n"


def rule_rows(text: str) -> list[str]:
    """Rows of a table for the rules of a file: name, docstring, paths of outputs."""
    rows = []
    for rule in re.split(r"^(?=rule )", text, flags=re.M)[1:]:
        name, about = re.match(r'rule (\w+):\n    """(.+?)"""', rule, re.S).groups()
        output = re.search(r"^    output:\n((?:^        .*\n)+)", rule, re.M)
        paths = re.findall(r'"(results/[^"]+)"', output[1]) if output else []
        written = "<br>".join(f"`{path}`" for path in paths)
        rows.append(f"| `{name}` | {' '.join(about.split())} | {written} |")
    return rows


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the documents outside docs/, and the page of rules."""
    from mkdocs.structure.files import File

    for path, page in PAGES.items():
        files.append(File.generated(config, page, abs_src_path=str(ROOT / path)))
    files.append(File.generated(config, RULES, content=rules_page()))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn links to files of the repository into links of the site.

    A comment before the heading is taken off: with it, the nav would name the page after its file.
    """
    markdown = re.sub(r"\A<!--.*?-->\s*", "", markdown, flags=re.S)
    if page.file.abs_src_path is None:
        return markdown
    source = Path(os.path.relpath(page.file.abs_src_path, ROOT)).as_posix()
    return list_indents(site_links(markdown, source))


def on_page_content(html: str, **given: object) -> str:
    """Make each picture of a page a link to its file, where it can be seen as large as it is."""
    return IMAGE.sub(r'<a href="\2">\1</a>', html)


def on_post_build(config: MkDocsConfig) -> None:
    """Write the script by which pages from a disk search."""
    site = Path(config.site_dir)
    (worker,) = (site / WORKERS).glob("search.*.js")
    source = json.dumps(worker.read_text(encoding="utf-8"))
    (site / SEARCH).write_text(WORKER_FROM_DISK % source, encoding="utf-8")
