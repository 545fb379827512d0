# Phantom patients. Whoever has a DICOM folder of their own skips this stage.
rule phantom:
    """Make a phantom: its DICOM series, and the truth."""
    input:
        centreline=PATIENT_INPUTS.centreline,
    output:
        dicom=directory("results/dicom/{patient}"),
        share="results/truth/{patient}.nii.gz",
        graph="results/truth/{patient}.vtp",
        lesions="results/truth/{patient}.json",
    log:
        "logs/phantom/{patient}.log",
    benchmark:
        "results/benchmarks/phantom/{patient}.tsv"
    wildcard_constraints:
        patient="|".join(PHANTOMS) or NEVER_MATCH,
    conda:
        "../../envs/preprocess.yaml"
    resources:
        mem_mb=memory("phantom"),
        runtime=minutes("phantom"),
    params:
        code=code_version.of_script("phantom"),
        seed=PATIENT_INPUTS.seed,
        injection=config["cohort"]["phantoms"]["injection"],
        centre=config["cohort"]["phantoms"]["centre"],
        scanner=config["cohort"]["phantoms"]["scanner"],
        lesions=config["cohort"]["phantoms"]["lesions"],
        shape=config["volume"]["shape"],
        voxel_mm=config["volume"]["voxel_mm"],
    script:
        "../scripts/phantom.py"


use rule phantom as earlier_phantom with:
    output:
        dicom=directory("results/priors/dicom/{patient}"),
        share="results/priors/truth/{patient}.nii.gz",
        graph="results/priors/truth/{patient}.vtp",
        lesions="results/priors/truth/{patient}.json",
    log:
        "logs/earlier_phantom/{patient}.log",
    benchmark:
        "results/benchmarks/earlier_phantom/{patient}.tsv"
    resources:
        mem_mb=memory("earlier_phantom"),
        runtime=minutes("earlier_phantom"),
    params:
        earlier=config["cohort"]["phantoms"]["earlier"],


rule phantom_morphometry:
    """Measure phantoms beside published arteries."""
    input:
        centrelines=PATIENT_INPUTS.centrelines,
        published=resource_file("published_morphometry.csv"),
    output:
        csv=report(
            "results/tables/phantom_morphometry.csv",
            caption="../report/phantom_morphometry.rst",
            category="Cohort",
            labels={"result": "Phantoms, morphometry beside human arteries"},
        ),
        md="results/tables/phantom_morphometry.md",
    log:
        "logs/phantom_morphometry.log",
    benchmark:
        "results/benchmarks/phantom_morphometry.tsv"
    conda:
        "../../envs/figures.yaml"
    resources:
        mem_mb=memory("phantom_morphometry"),
        runtime=minutes("phantom_morphometry"),
    params:
        code=code_version.of_script("phantom_morphometry"),
        seeds=STUDY.measured_seeds,
    script:
        "../scripts/phantom_morphometry.py"


rule phantom_masks:
    """Compare the phantoms' Otsu masks with their exact arteries."""
    input:
        masks=stored("results/masks/{patient}.nii.gz", PHANTOMS),
        shares=stored("results/truth/{patient}.nii.gz", PHANTOMS),
        lesions=stored("results/truth/{patient}.json", PHANTOMS),
    output:
        report(
            "results/tables/phantom_masks.csv",
            caption="../report/phantom_masks.rst",
            category="Cohort",
            labels={"result": "Phantoms, Otsu masks against the exact arteries"},
        ),
    log:
        "logs/phantom_masks.log",
    benchmark:
        "results/benchmarks/phantom_masks.tsv"
    conda:
        "../../envs/preprocess.yaml"
    resources:
        mem_mb=memory("phantom_masks"),
        runtime=minutes("phantom_masks"),
    params:
        code=code_version.of_script("phantom_masks"),
        patients=PHANTOMS,
    script:
        "../scripts/phantom_masks.py"


rule phantom_sheet:
    """Draw phantoms beside each other."""
    input:
        volumes=stored("results/volumes/{patient}.nii", PHANTOMS[:3]),
        graphs=stored("results/truth/{patient}.vtp", PHANTOMS[:3]),
    output:
        png=report(
            "results/figures/phantoms.png",
            caption="../report/phantoms.rst",
            category="Cohort",
            labels={"result": "Phantoms, projections and surfaces"},
        ),
        pdf="results/figures/phantoms.pdf",
    log:
        "logs/phantom_sheet.log",
    benchmark:
        "results/benchmarks/phantom_sheet.tsv"
    conda:
        "../../envs/figures.yaml"
    resources:
        mem_mb=memory("phantom_sheet"),
        runtime=minutes("phantom_sheet"),
    params:
        code=code_version.of_script("phantom_sheet"),
        patients=PHANTOMS[:3],
        note=f"phantoms, {GRID}; surfaces of the exact arteries",
    script:
        "../scripts/phantom_sheet.py"


rule phantom_anatomy:
    """Draw a phantom's arteries with their names."""
    output:
        png=report(
            "results/figures/phantom_anatomy.png",
            caption="../report/phantom_anatomy.rst",
            category="Cohort",
            labels={"result": "A phantom's arteries, named"},
        ),
        pdf="results/figures/phantom_anatomy.pdf",
    log:
        "logs/phantom_anatomy.log",
    benchmark:
        "results/benchmarks/phantom_anatomy.tsv"
    conda:
        "../../envs/figures.yaml"
    resources:
        mem_mb=memory("phantom_anatomy"),
        runtime=minutes("phantom_anatomy"),
    params:
        code=code_version.of_script("phantom_anatomy"),
        seed=STUDY.first_seed,
        note=f"phantom of seed {STUDY.first_seed}, every artery filled",
    script:
        "../scripts/phantom_anatomy.py"
