"""Rule phantom_morphometry: whole arterial trees of phantoms, measured as human ones were."""

from adapter import job

import pandas as pd
from angiovox import files, tables
from angiovox.phantom.centrelines import read_swc
from angiovox.phantom.growth import grow
from angiovox.phantom.morphometry import measure

with job(snakemake):
    given = snakemake.input.get("centrelines", [])
    trees = map(read_swc, given) if given else (grow(s).arteries for s in snakemake.params.seeds)
    measured = pd.DataFrame([measure(tree) for tree in trees])
    table = tables.morphometry(measured, pd.read_csv(snakemake.input.published))
    with files.whole_file(snakemake.output.csv) as temporary:
        table.round(4).to_csv(temporary, index=False)
    with files.whole_file(snakemake.output.md) as temporary:
        temporary.write_text(tables.morphometry_markdown(table))
