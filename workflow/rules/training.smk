# One model for each method, view count and seed. `train` is `fit` with a GPU, `adapt` starts from
# the model of another entry.
rule fit:
    """Fit a method: `train` trains a network on a GPU, `adapt` starts from another method's model."""
    input:
        unpack(fit_inputs),
    output:
        model="results/models/{method}/views-{views}/seed-{seed}/model.pt",
        history="results/models/{method}/views-{views}/seed-{seed}/history.csv",
    log:
        "logs/fit/{method}/views-{views}/seed-{seed}.log",
    benchmark:
        "results/benchmarks/fit/{method}/views-{views}/seed-{seed}.tsv"
    wildcard_constraints:
        method="|".join(UNTRAINED) or NEVER_MATCH,
    conda:
        "../../envs/training.yaml"
    resources:
        mem_mb=memory("fit"),
        runtime=minutes("fit"),
    params:
        code=fit_code,
        settings=settings_of,
        seed=training_seed,
        projections=config["projections"],
        views=example_views,
        recomputed=RECOMPUTED,
        cone_beam=cone_beam_of,
    script:
        "../scripts/fit.py"


use rule fit as train with:
    log:
        "logs/train/{method}/views-{views}/seed-{seed}.log",
    benchmark:
        "results/benchmarks/train/{method}/views-{views}/seed-{seed}.tsv"
    wildcard_constraints:
        method="|".join(TRAINED) or NEVER_MATCH,
    threads: training_threads
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
        method="|".join(ADAPTED) or NEVER_MATCH,
    resources:
        mem_mb=memory("adapt"),
        runtime=minutes("adapt"),


rule calibrate:
    """Fit temperatures of a model's probabilities on patients held back from its training."""
    input:
        unpack(calibration_inputs),
    output:
        "results/models/{method}/views-{views}/seed-{seed}/calibration.json",
    log:
        "logs/calibrate/{method}/views-{views}/seed-{seed}.log",
    benchmark:
        "results/benchmarks/calibrate/{method}/views-{views}/seed-{seed}.tsv"
    conda:
        "../../envs/training.yaml"
    threads: SLAB_THREADS
    resources:
        mem_mb=memory("calibrate"),
        runtime=minutes("calibrate"),
    params:
        code=calibrate_code,
        settings=settings_of,
        seed=training_seed,
        projections=config["projections"],
        views=calibration_views,
        patients=calibration_patients,
        recomputed=RECOMPUTED,
        cone_beam=cone_beam_of,
    script:
        "../scripts/calibrate.py"
