# Simulated X-ray angiography as XA DICOM: made on request, no part of the study.
rule simulated_angiograms:
    """Take angiograms of phantoms, patients' volumes and surfaces: three runs of each."""
    input:
        expand("results/simulated_angiograms/{patient}", patient=SIMULATED_ANGIOGRAMS),
        expand(
            "results/figures/simulated_angiograms/{patient}.{suffix}",
            patient=SIMULATED_ANGIOGRAMS,
            suffix=["png", "pdf"],
        ),


rule simulated_angiogram:
    """Take a phantom's runs with a C-arm and write them as XA DICOM."""
    input:
        centreline=PATIENT_INPUTS.centreline,
    output:
        runs=directory("results/simulated_angiograms/{patient}"),
        views="results/truth/{patient}.views.json",
    log:
        "logs/simulated_angiogram/{patient}.log",
    benchmark:
        "results/benchmarks/simulated_angiogram/{patient}.tsv"
    wildcard_constraints:
        patient="|".join(PHANTOMS) or NEVER_MATCH,
    conda:
        "../../envs/preprocess.yaml"
    threads: STUDY.slab_threads
    resources:
        mem_mb=memory("simulated_angiogram"),
        runtime=minutes("simulated_angiogram"),
    params:
        code=code_version.of_script("simulated_angiogram"),
        seed=PATIENT_INPUTS.seed,
        injection=config["cohort"]["phantoms"]["injection"],
        centre=config["cohort"]["phantoms"]["centre"],
        scanner=config["cohort"]["phantoms"]["scanner"],
        lesions=config["cohort"]["phantoms"]["lesions"],
        field_mm=simulated_angiograms.field_mm(config),
        protocol=simulated_angiograms.protocol(config),
    script:
        "../scripts/simulated_angiogram.py"


rule simulated_angiogram_of_patient:
    """Take the runs of a patient's volume, in which its mask says where contrast is."""
    input:
        volume="results/volumes/{patient}.nii",
        mask="results/masks/{patient}.nii.gz",
    output:
        runs=directory("results/simulated_angiograms/{patient}"),
        views="results/truth/{patient}.views.json",
    log:
        "logs/simulated_angiogram_of_patient/{patient}.log",
    benchmark:
        "results/benchmarks/simulated_angiogram_of_patient/{patient}.tsv"
    wildcard_constraints:
        patient=one_of(config["simulated_angiograms"]["patients"]),
    conda:
        "../../envs/preprocess.yaml"
    threads: STUDY.slab_threads
    resources:
        mem_mb=memory("simulated_angiogram_of_patient"),
        runtime=minutes("simulated_angiogram_of_patient"),
    params:
        code=code_version.of_script("simulated_angiogram_of_patient"),
        seed=simulated_angiogram_seed,
        window=config["masks"]["window"],
        protocol=simulated_angiograms.protocol(config),
    script:
        "../scripts/simulated_angiogram_of_patient.py"


rule simulated_angiogram_of_surface:
    """Take the runs of a closed surface that is full of contrast."""
    input:
        surface=simulated_angiogram_surface,
    output:
        runs=directory("results/simulated_angiograms/{patient}"),
        views="results/truth/{patient}.views.json",
    log:
        "logs/simulated_angiogram_of_surface/{patient}.log",
    benchmark:
        "results/benchmarks/simulated_angiogram_of_surface/{patient}.tsv"
    wildcard_constraints:
        patient=one_of(config["simulated_angiograms"]["surfaces"]),
    conda:
        "../../envs/preprocess.yaml"
    threads: STUDY.slab_threads
    resources:
        mem_mb=memory("simulated_angiogram_of_surface"),
        runtime=minutes("simulated_angiogram_of_surface"),
    params:
        code=code_version.of_script("simulated_angiogram_of_surface"),
        seed=simulated_angiogram_seed,
        protocol=simulated_angiograms.protocol(config),
    script:
        "../scripts/simulated_angiogram_of_surface.py"


rule simulated_angiogram_figure:
    """Draw subtracted runs, read from their files."""
    input:
        runs="results/simulated_angiograms/{patient}",
    output:
        png="results/figures/simulated_angiograms/{patient}.png",
        pdf="results/figures/simulated_angiograms/{patient}.pdf",
    log:
        "logs/simulated_angiogram_figure/{patient}.log",
    benchmark:
        "results/benchmarks/simulated_angiogram_figure/{patient}.tsv"
    wildcard_constraints:
        patient=one_of(SIMULATED_ANGIOGRAMS),
    conda:
        "../../envs/preprocess.yaml"
    resources:
        mem_mb=memory("simulated_angiogram_figure"),
        runtime=minutes("simulated_angiogram_figure"),
    params:
        code=code_version.of_script("simulated_angiogram_figure"),
        note=simulated_angiogram_note,
    script:
        "../scripts/simulated_angiogram_figure.py"
