"""What runs for the public repository: valid forms and workflows, whose commands are ours."""

import re

import pytest
import release_notes
import validators
import yaml
from angiovox_command.program import parser
from conftest import ROOT
from packaging.specifiers import SpecifierSet

GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
FORMS = [GITHUB / f"ISSUE_TEMPLATE/{name}.yml" for name in ("bug", "idea")]
SCHEMAS = {
    "github-workflows": WORKFLOWS,
    "github-issue-forms": FORMS,
    "github-issue-config": [GITHUB / "ISSUE_TEMPLATE/config.yml"],
    "dependabot": [GITHUB / "dependabot.yml"],
    "citation-file-format": [ROOT / "CITATION.cff"],
}
OF_THE_SYSTEM = (  # commands that are no part of the project
    r"sudo apt-get update",
    r"sudo apt-get install --yes --no-install-recommends [\w .-]+",
    r'gh release create "\$GITHUB_REF_NAME" dist/\*\.whl [^|;&]*--notes-file dist/notes\.md',
)


def workflow(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def steps(path):
    return [step for job in workflow(path)["jobs"].values() for step in job["steps"]]


def targets():
    """The Makefile's targets."""
    return {*re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.M)}


def against(schema, *paths):
    return validators.run("check-jsonschema", "--builtin-schema", f"vendor.{schema}", *paths)


@pytest.mark.thorough
@pytest.mark.parametrize("schema", SCHEMAS)
def test_a_validator_finds_forms_and_workflows_valid(schema):
    done = against(schema, *SCHEMAS[schema])
    assert done.returncode == 0, done.stdout


@pytest.mark.thorough
def test_a_validator_rejects_a_workflow_that_runs_nowhere(tmp_path):
    worse = tmp_path / "tests.yml"
    text = WORKFLOWS[0].read_text()
    worse.write_text(text.replace("runs-on:", "runs-no:"))
    assert worse.read_text() != text
    assert against("github-workflows", worse).returncode != 0


@pytest.mark.parametrize("path", [*WORKFLOWS, *FORMS], ids=lambda path: path.stem)
def test_every_file_is_a_mapping_with_a_name(path):
    assert isinstance(workflow(path)["name"], str)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflows_commands_are_those_of_the_makefile(path):
    commands = [step["run"] for step in steps(path) if "run" in step]
    made = [re.fullmatch(r'make ([\w-]+)( TAG="\$GITHUB_REF_NAME")?', one) for one in commands]
    others = [one for one, found in zip(commands, made, strict=True) if found is None]
    assert any(made)
    assert {found[1] for found in made if found} <= targets()
    assert not [one for one in others if not any(re.fullmatch(own, one) for own in OF_THE_SYSTEM)]


def test_all_that_a_change_must_pass_is_run_by_a_workflow():
    run = {step.get("run") for path in WORKFLOWS for step in steps(path)}
    assert {f"make {name}" for name in ("lint", "test", "test-all", "newest", "docs")} <= run


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_may_read_and_a_job_more_only_where_it_publishes(path):
    given = workflow(path)
    assert given["permissions"] == {"contents": "read"}
    wider = {name for name, job in given["jobs"].items() if "permissions" in job}
    assert wider <= {"publish", "release"}
    assert all("timeout-minutes" in job for job in given["jobs"].values())


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_actions_have_a_version_and_the_python_is_one_that_the_project_takes(path):
    project = (ROOT / "pyproject.toml").read_text()
    taken = SpecifierSet(re.search(r'requires-python = "(.+)"', project)[1])
    for step in steps(path):
        assert "uses" not in step or re.fullmatch(r"actions/[\w-]+@v\d+", step["uses"])
    pythons = re.findall(r'"(3\.\d+)"', path.read_text())
    assert all(version in taken for version in pythons)


def test_newest_dependencies_are_tried_every_week():
    given = workflow(GITHUB / "workflows/weekly.yml")
    [when] = given[True]["schedule"]  # YAML reads `on` as a truth value
    assert re.fullmatch(r"\d+ \d+ \* \* [0-6]", when["cron"])
    assert "make newest" in [step.get("run") for step in given["jobs"]["newest"]["steps"]]


def test_a_report_of_a_fault_asks_for_the_inventory_and_the_failures():
    fields = {one["id"]: one for one in workflow(FORMS[0])["body"] if "id" in one}
    required = {name for name, one in fields.items() if one["validations"]["required"]}
    assert {"failures", "inventory", "version", "command"} <= required
    assert fields["failures"]["attributes"]["label"] == "logs/failures.txt"
    assert '"failures.txt"' in (ROOT / "workflow/Snakefile").read_text()
    asked = fields["inventory"]["attributes"]["description"]
    assert "angiovox inventory" in asked and "inventory" in parser().format_help()
    made = re.findall(r"`results/(tables/[\w.]+)`", asked)
    assert made and f'"results/{made[0]}"' in (ROOT / "workflow/rules/preprocess.smk").read_text()


def test_files_that_the_forms_name_exist():
    for path in FORMS:
        for name in re.findall(r"\.\./blob/main/([\w/.]+)", path.read_text()):
            assert (ROOT / name).is_file()


def test_addresses_are_the_placeholder_of_the_readme_or_none_is_left():
    found = {
        name: release_notes.PLACEHOLDER in (ROOT / name).read_text()
        for name in release_notes.ADDRESSED
    }
    assert len(set(found.values())) == 1, found


# A release


@pytest.fixture
def root(tmp_path):
    """A repository that may be released as v1.2.0."""
    (tmp_path / "docs").mkdir()
    for name in release_notes.ADDRESSED:
        (tmp_path / name).write_text('[project]\nversion = "1.2.0"\n')
    (tmp_path / "CHANGELOG.md").write_text(
        "# Changelog\n\n## 1.2.0 (2026-12-01)\n\n- New.\n\n## 1.1.0 (2026-01-01)\n\n- Old.\n"
    )
    return tmp_path


def test_the_notes_of_a_release_are_its_part_of_the_changelog(root):
    assert release_notes.notes("v1.2.0", root) == "- New.\n"


@pytest.mark.parametrize("tag", ["v1.1.0", "1.2.0", "v1.2.0rc1"])
def test_a_tag_of_another_version_is_rejected(root, tag):
    with pytest.raises(SystemExit, match=r"pyproject\.toml has version 1\.2\.0"):
        release_notes.notes(tag, root)


def test_a_changelog_without_the_date_is_rejected(root):
    path = root / "CHANGELOG.md"
    path.write_text(path.read_text().replace("2026-12-01", "unreleased"))
    with pytest.raises(SystemExit, match=r"CHANGELOG\.md: no heading '## 1\.2\.0 "):
        release_notes.notes("v1.2.0", root)


@pytest.mark.parametrize("name", release_notes.ADDRESSED)
def test_a_placeholder_is_not_released(root, name):
    with open(root / name, "a") as file:
        file.write(f"# {release_notes.PLACEHOLDER}\n")
    with pytest.raises(SystemExit, match=name):
        release_notes.notes("v1.2.0", root)
