"""Rule mask: Otsu mask of one patient, and its quality."""

from angiovox_pipeline.job import job

import json

from angiovox.io import atomic, nifti
from angiovox.masks import otsu, outliers

with job(snakemake) as log:
    volume, affine = nifti.load_quantized(snakemake.input.volume)
    params = snakemake.params
    mask, threshold = otsu.otsu_mask(volume, params.window, params.classes)
    quality = otsu.assess(mask, threshold, otsu.Limits(**params.limits))
    quality = outliers.explained(quality, volume, params.window)
    log(f"{quality}")
    nifti.save_volume(snakemake.output.mask, mask, affine)
    with atomic.atomic_file(snakemake.output.quality) as temporary:
        temporary.write_text(json.dumps(quality.as_dict(), indent=1) + "\n", encoding="utf-8")
