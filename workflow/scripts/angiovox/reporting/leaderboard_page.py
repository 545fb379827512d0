"""The leaderboard for people: methods by numbers of views, in Markdown and as a page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from html import escape

import pandas as pd

from ..metrics.comparisons import BETTER, NOT_TESTED, TIE, WORSE
from ..metrics.registry import METRICS
from .calibration_table import before_and_after, remark
from .html_page import document, table
from .leaderboard import OTSU, PRIMARY, primary_views
from .leaderboard_text import EXACT_REMARK, VERSUS, has_marks, how_to_read, too_few

PAGE_METRICS = (PRIMARY, "iou_exact", "cldice", "hd95_mm", "nsd_1mm", "betti0_error")
PAGE_METRICS += ("projection_dice", "lesion_recall", "calibration_error")
SET_AGAINST = {PRIMARY: ("dae", "hull"), "iou_exact": (OTSU,)}
OTSU_TITLE = "Otsu mask, which methods learn from"
EMPTY_CELL = "–"  # noqa: RUF001
BEST = "best"
MARKS = {BEST: "**{}**", TIE: "{} =", BETTER: "{} ▲", WORSE: "{} ▼", NOT_TESTED: "{}"}


@dataclass(frozen=True)
class Cell:
    """value and interval as text; more: what else to say of it, such as its own n."""

    value: str
    interval: str = ""
    more: str = ""
    mark: str = NOT_TESTED

    def markdown(self) -> str:
        interval = f" ({self.interval})" if self.interval else ""
        return MARKS[self.mark].format(f"{self.value}{interval}{self.more}")

    def html(self) -> str:
        value = self.value if self.mark == BEST else MARKS[self.mark].format(self.value)
        below = escape(f"{self.interval}{self.more}".removeprefix(", "))
        return escape(value) + (f'<br><span class="interval">{below}</span>' if below else "")


@dataclass(frozen=True)
class Section:
    """A table under its heading: rows of a method's title and its cells."""

    heading: str
    remark: str
    heads: list[str]
    rows: list[tuple[str, list[Cell]]]


def markdown(
    board: pd.DataFrame,
    titles: Mapping[str, str],
    note: str,
    calibration: pd.DataFrame | None = None,
    beside: Iterable[Section] = (),
) -> str:
    """The tables that matter most, one below the other.

    calibration : of `calibration_table`. beside : of `beside_page.sections`, after IoU's own.
    """
    lines = [f"- **{word}.** {text}" for word, text in how_to_read(board).items()]
    parts = ["# Leaderboard", f"{note}.", "\n".join(lines)]
    for section in _sections(board, titles, calibration, beside):
        rows = [[name, *(cell.markdown() for cell in cells)] for name, cells in section.rows]
        text = pd.DataFrame(rows, columns=section.heads)
        parts += [f"## {section.heading}", section.remark]
        parts.append(text.to_markdown(index=False, disable_numparse=True))
    return "\n\n".join(filter(None, parts)) + "\n"


def page(
    board: pd.DataFrame,
    titles: Mapping[str, str],
    note: str,
    calibration: pd.DataFrame | None = None,
    beside: Iterable[Section] = (),
) -> str:
    """The same as HTML."""
    lines = (f"<li><b>{word}.</b> {escape(text)}</li>" for word, text in how_to_read(board).items())
    parts = ["<h1>Leaderboard</h1>", f'<p class="note">{escape(note)}.</p>']
    parts.append(f'<ul class="note">{"".join(lines)}</ul>')
    for section in _sections(board, titles, calibration, beside):
        rows = [[escape(name), *(cell.html() for cell in cells)] for name, cells in section.rows]
        marks = [["", *(_class(cell.mark) for cell in cells)] for _, cells in section.rows]
        parts.append(f"<h2>{escape(section.heading)}</h2>")
        parts += [f'<p class="note">{escape(section.remark)}</p>'] * bool(section.remark)
        parts.append(table(section.heads, rows, marks=marks))
    return document("angiovox: leaderboard", parts)


def _class(mark: str) -> str:
    return "tied" if mark == TIE else mark


def _sections(
    board: pd.DataFrame,
    titles: Mapping[str, str],
    calibration: pd.DataFrame | None,
    beside: Iterable[Section],
) -> Iterator[Section]:
    """The primary comparison, each metric by views, and what it gains on the references."""
    titles, tested = {**titles, OTSU: OTSU_TITLE}, has_marks(board)
    yield _primary(board, titles, tested)
    if board["empty"].sum():
        yield _empty(board, titles)
    for name in (name for name in PAGE_METRICS if (board["metric"] == name).any()):
        part, metric = board[board["metric"] == name], METRICS[name]
        unit = f", {metric.unit}" if metric.unit else ""
        first, _, rest = metric.title.partition(" ")
        title = f"{first.capitalize() if first.islower() else first} {rest}".strip()  # not clDice
        few = too_few(part) if tested else ""
        exact = EXACT_REMARK * (name == "iou_exact")
        heading = f"{title}{unit} ({metric.better} is better)"
        yield _by_views(heading, f"{few} {exact}".strip(), part, titles, _standing)
        for reference in SET_AGAINST.get(name, ()):
            if part[f"versus_{reference}"].notna().any():
                heading = f"{title} less that of: {titles[reference]}"
                others = part[part["method"] != reference]
                cell = _against(f"versus_{reference}")
                yield _by_views(heading, f"{VERSUS} {few}".strip(), others, titles, cell)
        if name == PRIMARY:
            yield from beside
    if calibration is not None and len(calibration):
        yield _calibration(calibration, titles)


