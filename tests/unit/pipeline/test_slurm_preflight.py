"""What is asked before a submission, without a SLURM; with one, see tests/slurm."""

import sys
from types import SimpleNamespace

import pytest
from angiovox.errors import InputError
from angiovox_pipeline.preflight import slurm
from conftest import ROOT


class Resources(dict):
    """As Snakemake's: by key and by name."""

    __getattr__ = dict.__getitem__


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


def test_a_model_that_the_executor_does_not_take_is_named_with_the_way_out(job):
    job.resources |= {"gpu": 1, "gpu_model": "a100-sxm4"}
    with pytest.raises(InputError) as refused:
        slurm.refuse_impossible(job, SimpleNamespace(partition_config=None), ".", pytest.fail)
    message = str(refused.value)
    assert message.startswith("resources.gpu_model: a100-sxm4: ") and len(message) < 300
    assert "profiles/slurm/config.yaml" in message and "--gpus-per-node=a100-sxm4:1" in message


def test_the_way_out_is_one_that_the_executor_takes(job):
    """What is refused in `slurm_extra` changes with its version."""
    from snakemake_executor_plugin_slurm.utils import set_gres_string
    from snakemake_executor_plugin_slurm.validation import validate_slurm_extra

    extra = "--signal=TERM@120 --gpus-per-node=a100-sxm4:1"
    assert extra in (ROOT / "profiles/slurm/config.yaml").read_text()
    job.resources = Resources({"gpu": 0, "gpu_model": "", "slurm_extra": extra})
    validate_slurm_extra(job)
    assert set_gres_string(job) == ""


def test_cores_of_this_machine_are_refused():
    slurm.refuse_cores(None)
    with pytest.raises(InputError, match=r"cores: 2 .*--workflow-profile profiles/slurm"):
        slurm.refuse_cores(2)
