"""Rule paper_tables: per-patient metrics, their summary, and the paper's two tables."""

from angiovox_pipeline.job import job

from angiovox.io import atomic
from angiovox.io.table_files import read_table, read_tables
from angiovox.reporting import tables

with job(snakemake):
    out, params = snakemake.output, snakemake.params
    per_patient = read_tables(snakemake.input.metrics)
    summary = tables.summarise(per_patient)
    table1 = tables.table1(summary, read_table(snakemake.input.published1))
    table2 = tables.table2(summary, read_table(snakemake.input.published2), params.titles)
    overview = tables.iou_overview(summary, params.titles)
    texts = {
        out.per_patient: per_patient.to_csv(index=False),
        out.summary: summary.to_csv(index=False),
        out.table1: table1.to_csv(index=False),
        out.table1_md: tables.to_markdown(table1),
        out.table1_tex: tables.to_latex(table1, params.captions["table1"], "tab:views"),
        out.table2: table2.to_csv(index=False),
        out.table2_md: tables.to_markdown(table2),
        out.table2_tex: tables.to_latex(table2, params.captions["table2"], "tab:biplane"),
        out.overview: overview.to_csv(index=False),
        out.overview_md: tables.to_markdown(overview),
    }
    for path, text in texts.items():
        with atomic.atomic_file(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
