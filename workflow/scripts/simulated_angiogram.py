"""Rule simulated_angiogram: a phantom's biplane pair and rotational run as XA DICOM."""

from angiovox_pipeline.job import job

from angiovox.phantoms import acquisition, angiography, angiography_files, angiography_runs

with job(snakemake) as log:
    params, output = snakemake.params, snakemake.output
    filled = acquisition.fill(
        params.seed,
        params.field_mm,
        acquisition.Settings(params.injection, params.centre, params.scanner, params.lesions),
        *snakemake.input.get("centreline", []),
    )
    scene = angiography.Scene(filled.arteries, filled.pose, params.seed)
    protocol = angiography_runs.Protocol(**params.protocol)
    name, threads = snakemake.wildcards.patient, snakemake.threads
    how = (protocol, params.seed, name, output.runs, output.views, threads)
    for taken in angiography_files.write_runs(scene, *how):
        log(f"{taken.run.name}: {len(taken.run)} frames")
