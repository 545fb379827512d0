# Simulated X-ray angiography as XA DICOM: made on request, no part of the study.
rule angiograms:
    """Take angiograms of phantoms, patients' volumes and surfaces: three runs of each."""
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


rule angiogram_of_patient:
    """Take the runs of a patient's volume, in which its mask says where contrast is."""
    input:
        volume="results/volumes/{patient}.nii",
        mask="results/masks/{patient}.nii.gz",
    output:
        runs=directory("results/angiograms/{patient}"),
        views="results/truth/{patient}.views.json",
    log:
        "logs/angiogram_of_patient/{patient}.log",
    benchmark:
        "results/benchmarks/angiogram_of_patient/{patient}.tsv"
    wildcard_constraints:
        patient=one_of(config["angiograms"]["patients"]),
    conda:
        "../../envs/preprocess.yaml"
    threads: STUDY.slab_threads
    resources:
        mem_mb=memory("angiogram_of_patient"),
        runtime=minutes("angiogram_of_patient"),
    params:
        code=code_version.of_script("angiogram_of_patient"),
        seed=angiogram_seed,
        window=config["masks"]["window"],
        protocol=angiography.protocol(config),
    script:
        "../scripts/angiogram_of_patient.py"


rule angiogram_of_surface:
    """Take the runs of a closed surface that is full of contrast."""
    input:
        surface=angiogram_surface,
    output:
        runs=directory("results/angiograms/{patient}"),
        views="results/truth/{patient}.views.json",
    log:
        "logs/angiogram_of_surface/{patient}.log",
    benchmark:
        "results/benchmarks/angiogram_of_surface/{patient}.tsv"
    wildcard_constraints:
        patient=one_of(config["angiograms"]["surfaces"]),
    conda:
        "../../envs/preprocess.yaml"
    threads: STUDY.slab_threads
    resources:
        mem_mb=memory("angiogram_of_surface"),
        runtime=minutes("angiogram_of_surface"),
    params:
        code=code_version.of_script("angiogram_of_surface"),
        seed=angiogram_seed,
        protocol=angiography.protocol(config),
    script:
        "../scripts/angiogram_of_surface.py"


rule angiogram_figure:
    """Draw subtracted runs, read from their files."""
    input:
        runs="results/angiograms/{patient}",
    output:
        png="results/figures/angiograms/{patient}.png",
        pdf="results/figures/angiograms/{patient}.pdf",
    log:
        "logs/angiogram_figure/{patient}.log",
    benchmark:
        "results/benchmarks/angiogram_figure/{patient}.tsv"
    wildcard_constraints:
        patient=one_of(ANGIOGRAMS),
    conda:
        "../../envs/preprocess.yaml"
    resources:
        mem_mb=memory("angiogram_figure"),
        runtime=minutes("angiogram_figure"),
    params:
        code=code_version.of_script("angiogram_figure"),
        note=angiogram_note,
    script:
        "../scripts/angiogram_figure.py"
