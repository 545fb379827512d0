"""What the U-Nets' reconstruction of one patient takes on a CPU: seconds and peak memory.

A phantom's carotid tree, its voxels repeated up to the shape; random weights, which take as long as
trained ones. Each case runs in a process of its own. Writes benchmarks/unet_reconstruction.csv
and .md, from which angiovox_pipeline/resources.py has what it asks for.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "workflow" / "scripts")]

from benchmarks.training_step import machine, peak_mb  # noqa: E402

EDGE, VOXEL_MM, SEED, PROJECTIONS, THREADS = 64, 0.75, 1, 90, 2
CASES = [(method, edge, views) for edge in (64, 192, 384) for method, views in (
    ("unet", 2), ("consistent", 2), ("consistent", 90))]  # fmt: skip


def main() -> None:
    """Measure every case and write the table."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for edge in sorted({edge for _, edge, _ in CASES}):
            prepare(Path(folder), edge)
        for case in CASES:
            command = [sys.executable, __file__, folder, *map(str, case)]
            told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            rows.append(json.loads(told.splitlines()[-1]))
    table = pd.DataFrame(rows)
    table.to_csv(HERE / "unet_reconstruction.csv", index=False)
    text = markdown(table)
    (HERE / "unet_reconstruction.md").write_text(text)
    print(text)


def markdown(table: pd.DataFrame) -> str:
    """The table for readers."""
    head = f"{machine(THREADS)} Single runs, beside other work on the machine: compare cpu_seconds."
    shown = table.astype(object).where(table.notna(), "paused")
    return f"{head}\n\n{shown.to_markdown(index=False)}\n"


def prepare(folder: Path, edge: int) -> None:
    """Projections and back-projections of one patient."""
    from angiovox.geometry import parallel_beam
    from angiovox.geometry.affine import isotropic_affine
    from angiovox.io import nifti
    from angiovox.io.quantization import quantize
    from angiovox.phantoms.acquisition import Settings, acquire
    from angiovox.projectors import mip
    from angiovox.projectors.backprojection import network_input_slabs

    volume = acquire(SEED, (EDGE,) * 3, VOXEL_MM, Settings()).volume
    for axis in range(3):
        volume = volume.repeat(edge // EDGE, axis)
    angles = parallel_beam.projection_angles(PROJECTIONS)
    projections = quantize(mip.project_max(volume, angles, THREADS))
    affine = isotropic_affine(volume.shape, VOXEL_MM * EDGE / edge)
    nifti.save_quantized(folder / f"{edge}.nii", projections, affine)
    counts = sorted({views for _, _, views in CASES})
    subsets = [parallel_beam.view_indices(PROJECTIONS, views) for views in counts]
    paths = [folder / f"{edge}.{views}.{kind}.nii" for views in counts for kind in ("sum", "min")]
    with nifti.slab_writers(paths, volume.shape, affine) as write:
        network_input_slabs(projections.codes, angles, subsets, edge, write, THREADS)


def measure(folder: Path, name: str, edge: int, views: int) -> dict:
    """One reconstruction, as the workflow's job does it."""
    import torch
    from angiovox.geometry.imaging import Imaging
    from angiovox.io import nifti
    from angiovox.method import Context, reconstruct
    from angiovox.methods import registry
    from angiovox.methods.dataset import PatientDataset
    from angiovox.methods.unet.network import ResidualUNet

    torch.set_num_threads(THREADS)
    torch.manual_seed(SEED)
    methods = yaml.safe_load((HERE.parent / "config/config.yaml").read_text())["methods"]
    method = registry.create(name, {k: v for k, v in methods[name].items() if k != "title"})
    given = methods[method.needs.starts_from or name]
    inputs = 2 + given["harmonics"]
    shape = {"inputs": inputs, "channels": given["channels"], "levels": given["levels"]}
    state = {"network": ResidualUNet(**shape).state_dict(), "shape": shape, "slab": given["slab"]}
    state["harmonics"] = given["harmonics"]
    state |= {"support": {views: 0.1}, "level": 0.5}
    state |= {"refinement_steps": methods[name].get("refinement_steps", 0)}
    paths = {kind: [folder / f"{edge}.{views}.{kind}.nii"] for kind in ("sum", "min")}
    paths["projections"] = [folder / f"{edge}.nii"]
    how = {"imaging": Imaging(edge, PROJECTIONS), "views": [views]}
    patients = PatientDataset.for_method(method.needs, paths, **how)
    start, of_processors = time.perf_counter(), time.process_time()
    found = reconstruct(method, "phantom", state, patients[0][0], Context())
    nifti.save_fractions(folder / "probability.nii", found.probability, np.eye(4))
    return {
        "method": name,
        "shape": edge,
        "views": views,
        "seconds": round(time.perf_counter() - start, 1),
        "cpu_seconds": round(time.process_time() - of_processors, 1),
        "peak_mb": round(peak_mb()),
    }


if __name__ == "__main__":
    if len(sys.argv) == 1:
        main()
    else:
        folder, name, edge, views = sys.argv[1:]
        print(json.dumps(measure(Path(folder), name, int(edge), int(views))))
