# Test patients through each fitted method, and their surfaces.
rule meshes:
    """Make the surfaces of all reconstructions of the first seed, and of the masks."""
    input:
        RUNS.each(
            "results/meshes/{method}/views-{views}/{patient}.{suffix}",
            patient=TEST,
            suffix=["stl", "vtp"],
        ),
        expand("results/meshes/truth/{patient}.{suffix}", patient=TEST, suffix=["stl", "vtp"]),


rule reconstruct:
    """Reconstruct test patients: all in one job, or by `reconstruct_patient` each in its own."""
    input:
        unpack(JOBS.reconstruct_inputs),
    output:
        volumes=expand(
            "results/reconstructions/{{method}}/views-{{views}}/seed-{{seed}}/{patient}.nii.gz",
            patient=TEST,
        ),
    log:
        "logs/reconstruct/{method}/views-{views}/seed-{seed}.log",
    benchmark:
        "results/benchmarks/reconstruct/{method}/views-{views}/seed-{seed}.tsv"
    wildcard_constraints:
        method="|".join(RUNS.together) or NEVER_MATCH,
    conda:
        "../../envs/training.yaml"
    threads: DEMAND.network_threads
    resources:
        mem_mb=memory("reconstruct"),
        runtime=minutes("reconstruct"),
    params:
        code=JOBS.reconstruct_code,
        settings=JOBS.settings,
        seed=JOBS.seed,
        imaging=PROJECTION.imaging,
        views=JOBS.patients_views,
        patients=JOBS.patients,
        recomputed=STUDY.recomputed,
        cone_beam=JOBS.used_cone_beam,
        torch_threads=JOBS.torch_threads,
    script:
        "../scripts/reconstruct.py"


# A method that is fitted to each patient: hours, on a GPU if it uses one, resumable as a training.
use rule reconstruct as reconstruct_patient with:
    input:
        unpack(JOBS.reconstruct_inputs),
    output:
        volumes="results/reconstructions/{method}/views-{views}/seed-{seed}/{patient}.nii.gz",
        beside=directory("results/reconstructions/{method}/views-{views}/seed-{seed}/{patient}"),
    log:
        "logs/reconstruct_patient/{method}/views-{views}/seed-{seed}/{patient}.log",
    benchmark:
        "results/benchmarks/reconstruct_patient/{method}/views-{views}/seed-{seed}/{patient}.tsv"
    wildcard_constraints:
        method="|".join(RUNS.one_by_one) or NEVER_MATCH,
    threads: DEMAND.training_threads
    resources:
        mem_mb=memory("reconstruct_patient"),
        runtime=minutes("reconstruct_patient"),
        gpu=JOBS.gpus,
        gpu_model=JOBS.gpu_model,


rule mesh:
    """Extract surfaces for 3D Slicer or ParaView: of reconstructions, by `mesh_truth` of masks."""
    input:
        volumes=expand(
            "results/reconstructions/{{method}}/views-{{views}}/seed-{seed}/{patient}.nii.gz",
            seed=SEEDS[0],
            patient=TEST,
        ),
        own=JOBS.own_surfaces,
    output:
        stl=expand("results/meshes/{{method}}/views-{{views}}/{patient}.stl", patient=TEST),
        vtp=expand("results/meshes/{{method}}/views-{{views}}/{patient}.vtp", patient=TEST),
    log:
        "logs/mesh/{method}/views-{views}.log",
    benchmark:
        "results/benchmarks/mesh/{method}/views-{views}.tsv"
    conda:
        "../../envs/figures.yaml"
    resources:
        mem_mb=memory("mesh"),
        runtime=minutes("mesh"),
    params:
        code=code_version.of_script("mesh"),
    script:
        "../scripts/mesh.py"


use rule mesh as mesh_truth with:
    input:
        volumes=stored("results/masks/{patient}.nii.gz", TEST),
    output:
        stl=stored("results/meshes/truth/{patient}.stl", TEST),
        vtp=stored("results/meshes/truth/{patient}.vtp", TEST),
    log:
        "logs/mesh/truth.log",
    benchmark:
        "results/benchmarks/mesh/truth.tsv"
    resources:
        mem_mb=memory("mesh_truth"),
        runtime=minutes("mesh_truth"),
