"""Rule check_masks: nothing learns from masks that cannot be vessels, unless the config says so."""

from adapter import job

import gate
from angiovox import files

with job(snakemake) as log:
    implausible = gate.implausible_masks(snakemake.input.table)
    if snakemake.params.implausible == "stop":
        gate.refuse(implausible, snakemake.input.picture)
    for patient, reason in implausible.items():
        log(f"patient {patient}: implausible mask, kept as the config says: {reason}")
    with files.whole_file(snakemake.output[0]) as temporary:
        temporary.write_text(gate.PASSED)
