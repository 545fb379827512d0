"""Rule training_pool: phantoms that only train, many in one job."""

from angiovox_pipeline.job import job

from functools import partial

from angiovox.geometry.imaging import Imaging
from angiovox.io import pool_files
from angiovox.masks import otsu
from angiovox.phantoms import acquisition, training_pool

with job(snakemake):
    params = snakemake.params
    examples = training_pool.simulate(
        params.seeds,
        params.voxel_mm,
        acquisition.Settings(params.injection, params.centre, params.scanner, params.lesions),
        Imaging(**params.imaging),
        partial(otsu.otsu_mask, window=params.window, classes=params.classes),
        otsu.Limits(**params.limits),
        params.window,
    )
    pool_files.write_examples(snakemake.output[0], examples)
