"""Rule phantom_morphometry: whole arterial trees of phantoms, measured as human ones were."""

from angiovox_pipeline.job import job

import pandas as pd
from angiovox.io import atomic
from angiovox.io.table_files import read_table
from angiovox.phantoms.arterial_tree import grow
from angiovox.reporting import tables
from angiovox.vessels.morphometry import measure
from angiovox.vessels.swc import read_swc

with job(snakemake):
    given = snakemake.input.get("centrelines", [])
    trees = map(read_swc, given) if given else (grow(s).arteries for s in snakemake.params.seeds)
    measured = pd.DataFrame([measure(tree) for tree in trees])
    table = tables.morphometry(measured, read_table(snakemake.input.published))
    with atomic.atomic_file(snakemake.output.csv) as temporary:
        table.round(4).to_csv(temporary, index=False)
    with atomic.atomic_file(snakemake.output.md) as temporary:
        temporary.write_text(tables.morphometry_markdown(table), encoding="utf-8")
