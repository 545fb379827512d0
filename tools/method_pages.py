"""Write docs/methods: a page for each method, from its code, the config, and stored results.

python tools/method_pages.py                 the pages
python tools/method_pages.py results         and before, from a finished default study (`make
                                             reproduce`), results.csv and the pictures
python tools/method_pages.py results field   from a study of config/field.yaml, field.csv and the
                                             pictures of its methods; likewise per_patient
"""

from __future__ import annotations

import csv
import dataclasses
import json
import re
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
SCRIPTS = ROOT / "workflow/scripts"
FOLDER = ROOT / "docs/methods"
STORED = {"config": "results", "field": "field", "per_patient": "per_patient"}
RESULTS = {study: FOLDER / f"{name}.csv" for study, name in STORED.items()}
sys.path.insert(0, str(SCRIPTS))

from angiovox.figures.style import families  # noqa: E402
from angiovox.method import Needs  # noqa: E402
from angiovox.methods import registry  # noqa: E402
from angiovox.reporting.assumptions import assumptions  # noqa: E402
from angiovox_pipeline import code_version, study_methods  # noqa: E402

DO_NOT_EDIT = "<!-- tools/method_pages.py writes this page: `make reference` -->"
INPUTS = {"projections": "projections", "sum": "summed back-projections", "min": "their minimum"}
INPUTS |= {"line_integrals": "line integrals of a cone beam"}
ADDED = ("leaderboard", "field", "per_patient")  # files of config/ with methods of their own
MORE = {  # pictures of one method, with their captions
    "x2vision": (
        "x2vision_prior.png",
        "*Maximum projections of what a prior of the small setting generates, drawn at random, and "
        "of masks of phantoms that it learned from (`tools/prior_samples.py`).*",
    )
}
CAPTION = "*A phantom from 2 views. Blue is found, black missed, vermillion found wrongly.*"


@cache
def config(name: str) -> dict[str, Any]:
    """A file of config/."""
    return yaml.safe_load((ROOT / f"config/{name}.yaml").read_text(encoding="utf-8"))


@cache
def entries(name: str | None = None) -> dict[str, dict[str, Any]]:
    """The methods' entries of the default config, or of a file that adds to it.

    Without a name those of `ADDED`, and each method that they lack at its defaults.
    """
    found: dict[str, dict[str, Any]] = {}
    for file in ("config", *([name] if name else ADDED)):
        for entry, given in config(file)["methods"].items():
            found[entry] = found.get(entry, {}) | (given or {})
    missing = () if name else (method for method in registry.classes() if method not in found)
    return found | {method: {} for method in missing}


@cache
def study(name: str | None = None) -> dict[str, study_methods.Method]:
    """The methods of such a config, by entry."""
    counts = config(name or "field").get("view_counts", config("config")["view_counts"])
    return study_methods.methods({"view_counts": counts, "methods": entries(name)})


def entries_of(name: str) -> list[str]:
    """Entries that are a method or a variant of it."""
    return [entry for entry, given in entries().items() if given.get("method", entry) == name]


def page(name: str) -> str:
    """A method's page, in Markdown."""
    cls, members, text = registry.classes()[name], entries_of(name), paragraphs(name)
    parts = [
        DO_NOT_EDIT,
        f"# {cls.title}",
        f"`{name}`, of the family *{cls.family}*. {text['about']}",
        *picture(name),
        f"Reference: {cls.reference}.",
        f"Original code: {text['Original code']}",
        f"## Variants\n\n{variants(members)}",
        f"## Followed and assumed\n\nFollowed: {text['Facts followed']}",
        assumed(name),
        f"## Needs\n\n{needs(members)}",
        f"## Settings\n\n{settings(cls, members)}",
        f"## Result and cost\n\n{results(members)}",
    ]
    return "\n\n".join(parts) + "\n"


def picture(name: str) -> list[str]:
    """The pictures with their captions, where there are some."""
    image = f"![The truth and reconstructions from 2 views]({name}.png)"
    found = [image, CAPTION] if (FOLDER / f"{name}.png").exists() else []
    if name in MORE and (FOLDER / MORE[name][0]).exists():
        found += [f"![What the method makes on its way]({MORE[name][0]})", MORE[name][1]]
    return found


