"""What must agree across the repository's files, and what style the code keeps to."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import config_reference
import pytest
import requirement_names
import yaml
from angiovox.metrics.registry import METRICS
from angiovox.reporting.assumptions import assumptions
from conftest import ROOT, snakemake
from entries import OF_OTHER_STUDIES, OPTIONS_OF_DAE
from packaging.requirements import Requirement
from sources import imported

SCRIPTS = ROOT / "workflow/scripts"
PACKAGE = SCRIPTS / "angiovox"
RULES = sorted((ROOT / "workflow/rules").glob("*.smk"))
ADAPTERS = sorted(path for path in SCRIPTS.glob("*.py") if "snakemake." in path.read_text())
LOCK = dict(re.findall(r"^([\w.-]+)==(\S+)$", (ROOT / "requirements.lock").read_text(), re.M))
LOCK = {name.lower(): version for name, version in LOCK.items()}


# Versions


def test_the_lock_pins_the_torch_that_pip_finds_for_cpu_and_cuda():
    assert LOCK["torch"] == "2.13.0"


def test_the_lock_pins_everything_once():
    text = (ROOT / "requirements.lock").read_text()
    pinned = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    assert len(pinned) == len(LOCK)


def test_the_lock_keeps_to_the_bounds_of_the_project():
    needed = [*map(Requirement, requirement_names.requirements())]
    assert {"torch", "snakemake", "pytest"} <= {one.name for one in needed}
    assert not [str(one) for one in needed if LOCK[one.name] not in one.specifier]


def test_the_lock_of_the_validators_pins_what_the_project_names():
    text = (ROOT / "requirements-validators.lock").read_text()
    pinned = dict(line.lower().split("==") for line in text.splitlines())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = [*map(Requirement, project["optional-dependencies"]["validators"])]
    assert len(needed) == 4
    assert not [str(one) for one in needed if pinned[one.name] not in one.specifier]


def test_the_workflow_wants_the_snakemake_that_the_project_does():
    least = re.search(r'^min_version\("(.+)"\)', (ROOT / "workflow/Snakefile").read_text(), re.M)[1]
    bounds = [one for one in requirement_names.requirements() if one.startswith("snakemake>=")]
    assert [bound.partition(",")[0] for bound in bounds] == [f"snakemake>={least}"]


def test_hooks_have_the_versions_of_the_lock():
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    versions = {repo["repo"].rsplit("/", 1)[1]: repo["rev"] for repo in hooks}
    assert versions == {
        "ruff-pre-commit": f"v{LOCK['ruff']}",
        "snakefmt": f"v{LOCK['snakefmt']}",
    }


# Words


@pytest.mark.parametrize("document", ["docs/assumptions.md", "docs/phantoms.md"])
def test_each_assumption_is_listed_in_its_document_and_no_other(document):
    text = (ROOT / document).read_text()
    table = text.split("<!-- assumptions -->")[1].split("<!-- /assumptions -->")[0]
    rows = [line.strip("| ").split(" | ") for line in table.strip().splitlines()[2:]]
    listed = {(module.strip("`"), text) for module, text in rows}
    every = set(assumptions(SCRIPTS))
    of_phantoms = {row for row in every if row[0].startswith("phantoms/")}
    others = every - of_phantoms
    assert listed == {"docs/assumptions.md": others, "docs/phantoms.md": of_phantoms}[document]
    assert len(listed) > 5


def test_each_metric_has_its_section_in_the_metrics_document_and_no_other():
    text = (ROOT / "docs/metrics.md").read_text()
    sections = text.split("\n### ")[1:]
    named = [name for part in sections for name in re.findall(r"`(\w+)`", part.split("\n")[0])]
    assert sorted(named) == sorted(METRICS)
    assert all(len(part.split("\n\n", 1)[1].split("\n## ")[0].strip()) > 80 for part in sections)


def test_the_phantoms_document_shows_their_morphometry():
    text = (ROOT / "docs/phantoms.md").read_text()
    table = text.split("<!-- morphometry -->")[1].split("<!-- /morphometry -->")[0]
    published = (ROOT / "resources/published_morphometry.csv").read_text().splitlines()
    assert len(table.strip().splitlines()) == len(published) + 1  # a rule below the heading
    assert all(row.split(",")[1] in table for row in published[1:])


@pytest.mark.parametrize(
    "target", ["reproduce", "demo", "docs", "test", "newest", "validators", "lint", "format"]
)
def test_the_makefile_has_the_target(target):
    makefile = (ROOT / "Makefile").read_text()
    assert re.search(rf"^{target}:", makefile, re.M)
    assert target in re.search(r"^\.PHONY:(.*)$", makefile, re.M)[1].split()


def test_scripts_and_targets_that_the_makefile_names_exist():
    makefile = (ROOT / "Makefile").read_text()
    named = re.findall(r"[\w/]+\.py\b", makefile)
    assert named
    assert not [name for name in named if not (ROOT / name).is_file()]
    phony = set(re.search(r"^\.PHONY:(.*)$", makefile, re.M)[1].split())
    assert phony <= set(re.findall(r"^([\w-]+):", makefile, re.M))


def leaves(config: dict, above: str = "") -> dict[str, object]:
    """Dotted keys and values of a config; an empty method has none of its own."""
    found = {}
    for key, value in config.items():
        nested = isinstance(value, dict) and value
        found |= leaves(value, f"{above}{key}.") if nested else {f"{above}{key}": value}
    return found


def test_every_key_of_the_config_is_explained_with_its_default():
    explained = {key: default for key, default, _ in config_reference.rows(schema())}
    values = leaves(yaml.safe_load((ROOT / "config/config.yaml").read_text()))
    assert len(values) > 20
    for key, value in values.items():
        assert explained[key] == ("" if value == {} else config_reference.shown(value)), key
    others = {key for key in explained if {*key.split(".")[:2]} & OF_OTHER_STUDIES}
    others |= {f"methods.dae.{key}" for key in OPTIONS_OF_DAE}
    assert {*explained} - others == {*values} | {"methods"}


def schema() -> dict:
    return yaml.safe_load(config_reference.SCHEMA.read_text())


def test_the_table_of_keys_is_that_of_the_schema():
    assert config_reference.table() in config_reference.DOCUMENT.read_text()


# Layers


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: p.stem)
def test_the_package_knows_nothing_of_snakemake(path):
    assert "snakemake" not in imported(path)
    assert not re.search(r"\bsnakemake\.(input|output|params|wildcards)", path.read_text())


def test_every_script_that_a_rule_names_exists_and_every_adapter_is_named():
    rules = "".join(path.read_text() for path in RULES)
    named = set(re.findall(r'"\.\./scripts/(\w+)\.py"', rules))
    assert named == {path.stem for path in ADAPTERS}


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.stem)
def test_a_script_is_named_as_its_rule_and_the_rule_says_what_it_does(path):
    for rule in re.split(r"^(?=rule )", path.read_text(), flags=re.M)[1:]:
        name, script = rule.split(":")[0].removeprefix("rule "), re.search(r"scripts/(\w+)", rule)
        assert script is None or script[1] == name
        assert re.match(r'rule \w+:\n    """[A-Z].*\."""\n', rule), name


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.stem)
def test_rules_hold_no_computation(path):
    """Functions stand in common.smk, rules do not."""
    text = re.sub(r"#.*", "", path.read_text())
    if path.stem == "common":
        assert not re.search(r"^ *(use )?(rule|checkpoint) ", text, re.M)
    else:
        assert not re.search(r"\bdef\b|\blambda\b|^ *run:", text, re.M)
        assert re.search(r"^rule ", text, re.M)


@pytest.mark.parametrize("path", [p for p in RULES if p.stem != "common"], ids=lambda p: p.stem)
def test_every_rule_that_computes_has_a_log_and_names_its_code(path):
    """Without the version of its code among its parameters a rule would not notice an edit."""
    for rule in re.split(r"^(?=(?:use )?rule )", path.read_text(), flags=re.M)[1:]:
        if "script:" in rule:
            assert all(f"    {part}:" in rule for part in ("log", "benchmark", "conda")), rule
            script = re.search(r'"\.\./scripts/(\w+)\.py"', rule)[1]
            named = f'code=code_version.of_script("{script}")', f"code=JOBS.{script}_code"
            assert any(name in rule for name in named), rule


# Style


@pytest.mark.parametrize(
    "command",
    [
        ["ruff", "check", "."],
        ["ruff", "format", "--check", "."],
        ["snakefmt", "--check", "Snakefile", "workflow"],
    ],
    ids=" ".join,
)
def test_style_is_clean(command):
    program = Path(sys.executable).with_name(command[0])
    done = subprocess.run([program, *command[1:]], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_snakemakes_own_lint_is_clean(fresh):
    done = snakemake(fresh, "--lint")
    assert done.returncode == 0, done.stdout
    assert "good condition" in done.stdout


def without_encoding(path: Path) -> Iterator[str]:
    """Calls that read or write text in whatever encoding the user's locale has."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call) or any(k.arg == "encoding" for k in node.keywords):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        name = node.func.id if isinstance(node.func, ast.Name) else name
        opens_text = ast.unparse(node.func) == "open" and not re.search(
            "'[rwax]b|b[rwax]'", ast.unparse(node)
        )
        if name in ("read_text", "write_text", "FileHandler") or opens_text:
            yield ast.unparse(node)


@pytest.mark.parametrize("folder", ["workflow", "tools"])
def test_text_is_utf_8_whatever_the_locale(folder):
    files = sorted((ROOT / folder).rglob("*.py"))
    assert files
    assert not [(path.name, call) for path in files for call in without_encoding(path)]


def test_no_two_files_of_tests_share_a_name():
    """pytest imports them by it, and refuses the second where both are collected."""
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert sorted(names) == sorted(set(names))
