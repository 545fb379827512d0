"""What is read from benchmarks, logs, git and the machine about a finished run."""

import getpass
import hashlib
import importlib.metadata
import math
import platform
import subprocess
import sys

import pytest
from angiovox.reporting import run_records
from angiovox.reporting.provenance_page import page
from conftest import ROOT
from sources import imported

HEAD = "s\th:m:s\tmax_rss\tmax_vms"
STAGE = r"results/benchmarks/stage/(?P<patient>a|b|c)\.tsv"


def write(folder, name, text):
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)


def benchmark(seconds, memory):
    return f"{HEAD}\n{seconds}\t0:00:01\t{memory}\t1\n"


# Benchmarks


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (benchmark("2.50", "93.4"), (2.5, 93.4)),
        (benchmark("0.02", "NA"), (0.02, math.nan)),
        (benchmark("0.02", "-"), (0.02, math.nan)),
        (HEAD + "\n", (math.nan, math.nan)),
        (HEAD + "\n3.0", (3.0, math.nan)),
        ("", (math.nan, math.nan)),
    ],
    ids=["whole", "NA", "dash", "no row", "cut short", "empty"],
)
def test_what_a_benchmark_lacks_is_not_a_number(tmp_path, text, expected):
    write(tmp_path, "job.tsv", text)
    assert run_records.read_benchmark(tmp_path / "job.tsv") == pytest.approx(expected, nan_ok=True)


def test_a_benchmark_that_is_not_there_was_not_measured(tmp_path):
    assert all(map(math.isnan, run_records.read_benchmark(tmp_path / "none.tsv")))


def test_a_reconstruction_costs_its_share_of_the_job_and_the_most_of_all_seeds(tmp_path):
    jobs = {"hull/views-2/seed-1": (3, 90), "unet/views-2/seed-1": (6, 100)}
    jobs |= {"unet/views-10/seed-1": (6, "NA"), "unet/views-2/seed-2": (9, 80)}
    for name, given in jobs.items():
        write(tmp_path, f"reconstruct/{name}.tsv", benchmark(*given))
    names = [f"reconstruct/{name}" for name in jobs]
    table = run_records.cost([*names, "reconstruct/dae/views-2/seed-1"], tmp_path, patients=3)
    assert list(zip(table["method"], table["views"], strict=True)) == [
        ("dae", 2),
        ("hull", 2),
        ("unet", 10),
        ("unet", 2),
    ]
    assert table["seconds_per_patient"].tolist()[1:] == [1, 2, 3]
    assert table["peak_mb"].isna().tolist() == [True, False, True, False]
    assert table["peak_mb"].iloc[-1] == 100


