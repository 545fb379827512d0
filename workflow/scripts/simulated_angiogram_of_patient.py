"""Rule simulated_angiogram_of_patient: runs of a patient's volume, contrast where its mask is."""

from angiovox_pipeline.job import job

from angiovox.geometry.grid import Grid
from angiovox.io import nifti
from angiovox.masks.contrast import contrast_share
from angiovox.phantoms import angiography, angiography_files, angiography_runs

with job(snakemake) as log:
    params, output = snakemake.params, snakemake.output
    volume, affine = nifti.load_quantized(snakemake.input.volume)
    mask = nifti.load_mask(snakemake.input.mask)
    share = contrast_share(volume, mask, params.window)
    scene = angiography.Scene.of_volume(share, mask, Grid.centred(mask.shape, affine))
    protocol = angiography_runs.Protocol(**params.protocol)
    name, threads = snakemake.wildcards.patient, snakemake.threads
    how = (protocol, params.seed, name, output.runs, output.views, threads)
    for taken in angiography_files.write_runs(scene, *how):
        log(f"{taken.run.name}: {len(taken.run)} frames")
