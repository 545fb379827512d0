"""Rule assumptions: every choice that the paper leaves open, as the code states it."""

from angiovox_pipeline.job import job

import pandas as pd
from angiovox.io import atomic

with job(snakemake):
    table = pd.DataFrame(snakemake.params.assumptions, columns=["module", "assumption"])
    with atomic.atomic_file(snakemake.output[0]) as temporary:
        table.to_csv(temporary, index=False)