def assumed(name: str) -> str:
    """The `# ASSUME:` comments of its folder, and of what it shares with other methods."""
    module = registry.classes()[name].__module__
    folder = "/".join(module.split(".")[1:3])
    reached = {path.with_suffix("") for path in code_version.reached_from(module)}
    shared = {f"methods/{path.name}" for path in reached if path.parent.name == "methods"}
    found = [
        text
        for place, text in assumptions(SCRIPTS)
        if place.startswith(f"{folder}/") or place in shared
    ]
    if not found:
        return "Assumed: nothing beyond that."
    return "Assumed:\n\n" + "\n".join(f"- {text[0].upper()}{text[1:]}" for text in found)


def paragraphs(name: str) -> dict[str, str]:
    """What the docstring of a method's module says: about it, facts followed, original code."""
    doc = sys.modules[registry.classes()[name].__module__].__doc__
    found = {"about": []}
    for text in (" ".join(part.split()) for part in doc.split("\n\n")):
        head = re.match(r"(Facts followed|Original code): ", text)
        if head:
            found[head[1]] = text.removeprefix(head[0])
        else:
            found["about"].append(text)
    return found | {"about": "\n\n".join(found["about"])}


def table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """A Markdown table."""
    lines = [[*head], ["---"] * len([*head]), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def variants(members: list[str]) -> str:
    """Entry, title and view counts in the configs that have one of them."""
    homes = [
        name
        for name in ("config", "field", "per_patient")
        if any(entry in config(name)["methods"] for entry in members)
    ]
    files = homes[:1] if homes and homes[0] != "config" else ["config", "leaderboard"]
    rows = [
        (f"`{entry}`", study()[entry].title, *(view_counts(entry, name) for name in files))
        for entry in members
    ]
    return table(["entry", "title", *(f"views in `{name}.yaml`" for name in files)], rows)


def view_counts(entry: str, name: str) -> str:
    """Those of an entry in a config; none where the config has no such entry."""
    return ", ".join(map(str, study(name)[entry].view_counts)) if entry in study(name) else ""


def needs(members: list[str]) -> str:
    """What each entry looks at, and what its jobs take, from `Needs`."""
    rows = [(f"`{entry}`", *needed(study()[entry].needs)) for entry in members]
    return table(["entry", "looks at", "fitted on", "model", "GPU"], rows)


def needed(needs: Needs) -> list[str]:
    """Inputs, inputs of the fit, kind of model, use of a GPU."""
    looks, fits = (", ".join(INPUTS[k] for k in kinds) for kinds in (needs.inputs, needs.to_fit))
    base = f"that of `{needs.starts_from}`" if needs.starts_from else "fitted, not trained"
    kind = "trained" if needs.requires_training else base
    reach = "one for all view counts" if needs.shared_across_views else "one for each view count"
    if needs.one_job_per_patient and needs.runs_networks:
        gpu = "for each patient, where there is one"
    else:
        gpu = "to train, where there is one" if needs.requires_training else "none"
    return [looks, "the same" if fits == looks else fits, f"{kind}; {reach}", gpu]


@cache
def schema() -> dict[str, Any]:
    """What the schema says of each entry's keys."""
    path = ROOT / "workflow/schemas/config.schema.yaml"
    known = yaml.safe_load(path.read_text(encoding="utf-8"))["properties"]["methods"]["properties"]
    return {entry: node.get("properties", {}) for entry, node in known.items()}


def settings(cls: type, members: list[str]) -> str:
    """Each setting with its default in the code, and what the config's entries set."""
    rows = []
    for field in dataclasses.fields(cls.Settings):
        given = [entries()[entry].get(field.name, "") for entry in members]
        meaning = meaning_of(field.name, members)
        rows.append((f"`{field.name}`", meaning, shown(field.default), *map(shown, given)))
    head = ["setting", "meaning", "default", *(f"`{entry}`" for entry in members)]
    return table(head, rows) + "\n\nAn empty cell leaves the default."


def meaning_of(key: str, members: list[str]) -> str:
    """The schema's description of a key, where one of the entries has it."""
    texts = [schema().get(entry, {}).get(key, {}).get("description") for entry in members]
    text = next(filter(None, texts), "")
    other = re.fullmatch(r"as for `(\w+)`", text)
    return schema()[other[1]][key]["description"] if other else text


def shown(value: object) -> str:
    """A value as YAML has it."""
    return value if value == "" else json.dumps(value).strip('"')


@cache
def stored(name: str = "config") -> tuple[str, list[dict[str, str]]]:
    """What the results of a file of config/ are, and their rows."""
    if not RESULTS[name].exists():
        return "", []
    remark, *lines = RESULTS[name].read_text(encoding="utf-8").splitlines()
    return remark.lstrip("# "), [*csv.DictReader(lines)]


def results(members: list[str]) -> str:
    """IoU, times and memory: in the default study at the most and the fewest views, else at all."""
    for name in RESULTS:
        remark, rows = stored(name)
        found = [row for row in rows if row["method"] in members]
        if name == "config":
            found = [row for row in found if row["views"] in ("90", "2")]
        if found:
            head = ["entry", "views", "IoU (95 % interval)", "to fit the model", "for a patient"]
            return f"{remark}\n\n{table(head, map(result, found))}"
    return "It was not run in the studies whose results are stored here."


def result(row: dict[str, str]) -> tuple[str, ...]:
    """A stored row as a page shows it."""
    return (
        f"`{row['method']}`",
        row["views"],
        f"{float(row['iou']):.3f} ({float(row['low']):.3f} to {float(row['high']):.3f})",
        cost(row["fit_seconds"], row["fit_mb"]),
        cost(row["reconstruct_seconds"], row["reconstruct_mb"]),
    )


def cost(seconds: str, mb: str) -> str:
    """Time, in minutes from one on, and memory."""
    time = float(seconds)
    return (f"{time / 60:.1f} min" if time >= 60 else f"{time:.2g} s") + f", {float(mb):.0f} MB"


def index() -> str:
    """The table of all methods, family by family."""
    names = sorted(registry.classes(), key=[*entries()].index)
    known = {name: {"family": registry.classes()[name].family} for name in names}
    stored_rows = [row for study_name in RESULTS for row in stored(study_name)[1]]
    iou = {(row["method"], row["views"]): f"{float(row['iou']):.3f}" for row in stored_rows}
    rows = []
    for family, names in families(known).items():
        for name in names:
            for entry in entries_of(name):
                both = [iou.get((entry, views), "") for views in ("2", "90")]
                rows.append((family, f"[{study()[entry].title}]({name}.md)", f"`{entry}`", *both))
                family = ""
    head = ["family", "method", "entry", "IoU at 2 views", "at 90 views"]
    about = "Each folder of `workflow/scripts/angiovox/methods` has a page here."
    remarks = filter(None, (stored(study_name)[0] for study_name in RESULTS))
    parts = [DO_NOT_EDIT, "# Methods", about, *remarks, table(head, rows)]
    return "\n\n".join(parts) + "\n"


def pages() -> dict[Path, str]:
    """All pages by path."""
    found = {FOLDER / f"{name}.md": page(name) for name in registry.classes()}
    return found | {FOLDER / "README.md": index()}


def take(results: Path, name: str) -> None:
    """Store what the pages show of a finished study of a file of config/."""
    from method_results import take as write

    labels = {entry: {"title": m.title, "family": m.family} for entry, m in study().items()}
    default = {*config("config")["methods"]} if name != "config" else set()
    own = {*config(name)["methods"]} - default
    members = {method: [e for e in entries_of(method) if e in own] for method in registry.classes()}
    write(results, name, RESULTS[name], {m: found for m, found in members.items() if found}, labels)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    if len(sys.argv) > 1:
        take(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "config")
        stored.cache_clear()
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
