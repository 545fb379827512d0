"""Rule reconstruct: vessel probabilities of each test patient; no mask is among its inputs."""

from adapter import job

from angiovox import files, interface, model_files
from angiovox.device import use_device
from angiovox.patients import for_method

with job(snakemake):
    method = interface.load(snakemake.wildcards.method)
    use_device(method, snakemake.threads)
    state = model_files.load_model(snakemake.input.model)
    patients = for_method(
        method,
        method.INPUTS,
        snakemake.input,
        num_projections=snakemake.params.projections,
        views=snakemake.params.views,
        rebuilt=snakemake.params.rebuilt,
        threads=snakemake.threads,
    )
    grids = map(files.load_affine, snakemake.input.grids)
    names = snakemake.params.patients
    for name, (known, _), affine, path in zip(
        names, patients, grids, snakemake.output, strict=True
    ):
        probability = interface.reconstruct(method, name, state, known, "cpu")
        files.save_fractions(path, probability, affine)
