# Simulated X-ray angiography of phantoms as XA DICOM: made on request, no part of the study.
rule angiograms:
    """Take phantoms' angiograms: a biplane pair and a rotational run of each."""
    input:
        expand("results/angiograms/{patient}", patient=ANGIOGRAMS),
        expand(
            "results/figures/angiograms/{patient}.{suffix}",
            patient=ANGIOGRAMS,
            suffix=["png", "pdf"],
        ),


rule angiogram:
    """Take a phantom's runs with a C-arm and write them as XA DICOM."""
    input:
        centreline=phantom_centreline,
    output:
        runs=directory("results/angiograms/{patient}"),
        views="results/truth/{patient}.views.json",
    log:
        "logs/angiogram/{patient}.log",
    benchmark:
        "results/benchmarks/angiogram/{patient}.tsv"
    wildcard_constraints:
        patient="|".join(PHANTOMS) or NEVER_MATCH,
    conda:
        "../../envs/preprocess.yaml"
    threads: STUDY.slab_threads
    resources:
        mem_mb=memory("angiogram"),
        runtime=minutes("angiogram"),
    params:
        code=code_version.of_script("angiogram"),
        seed=phantom_seed,
        injection=config["cohort"]["phantoms"]["injection"],
        centre=config["cohort"]["phantoms"]["centre"],
        scanner=config["cohort"]["phantoms"]["scanner"],
        lesions=config["cohort"]["phantoms"]["lesions"],
        field_mm=angiography.field_mm(config),
        protocol=angiography.protocol(config),
    script:
        "../scripts/angiogram.py"


rule angiogram_figure:
    """Draw a phantom's subtracted runs, read from their files."""
    input:
        runs="results/angiograms/{patient}",
    output:
        png="results/figures/angiograms/{patient}.png",
        pdf="results/figures/angiograms/{patient}.pdf",
    log:
        "logs/angiogram_figure/{patient}.log",
    benchmark:
        "results/benchmarks/angiogram_figure/{patient}.tsv"
    conda:
        "../../envs/preprocess.yaml"
    resources:
        mem_mb=memory("angiogram_figure"),
        runtime=minutes("angiogram_figure"),
    params:
        code=code_version.of_script("angiogram_figure"),
    script:
        "../scripts/angiogram_figure.py"
