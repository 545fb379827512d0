"""Rule mask: Otsu mask of one patient, and its quality."""

from adapter import job

import json

from angiovox import files, masks

with job(snakemake) as log:
    volume, affine = files.load_codes(snakemake.input.volume)
    params = snakemake.params
    mask, threshold = masks.otsu_mask(volume, params.window, params.classes)
    quality = masks.assess(mask, threshold, masks.Limits(**params.limits))
    log(f"{quality}")
    files.save_volume(snakemake.output.mask, mask, affine)
    with files.whole_file(snakemake.output.quality) as temporary:
        temporary.write_text(json.dumps(quality.as_dict(), indent=1) + "\n")
