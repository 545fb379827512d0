"""Rule inventory: what would be read of each patient, what would be skipped, and why."""

from angiovox_pipeline.job import job

from angiovox.io import atomic, inventory

with job(snakemake) as log:
    params = snakemake.params
    entries = []
    for patient, path, choice in zip(params.patients, params.paths, params.choices, strict=True):
        found = inventory.inventory(patient, path, grid=params.grid, **choice)
        for entry in found:
            log(str(entry))
        entries += found
    table = inventory.as_table(entries)
    with atomic.atomic_file(snakemake.output.csv) as temporary:
        table.to_csv(temporary, index=False)
    with atomic.atomic_file(snakemake.output.md) as temporary:
        temporary.write_text(inventory.page(table, params.num_phantoms), encoding="utf-8")
    print(
        f"{inventory.summary(table, params.num_phantoms)} {snakemake.output.md} lists every series."
    )
