"""One self-contained page of a reconstruction, which opens in a browser without a network."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

import numpy as np

from ...angiograms.centreline import Centreline
from ...angiograms.certainty import UNDECIDED, VESSEL, colours
from ...geometry.cone_beam import angle_name
from . import model, runs
from .findings import Findings
from .heat_map import heat_map
from .tables import bar, pairs, percent, table

if TYPE_CHECKING:
    import pyvista

FOLDER = Path(__file__).parent
VIEWER = FOLDER.parent / "viewer/viewer.min.js"
LEVEL = 0.5  # of the probability
DIRECTIONS = {"Anterior": (0, 0), "Left": (90, 0), "Right": (-90, 0), "Superior": (0, 89)}
RAMP_STOPS = 11


def page(
    findings: Findings,
    mesh: pyvista.PolyData | None,
    graph: Centreline,
    files: Sequence[Mapping[str, str]],
    threads: int = 1,
) -> str:
    """The page as HTML.

    mesh, graph : surface and centreline of the reconstruction. files : rows of the manifest.
    """
    count = len(findings.angiograms)
    first = tuple(float(angle) for angle in findings.angiograms.angles[0])
    # What is JSON in a script element ends at no tag.
    data = json.dumps(model.payload(mesh, graph, first)).replace("<", "\\u003c")
    values = {
        "title": f"Cerebral vessels from {count} angiograms",
        "lead": escape(" · ".join(findings.angiograms.labels)),
        "style": _read("page.css"),
        "script": _read("page.js"),
        "viewer": VIEWER.read_text(encoding="utf-8"),
        "model": data,
        "warnings": _warnings(findings),
        "tiles": _tiles(findings, graph),
        "outline_controls": _outline_controls(findings.initial is not None),
        "runs": _runs(findings, threads),
        "fit": _fit(findings),
        "directions": _directions(findings),
        "ramp": _ramp(),
        "known": _known(findings),
        "advice": _advice(findings),
        "calibration": _calibration(findings),
        "files": table(files, "Files beside this page"),
        "parameters": pairs(findings.parameters, "What the reconstruction ran with"),
    }
    return Template(_read("page.html")).substitute(values)


def _read(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def _warnings(findings: Findings) -> str:
    sentences = list(dict.fromkeys([*findings.warnings, *findings.angiograms.warnings]))
    if not sentences:
        return ""
    items = "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)
    return f'<div class="warnings" role="note"><h2>Please note</h2><ul>{items}</ul></div>'


def shares(findings: Findings) -> dict[str, float]:
    """Of the voxels that the reconstruction takes for vessel, by what the measurement says."""
    state = findings.state[findings.probability >= LEVEL]
    total = max(len(state), 1)
    certain, undecided = (float((state == kind).sum()) / total for kind in (VESSEL, UNDECIDED))
    contradicted = (len(state) / total) - certain - undecided
    return {"certain": certain, "undecided": undecided, "contradicted": max(contradicted, 0.0)}


def _tiles(findings: Findings, graph: Centreline) -> str:
    voxels = int((findings.probability >= LEVEL).sum())
    volume = voxels * float(np.prod(findings.grid.voxel_size)) / 1000
    length = sum(row["length_mm"] for row in graph.rows()) / 10
    edge = min(findings.grid.voxel_size)
    tiles = {
        "views": f"{len(findings.angiograms)}",
        "of the vessel volume is certain": percent(shares(findings)["certain"]),
        "vessel length": f"{length:.0f} cm",
        "vessel volume": f"{volume:.1f} ml",
        "branches": f"{len(graph.paths)}",
        "voxels": f"{edge:g} mm",
    }
    return "".join(f"<li><b>{value}</b><span>{name}</span></li>" for name, value in tiles.items())


def _outline_controls(has_before: bool) -> str:
    kinds = {"after": "Outline after calibration" if has_before else "Outline"}
    if has_before:
        kinds["before"] = "Outline at the angles of the header"
    return "".join(
        f'<label><input type="checkbox" data-outline="{kind}" {"checked" * (kind == "after")}>'
        f'<span class="swatch {kind}"></span>{name}</label>'
        for kind, name in kinds.items()
    )


def _runs(findings: Findings, threads: int) -> str:
    where = findings.probability, findings.grid
    after = runs.outlines(*where, findings.angiograms.views, threads)
    initial = findings.initial
    before = initial and runs.outlines(*where, initial.views, threads)
    fields = runs.field(findings.grid, findings.angiograms.views)
    return runs.figures(findings.angiograms, after, before, fields)


def _fit(findings: Findings) -> str:
    if not findings.fit:
        return ""
    rows = table(findings.fit, "Difference between model and image, in multiples of the noise")
    return (
        "<h3>How well the model explains each view</h3>"
        "<p>The shadow that the model would cast in each view is compared with the image, pixel by "
        "pixel. A difference of 1 is the image's noise alone: all contrast is explained. The "
        "larger it is, the more contrast the model misses or has in the wrong place; vessels "
        "beyond the dotted frame count, too. Close agreement does not prove the model: with few "
        "views, other vessels can cast the same shadows.</p>"
        f"<p>{escape(fit_sentence(findings.fit))}</p>{rows}"
    )


def fit_sentence(rows: Sequence[Mapping[str, object]]) -> str:
    """What the fit to the views changed, in words; for rows as `Findings.fit` has them."""
    before, after = (
        [float(row[f"{name}_the_fit"]) for row in rows] for name in ("before", "after")
    )
    change = 1 - np.mean(after) / np.mean(before) if np.mean(before) > 0 else 0.0
    worst = rows[int(np.argmax(after))]["view"]
    text = f"Fitting the model to the views has made the difference {percent(abs(change))} "
    text += "smaller" if change >= 0 else "larger"
    return f"{text}; it is greatest in {worst}, with {max(after):.1f} times the noise."


def _directions(findings: Findings) -> str:
    named = {
        f"As {label}": tuple(map(float, angles))
        for label, angles in zip(
            findings.angiograms.labels, findings.angiograms.angles, strict=True
        )
    }
    return "".join(
        f'<button type="button" data-look="{p:g} {s:g}">{escape(name)}</button>'
        for name, (p, s) in (named | DIRECTIONS).items()
    )


def _ramp() -> str:
    stops = colours(np.linspace(0, 1, RAMP_STOPS))
    return f"linear-gradient(90deg, {', '.join('#' + bytes(rgb).hex() for rgb in stops)})"


def _known(findings: Findings) -> str:
    parts = shares(findings)
    names = {
        "certain": "certain: every reconstruction that explains the views has it",
        "undecided": "undecided: the views allow it, prior knowledge puts it there",
        "contradicted": "contradicted by a view",
    }
    shown = {
        names[kind]: (share, kind)
        for kind, share in parts.items()
        if kind != "contradicted" or share >= 0.0005
    }
    text = "<p>Of the volume that is reconstructed as vessel:</p>"
    text += bar(shown, "; ".join(f"{kind} {percent(share)}" for kind, share in parts.items()))
    if findings.branches:
        rows = table(findings.branches, "Branches of the reconstruction")
        text += f"<details><summary>By branch ({len(findings.branches)})</summary>{rows}</details>"
    return text


def _advice(findings: Findings) -> str:
    advice = findings.advice
    if advice is None:
        return ""
    names = "".join(f"<li>{angle_name(*pair)}</li>" for pair in advice.best)
    return (
        '<section aria-labelledby="advice"><h2 id="advice">Next view</h2>'
        f"<p>{escape(advice.sentence)}</p><ol>{names}</ol>"
        f"{heat_map(advice, findings.angiograms.angles)}"
        f'<div class="legend"><span>least</span><span class="ramp" style="background:{_ramp()}">'
        f"</span><span>most {escape(advice.quantity)}; rings: views taken</span></div></section>"
    )


def _calibration(findings: Findings) -> str:
    if not findings.calibration:
        return ""
    rows = table(findings.calibration, "How far each view was moved from where its header puts it")
    return (
        '<section aria-labelledby="calibration"><h2 id="calibration">Calibration</h2>'
        f"{rows}</section>"
    )
