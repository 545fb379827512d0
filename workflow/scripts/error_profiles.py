"""Rule error_profiles: errors by calibre, by distance from the middle and by probability."""

from angiovox_pipeline.job import job

import pandas as pd
from angiovox.figures.error_profiles import error_profiles
from angiovox.figures.style import save

with job(snakemake):
    profiles = pd.concat(map(pd.read_csv, snakemake.input.profiles), ignore_index=True)
    figure = error_profiles(profiles, snakemake.params.methods, snakemake.params.note)
    save(figure, snakemake.output.png, snakemake.output.pdf)
