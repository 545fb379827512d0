"""Pages for people: self-contained HTML that needs no network."""

from __future__ import annotations

from collections.abc import Iterable

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #222; max-width: 72rem; margin: 2rem auto;
       padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .2rem .9rem .2rem 0; text-align: left; vertical-align: top;
         border-bottom: 1px solid #ddd; }
td.number, th.number { text-align: right; }
code, pre { font: 13px/1.45 ui-monospace, monospace; }
pre { background: #f6f6f6; padding: .8rem; overflow-x: auto; }
summary { cursor: pointer; color: #0b5394; }
.note { color: #666; max-width: 48rem; }
.interval { color: #666; font-size: 12px; white-space: nowrap; }
.best .interval { font-weight: 400; }
.best { font-weight: 600; } .best, .tied { background: #e8f3ec; }
.better { color: #00694b; } .worse { color: #a63c00; }
"""


def document(title: str, parts: Iterable[str]) -> str:
    """A page of parts that are HTML already."""
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    head += f"<title>{title}</title><style>{STYLE}</style>"
    body = "\n".join(parts)
    return f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head><body>\n{body}\n</body></html>\n'


def table(
    heads: list[str],
    rows: Iterable[list[str]],
    numbers: set[int] = frozenset(),
    marks: Iterable[list[str]] | None = None,
) -> str:
    """A table of cells that are HTML already.

    numbers : columns to align on the right. marks : classes of each cell.
    """

    def line(tag: str, cells: list[str], classes: list[str]) -> str:
        text = []
        for index, (cell, kind) in enumerate(zip(cells, classes, strict=True)):
            names = " ".join(filter(None, ["number" * (index in numbers), kind]))
            mark = f' class="{names}"' if names else ""
            text.append(f"<{tag}{mark}>{cell}</{tag}>")
        return f"<tr>{''.join(text)}</tr>"

    rows = list(rows)
    plain = [[""] * len(row) for row in rows]
    lines = [line("th", heads, [""] * len(heads))] * bool(heads)
    lines += [line("td", *each) for each in zip(rows, marks or plain, strict=True)]
    return '<div class="wide"><table>\n' + "\n".join(lines) + "\n</table></div>"
