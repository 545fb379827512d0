# More phantoms than patients, so that networks learn how arteries run and not how a few of them do.
rule training_pool:
    """Make phantoms that only train: their projections and masks."""
    output:
        "results/pool/{batch}.npz",
    log:
        "logs/training_pool/{batch}.log",
    benchmark:
        "results/benchmarks/training_pool/{batch}.tsv"
    wildcard_constraints:
        batch=r"\d+",
    conda:
        "../../envs/preprocess.yaml"
    resources:
        mem_mb=memory("training_pool"),
        runtime=minutes("training_pool"),
    params:
        code=code_version.of_script("training_pool"),
        seeds=batch_seeds,
        injection=config["cohort"]["phantoms"]["injection"],
        centre=config["cohort"]["phantoms"]["centre"],
        scanner=config["cohort"]["phantoms"]["scanner"],
        lesions=config["cohort"]["phantoms"]["lesions"],
        voxel_mm=config["volume"]["voxel_mm"],
        imaging=PROJECTION.imaging,
        window=config["masks"]["window"],
        classes=config["masks"]["classes"],
        limits=STUDY.mask_limits,
    script:
        "../scripts/training_pool.py"


# One model for each method, view count and seed. `train` is `fit` with a GPU, `adapt` starts from
# the model of another entry.
rule fit:
    """Fit a method: `train` trains a network on a GPU, `adapt` starts from another method's model."""
    input:
        unpack(JOBS.fit_inputs),
    output:
        model="results/models/{method}/views-{views}/seed-{seed}/model.pt",
        history="results/models/{method}/views-{views}/seed-{seed}/history.csv",
    log:
        "logs/fit/{method}/views-{views}/seed-{seed}.log",
    benchmark:
        "results/benchmarks/fit/{method}/views-{views}/seed-{seed}.tsv"
    wildcard_constraints:
        method="|".join(RUNS.without_network) or NEVER_MATCH,
    conda:
        "../../envs/training.yaml"
    resources:
        mem_mb=memory("fit"),
        runtime=minutes("fit"),
    params:
        code=JOBS.fit_code,
        settings=JOBS.settings,
        seed=JOBS.seed,
        imaging=PROJECTION.imaging,
        views=JOBS.example_views,
        recomputed=STUDY.recomputed,
        cone_beam=JOBS.used_cone_beam,
        torch_threads=JOBS.torch_threads,
        renewed=JOBS.renewed_examples,
    script:
        "../scripts/fit.py"


use rule fit as train with:
    log:
        "logs/train/{method}/views-{views}/seed-{seed}.log",
    benchmark:
        "results/benchmarks/train/{method}/views-{views}/seed-{seed}.tsv"
    wildcard_constraints:
        method="|".join(RUNS.trained) or NEVER_MATCH,
    threads: DEMAND.training_threads
    resources:
        mem_mb=memory("train"),
        runtime=minutes("train"),
        gpu=1,
        gpu_model=config["resources"]["gpu_model"],


# Not of a cluster's group of short jobs: all view counts wait for it.
use rule fit as adapt with:
    log:
        "logs/adapt/{method}/views-{views}/seed-{seed}.log",
    benchmark:
        "results/benchmarks/adapt/{method}/views-{views}/seed-{seed}.tsv"
    wildcard_constraints:
        method="|".join(RUNS.adapted) or NEVER_MATCH,
    threads: DEMAND.network_threads
    resources:
        mem_mb=memory("adapt"),
        runtime=minutes("adapt"),


rule calibrate:
    """Fit temperatures of a model's probabilities on patients held back from its training."""
    input:
        unpack(JOBS.calibration_inputs),
    output:
        "results/models/{method}/views-{views}/seed-{seed}/calibration.json",
    log:
        "logs/calibrate/{method}/views-{views}/seed-{seed}.log",
    benchmark:
        "results/benchmarks/calibrate/{method}/views-{views}/seed-{seed}.tsv"
    conda:
        "../../envs/training.yaml"
    threads: DEMAND.network_threads
    resources:
        mem_mb=memory("calibrate"),
        runtime=minutes("calibrate"),
    params:
        code=JOBS.calibrate_code,
        settings=JOBS.settings,
        seed=JOBS.seed,
        imaging=PROJECTION.imaging,
        views=JOBS.calibration_views,
        patients=JOBS.calibration_patients,
        recomputed=STUDY.recomputed,
        cone_beam=JOBS.used_cone_beam,
        torch_threads=JOBS.torch_threads,
    script:
        "../scripts/calibrate.py"
