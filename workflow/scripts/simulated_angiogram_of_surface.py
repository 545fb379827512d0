"""Rule simulated_angiogram_of_surface: runs of a closed surface that is full of contrast."""

from angiovox_pipeline.job import job

from angiovox.io.closed_surface import read_surface
from angiovox.phantoms import angiography, angiography_files, angiography_runs

with job(snakemake) as log:
    params, output = snakemake.params, snakemake.output
    scene = angiography.Scene.of_surface(*read_surface(snakemake.input.surface))
    protocol = angiography_runs.Protocol(**params.protocol)
    name, threads = snakemake.wildcards.patient, snakemake.threads
    how = (protocol, params.seed, name, output.runs, output.views, threads)
    for taken in angiography_files.write_runs(scene, *how):
        log(f"{taken.run.name}: {len(taken.run)} frames")
