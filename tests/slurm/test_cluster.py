"""The study through a real SLURM: what it runs, what it refuses, and what survives."""

import re
import signal
import tempfile
from itertools import pairwise
from pathlib import Path

import pytest
from conftest import tiny
from plans import PHANTOMS
from slurm import Cluster, wait_for, why_not
from slurm_runs import (
    copy,
    epochs_logged,
    finish,
    run,
    running,
    sbatch,
    start,
    state,
    tables,
)

LONG = 150  # epochs: enough to be caught at the sixth
TRAINING = {"methods": {"dae": {"epochs": LONG}}}
MODELS = [f"results/models/dae/views-{views}/seed-1/model.pt" for views in (10, 2)]
VOLUME = "results/volumes/phantom-001.nii"
OF_TRAINING = re.compile(r"rule_train(?!ing_pool)")  # comment of a job


@pytest.fixture(scope="module")
def cluster():
    if why_not():
        pytest.skip(why_not())
    with tempfile.TemporaryDirectory(prefix="slurm-") as folder, Cluster(Path(folder) / "c") as it:
        yield it


@pytest.fixture(scope="module")
def through_slurm(cluster, clone, tmp_path_factory):
    """The tiny study through the shipped profile: its folder and the jobs it was."""
    folder = copy(clone, tmp_path_factory.mktemp("slurm") / "study")
    done = run(cluster, folder)
    assert done.returncode == 0, done.stdout
    return folder, cluster.jobs(folder)


# The study


def test_every_job_completes_and_the_tables_are_the_workstations(through_slurm, study):
    folder, jobs = through_slurm
    assert {job["JobState"] for job in jobs} == {"COMPLETED"}
    assert tables(folder) == tables(study)
    assert len(tables(folder)) >= 9


def test_short_jobs_of_a_patient_are_one_submission(through_slurm):
    _, jobs = through_slurm
    assert sum(job["Comment"].startswith("rule_patient_") for job in jobs) == len(PHANTOMS)


def test_trainings_hold_the_gpu_and_nothing_else_does(through_slurm):
    _, jobs = through_slurm
    trainings = [job for job in jobs if OF_TRAINING.search(job["Comment"])]
    assert len(trainings) == 4  # of dae two, of unet one for both view counts, of cgan one
    for job in trainings:
        assert (job["TresPerJob"], job["NodeList"]) == ("gres:gpu:a6000:1", "gpu1"), job
    for job in jobs:
        if job not in trainings:
            assert "gpu" not in f"{job.get('TresPerJob')} {job['NodeList']}", job


def test_no_two_trainings_share_the_card(through_slurm):
    _, jobs = through_slurm
    times = sorted((j["StartTime"], j["EndTime"]) for j in jobs if OF_TRAINING.search(j["Comment"]))
    assert all(end <= begin for (_, end), (begin, _) in pairwise(times))


# Refused before anything is submitted

