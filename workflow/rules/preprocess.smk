# DICOM to volumes, projections and back-projections.
rule preprocess:
    """Make volumes, masks, projections and back-projections, without training."""
    input:
        stored(
            "results/backprojections/views-{views}/{patient}.sum.nii",
            PATIENTS,
            views=STUDY.stored_views("sum"),
        ),
        stored("results/projections/{patient}.nii", PATIENTS),
        "results/tables/mask_quality.csv",


# Made anew whenever it is asked for: no time stamp tells what changed deep in a folder.
rule inventory:
    """List the series of each patient of a sheet, and whether they can be read."""
    output:
        csv="results/tables/inventory.csv",
        md="results/tables/inventory.md",
    log:
        "logs/inventory.log",
    benchmark:
        "results/benchmarks/inventory.tsv"
    conda:
        "../../envs/preprocess.yaml"
    resources:
        mem_mb=memory("inventory"),
        runtime=minutes("inventory"),
    params:
        code=code_version.of_script("inventory"),
        patients=[*STUDY.inventoried],
        paths=[patient.dicom for patient in STUDY.inventoried.values()],
        choices=[STUDY.series_options(name) for name in STUDY.inventoried],
        grid=(config["volume"]["shape"], config["volume"]["voxel_mm"]),
        num_phantoms=len(PHANTOMS),
        asked_at=time.time(),
    script:
        "../scripts/inventory.py"


rule convert:
    """Read a patient's series and bring it to the study's grid."""
    input:
        dicom=PATIENT_INPUTS.dicom,
        within=PATIENT_INPUTS.folders,
    output:
        volume="results/volumes/{patient}.nii",
        source="results/sources/{patient}.json",
    log:
        "logs/convert/{patient}.log",
    benchmark:
        "results/benchmarks/convert/{patient}.tsv"
    priority: 1  # what cannot be read is known before the rest is computed
    conda:
        "../../envs/preprocess.yaml"
    threads: STUDY.slab_threads
    resources:
        mem_mb=DEMAND.conversion_memory,
        runtime=minutes("convert"),
    params:
        code=code_version.of_script("convert"),
        choice=PATIENT_INPUTS.series,
        files=PATIENT_INPUTS.files,
        shape=config["volume"]["shape"],
        voxel_mm=config["volume"]["voxel_mm"],
    script:
        "../scripts/convert.py"


# `project_cone_beam` makes line integrals beside maxima, for the methods that ask for them.
rule project:
    """Project a volume at all angles: its maxima (paper, section 2.1), or line integrals."""
    input:
        volume="results/volumes/{patient}.nii",
    output:
        "results/projections/{patient}.nii",
    log:
        "logs/project/{patient}.log",
    benchmark:
        "results/benchmarks/project/{patient}.tsv"
    conda:
        "../../envs/preprocess.yaml"
    threads: STUDY.slab_threads
    resources:
        mem_mb=memory("project"),
        runtime=minutes("project"),
    params:
        code=code_version.of_script("project"),
        imaging=PROJECTION.imaging,
        segmentation=PROJECTION.segmentation if PROJECTION.has_line_integrals else None,
    script:
        "../scripts/project.py"


use rule project as project_cone_beam with:
    output:
        "results/line_integrals/{patient}.nii",
    log:
        "logs/project_cone_beam/{patient}.log",
    benchmark:
        "results/benchmarks/project_cone_beam/{patient}.tsv"
    resources:
        mem_mb=memory("project_cone_beam"),
        runtime=minutes("project_cone_beam"),
    params:
        imaging=PROJECTION.in_cone_beam,
        segmentation=PROJECTION.segmentation,


rule back_project:
    """Back-project subsets of the views (paper, section 2.1)."""
    input:
        projections="results/projections/{patient}.nii",
    output:
        sum=expand(
            "results/backprojections/views-{views}/{{patient}}.sum.nii",
            views=STUDY.back_projected_views,
        ),
        min=expand(
            "results/backprojections/views-{views}/{{patient}}.min.nii",
            views=STUDY.stored_views("min"),
        ),
    log:
        "logs/back_project/{patient}.log",
    benchmark:
        "results/benchmarks/back_project/{patient}.tsv"
    conda:
        "../../envs/preprocess.yaml"
    threads: STUDY.slab_threads
    resources:
        mem_mb=memory("back_project"),
        runtime=minutes("back_project"),
    params:
        code=code_version.of_script("back_project"),
        imaging=PROJECTION.imaging,
        view_counts=STUDY.back_projected_views,
    script:
        "../scripts/back_project.py"
