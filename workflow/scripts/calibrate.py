"""Rule calibrate: temperatures of a model, from patients held back from its training."""

from angiovox_pipeline.job import job

import json
from itertools import groupby
from operator import itemgetter

from angiovox.geometry.imaging import Imaging
from angiovox.io import atomic, model_files
from angiovox.method import Context, reconstruct
from angiovox.methods import registry
from angiovox.methods.dataset import PatientDataset
from angiovox.metrics.calibration import calibrate
from angiovox.training.device import use_device

with job(snakemake) as log:
    params = snakemake.params
    method = registry.create(snakemake.wildcards.method, params.settings)
    use_device(method.needs, params.torch_threads)
    state = model_files.load_model(snakemake.input.model)
    dataset = PatientDataset.for_method(
        method.needs,
        snakemake.input,
        imaging=Imaging(**params.imaging),
        views=params.views,
        masks=snakemake.input.masks,
        recomputed=params.recomputed,
        cone_beam=params.cone_beam,
        threads=snakemake.threads,
    )
    context = Context(params.seed, log=log)
    found = {}
    given = zip(params.views, params.patients, dataset, strict=True)
    for views, group in groupby(given, key=itemgetter(0)):
        examples = [
            (reconstruct(method, patient, state, measurement, context).probability, mask)
            for _, patient, (measurement, mask) in group
        ]
        found[views] = calibrate(examples)
        log(f"{views} views: {found[views]}")
    with atomic.atomic_file(snakemake.output[0]) as temporary:
        temporary.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
