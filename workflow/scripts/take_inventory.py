"""Rule inventory: what would be read of each patient, what would be skipped, and why."""

from adapter import job

from angiovox import archive, files

with job(snakemake) as log:
    params = snakemake.params
    entries = []
    for patient, path, choice in zip(params.patients, params.paths, params.choices, strict=True):
        found = archive.inventory(patient, path, **choice)
        for entry in found:
            log(str(entry))
        entries += found
    table = archive.as_table(entries)
    with files.whole_file(snakemake.output.csv) as temporary:
        table.to_csv(temporary, index=False)
    with files.whole_file(snakemake.output.md) as temporary:
        temporary.write_text(archive.page(table, params.num_phantoms))
    print(
        f"{archive.summary(table, params.num_phantoms)} {snakemake.output.md} lists every series."
    )
