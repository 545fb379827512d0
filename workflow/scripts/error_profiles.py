"""Rule where_errors_sit: errors by calibre, by distance from the middle and by probability."""

from angiovox_pipeline.job import job

import pandas as pd
from angiovox.figures.error_profiles import where_errors_sit
from angiovox.figures.style import save

with job(snakemake):
    titles = snakemake.params.titles
    profiles = pd.concat(map(pd.read_csv, snakemake.input.profiles), ignore_index=True)
    profiles = profiles.assign(method=profiles["method"].map(titles))
    figure = where_errors_sit(profiles, list(titles.values()), snakemake.params.note)
    save(figure, snakemake.output.png, snakemake.output.pdf)
