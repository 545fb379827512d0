"""The leaderboard for people: methods by numbers of views, in Markdown and as a page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape

import pandas as pd

from ..metrics.registry import HIGHER, METRICS
from .html_page import document, table
from .leaderboard import REFERENCES

PAGE_METRICS = ("iou", "cldice", "hd95_mm", "nsd_1mm", "betti0_error", "projection_dice")
PAGE_METRICS += ("lesion_recall", "calibration_error")
EMPTY_CELL = "–"  # noqa: RUF001
LEGEND = (
    "Mean over the test patients, with its bootstrap 95 % interval. Bold is the best of a column; "
    "= is a tie with it: the paired difference does not exclude zero, so that nothing is claimed "
    "between the two."
)
VERSUS = (
    "Mean difference on the same patients, with its interval. ▲ is better and ▼ worse, where the "
    "interval excludes zero; without a mark nothing is claimed."
)
MARKDOWN = {"best": "**{}**", "tied": "{} =", "better": "{} ▲", "worse": "{} ▼", "": "{}"}
HTML = MARKDOWN | {"best": "{}"}


@dataclass(frozen=True)
class Section:
    """A row per method and a column per number of views; a cell is its text and its mark."""

    heading: str
    remark: str
    views: list[str]
    rows: dict[str, list[tuple[str, str]]]


def markdown(board: pd.DataFrame, titles: Mapping[str, str], note: str) -> str:
    """The tables that matter most, one below the other."""
    parts = ["# Leaderboard", f"{note}."]
    for section in _sections(board, titles):
        rows = [[name, *_filled(MARKDOWN, cells)] for name, cells in section.rows.items()]
        text = pd.DataFrame(rows, columns=["method", *section.views])
        parts += [f"## {section.heading}", section.remark]
        parts.append(text.to_markdown(index=False, disable_numparse=True))
    return "\n\n".join(filter(None, parts)) + "\n"


def page(board: pd.DataFrame, titles: Mapping[str, str], note: str) -> str:
    """The same as HTML."""
    parts = ["<h1>Leaderboard</h1>", f'<p class="note">{escape(note)}.</p>']
    for section in _sections(board, titles):
        rows = [[escape(name), *_filled(HTML, cells)] for name, cells in section.rows.items()]
        marks = [["", *(mark for _, mark in cells)] for cells in section.rows.values()]
        parts.append(f"<h2>{escape(section.heading)}</h2>")
        parts += [f'<p class="note">{escape(section.remark)}</p>'] * bool(section.remark)
        parts.append(table(["method", *section.views], rows, marks=marks))
    return document("angiovox: leaderboard", parts)


def _filled(patterns: Mapping[str, str], cells: list[tuple[str, str]]) -> list[str]:
    return [patterns[mark].format(text) for text, mark in cells]


def _sections(board: pd.DataFrame, titles: Mapping[str, str]) -> Iterator[Section]:
    """IoU, what it gains on the references, and the other metrics; the remarks once."""
    shown = [name for name in PAGE_METRICS if (board["metric"] == name).any()]
    for place, name in enumerate(shown):
        part, metric = board[board["metric"] == name], METRICS[name]
        unit = f", {metric.unit}" if metric.unit else ""
        first, _, rest = metric.title.partition(" ")
        title = f"{first.capitalize() if first.islower() else first} {rest}".strip()  # not clDice
        heading = f"{title}{unit} ({metric.better} is better)"
        yield _section(heading, LEGEND * (not place), part, titles, _standing)
        if not place:
            for number, reference in enumerate(REFERENCES):
                if part[f"versus_{reference}"].notna().any():
                    heading = f"{metric.title} less that of: {titles[reference]}"
                    others = part[part["method"] != reference]
                    cell = _against(reference)
                    yield _section(heading, VERSUS * (not number), others, titles, cell)


def _section(heading, remark, part: pd.DataFrame, titles: Mapping[str, str], cell) -> Section:
    views = sorted(part["views"].unique(), reverse=True)
    rows = {}
    for method in _in_order(part):
        own = part[part["method"] == method].set_index("views")
        cells = [
            cell(own.loc[count]) if count in own.index else (EMPTY_CELL, "") for count in views
        ]
        rows[titles[method]] = cells
    return Section(heading, remark, [f"{count} views" for count in views], rows)


def _in_order(part: pd.DataFrame) -> list[str]:
    """Best first, by the mean rank over the view counts of each method."""
    return part.groupby("method", sort=False)["rank"].mean().sort_values(kind="stable").index


def _standing(row: pd.Series) -> tuple[str, str]:
    mark = "best" if row["difference"] == 0 else "tied" * bool(row["tied"])
    return _with_interval(row, ("mean", "low", "high")), mark


def _against(reference: str):
    columns = [f"versus_{reference}{bound}" for bound in ("", "_low", "_high")]

    def cell(row: pd.Series) -> tuple[str, str]:
        _, low, high = (row[name] for name in columns)
        more, less = low > 0, high < 0
        gains, loses = (more, less) if row["better"] == HIGHER else (less, more)
        mark = "better" if gains else "worse" if loses else ""
        return _with_interval(row, columns, "+"), mark

    return cell


def _with_interval(row: pd.Series, columns, sign: str = "") -> str:
    value, low, high = (row[name] for name in columns)
    if low != low:
        return f"{value:{sign}.3f}"
    return f"{value:{sign}.3f} ({low:{sign}.3f} to {high:{sign}.3f})"
