# Phantom patients. Whoever has a DICOM folder of their own skips this stage.
rule phantom:
    input:
        centreline=phantom_centreline,
        code=sources.used_by("grow_phantom"),
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
        patient="|".join(PHANTOMS) or NOTHING,
    conda:
        "../../envs/preprocess.yaml"
    resources:
        mem_mb=megabytes(8),
        runtime=30,
    params:
        seed=phantom_seed,
        injection=config["cohort"]["phantoms"]["injection"],
        centre=config["cohort"]["phantoms"]["centre"],
        scanner=config["cohort"]["phantoms"]["scanner"],
        lesions=config["cohort"]["phantoms"]["lesions"],
        shape=config["volume"]["shape"],
        voxel_mm=config["volume"]["voxel_mm"],
    script:
        "../scripts/grow_phantom.py"
