"""Rule assumptions: every choice that the paper leaves open, as the code states it."""

from adapter import job

import os

import pandas as pd
from angiovox import files, provenance

with job(snakemake):
    table = pd.DataFrame(
        provenance.assumptions(os.path.commonpath(snakemake.input.modules)),
        columns=["module", "assumption"],
    )
    with files.whole_file(snakemake.output[0]) as temporary:
        table.to_csv(temporary, index=False)
