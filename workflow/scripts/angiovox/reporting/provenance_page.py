"""The provenance of a study as a page for people; needs no network."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from typing import Any

import pandas as pd

from .html_page import document, table

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
    """HTML of a provenance record as rule `provenance` writes it, and of the run times."""
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
    return document("angiovox: provenance", parts)


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
    return table(["file", "rule", "parameters", "bytes", "SHA-256"], rows, numbers={3})


def _run_times(times: pd.DataFrame) -> str:
    heads = ["rule", "jobs", "total s", "median s", "longest s", "most memory, MB"]
    columns = ["seconds_total", "seconds_median", "seconds_max", "memory_max_mb"]
    rows = [
        [escape(row["rule"]), str(row["jobs"]), *(_figure(row[name]) for name in columns)]
        for row in times.to_dict("records")
    ]
    total = [str(times["jobs"].sum()), _figure(times["seconds_total"].sum())]
    rows.append(["all", *total, "", "", _figure(times["memory_max_mb"].max())])
    return table(heads, rows, numbers={1, 2, 3, 4, 5})


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
    return table([], [[escape(str(key)), escape(str(value))] for key, value in facts.items()])


def _folded(title: str, value: Any) -> str:
    text = escape(json.dumps(value, indent=2, ensure_ascii=False))
    return f"<details><summary>{escape(title)}</summary><pre>{text}</pre></details>"
