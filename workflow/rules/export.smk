# Reconstructions for the clinic's archive: made on request, for they carry the patient's identity.
rule segmentations:
    """Export reconstructions of the test patients as DICOM SEG, and their probabilities."""
    input:
        FEWEST_VIEWS.each(
            "results/segmentations/{method}/views-{views}/{patient}.dcm", patient=TEST
        ),
        FEWEST_VIEWS.only(RUNS.probabilistic).each(
            "results/probability_maps/{method}/views-{views}/{patient}.dcm", patient=TEST
        ),


rule export_segmentation:
    """Export a reconstruction as DICOM SEG of its source series."""
    input:
        dicom=PATIENT_INPUTS.dicom,
        reconstruction="results/reconstructions/{method}/views-{views}/"
        f"seed-{SEEDS[0]}/{{patient}}.nii.gz",
    output:
        "results/segmentations/{method}/views-{views}/{patient}.dcm",
    log:
        "logs/export_segmentation/{method}/views-{views}/{patient}.log",
    benchmark:
        "results/benchmarks/export_segmentation/{method}/views-{views}/{patient}.tsv"
    conda:
        "../../envs/preprocess.yaml"
    resources:
        mem_mb=memory("export_segmentation"),
        runtime=minutes("export_segmentation"),
    params:
        code=code_version.of_script("export_segmentation"),
        choice=PATIENT_INPUTS.series,
        learned=RUNS.learned,
    script:
        "../scripts/export_segmentation.py"


rule export_probability_map:
    """Export a reconstruction's probabilities as DICOM Parametric Map of its source series."""
    input:
        dicom=PATIENT_INPUTS.dicom,
        reconstruction="results/reconstructions/{method}/views-{views}/"
        f"seed-{SEEDS[0]}/{{patient}}.nii.gz",
    output:
        "results/probability_maps/{method}/views-{views}/{patient}.dcm",
    log:
        "logs/export_probability_map/{method}/views-{views}/{patient}.log",
    benchmark:
        "results/benchmarks/export_probability_map/{method}/views-{views}/{patient}.tsv"
    wildcard_constraints:
        method=one_of(RUNS.probabilistic),
    conda:
        "../../envs/preprocess.yaml"
    resources:
        mem_mb=memory("export_probability_map"),
        runtime=minutes("export_probability_map"),
    params:
        code=code_version.of_script("export_probability_map"),
        choice=PATIENT_INPUTS.series,
        calibrated=RUNS.calibrated,
    script:
        "../scripts/export_probability_map.py"
