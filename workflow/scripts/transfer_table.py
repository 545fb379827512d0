"""Rule transfer_table: each method on the study's test patients and on each group, side by side."""

from angiovox_pipeline.job import job

import pandas as pd
from angiovox.io import atomic
from angiovox.reporting import transfer

with job(snakemake):
    given, params, out = snakemake.input, snakemake.params, snakemake.output
    measured = map(pd.read_csv, [*given.metrics, *given.transferred])
    table = transfer.transfer_table(pd.concat(measured, ignore_index=True), params.groups)
    texts = {
        out.csv: table.to_csv(index=False),
        out.md: transfer.markdown(table, params.groups, params.titles, params.note),
    }
    for path, text in texts.items():
        with atomic.atomic_file(path) as temporary:
            temporary.write_text(text)
