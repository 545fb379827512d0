"""What jobs ask for: enough for what was measured, not far more, by the shape of the volumes."""

import re
from dataclasses import replace

import pandas as pd
import pytest
import yaml
from angiovox.errors import InputError
from angiovox_pipeline import cohort, resources
from angiovox_pipeline.resources import Scale
from conftest import ROOT, snakemake, tiny

COHORT = {"pool_batch": 25, "patients": 3, "phantoms": 3, "train": 2, "calibration": 1, "test": 1}
COHORT |= {"trees": 20, "methods": 9}
VIEWS = {64: 1, 192: 1, 384: 7}
UNETS = pd.read_csv(ROOT / "benchmarks/unet_reconstruction.csv").assign(rule="reconstruct_trained")
JOBS = pd.concat([pd.read_csv(ROOT / "benchmarks/demand.csv"), UNETS])
JOBS["rule"] = JOBS["rule"].replace("train", "train_cpu")  # what was measured had no GPU
MEASURED = (
    JOBS.groupby(["rule", "shape"])[["peak_mb", "seconds", "cpu_seconds"]].max().reset_index()
)
STORED = pd.read_csv(ROOT / "benchmarks/demand_stored.csv")
HOURS = {
    "train",
    "train_cpu",
    "reconstruct_patient",
    "reconstruct_patient_transfer",
}  # as many as the config says
RULES = re.findall(
    r"^(?:use rule \w+ as|rule) (\w+)(?: with)?:(?=(?:(?!^rule |^use rule ).)*?\bmem_mb=)",
    "\n".join(path.read_text() for path in sorted((ROOT / "workflow/rules").glob("*.smk"))),
    re.M | re.S,
)
A6000_NODE_MB = 64_000  # of host memory for each GPU
PARTITION_HOURS = 24


def scale(shape: int = 64, **changes: float) -> Scale:
    """The study that was measured at a shape."""
    return Scale(shape, 90, 12, **{"views": VIEWS.get(shape, 7)} | COHORT | changes)


def paper() -> Scale:
    config = yaml.safe_load((ROOT / "config/paper.yaml").read_text())
    count, test = config["cohort"]["phantoms"]["count"], config["cohort"]["test_patients"]
    counts = {"patients": count, "phantoms": count, "train": count - test, "test": test}
    counts["calibration"] = config["cohort"]["calibration_patients"]
    shape, hours = config["volume"]["shape"], config["resources"]["training_hours"]
    return replace(scale(shape, **counts), training_hours=hours)


def jobs(leave_out: frozenset[str] = frozenset()) -> list:
    rows = MEASURED[MEASURED["rule"].isin(set(resources.MEASURED_USAGE) - leave_out)]
    return [pytest.param(row, id=f"{row.rule}-{row.shape}") for row in rows.itertuples()]


# Enough, and not far more


@pytest.mark.parametrize("job", jobs())
def test_memory_covers_what_was_measured_and_is_not_far_more(job):
    asked = resources.memory_mb(job.rule, scale(job.shape)) - resources.SNAKEMAKE_MB
    assert 1.1 * job.peak_mb <= asked <= 3 * job.peak_mb


@pytest.mark.parametrize("job", jobs(leave_out=frozenset(HOURS)))
def test_run_time_covers_what_was_measured(job):
    """On a busy machine too; and it is no queue's longest, which a scheduler starts last."""
    asked = resources.minutes(job.rule, scale(job.shape))
    assert 60 * asked >= max(3 * job.cpu_seconds, job.seconds)
    assert asked <= max(resources.MIN_MINUTES, 0.5 * job.cpu_seconds)


@pytest.mark.parametrize("shape", [64, 384])
def test_most_rules_are_measured_at_the_shape(shape):
    measured = set(MEASURED.loc[MEASURED["shape"] == shape, "rule"])
    assert len(measured & set(resources.MEASURED_USAGE)) > 15


@pytest.mark.parametrize("output", list(STORED.itertuples()), ids=lambda r: f"{r.kind}-{r.shape}")
def test_disk_covers_what_was_left_there(output):
    if output.kind in resources.MEASURED_STORAGE:
        stored = resources.stored_mb(f"{output.kind}/p", scale(output.shape))
        assert stored >= output.mb
        if output.kind != "reconstructions":  # a network's compress far less than a threshold's
            assert stored <= max(3 * output.mb, 10)


# Every rule and kind of output


def test_every_rule_has_an_entry_and_asks_by_it():
    assert len(RULES) > 15
    assert not [rule for rule in RULES if rule not in resources.MEASURED_USAGE]
    text = "".join(path.read_text() for path in (ROOT / "workflow/rules").glob("*.smk"))
    asked = set(re.findall(r"mem_mb=(\S+),", text)) - {"DEMAND.conversion_memory"}
    assert asked == {f'memory("{rule}")' for rule in RULES if rule != "convert"}
    assert set(re.findall(r"runtime=(\S+),", text)) == {f'minutes("{rule}")' for rule in RULES}


def test_every_output_has_a_kind():
    text = "".join(path.read_text() for path in (ROOT / "workflow/rules").glob("*.smk"))
    kinds = set(re.findall(r"results/(\w+)[/\"]", text)) - {"benchmarks"}
    assert kinds | {""} == set(resources.MEASURED_STORAGE)


def test_an_entry_goes_through_counts_that_there_are():
    counts = {job.volumes for job in resources.MEASURED_USAGE.values()} - {""}
    assert counts <= set(Scale.__dataclass_fields__)


