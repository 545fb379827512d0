"""Rule check_masks: stop before training if a mask is implausible or a patient is there twice."""

from angiovox_pipeline.job import job

import sys

from angiovox.io import atomic
from angiovox_pipeline.preflight import copies, masks

with job(snakemake) as log:
    params = snakemake.params
    pairs = copies.same_patients(params.splits, snakemake.input.sources)
    for warning in copies.check(pairs, params.splits, params.leave_out):
        log(f"warning: {warning}")
        print(f"check_masks: warning: {warning}", file=sys.stderr)
    implausible = masks.implausible_masks(snakemake.input.table)
    if params.implausible == "stop":
        masks.refuse(implausible, snakemake.input.picture, params.leave_out)
    for patient, reason in implausible.items():
        log(f"patient {patient}: implausible mask, kept as the config says: {reason}")
    with atomic.atomic_file(snakemake.output[0]) as temporary:
        temporary.write_text(masks.PASSED, encoding="utf-8")