def test_jobs_are_known_by_benchmark_or_log_and_others_are_left_out(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("stage/a", "stage/of-another-study", "other/a"):
        write(tmp_path, f"results/benchmarks/{name}.tsv", benchmark(1, 1))
    for name in ("stage/a", "stage/b", "stage/x"):
        write(tmp_path, f"logs/{name}.log", "")
    assert run_records.jobs_of(STAGE, "results/benchmarks", "logs") == ["stage/a", "stage/b"]


def test_nothing_ran_where_there_are_no_folders(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run_records.jobs_of(STAGE, "results/benchmarks", "logs") == []
    assert list(run_records.run_times({"stage": []}, tmp_path)) == list(run_records.COLUMNS)


def test_times_are_of_the_jobs_that_were_measured(tmp_path):
    given = {"a": (1.0, 300.0), "b": (5.0, "NA"), "c": (3.0, 100.0)}
    for name, (seconds, memory) in given.items():
        write(tmp_path, f"{name}.tsv", benchmark(seconds, memory))
    table = run_records.run_times({"rule": [*given, "lost"], "quick": ["lost"]}, tmp_path)
    row = table.set_index("rule").loc["rule"]
    assert (row["jobs"], row["jobs_timed"], row["jobs_with_memory"]) == (4, 3, 2)
    assert row["seconds_total"] == 1 + 5 + 3
    assert (row["seconds_median"], row["seconds_max"]) == (3, 5)
    assert row["memory_max_mb"] == 300
    quick = table.set_index("rule").loc["quick"]
    assert (quick["jobs"], quick["jobs_timed"], quick["jobs_with_memory"]) == (1, 0, 0)
    assert quick[["seconds_total", "seconds_median", "seconds_max", "memory_max_mb"]].isna().all()


def test_rules_keep_their_order_and_those_without_jobs_have_no_row(tmp_path):
    table = run_records.run_times({"z": ["1"], "none": [], "a": ["1", "2"]}, tmp_path)
    assert list(table["rule"]) == ["z", "a"]
    assert list(table["jobs"]) == [1, 2]


# Logs


def test_devices_and_machines_are_what_the_logs_say(tmp_path):
    write(
        tmp_path,
        "cpu.log",
        "t INFO machine: two cores, SLURM job 4, no GPU\nt INFO no GPU found: training on 2 CPU",
    )
    write(tmp_path, "gpu.log", "t INFO machine: a node\nt INFO training on Model X\nt INFO epoch\n")
    write(tmp_path, "old.log", "t INFO epoch 1/2\n")
    names = ["cpu", "gpu", "old", "lost"]
    devices = run_records.devices(names, tmp_path)
    assert list(devices) == names
    assert devices["cpu"] == "2 CPU" and devices["gpu"] == "Model X"
    assert devices["old"] == devices["lost"] == "not recorded"
    assert run_records.machines([*names, "gpu"], tmp_path) == {"two cores": 1, "a node": 2}


# Code


@pytest.fixture
def checkout(tmp_path):
    """A repository with one commit of workflow/code.py, and a way to run git in it."""

    def git(*command):
        user = ("-c", "user.name=a", "-c", "user.email=a@b")
        done = subprocess.run(
            ["git", *user, *command], cwd=tmp_path, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    git("init", "--quiet")
    write(tmp_path, "workflow/code.py", "x = 1\n")
    write(tmp_path, "README.md", "")
    git("add", ".")
    git("commit", "--quiet", "--message", "first")
    return tmp_path, git


def test_the_revision_is_the_commit(checkout):
    folder, git = checkout
    found = run_records.revision(folder / "workflow/code.py")
    assert found == {"commit": git("rev-parse", "HEAD"), "modified": False}


@pytest.mark.parametrize(
    ("file", "modified"),
    [
        ("workflow/code.py", True),
        ("workflow/new.py", True),
        ("README.md", False),
        ("scans/1.dcm", False),
    ],
)
def test_modified_code_is_told_from_other_files(checkout, file, modified):
    folder, _ = checkout
    write(folder, file, "y = 2\n")
    assert run_records.revision(folder / "workflow/code.py")["modified"] is modified


def test_a_copy_inside_another_checkout_has_no_commit(checkout):
    folder, _ = checkout
    write(folder, "copy/workflow/code.py", "x = 1\n")
    found = run_records.revision(folder / "copy/workflow/code.py")
    assert found == {"commit": "not a git checkout", "modified": None}


def test_a_checkout_of_another_owner_has_its_commit(checkout, monkeypatch):
    folder, git = checkout
    commit = git("rev-parse", "HEAD")
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    with pytest.raises(AssertionError, match="dubious ownership"):
        git("rev-parse", "HEAD")
    assert run_records.revision(folder / "workflow/code.py")["commit"] == commit


def test_there_may_be_no_git(checkout, monkeypatch):
    monkeypatch.setenv("PATH", "")
    found = run_records.revision(checkout[0] / "workflow/code.py")
    assert found["commit"] == "not a git checkout"


def test_versions_are_those_installed():
    found = run_records.versions()
    assert found["python"] == platform.python_version()
    assert found["numpy"] == importlib.metadata.version("numpy")
    assert None not in found.values()


def test_every_package_that_the_code_imports_has_its_version():
    own = {path.stem for path in (ROOT / "workflow/scripts").rglob("*.py")} | {"angiovox"}
    modules = (
        set().union(*map(imported, (ROOT / "workflow/scripts/angiovox").rglob("*.py")))
        - own
        - sys.stdlib_module_names
    )
    owners = importlib.metadata.packages_distributions()
    names = {name.lower() for module in modules for name in owners[module]}
    assert len(names) > 8
    assert names <= {*run_records.PACKAGES} | {"pylibjpeg-libjpeg"}


def test_the_machine_has_no_name():
    found = run_records.machine()
    assert found["cores"] >= 1 and found["memory_gb"] > 0.1
    assert platform.node() not in str(found).split()
    assert f"/{getpass.getuser()}" not in str(found)


def test_a_digest_is_of_the_bytes(tmp_path):
    (tmp_path / "file").write_bytes(b"angiovox")
    expected = {"bytes": 8, "sha256": hashlib.sha256(b"angiovox").hexdigest()}
    assert run_records.digest(tmp_path / "file") == expected


def test_absolute_paths_lose_their_folders_and_all_else_stays():
    given = {"a": {"sheet": "/home/me/list.tsv", "n": 3}, "b": ["~/x/trees", "config/p.tsv", None]}
    expected = {"a": {"sheet": "list.tsv", "n": 3}, "b": ["trees", "config/p.tsv", None]}
    assert run_records.without_folders(given) == expected


# The page


@pytest.fixture
def record():
    return {
        "angiovox": {"commit": "0123abcd", "modified": False},
        "collected": "2026-01-02T03:04:05+00:00",
        "versions": {"python": "3.12.0", "torch": None},
        "machine": {"cpu": "X", "cores": 2, "memory_gb": 8.0, "system": "Linux"},
        "machines": {"a node": 3, "another": 3},
        "trainings": {"train/dae/views-2/seed-1": "Model X"},
        "seeds": {"phantoms": {f"p-{n}": n for n in range(1, 9)}, "training": [1, 2], "split": 5},
        "config": {"note": "<b>&"},
        "products": {
            "results/tables/t.csv": {"rule": "r", "params": {}, "bytes": 1234, "sha256": "f" * 64}
        },
    }


def test_the_page_says_what_the_record_says(record, tmp_path):
    write(tmp_path, "a.tsv", benchmark(1.5, "NA"))
    text = page(record, run_records.run_times({"r": ["a"]}, tmp_path))
    said = ["0123abcd", "results/tables/t.csv", "1,234", "f" * 64, "Model X", "a node", "another"]
    said += ["p-1 1 to p-8 8", "1, 2", "3.12.0", "not installed here", "1.5", "–"]  # noqa: RUF001
    assert not [words for words in said if words not in text]
    assert "not committed" not in text
    record["angiovox"]["modified"] = True
    assert "not committed" in page(record, run_records.run_times({}, tmp_path))


def test_the_page_escapes_what_it_shows(record, tmp_path):
    text = page(record, run_records.run_times({}, tmp_path))
    assert "&lt;b&gt;&amp;" in text and "<b>" not in text