# Shape, cohort, attempt


@pytest.mark.parametrize("rule", resources.MEASURED_USAGE)
def test_nothing_shrinks_with_the_shape_or_the_attempt(rule):
    scales = [scale(shape, views=7) for shape in (16, 64, 128, 384, 512)]
    for attempt in (1, 2, 3):
        memory = [resources.memory_mb(rule, given, attempt) for given in scales]
        time = [resources.minutes(rule, given, attempt) for given in scales]
        assert memory == sorted(memory) and time == sorted(time)
    once, again = (resources.memory_mb(rule, scales[2], attempt) for attempt in (1, 2))
    assert again == pytest.approx(2 * once, abs=2)
    twice = resources.minutes(rule, scales[2], 2)
    assert twice == resources.minutes(rule, scales[2]) * (1 if rule in HOURS else 2)


def test_a_job_that_goes_through_more_volumes_has_more_time_and_no_more_memory():
    few, many = scale(384), scale(384, test=100, train=100, patients=200)
    for rule in ("fit", "evaluate", "reconstruct", "mask_quality"):
        assert resources.minutes(rule, many) > resources.minutes(rule, few)
        assert resources.memory_mb(rule, many) == resources.memory_mb(rule, few)


def test_more_view_counts_take_memory_where_all_are_in_work():
    """back_project writes slabs of all, figure4 holds all masks, biplane those of methods."""
    held = (("back_project", 0.5, "views"), ("figure4", 0.2, "views"), ("biplane", 0.2, "methods"))
    for rule, copies, count in held:
        more = resources.memory_mb(rule, scale(384, **{count: 20}))
        assert more > resources.memory_mb(rule, scale(384)) + 11 * copies * scale(384).volume_mb


def test_a_series_larger_than_the_study_takes_more_memory():
    small, large = (resources.memory_mb("convert", scale(), 1, series) for series in (0, 1000))
    assert large - small > 10_000


def test_more_projections_take_more_room():
    many = replace(scale(), projections=720)
    assert resources.stored_mb("projections/p.nii", many) == pytest.approx(
        8 * resources.stored_mb("projections/p.nii", scale())
    )
    assert resources.memory_mb("project", many) > resources.memory_mb("project", scale())


# A machine that is too small


def test_a_job_that_cannot_fit_is_refused_with_the_figures():
    rules = ["mask", "back_project", "evaluate"]
    with pytest.raises(InputError, match=r"volume.shape: 2048: .*back_project.* GB.* 16 GB"):
        resources.check_memory(rules, scale(2048), 16_000)
    resources.check_memory(rules, scale(384), 16_000)
    resources.check_memory([], scale(2048), 1)


def test_what_fits_without_room_is_not_refused():
    """Memory asked for has room on top; the machine need not."""
    asked = resources.memory_mb("back_project", scale(384))
    resources.check_memory(["back_project"], scale(384), asked / 1.3)
    with pytest.raises(InputError):
        resources.check_memory(["back_project"], scale(384), asked / 3)


def test_a_volume_larger_than_the_machine_is_refused_before_any_job(fresh):
    config = {"volume": {"shape": 20_000, "voxel_mm": 0.01}}
    done = tiny(fresh, "results/volumes/phantom-001.nii", **config)
    assert done.returncode != 0
    assert "needs about" in done.stdout or "GB of memory, this machine has" in done.stdout
    assert not (fresh / "results" / "dicom").exists()


# The paper's scale


def test_the_papers_scale_fits_a_node_that_has_an_a6000():
    for rule in resources.MEASURED_USAGE:
        assert resources.memory_mb(rule, paper(), attempt=2) <= A6000_NODE_MB, rule
        assert resources.minutes(rule, paper()) <= 60 * PARTITION_HOURS, rule


def test_the_papers_dry_run_says_what_each_job_asks_for(fresh):
    done = snakemake(fresh, "-n", "--quiet", "host", "--configfile", "config/paper.yaml")
    assert done.returncode == 0, done.stdout
    shown = re.findall(r"^rule (\w+):.*?resources: (.*?)$", done.stdout, re.M | re.S)
    asked = {rule: dict(re.findall(r"(\w+)=(\d+)", line)) for rule, line in shown}
    assert len(asked) > 15
    for rule in set(asked) & set(resources.MEASURED_USAGE) - {"reconstruct"}:
        assert int(asked[rule]["mem_mb"]) == resources.memory_mb(rule, paper()), rule
        assert int(asked[rule]["runtime"]) == resources.minutes(rule, paper()), rule


def test_a_network_asks_for_more_than_a_threshold(fresh):
    done = snakemake(fresh, "-n", "--quiet", "host", "--configfile", "config/paper.yaml")
    job = r"^rule reconstruct:.*?wildcards: method=(\w+).*?mem_mb=(\d+)"
    memory = {method: int(mb) for method, mb in re.findall(job, done.stdout, re.M | re.S)}
    assert memory["dae"] > 2 * memory["hull"] and memory["hull"] == memory["backprojection"]


def test_the_cohort_of_the_papers_config_is_the_one_meant_here():
    config = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    given = yaml.safe_load((ROOT / "config/paper.yaml").read_text())["cohort"]
    config["cohort"] |= given | {"phantoms": config["cohort"]["phantoms"] | given["phantoms"]}
    splits = [patient.split for patient in cohort.read_cohort(config)]
    assert (splits.count("train"), splits.count("test")) == (paper().train, paper().test)
