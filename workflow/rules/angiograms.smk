# From runs of a patient to arteries in 3D, and what is known of them: made on request.
rule angiograms:
    """Reconstruct the arteries of each patient of the sheet of angiograms: files and a page."""
    input:
        ANGIOGRAM_INPUTS.every,


rule reconstruct_angiograms:
    """Read a patient's runs, calibrate where the C-arm stood, and reconstruct the arteries."""
    input:
        runs=ANGIOGRAM_INPUTS.runs,
        folders=ANGIOGRAM_INPUTS.folders,
        weights=resource_file("angiogram_network"),
    output:
        measurement="results/angiograms/{patient}/reconstruction/measurement.npz",
        calibration="results/angiograms/{patient}/reconstruction/calibration.json",
        probability="results/angiograms/{patient}/reconstruction/probability.nii.gz",
    log:
        "logs/reconstruct_angiograms/{patient}.log",
    benchmark:
        "results/benchmarks/reconstruct_angiograms/{patient}.tsv"
    wildcard_constraints:
        patient=one_of(STUDY.angiograms),
    conda:
        "../../envs/angiograms.yaml"
    threads: angiograms.THREADS
    resources:
        mem_mb=memory("reconstruct_angiograms"),
        runtime=minutes("reconstruct_angiograms"),
    params:
        code=code_version.of_script("reconstruct_angiograms"),
        files=ANGIOGRAM_INPUTS.files,
        frames=ANGIOGRAM_INPUTS.frames,
        weights=angiograms.digest_of_weights(),
        voxel_mm=config["angiograms"]["voxel_mm"],
        calibrate=config["angiograms"]["calibrate"],
    script:
        "../scripts/reconstruct_angiograms.py"


rule present_angiograms:
    """Find what is known and what is guessed, the next angle, and write all files and the page."""
    input:
        runs=ANGIOGRAM_INPUTS.identity,
        measurement="results/angiograms/{patient}/reconstruction/measurement.npz",
        calibration="results/angiograms/{patient}/reconstruction/calibration.json",
        probability="results/angiograms/{patient}/reconstruction/probability.nii.gz",
        scales=resource_file("angiogram_network/configs/calibration.json"),
    output:
        files=directory("results/angiograms/{patient}/files"),
    log:
        "logs/present_angiograms/{patient}.log",
    benchmark:
        "results/benchmarks/present_angiograms/{patient}.tsv"
    wildcard_constraints:
        patient=one_of(STUDY.angiograms),
    conda:
        "../../envs/angiograms.yaml"
    threads: angiograms.THREADS
    resources:
        mem_mb=memory("present_angiograms"),
        runtime=minutes("present_angiograms"),
    params:
        code=code_version.of_script("present_angiograms"),
        calibrated=config["angiograms"]["calibrate"],
        identify=config["angiograms"]["identify"],
    script:
        "../scripts/present_angiograms.py"
