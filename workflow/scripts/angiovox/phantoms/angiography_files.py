"""Simulated runs on disk: XA DICOM files, and where the C-arm truly stood."""

from __future__ import annotations

import json
from pathlib import Path

from ..io import atomic
from ..io.dicom.xa import writer
from .angiography import Scene
from .angiography_runs import Protocol, Taken, biplane_pair, rotational_run


def write_runs(
    scene: Scene,
    protocol: Protocol,
    seed: int,
    name: str,
    folder: str | Path,
    views: str | Path,
    threads: int = 1,
) -> list[Taken]:
    """Take a biplane pair and a rotational run, write them and return them.

    name : of the patient, all that the files say of one. folder : of plane-a.dcm, plane-b.dcm and
    rotational.dcm. views : JSON file of the true views of each run by its name. Either appears
    whole or not at all.
    """
    pair = biplane_pair(scene, protocol, seed, threads)
    turned = rotational_run(scene, protocol, seed, threads)
    with atomic.atomic_folder(folder) as unfinished:
        writer.write_pair(*(taken.run for taken in pair), unfinished, name)
        writer.write_run(turned.run, unfinished / "rotational.dcm", name, number=3)
    true = {taken.run.name: taken.true_views.as_dict() for taken in (*pair, turned)}
    with atomic.atomic_file(views) as temporary:
        temporary.write_text(json.dumps(true) + "\n", encoding="utf-8")
    return [*pair, turned]
