"""Rule reconstruct: vessel probabilities of each test patient; no mask is among its inputs."""

from angiovox_pipeline.job import job

from angiovox import method as interface
from angiovox.io import model_files, nifti
from angiovox.methods import registry
from angiovox.methods.dataset import for_method
from angiovox.training.device import use_device

with job(snakemake):
    method = registry.load(snakemake.wildcards.method)
    use_device(method, snakemake.threads)
    state = model_files.load_model(snakemake.input.model)
    patients = for_method(
        method,
        method.INPUTS,
        snakemake.input,
        num_projections=snakemake.params.projections,
        views=snakemake.params.views,
        recomputed=snakemake.params.recomputed,
        threads=snakemake.threads,
    )
    grids = map(nifti.load_affine, snakemake.input.grids)
    names = snakemake.params.patients
    for name, (known, _), affine, path in zip(
        names, patients, grids, snakemake.output, strict=True
    ):
        probability = interface.reconstruct(method, name, state, known, "cpu")
        nifti.save_fractions(path, probability, affine)
