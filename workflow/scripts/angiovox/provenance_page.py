"""The provenance of a study as a page for people; needs no network."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

import pandas as pd

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
"""
UP_TO_DATE = (
    "What an edit of code, settings or data touches is made again before this page is, so that "
    "each file below is what this code gives. A newer package alone makes nothing again. "
    "The checksums tell whether a file was changed since."
)
NOT_MEASURED = (
    "Time is that of a job's last run, without waiting; a training that went on from a checkpoint "
    "counts from there. A dash was not measured: memory is looked at now and then, so that jobs of "
    "a second or less may not be seen."
)


def page(record: Mapping[str, Any], times: pd.DataFrame) -> str:
    """HTML of a provenance record as `collect_provenance` writes it, and of the run times."""
    parts = [
        "<h1>Where these results come from</h1>",
        _facts(_code(record["angiovox"]) | {"Collected": record["collected"]}),
        f'<p class="note">{UP_TO_DATE}</p>',
        "<h2>Tables and figures</h2>",
        _products(record["products"]),
        "<h2>Seeds</h2>",
        _facts({name: _short(value) for name, value in record["seeds"].items()}),
        "<h2>Run times</h2>",
        _run_times(times),
        f'<p class="note">{NOT_MEASURED}</p>',
        "<h2>Machines</h2>",
        _machines(record),
        "<h2>Versions</h2>",
        _facts({name: found or "not installed here" for name, found in record["versions"].items()}),
        "<h2>Config</h2>",
        _folded("as used", record["config"]),
    ]
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    head += f"<title>angiovox: provenance</title><style>{STYLE}</style>"
    body = "\n".join(parts)
    return f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head><body>\n{body}\n</body></html>\n'


def _code(angiovox: Mapping[str, Any]) -> dict[str, str]:
    changed = {True: ", with modifications that are not committed", False: "", None: ""}
    return {"angiovox": angiovox["commit"] + changed[angiovox["modified"]]}


def _products(products: Mapping[str, Mapping[str, Any]]) -> str:
    rows = [
        [
            escape(path),
            escape(product["rule"]),
            _folded(", ".join(product["params"]), product["params"]) if product["params"] else "",
            f"{product['bytes']:,}",
            f'<code title="{product["sha256"]}">{product["sha256"][:16]}…</code>',
        ]
        for path, product in products.items()
    ]
    return _table(["file", "rule", "parameters", "bytes", "SHA-256"], rows, numbers={3})


def _run_times(times: pd.DataFrame) -> str:
    heads = ["rule", "jobs", "total s", "median s", "longest s", "most memory, MB"]
    columns = ["seconds_total", "seconds_median", "seconds_max", "memory_max_mb"]
    rows = [
        [escape(row["rule"]), str(row["jobs"]), *(_figure(row[name]) for name in columns)]
        for row in times.to_dict("records")
    ]
    total = [str(times["jobs"].sum()), _figure(times["seconds_total"].sum())]
    rows.append(["all", *total, "", "", _figure(times["memory_max_mb"].max())])
    return _table(heads, rows, numbers={1, 2, 3, 4, 5})


def _machines(record: Mapping[str, Any]) -> str:
    here = record["machine"]
    facts = {
        "This page was collected on": f"{here['cpu']}, {here['cores']} cores, "
        f"{here['memory_gb']:g} GB, {here['system']}",
        **{name: f"{jobs} job{'s' * (jobs > 1)}" for name, jobs in record["machines"].items()},
        **record["trainings"],
    }
    return _facts(facts)


def _figure(value: float) -> str:
    return "–" if pd.isna(value) else f"{value:,.1f}"  # noqa: RUF001


def _short(value: Any) -> str:
    """Consecutive seeds by patient as the first and the last, anything else as it is."""
    if not isinstance(value, Mapping):
        return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    named = [f"{name} {seed}" for name, seed in value.items()]
    return " to ".join([named[0], named[-1]]) if len(named) > 3 else ", ".join(named) or "none"


def _facts(facts: Mapping[str, Any]) -> str:
    return _table([], [[escape(str(key)), escape(str(value))] for key, value in facts.items()])


def _folded(title: str, value: Any) -> str:
    text = escape(json.dumps(value, indent=2, ensure_ascii=False))
    return f"<details><summary>{escape(title)}</summary><pre>{text}</pre></details>"


def _table(heads: list[str], rows: Iterable[list[str]], numbers: set[int] = frozenset()) -> str:
    def line(tag: str, cells: list[str]) -> str:
        marks = [' class="number"' if index in numbers else "" for index in range(len(cells))]
        text = (f"<{tag}{mark}>{cell}</{tag}>" for mark, cell in zip(marks, cells, strict=True))
        return f"<tr>{''.join(text)}</tr>"

    lines = [line("th", heads)] * bool(heads) + [line("td", row) for row in rows]
    return '<div class="wide"><table>\n' + "\n".join(lines) + "\n</table></div>"
