"""Rule inventory: what would be read of each patient, what would be skipped, and why."""

from adapter import job

import pandas as pd
from angiovox import archive, files, tables

with job(snakemake) as log:
    entries = [
        entry
        for patient, path in zip(snakemake.params.patients, snakemake.input.dicom, strict=True)
        for entry in archive.inventory(patient, path, **snakemake.params.choices[patient])
    ]
    for entry in entries:
        if entry.becomes == archive.REFUSED:
            log(f"patient {entry.patient}: {entry.reason}")
    table = pd.DataFrame(entries, columns=archive.COLUMNS)
    with files.whole_file(snakemake.output.csv) as temporary:
        table.to_csv(temporary, index=False)
    with files.whole_file(snakemake.output.md) as temporary:
        temporary.write_text(archive.page(entries, snakemake.params.grown))