def _primary(board: pd.DataFrame, titles: Mapping[str, str], tested: bool) -> Section:
    """The one comparison that was named beforehand, with ranks and, where there are tests, p."""
    views = primary_views(board)
    part = board[(board["metric"] == PRIMARY) & (board["views"] == views)]
    part = part.sort_values("rank", kind="stable")
    patients = part["patients"].max()
    title = METRICS[PRIMARY].title
    columns = {"rank": _rank, title: _standing, "difference to the best": _to_the_best}
    columns |= {"p": _p} if tested else {}
    rows = [
        (titles[row["method"]], [column(row, patients) for column in columns.values()])
        for _, row in part.iterrows()
    ]
    heading = f"Primary comparison: {title} at {views} views, n = {patients}"
    return Section(heading, "", ["method", *columns], rows)


def _calibration(calibration: pd.DataFrame, titles: Mapping[str, str]) -> Section:
    """The error of probabilities before and after calibration, on patients held back."""
    errors = before_and_after(calibration)
    rows = [
        (
            titles[method],
            [Cell(text if text == text else EMPTY_CELL) for text in errors.loc[method]],
        )
        for method in errors.index
    ]
    heads = ["method", *(f"{count} views" for count in errors.columns)]
    return Section("What calibration mends", remark(calibration), heads, rows)


def _empty(board: pd.DataFrame, titles: Mapping[str, str]) -> Section:
    """How many reconstructions of a method have no vessel, of methods with any."""
    part = board[board["metric"] == PRIMARY]
    part = part[part.groupby("method")["empty"].transform("sum") > 0]

    def cell(row: pd.Series, patients: int) -> Cell:
        return Cell(f"{row['empty']} of {row['patients'] * row['seeds']}")

    return _by_views("Empty reconstructions", "", part, titles, cell)


def _by_views(
    heading: str,
    remark: str,
    part: pd.DataFrame,
    titles: Mapping[str, str],
    cell: Callable[[pd.Series, int], Cell],
) -> Section:
    """A row per method, best first, and a column per number of views."""
    views = sorted(part["views"].unique(), reverse=True)
    patients = part["patients"].max()
    rows = []
    for method in best_first(part):
        own = part[part["method"] == method].set_index("views")
        cells = [
            cell(own.loc[count], patients) if count in own.index else Cell(EMPTY_CELL)
            for count in views
        ]
        rows.append((titles[method], cells))
    heads = ["method", *(f"{count} views" for count in views)]
    return Section(f"{heading}, n = {patients}", remark, heads, rows)


def best_first(part: pd.DataFrame) -> list[str]:
    """The methods of a metric, in order of their mean rank over numbers of views."""
    ranks = part.groupby("method", sort=False)["rank"].mean()
    return [*ranks.sort_values(kind="stable").index]


def _standing(row: pd.Series, patients: int) -> Cell:
    mark = BEST if row["difference"] == 0 else TIE if row["difference_mark"] == TIE else NOT_TESTED
    return _cell(row, ("mean", "low", "high"), mark, patients)


def _to_the_best(row: pd.Series, patients: int) -> Cell:
    is_best = row["difference"] == 0
    return Cell(EMPTY_CELL) if is_best else _against("difference")(row, patients)


def _against(name: str) -> Callable[[pd.Series, int], Cell]:
    columns = (name, f"{name}_low", f"{name}_high")

    def cell(row: pd.Series, patients: int) -> Cell:
        mark = row[f"{name}_mark"]
        return _cell(row, columns, mark if mark in (BETTER, WORSE) else NOT_TESTED, patients, "+")

    return cell


def _cell(row: pd.Series, columns, mark: str, patients: int, sign: str = "") -> Cell:
    more = f", n = {row['patients']}" if row["patients"] != patients else ""
    return interval_cell(*(row[name] for name in columns), more, mark, sign)


def interval_cell(
    value: float, low: float, high: float, more: str = "", mark: str = NOT_TESTED, sign: str = ""
) -> Cell:
    """A mean with its interval, as far as there are any; sign : "+" for differences."""
    if value != value:
        return Cell(EMPTY_CELL)
    interval = "" if low != low else f"{low:{sign}.3f} to {high:{sign}.3f}"
    return Cell(f"{value:{sign}.3f}", interval, more, mark)


def _rank(row: pd.Series, patients: int) -> Cell:
    if row["rank"] != row["rank"]:
        return Cell(EMPTY_CELL)
    low, high = row["rank_low"], row["rank_high"]
    return Cell(f"{row['rank']:g}", "" if low != low else f"{low:g} to {high:g}")


def _p(row: pd.Series, patients: int) -> Cell:
    p = row["difference_p"]
    if p != p or row["difference"] == 0:
        return Cell(EMPTY_CELL)
    return Cell("below 0.001" if p < 0.001 else f"{p:.3f}")
