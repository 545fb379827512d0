# Phantom patients. Whoever has a DICOM folder of their own skips this stage.
rule phantom:
    input:
        code=sources.used_by("grow_phantom"),
    output:
        directory("results/dicom/{patient}"),
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
        shape=config["volume"]["shape"],
        voxel_mm=config["volume"]["voxel_mm"],
    script:
        "../scripts/grow_phantom.py"
