"""Rule metric_agreement: where metrics rank methods alike, and which prefer a loss of vessels."""

from angiovox_pipeline.job import job

from angiovox.figures.metric_agreement import metric_agreement
from angiovox.figures.misleading_pair import Pair
from angiovox.figures.style import save
from angiovox.geometry.affine import voxel_sizes
from angiovox.io import atomic, nifti
from angiovox.io.table_files import read_table
from angiovox.metrics import agreement, overlap

with job(snakemake):
    given, params = snakemake.input, snakemake.params
    measured = read_table(given.per_patient)
    values = agreement.oriented(measured, params.shown, params.views)
    shown_seed = agreement.oriented(
        measured[measured["seed"] == params.seed], params.shown, params.views
    )
    volumes = dict(zip(params.volumes, given.reconstructions, strict=True))
    masks = dict(zip(params.patients, given.masks, strict=True))
    pair = None
    if chosen := agreement.worst_pair(shown_seed):
        pair = Pair(
            patient=chosen.patient,
            preferred=chosen.preferred,
            better=chosen.better,
            truth=nifti.load_mask(masks[chosen.patient]),
            found={
                name: overlap.binary(nifti.load_volume(volumes[f"{name} {chosen.patient}"])[0])
                for name in (chosen.preferred, chosen.better)
            },
            voxel_mm=voxel_sizes(nifti.load_affine(masks[chosen.patient])),
            scores=agreement.of_patient(shown_seed, chosen.patient),
        )
    atomic.save_rows(snakemake.output.csv, agreement.summary(values).to_dict("records"))
    figure = metric_agreement(values, params.methods, pair, params.note)
    save(figure, snakemake.output.png, snakemake.output.pdf)
