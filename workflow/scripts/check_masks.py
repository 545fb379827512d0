"""Rule check_masks: stop before training if a mask fails the plausibility checks."""

from angiovox_pipeline.job import job

from angiovox.io import atomic
from angiovox_pipeline.preflight import masks

with job(snakemake) as log:
    implausible = masks.implausible_masks(snakemake.input.table)
    if snakemake.params.implausible == "stop":
        masks.refuse(implausible, snakemake.input.picture, snakemake.params.leave_out)
    for patient, reason in implausible.items():
        log(f"patient {patient}: implausible mask, kept as the config says: {reason}")
    with atomic.atomic_file(snakemake.output[0]) as temporary:
        temporary.write_text(masks.PASSED)
