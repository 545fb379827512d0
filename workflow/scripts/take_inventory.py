"""Rule inventory: what would be read of each patient, what would be skipped, and why."""

from adapter import job

from angiovox import archive, files

with job(snakemake) as log:
    params = snakemake.params
    given = zip(params.patients, snakemake.input.dicom, params.choices, strict=True)
    entries = [entry for name, path, how in given for entry in archive.inventory(name, path, **how)]
    for entry in entries:
        log(f"patient {entry.patient}: {entry.becomes} {entry.series}: {entry.reason}")
    table = archive.as_table(entries)
    with files.whole_file(snakemake.output.csv) as temporary:
        table.to_csv(temporary, index=False)
    with files.whole_file(snakemake.output.md) as temporary:
        temporary.write_text(archive.page(table, params.num_phantoms))
