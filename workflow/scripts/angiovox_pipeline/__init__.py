"""What knows Snakemake and config keys; the package angiovox never imports it."""
