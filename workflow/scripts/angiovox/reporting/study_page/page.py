"""One self-contained page of a study, which opens in a browser without a network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template
from typing import Any

import pandas as pd

from ..leaderboard import PRIMARY, primary_views
from ..leaderboard_text import has_marks
from .board import board_data
from .gallery import gallery
from .packing import script_data
from .slices import GREYS

FOLDER = Path(__file__).parent
VIEWER = FOLDER.parent / "viewer/viewer.min.js"
SCRIPTS = ("unpack.js", "reconstructions.js", "slices.js", "board.js", "gallery.js")
BACKGROUND = "#d9dde3"
TRUTH = {"title": "Truth", "colour": "#C9C4B8", "line": "#F0E442"}  # yellow on dark slices
NEAR, FAR, MISSED = "#56B4E9", "#D55E00", "#000000"  # as in Figure 4
FILES = {
    "report.html": "tables and figures with their full captions, and the workflow",
    "provenance.html": "revision, seeds, machines, run times; what made each table and figure",
    "tables/leaderboard.html": "the leaderboard, and what its intervals, marks and ranks mean",
    "tables/per_patient.csv": "every metric of every patient",
    "tables/table1.csv": "the paper's Table 1, published figures beside these",
    "tables/table2.csv": "the paper's Table 2, likewise",
    "meshes/": "surfaces in patient millimetres (.stl, .vtp)",
    "reconstructions/": "probabilities as NIfTI",
}


@dataclass(frozen=True)
class Content:
    """What a page is made of.

    methods : of those shown, by name title, family and colour. runs : their (method, views).
    paper : name of the paper's method. seed : of the runs, several_seeds : of more than one.
    patient_word : patient or phantom. note : what the data are.
    """

    methods: Mapping[str, Mapping[str, str]]
    runs: Sequence[tuple[str, int]]
    patients: Sequence[str]
    paper: str
    seed: int
    several_seeds: bool
    patient_word: str
    note: str


def page(
    content: Content,
    payloads: Iterable[Mapping[str, Any]],
    board: pd.DataFrame,
    published: pd.DataFrame,
    figures: Iterable[str | Path],
    record: Mapping[str, Any],
) -> str:
    """The page as HTML.

    payloads : of `patients.payloads`, in the order of content.patients. board : of
    `leaderboard.leaderboard`. published : views and iou. figures : PNG files.
    record : of provenance.
    """
    payloads = list(payloads)
    word = content.patient_word
    data = [script_data(f"patient-{k}", payload) for k, payload in enumerate(payloads)]
    values = {
        "title": _title(content),
        "lead": escape(f"{content.note[:1].upper()}{content.note[1:]}."),
        "style": _read("page.css"),
        "tiles": _tiles(content, board),
        "patient_word": word,
        "patient_label": word.capitalize(),
        "patients": _options(content.patients),
        "views": _views(content.runs, primary_views(board)),
        "layers": _layers(content, [content.paper, *_best(content, board)[:1]]),
        "near": NEAR,
        "far": FAR,
        "missed": MISSED,
        "seed_note": f"Of training seed {content.seed}." if content.several_seeds else "",
        "step_note": _step_note(payloads),
        "board_note": _board_note(board),
        "figures": gallery(figures),
        "origin": _facts(_origin(record)),
        "files": _files(),
        "viewer": VIEWER.read_text(encoding="utf-8"),
        "study": script_data("study", _study(content, board, published)),
        "data": "".join(data),
        "script": "\n".join(map(_read, SCRIPTS)),
    }
    return Template(_read("page.html")).substitute(values)


def _read(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def _study(content: Content, board: pd.DataFrame, published: pd.DataFrame) -> dict[str, Any]:
    layers = {
        name: {"title": known["title"], "colour": known["colour"], "line": _line(known["colour"])}
        for name, known in content.methods.items()
    }
    return {
        "layers": {"truth": TRUTH} | layers,
        "background": BACKGROUND,
        "truth_colours": [TRUTH["colour"], MISSED],
        "found_colours": [NEAR, FAR],
        "greys": GREYS,
        "board": board_data(board, published, content.methods, f"{content.patient_word}s"),
    }


def _line(colour: str) -> str:
    """The colour of an outline on dark slices: dark ones are brought half-way to white."""
    parts = [int(colour[k : k + 2], 16) for k in (1, 3, 5)]
    is_dark = parts[0] * 0.3 + parts[1] * 0.6 + parts[2] * 0.1 < 90
    return "#" + bytes((part + 255) // 2 if is_dark else part for part in parts).hex()


def _title(content: Content) -> str:
    counts = len(content.methods), len({views for _, views in content.runs})
    names = ("method", "number of views", "numbers of views")
    methods = f"{counts[0]} {names[0]}{'s' * (counts[0] > 1)}"
    return f"Vessels from few views: {methods}, {counts[1]} {names[1 + (counts[1] > 1)]}"


def _tiles(content: Content, board: pd.DataFrame) -> str:
    views = primary_views(board)
    ranked = _best(content, board)
    part = board[(board["metric"] == PRIMARY) & (board["views"] == views)].set_index("method")
    word = f"test {content.patient_word}{'s' * (len(content.patients) > 1)}"
    tiles = [(f"{len(content.patients)}", word)]
    for name in dict.fromkeys([*ranked[:1], *[each for each in ranked if each == content.paper]]):
        row = part.loc[name]
        interval = "" if row["low"] != row["low"] else f" ({row['low']:.3f} to {row['high']:.3f})"
        role = "the best mean" if name == ranked[0] else "the paper's network"
        title = content.methods[name]["title"]
        tiles.append((f"{row['mean']:.3f}", f"IoU at {views} views{interval}: {title}, {role}"))
    return "".join(f"<li><b>{value}</b><span>{escape(text)}</span></li>" for value, text in tiles)


def _best(content: Content, board: pd.DataFrame) -> list[str]:
    """The methods shown that have the primary comparison, the best mean first."""
    part = board[(board["metric"] == PRIMARY) & (board["views"] == primary_views(board))]
    part = part[part["method"].isin(content.methods)]
    return [*part.sort_values("mean", ascending=False, kind="stable")["method"]]


def _options(patients: Sequence[str]) -> str:
    return "".join(
        f'<option value="{number}">{escape(name)}</option>' for number, name in enumerate(patients)
    )


def _views(runs: Sequence[tuple[str, int]], first: int) -> str:
    """A choice of view counts; that of the primary comparison at first, if any run has it."""
    counts = sorted({views for _, views in runs}, reverse=True)
    first = first if first in counts else counts[-1]
    return "".join(
        f'<label><input type="radio" name="views" value="{views}"{" checked" * (views == first)}>'
        f"<span>{views}</span></label>"
        for views in counts
    )


def _layers(content: Content, first: Sequence[str]) -> str:
    known = {"truth": TRUTH, **content.methods}
    return "".join(
        f'<label><input type="checkbox" value="{escape(name)}"'
        f"{' checked' * (name == 'truth' or name in first)}>"
        f'<i style="background:{layer["colour"]}"></i><span>{escape(layer["title"])}</span>'
        + ("" if name == "truth" else "<output></output>")
        + "</label>"
        for name, layer in known.items()
    )


def _step_note(payloads: Sequence[Mapping[str, Any]]) -> str:
    step = max((payload["step"] for payload in payloads), default=1)
    return f"Every {step}th voxel along each axis is shown." if step > 1 else ""


def _board_note(board: pd.DataFrame) -> str:
    note = "Click on a heading to sort."
    if has_marks(board):
        note += (
            " Bold: the best mean of a column; =: not told from it by sign flips of the "
            "patients, over all pairs of methods."
        )
    return f"{note} What intervals, marks and ranks mean is in tables/leaderboard.html."


def _origin(record: Mapping[str, Any]) -> dict[str, str]:
    angiovox, here = record["angiovox"], record["machine"]
    changed = ", with modifications that are not committed" if angiovox["modified"] else ""
    training = ", ".join(map(str, record["seeds"]["training"]))
    return {
        "angiovox": f"{angiovox['commit']}{changed}",
        "Collected": f"{record['collected']}, on {here['cpu']}, {here['cores']} cores",
        "Training seeds": training,
        "Split of patients": f"seed {record['seeds']['split']}",
    }


def _facts(facts: Mapping[str, str]) -> str:
    rows = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in facts.items()
    )
    return f"<dl>{rows}</dl>"


def _files() -> str:
    rows = "".join(
        f'<dt><a href="{path}">{path}</a></dt><dd>{escape(text)}</dd>'
        for path, text in FILES.items()
    )
    return f"<p>Beside this page:</p><dl>{rows}</dl>"
