"""The command `angiovox`: arguments to Snakemake's rules, and their messages to a person."""
