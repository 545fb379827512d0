"""Rule evaluate: every metric of each test patient."""

from adapter import job

import pandas as pd
from angiovox import files, metrics

with job(snakemake):
    rows = []
    given = zip(
        snakemake.params.patients,
        snakemake.input.reconstructions,
        snakemake.input.masks,
        strict=True,
    )
    for patient, reconstruction, mask in given:
        probability, _ = files.load_volume(reconstruction)
        values = metrics.evaluate(probability, files.load_mask(mask))
        fixed = {name: snakemake.wildcards[name] for name in ("method", "views", "seed")}
        rows += [fixed | {"patient": patient, "metric": k, "value": v} for k, v in values.items()]
    with files.whole_file(snakemake.output[0]) as temporary:
        pd.DataFrame(rows).to_csv(temporary, index=False)
