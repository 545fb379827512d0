# So that `snakemake` runs from the root of a clone; workflow/Snakefile is the contents page.
include: "workflow/Snakefile"


localrules:
    study,


# An included file cannot set the default target.
rule study:
    """Make the whole study: all that `all` asks for."""
    default_target: True
    input:
        rules.all.input,
