"""Rules reconstruct and reconstruct_patient: vessel probabilities of test patients."""

from angiovox_pipeline.job import job

from dataclasses import replace
from pathlib import Path

from angiovox.geometry.imaging import Imaging
from angiovox.io import atomic, centreline_files, model_files, nifti, surface_files
from angiovox.method import Context, reconstruct
from angiovox.methods import registry
from angiovox.methods.dataset import PatientDataset
from angiovox.training import fingerprint
from angiovox.training.device import use_device
from angiovox.training.temperature import Temperatures, load_temperatures
from angiovox_pipeline.watchdog import stop_on_sigterm

with job(snakemake) as log:
    given, params, output = snakemake.input, snakemake.params, snakemake.output
    method = registry.create(snakemake.wildcards.method, params.settings)
    device, name = use_device(method.needs, params.torch_threads)
    state = model_files.load_model(given.model)
    patients = PatientDataset.for_method(
        method.needs,
        given,
        imaging=Imaging(**params.imaging),
        views=params.views,
        recomputed=params.recomputed,
        cone_beam=params.cone_beam,
        priors=given.get("priors", []),
        threads=snakemake.threads,
    )
    context, is_alone = Context(params.seed, log=log), method.needs.one_job_per_patient
    if is_alone:
        log(f"optimising on {name}")
        data = [given.model, *patients.files]
        version = {"code": params.code, "threads": params.torch_threads}
        stamp = fingerprint.stamp(method.settings, params.seed, data=data, **version)
        checkpoint = Path(f"{output.beside}.checkpoint.pt")
        context = replace(context, device=device, checkpoint=checkpoint, stamp=stamp)
        context = replace(context, stopping=stop_on_sigterm())
    scaling = given.get("calibration")
    temperatures = load_temperatures(scaling, params.views[0]) if scaling else Temperatures()
    grids = map(nifti.load_affine, given.grids)
    volumes = [output.volumes] if is_alone else output.volumes
    examples = zip(params.patients, patients, grids, volumes, strict=True)
    for patient, (measurement, _), affine, path in examples:
        found = reconstruct(method, patient, state, measurement, context)
        nifti.save_fractions(path, temperatures.calibrated(found.probability), affine)
        if is_alone:
            with atomic.atomic_folder(output.beside) as folder:
                if found.surface is not None:
                    surface_files.save_surface(folder, *found.surface)
                if (line := found.centreline) is not None:
                    graph = line.points, line.radii, line.segments
                    centreline_files.save_centreline(folder, *graph)
            context.previous.unlink(missing_ok=True)  # the last one stays, as a training's does
