"""Rule provenance: where every table and figure comes from, and what the jobs took."""

from angiovox_pipeline.job import job

import json
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

from angiovox.io import atomic
from angiovox.reporting import run_records
from angiovox.reporting.provenance_page import page

with job(snakemake):
    out, params = snakemake.output, snakemake.params
    benchmarks, logs = Path(out.json).parent / "benchmarks", Path(snakemake.log[0]).parent
    jobs = {
        rule: run_records.jobs_of(pattern, benchmarks, logs)
        for rule, pattern in params.benchmarks.items()
    }
    times = run_records.run_times(jobs, benchmarks)
    with atomic.atomic_file(out.run_times) as temporary:
        times.to_csv(temporary, index=False)
    with atomic.atomic_file(out.cost) as temporary:
        reconstructions = [*jobs["reconstruct"], *jobs["reconstruct_patient"]]
        costs = run_records.cost(reconstructions, benchmarks, params.patients)
        costs.to_csv(temporary, index=False)
    here = {"rule": snakemake.rule, "params": {}}
    products = params.products | {out.run_times: here, out.cost: here}
    record = {
        "angiovox": run_records.revision(run_records.__file__),
        "collected": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": run_records.versions(),
        "machine": run_records.machine(),
        "machines": run_records.machines(chain(*jobs.values()), logs),
        "trainings": run_records.devices([*jobs["train"], *jobs["reconstruct_patient"]], logs),
        "seeds": params.seeds,
        "config": run_records.without_folders(params.config),
        "rules": json.loads(times.set_index("rule").to_json(orient="index")),
        "products": {
            path: made | run_records.digest(path) for path, made in sorted(products.items())
        },
    }
    texts = {out.json: json.dumps(record, indent=2) + "\n", out.html: page(record, times)}
    for path, text in texts.items():
        with atomic.atomic_file(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
