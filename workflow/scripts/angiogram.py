"""Rule angiogram: a phantom's biplane pair and rotational run as XA DICOM, and their true views."""

from angiovox_pipeline.job import job

import json

from angiovox.io import atomic
from angiovox.io.dicom.xa import writer
from angiovox.phantoms import acquisition, angiography, angiography_runs

with job(snakemake) as log:
    params, output, patient = snakemake.params, snakemake.output, snakemake.wildcards.patient
    filled = acquisition.fill(
        params.seed,
        params.field_mm,
        acquisition.Settings(params.injection, params.centre, params.scanner, params.lesions),
        *snakemake.input.get("centreline", []),
    )
    scene = angiography.Scene(filled.arteries, filled.pose, params.seed)
    protocol = angiography_runs.Protocol(**params.protocol)
    how = (scene, protocol, params.seed, snakemake.threads)
    pair = angiography_runs.biplane_pair(*how)
    turned = angiography_runs.rotational_run(*how)
    with atomic.atomic_folder(output.runs) as folder:
        writer.write_pair(*(taken.run for taken in pair), folder, patient)
        writer.write_run(turned.run, folder / "rotational.dcm", patient, number=3)
    views = {taken.run.name: taken.true_views.as_dict() for taken in (*pair, turned)}
    with atomic.atomic_file(output.views) as temporary:
        temporary.write_text(json.dumps(views) + "\n", encoding="utf-8")
    for taken in (*pair, turned):
        log(f"{taken.run.name}: {len(taken.run)} frames")