NO_NODE = "Requested node configuration is not available"
REFUSED = {
    "two GPUs": (
        ("--set-resources", "train:gpu=2"),
        {},
        f"train: SLURM.*{NO_NODE}.*2 GPUs",
    ),
    "another model": ((), {"gpu_model": "a100"}, "train: no partition of .*partitions.yaml.*a100"),
    "GPU on the CPU partition": (
        ("--set-resources", "train:slurm_partition=cpu"),
        {},
        f"train: SLURM refuses.*{NO_NODE}.*in partition cpu",
    ),
    "more memory than a node": (
        ("--set-resources", "train:mem_mb=100000"),
        {},
        "train: SLURM refuses.*100000 MB",
    ),
    "more memory than the file allows": (
        ("--set-resources", "train:mem_mb=9000000"),
        {},
        "train: no partition of .*9000000 MB",
    ),
    "no such partition": (
        ("--set-resources", "train:slurm_partition=gpuu"),
        {},
        "train: SLURM refuses.*invalid partition.*partitions here: cpu, gpu",
    ),
    "misspelt rule": (("--set-resources", "trian:gpu=1"), {}, "rule 'trian'; did you mean 'train'"),
    "misspelt resource": (("--set-resources", "train:gpus=1"), {}, "resource 'gpus'; did you mean"),
    "cores of this machine": (("--cores=2",), {}, "--workflow-profile profiles/slurm"),
    "misspelt key of a profile": (("--retreis=2",), {}, "unrecognized arguments: --retreis=2"),
    "sacct without accounting": (
        ("--slurm-status-command", "sacct"),
        {},
        "slurm-status-command: sacct cannot be asked here",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_can_never_run_is_refused_in_words(what, cluster, fresh):
    args, resources, words = REFUSED[what]
    given = {"training_hours": 1, "gpu_model": "a6000", **resources}
    before = len(cluster.jobs())
    done = run(cluster, fresh, *args, resources=given)
    assert done.returncode != 0
    assert re.search(words, done.stdout, re.DOTALL), done.stdout
    assert "Traceback" not in done.stdout
    assert len(cluster.jobs()) == before
    assert not (fresh / "results").exists()


@pytest.mark.parametrize(
    "options",
    [
        ("-p", "gpu", "--gpus=a6000:2"),
        ("-p", "gpu", "--gpus=a100:1"),
        ("-p", "cpu", "--gpus=a6000:1"),
        ("-p", "gpu", "--mem=100000"),
        ("-p", "cpu", "--gres=gpu:a6000:1"),
    ],
    ids=" ".join,
)
def test_slurm_itself_refuses_them_at_submission(options, cluster):
    assert NO_NODE in sbatch(cluster, *options)
    waiting = cluster.call("squeue", "-h", "--name=wrap")
    assert not waiting


def test_gres_is_the_other_spelling_of_a_gpu(cluster, finished):
    """The three lines that the profile has in a comment."""
    profile = finished / "profiles/slurm/config.yaml"
    text = profile.read_text()
    for key in ("gpu: 0", "gpu_model:", "gres:"):
        text = text.replace(f"    # {key}", f"    {key}")
    assert text.count("#") == profile.read_text().count("#") - 3
    profile.write_text(text)
    (finished / MODELS[0]).unlink()
    done = run(cluster, finished, MODELS[0])
    assert done.returncode == 0, done.stdout
    job = cluster.jobs(finished)[-1]
    assert "rule_train" in job["Comment"]
    assert (job["NodeList"], job["TresPerNode"]) == ("gpu1", "gres:gpu:a6000:1")


def test_a_job_whose_only_node_is_drained_is_named_and_waits(cluster, finished):
    (finished / MODELS[0]).unlink()
    cluster.call("scontrol", "update", "nodename=gpu1", "state=drain", "reason=test")
    try:
        process = start(cluster, finished, MODELS[0])
        job = wait_for(lambda: cluster.jobs(finished), "a submission")[0]["JobId"]
        assert wait_for(lambda: _pending(cluster, job), "the job to wait").startswith("PENDING (")
    finally:
        cluster.call("scontrol", "update", "nodename=gpu1", "state=resume")
    said = finish(process, finished)
    assert "train: no node that is up can run this job" in said
    assert "gpu1 (drained) cannot be had just now" in said


# What dies goes on


def test_a_job_that_dies_of_memory_is_submitted_anew_with_more(cluster, finished):
    (finished / "results/figures/figure4.png").unlink()
    done = run(
        cluster,
        finished,
        "results/figures/figure4.png",
        *("--set-resources", "figure4:mem_mb=400 if attempt == 1 else 4000"),
    )
    assert done.returncode == 0, done.stdout
    first, second = cluster.jobs(finished)
    assert (first["JobState"], second["JobState"]) == ("FAILED", "COMPLETED")
    assert [job["TRES"].split("mem=")[1].split(",")[0] for job in (first, second)] == [
        "400M",
        "4000M",
    ]


@pytest.fixture(scope="module")
def disturbed(cluster, study, tmp_path_factory):
    """Two trainings: the first meets its time limit, the second loses its node."""
    folder = copy(study, tmp_path_factory.mktemp("disturbed") / "study")
    process = start(cluster, folder, *MODELS, **TRAINING)
    seen = {}
    try:
        first = _caught(cluster, folder, "rule_train")
        cluster.call("scontrol", "update", f"jobid={first['JobId']}", "timelimit=2")
        wait_for(lambda: "stopped after" in log_of(folder, first), "SLURM's warning")
        seen["limited"] = first["JobId"]
        other = 12 - views_of(first)
        second = _caught(cluster, folder, f"rule_train_wildcards_dae_{other}")
        cluster.lose_node("gpu1")
        seen["lost"] = second["JobId"]
        seen["reason"] = wait_for(lambda: _pending(cluster, second["JobId"]), "the job to wait")
        cluster.bring_back("gpu1")
        cluster.requeue_now(second["JobId"])
        finish(process, folder)
    finally:
        process.kill()
        if "lost" in seen:
            cluster.bring_back("gpu1")
    return folder, seen


def _caught(cluster, folder, rule):
    """A training's job, its process held after some epochs: SLURM looks at time limits twice a
    minute, and so short a training would be over. Its warning lets the process go on."""
    job = running(cluster, rule, folder)
    wait_for(lambda: epochs_logged(folder, views_of(job)) > 5, "some epochs")
    [process] = cluster.processes("gpu1", "fit.py")
    process.suspend()
    return job


def _pending(cluster, job):
    """Why a job waits, as squeue shows it; nothing while it does not."""
    shown = cluster.call("squeue", "-h", "-j", job, "-o", "%T %R", check=False).strip()
    return shown if shown.startswith("PENDING (") and "(None)" not in shown else None


def test_a_training_at_its_time_limit_goes_on_in_the_next_submission(disturbed, cluster):
    folder, seen = disturbed
    job = state(cluster, seen["limited"])
    assert job["JobState"] in ("FAILED", "TIMEOUT")
    assert "resuming" in log_of(folder, job)


def test_a_training_that_lost_its_node_waits_visibly_and_goes_on(disturbed, cluster):
    folder, seen = disturbed
    job = state(cluster, seen["lost"])
    told = f"{job}\n{log_of(folder, job)}\n{(folder / 'terminal.txt').read_text()}"
    assert (job["JobState"], job["NodeList"]) == ("COMPLETED", "gpu1"), told
    assert int(job["Restarts"]) >= 1
    assert seen["reason"].startswith("PENDING (")
    assert "resuming" in log_of(folder, job)


def test_disturbed_trainings_end_with_the_weights_of_undisturbed_ones(disturbed, study, tmp_path):
    import torch
    from angiovox.io.model_files import load_model

    folder, _ = disturbed
    calm = copy(study, tmp_path / "calm")
    done = tiny(calm, *MODELS, **TRAINING)
    assert done.returncode == 0, done.stdout
    for model in MODELS:
        ours, theirs = (load_model(place / model)["network"] for place in (folder, calm))
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(ours[name], theirs[name]) for name in ours), model


def test_a_job_on_a_lost_node_runs_again_on_another(cluster, fresh):
    process = start(cluster, fresh, VOLUME)
    try:
        job = running(cluster, "rule_patient", fresh)
        lost = job["NodeList"]
        cluster.lose_node(lost)
        wait_for(
            lambda: state(cluster, job["JobId"])["NodeList"] != lost, "the job off the lost node"
        )
        cluster.requeue_now(job["JobId"])
        finish(process, fresh)
    finally:
        process.kill()
        cluster.bring_back(lost)
    ended = state(cluster, job["JobId"])
    assert ended["JobState"] == "COMPLETED" and ended["NodeList"] not in ("", "(null)", lost)


def test_a_lost_login_session_costs_nothing(cluster, fresh):
    """Its jobs go on; a new session is told of the lock, then of the jobs, then does the rest."""
    process = start(cluster, fresh, VOLUME)
    job = running(cluster, "rule_patient", fresh)
    cluster.call("scontrol", "suspend", job["JobId"])  # or it might end before it is looked for
    process.send_signal(signal.SIGKILL)
    process.wait()
    locked = run(cluster, fresh, VOLUME)
    assert locked.returncode != 0 and "--unlock" in locked.stdout
    assert run(cluster, fresh, "--unlock").returncode == 0
    refused = run(cluster, fresh, VOLUME)
    assert refused.returncode != 0
    assert f"jobs of an earlier run in this folder are still in the queue ({job['JobId']})" in (
        refused.stdout
    )
    cluster.call("scontrol", "resume", job["JobId"])
    wait_for(lambda: state(cluster, job["JobId"])["JobState"] == "COMPLETED", "its job's end")
    made = (fresh / VOLUME).stat().st_mtime_ns
    done = run(cluster, fresh, VOLUME)
    assert done.returncode == 0, done.stdout
    assert (fresh / VOLUME).stat().st_mtime_ns == made
    assert [one["JobId"] for one in cluster.jobs(fresh)] == [job["JobId"]]


def views_of(job):
    return int(re.search(r"dae_(\d+)", job["Comment"])[1])


def log_of(folder, job):
    return (folder / f"logs/train/dae/views-{views_of(job)}/seed-1.log").read_text()
