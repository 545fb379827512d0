"""What is asked before a submission, without a SLURM; with one, see tests/slurm."""

import sys
from types import SimpleNamespace

import pytest
from angiovox.errors import InputError
from angiovox_pipeline.preflight import slurm


@pytest.fixture
def job():
    rule = SimpleNamespace(name="train")
    resources = {"slurm_partition": "gpu", "mem_mb": 1000, "runtime": 10}
    return SimpleNamespace(rule=rule, resources=resources, threads=1, is_group=lambda: False)


@pytest.mark.parametrize("module", ["submit_string", "utils"])
def test_another_version_of_the_executor_is_no_reason_to_stop(module, job, monkeypatch):
    monkeypatch.setitem(sys.modules, f"snakemake_executor_plugin_slurm.{module}", None)
    warnings = []
    slurm.refuse_impossible(job, SimpleNamespace(partition_config=None), ".", warnings.append)
    (warning,) = warnings
    assert warning.startswith("train: not tried before its submission")


def test_cores_of_this_machine_are_refused():
    slurm.refuse_cores(None)
    with pytest.raises(InputError, match=r"cores: 2 .*--workflow-profile profiles/slurm"):
        slurm.refuse_cores(2)
