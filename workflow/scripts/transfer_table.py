"""Rule transfer_table: each method on the study's test patients and on each group, side by side."""

from angiovox_pipeline.job import job

from angiovox.io import atomic
from angiovox.io.table_files import read_tables
from angiovox.reporting import transfer

with job(snakemake):
    given, params, out = snakemake.input, snakemake.params, snakemake.output
    measured = read_tables([*given.metrics, *given.transferred])
    table = transfer.transfer_table(measured, params.groups)
    texts = {
        out.csv: table.to_csv(index=False),
        out.md: transfer.markdown(table, params.groups, params.titles, params.note),
    }
    for path, text in texts.items():
        with atomic.atomic_file(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
