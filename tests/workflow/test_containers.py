"""Images hold what the wheel is built of, in the versions of the lock, and run as no root."""

import re
import subprocess

import pytest
import validators
import yaml
from conftest import ROOT
from wheel_sources import BUILT, FILES

FOLDER = ROOT / "containers"
DOCKERFILE = FOLDER / "Dockerfile"
NEEDED = {*BUILT, *FILES, "requirements.lock"}


def instructions():
    """Name and arguments of each instruction of the Dockerfile, continued lines joined."""
    text = re.sub(r"^#.*\n", "", DOCKERFILE.read_text(), flags=re.M).replace("\\\n", "")
    return [tuple(line.split(maxsplit=1)) for line in text.splitlines() if line]


def arguments(name):
    return [given for instruction, given in instructions() if instruction == name]


def definition():
    """The sections of the Apptainer definition, its header first."""
    text = re.sub(r"^#.*\n", "", (FOLDER / "angiovox.def").read_text(), flags=re.M)
    header, *parts = re.split(r"^%", text, flags=re.M)
    return {"header": header} | dict(part.split("\n", 1) for part in parts)


def commands(text):
    """Single shell commands, without their layout."""
    return [" ".join(one.split()) for one in re.split(r"&&|\n", text) if one.strip()]


def test_the_base_is_pinned_and_has_the_python_of_the_environments():
    [base] = arguments("FROM")
    version = re.fullmatch(r"python:(\d+\.\d+)\.\d+-slim-\w+", base)[1]
    for path in (ROOT / "envs").glob("*.yaml"):
        assert f"python={version}" in yaml.safe_load(path.read_text())["dependencies"]
    assert f"From: {base}\n" in definition()["header"]


def test_everything_that_the_wheel_is_built_of_is_copied_and_nothing_else():
    copied = [one for given in arguments("COPY") for one in given.split()[:-1]]
    assert sorted(copied) == sorted(NEEDED)
    assert all((ROOT / name).exists() for name in copied)
    files = dict(line.split() for line in definition()["files"].split("\n") if line.strip())
    assert files == {name: f"/opt/angiovox/{name}" for name in NEEDED}


def test_only_that_is_sent_to_the_builder():
    lines = (FOLDER / "Dockerfile.dockerignore").read_text().splitlines()
    assert lines[1] == "*"
    assert {line[1:] for line in lines if line.startswith("!")} == NEEDED


def test_both_images_run_the_same_commands():
    in_docker = commands("\n".join(arguments("RUN")))
    of_user = [one for one in in_docker if one.startswith(("useradd", "install "))]
    in_apptainer = [one for one in commands(definition()["post"]) if one[:3] not in ("set", "cd ")]
    assert in_apptainer == [one for one in in_docker if one not in of_user]
    assert "--requirement requirements.lock" in " ".join(in_docker)
    [variables] = arguments("ENV")
    assert definition()["environment"].split("export ")[1].strip() == variables


def test_the_container_runs_the_command_as_no_root():
    assert instructions()[-4:] == [
        ("USER", "1000"),
        ("WORKDIR", "/work"),
        ("ENTRYPOINT", '["angiovox"]'),
        ("CMD", '["--help"]'),
    ]
    assert f"--uid {arguments('USER')[0]} " in " ".join(arguments("RUN"))
    assert definition()["runscript"].strip() == 'exec angiovox "$@"'


def test_what_the_images_install_of_debian_is_what_the_documents_name():
    [packages] = re.findall(r"--no-install-recommends ([\w .-]+?) (?=&&)", arguments("RUN")[0])
    assert "libegl1" in packages.split()
    assert "libegl1" in (ROOT / "README.md").read_text()


def test_a_linter_finds_no_fault(tmp_path):
    done = validators.run("hadolint", "--no-color", DOCKERFILE)
    assert done.returncode == 0, done.stdout
    worse = tmp_path / "Dockerfile"
    worse.write_text(DOCKERFILE.read_text().replace("python:3.11.13-slim-bookworm", "python"))
    assert "DL3006" in validators.run("hadolint", "--no-color", worse).stdout


@pytest.mark.parametrize("section", ["post", "test", "runscript"])
def test_sections_are_shell_that_parses(section):
    done = subprocess.run(["sh", "-n"], input=definition()[section], text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
