"""Tables of the page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from numbers import Real

MISSING = "not given"
UNITS = {"mm": "mm", "deg": "degrees", "degrees": "degrees", "ml": "ml", "s": "s"}


def heading(name: str) -> str:
    """A column's name in words: "length_mm" becomes "Length (mm)"."""
    words = name.replace("_", " ").split()
    if len(words) > 1 and words[-1] in UNITS:
        words = [*words[:-1], f"({UNITS[words[-1]]})"]
    text = " ".join(words)
    return text[:1].upper() + text[1:]


def cell(value: object) -> str:
    """A value as text: numbers with three figures, lists by commas."""
    if value is None or value == "":
        return MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Real):
        number = float(value)
        if number != number:
            return MISSING
        return f"{number:.0f}" if number == int(number) and abs(number) < 1e6 else f"{number:.3g}"
    if isinstance(value, list | tuple | set):
        return ", ".join(cell(part) for part in value) or MISSING
    return str(value)


def table(rows: Sequence[Mapping[str, object]], caption: str) -> str:
    """Rows as an HTML table; columns are the keys of all, in the order they appear."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    numeric = {
        name for name in columns if all(isinstance(row.get(name), Real | None) for row in rows)
    }
    heads = "".join(
        f'<th scope="col"{_mark(name in numeric)}>{escape(heading(name))}</th>' for name in columns
    )
    body = "".join("<tr>" + "".join(_cells(row, columns, numeric)) + "</tr>\n" for row in rows)
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{escape(caption)}"><table>'
        f"<caption>{escape(caption)}</caption><thead><tr>{heads}</tr></thead>"
        f"<tbody>\n{body}</tbody></table></div>"
    )


def _cells(row: Mapping[str, object], columns: Sequence[str], numeric: set[str]) -> Iterable[str]:
    for place, name in enumerate(columns):
        text, mark = escape(cell(row.get(name))), _mark(name in numeric)
        yield f'<th scope="row"{mark}>{text}</th>' if place == 0 else f"<td{mark}>{text}</td>"


def _mark(is_number: bool) -> str:
    return ' class="number"' if is_number else ""


def pairs(values: Mapping[str, object], caption: str) -> str:
    """Names and values as a table of two columns."""
    return table([{"name": name, "value": cell(value)} for name, value in values.items()], caption)


def percent(share: float, digits: int = 0) -> str:
    """A share in [0, 1] as text."""
    return f"{100 * share:.{digits}f} %"


def bar(shares: Mapping[str, tuple[float, str]], label: str) -> str:
    """Shares of a whole as a bar. shares : by name, in [0, 1], with a CSS class."""
    parts = "".join(
        f'<span class="{kind}" style="flex-grow:{share:.4f}">'
        f"{percent(share) if share >= 0.08 else ''}</span>"
        for share, kind in shares.values()
    )
    keys = "".join(
        f'<li><i class="{kind}"></i>{escape(name)}: <b>{percent(share, 1)}</b></li>'
        for name, (share, kind) in shares.items()
    )
    whole = f'<div class="bar" role="img" aria-label="{escape(label)}">{parts}</div>'
    return f'{whole}<ul class="keys">{keys}</ul>'
