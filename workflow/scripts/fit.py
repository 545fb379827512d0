"""Rules fit, train and adapt: one method, view count and seed on the training patients."""

from angiovox_pipeline.job import job

from pathlib import Path

from angiovox.geometry.imaging import Imaging
from angiovox.io import atomic, model_files
from angiovox.method import Context, never
from angiovox.methods import registry
from angiovox.methods.dataset import PatientDataset
from angiovox.training import fingerprint
from angiovox.training.device import use_device
from angiovox.training.memory import disable_malloc_trim
from angiovox_pipeline.watchdog import stop_on_sigterm

with job(snakemake) as log:
    given, params = snakemake.input, snakemake.params
    method = registry.create(snakemake.wildcards.method, params.settings)
    disable_malloc_trim()
    device, name = use_device(method.needs, params.torch_threads)
    is_training = method.needs.requires_training
    if is_training:
        log(f"{'no GPU found: ' if device == 'cpu' else ''}training on {name}")
    patients = PatientDataset.for_method(
        method.needs,
        given,
        to_fit=True,
        imaging=Imaging(**params.imaging),
        views=params.views,
        masks=given.masks,
        recomputed=params.recomputed,
        cone_beam=params.cone_beam,
        pool=given.get("pool", []),
        renewed=params.renewed,
        threads=snakemake.threads,
    )
    checkpoint = Path(snakemake.output.model).with_name("checkpoint.pt")
    start = given.get("base")
    data = filter(None, [start, *patients.files])
    version = {"code": params.code, "threads": params.torch_threads}
    stamp = fingerprint.stamp(method.settings, params.seed, data=data, **version)
    stopping = stop_on_sigterm() if is_training else never
    base = model_files.load_model(start) if start else None
    context = Context(params.seed, device, checkpoint, stamp, log, stopping, base)
    state, history = method.fit(patients, context)
    atomic.save_rows(snakemake.output.history, history)
    model_files.save_model(snakemake.output.model, state)
    context.previous.unlink(missing_ok=True)  # the last one stays: a rerun takes seconds
