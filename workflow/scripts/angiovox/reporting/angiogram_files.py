"""All files of a patient's reconstruction: surfaces, centreline, volumes, DICOM, scene and page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ..angiograms.centreline import Centreline, vessel_centreline, write_centreline
from ..angiograms.surface import vessel_surface, write_surface_files
from ..io.atomic import atomic_file, atomic_folder, save_rows
from ..io.dicom.derived import VERSION
from ..io.dicom.reconstruction import SEGMENTATION_NAME, write_reconstruction
from ..io.nifti import save_fractions, save_volume
from ..io.slicer_scene import SceneModel, SceneVolume, write_scene
from .angiogram_page.findings import AngleMap, Findings
from .angiogram_page.page import page

PAGE, MANIFEST, SCENE = "report.html", "manifest.json", "scene.mrml"
NO_SURFACE = "no voxel reaches a probability of 0.5"
CONTENTS = {  # what each file is, with axes and units
    PAGE: "the page to look at; opens without a network",
    "artery.stl": "surface, mm from the isocentre, LPS",
    "artery.vtp": "surface with certainty, mm from the isocentre, LPS",
    "artery.ply": "surface coloured by certainty, mm from the isocentre, LPS",
    "artery.glb": "surface coloured by certainty, glTF 2.0: metres, y up, front along +z",
    "centreline.vtp": "centreline with radius (mm) and certainty, mm from the isocentre, LPS",
    "centreline.csv": "branches: ends, length, radii (mm), certainty",
    "probability.nii.gz": "probability of artery in [0, 1], RAS affine, mm from the isocentre",
    "state.nii.gz": "0 empty, 1 undecided, 2 vessel; same grid",
    "probability.dcm": "DICOM Parametric Map of the probability",
    SEGMENTATION_NAME: "DICOM SEG of voxels with a probability of at least 0.5",
    SCENE: "3D Slicer scene of volume, surface and centreline",
    "calibration.csv": "how far each view was moved, and its residual",
    "fit.csv": "how far each view is from the model's shadow, in multiples of its noise",
    "knowledge.csv": "what is known of each branch",
    "advice.csv": "gain of one more view by its angles (degrees)",
    MANIFEST: "list of these files, what was left out, and versions",
}


def write_all(
    folder: str | Path,
    findings: Findings,
    identify: str | Path | None = None,
    threads: int = 1,
) -> dict[str, list[dict[str, str]]]:
    """Write every file of a reconstruction, replacing a folder that is there.

    Parameters
    ----------
    folder : that appears whole or not at all, with all of its files.
    findings : what to write.
    identify : XA file whose patient and study the two DICOM files are filed under. Without it, as
        in every other file, nothing says whose they are.

    Returns
    -------
    The manifest: `written`, rows of file, content and bytes; `left_out`, rows of file and reason.

    Raises
    ------
    InputError : `identify` is no DICOM image.
    """
    with atomic_folder(folder) as temporary:
        return _write(temporary, findings, identify, threads)


def _write(
    folder: Path, findings: Findings, identify: str | Path | None, threads: int
) -> dict[str, list[dict[str, str]]]:
    known = findings.probability, findings.state, findings.calibrated, findings.grid
    mesh, graph = vessel_surface(*known), vessel_centreline(*known)
    if mesh is not None:
        write_surface_files(folder, mesh)
    write_centreline(folder, graph)
    affine = findings.grid.affine
    save_fractions(folder / "probability.nii.gz", np.clip(findings.probability, 0, 1), affine)
    save_volume(folder / "state.nii.gz", findings.state.astype(np.uint8), affine)
    views = len(findings.angiograms)
    write_reconstruction(folder, findings.probability, affine, "reconstruct", views, identify)
    _write_scene(folder, mesh is not None, graph)
    _write_tables(folder, findings)
    names = [name for name in CONTENTS if (folder / name).is_file()]
    rows = [
        {"file": name, "content": CONTENTS[name]} for name in [*names, MANIFEST] if name != PAGE
    ]
    text = page(findings, mesh, graph, rows, threads)
    with atomic_file(folder / PAGE) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return _write_manifest(folder, findings)


def _write_scene(folder: Path, has_surface: bool, graph: Centreline) -> None:
    volumes = [SceneVolume("probability.nii.gz", "probability of artery", 1.0, 0.5)]
    models = []
    if has_surface:
        models.append(SceneModel("artery.vtp", "artery", (0.8, 0.2, 0.2), 0.7, 1.0, "colour"))
    if graph.paths:
        models.append(SceneModel("centreline.vtp", "centreline", (0.76, 0.09, 0.36), 1.0, 3.0))
    write_scene(folder / SCENE, volumes, models)


def _write_tables(folder: Path, findings: Findings) -> None:
    tables = {
        "calibration.csv": findings.calibration,
        "fit.csv": findings.fit,
        "knowledge.csv": findings.branches,
    }
    for name, rows in tables.items():
        if rows:
            columns = dict.fromkeys(key for row in rows for key in row)
            save_rows(folder / name, [{key: row.get(key, "") for key in columns} for row in rows])
    if findings.advice is not None:
        save_rows(folder / "advice.csv", _advice_rows(findings.advice))


def _advice_rows(advice: AngleMap) -> list[dict[str, float]]:
    return [
        {
            "primary_degrees": float(primary),
            "secondary_degrees": float(secondary),
            "gain": float(advice.gain[i, j]),
        }
        for i, primary in enumerate(advice.primary)
        for j, secondary in enumerate(advice.secondary)
    ]


def _write_manifest(folder: Path, findings: Findings) -> dict[str, list[dict[str, str]]]:
    written = [
        {"file": name, "content": text, "bytes": (folder / name).stat().st_size}
        for name, text in CONTENTS.items()
        if (folder / name).is_file()
    ]
    left_out = [
        {"file": name, "reason": reason}
        for name, reason in _reasons().items()
        if not (folder / name).is_file()
    ]
    manifest = {"written": written, "left_out": left_out}
    record = manifest | {
        "software": {"angiovox": VERSION},
        "parameters": {name: str(value) for name, value in findings.parameters.items()},
        "warnings": [*findings.warnings, *findings.angiograms.warnings],
    }
    with atomic_file(folder / MANIFEST) as temporary:
        temporary.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return manifest


def _reasons() -> Mapping[str, str]:
    """Why a file may be missing, by its name."""
    surface = [name for name in CONTENTS if name.startswith("artery.")]
    return dict.fromkeys(surface, NO_SURFACE) | {
        "calibration.csv": "views were not calibrated",
        "fit.csv": "the fit to the views was not recorded",
        "knowledge.csv": "no table of branches was made",
        "advice.csv": "no advice was asked for",
    }
