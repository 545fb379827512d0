"""A finished study as a Workflow Run RO-Crate: what ran, with which settings, and what it made.

Profile: Workflow Run Crate 0.5 (Leo et al. 2024, "Recording provenance of workflow runs with
RO-Crate"), on RO-Crate 1.1. Everything in it comes from the study's record of provenance.
"""

from __future__ import annotations

import json
import mimetypes
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..errors import InputError
from .finished_study import PROVENANCE, commit
from .run_records import digest

METADATA = "ro-crate-metadata.json"
MAIN = "workflow/Snakefile"  # the workflow's own, below the results
CONTEXT = (
    "https://w3id.org/ro/crate/1.1/context",
    {"sha256": "https://w3id.org/ro/terms/workflow-run#sha256"},
)
CRATE = "https://w3id.org/ro/crate/1.1"
WORKFLOW_CRATE = "https://w3id.org/workflowhub/workflow-ro-crate/1.0"
PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": "Process Run Crate",
    "https://w3id.org/ro/wfrun/workflow/0.5": "Workflow Run Crate",
    WORKFLOW_CRATE: "Workflow RO-Crate",
}
NO_LICENCE = "https://choosealicense.com/no-permission/"
WORKFLOW_LICENCE = "https://spdx.org/licenses/MIT"
SNAKEMAKE = "https://w3id.org/workflowhub/workflow-ro-crate#snakemake"
BIOSCHEMAS = "https://bioschemas.org/profiles"
RUN = "#run"
FOLDERS = {  # of the results, beside tables and figures
    "reconstructions/": "Probability volumes of the test patients (NIfTI)",
    "masks/": "Ground truth: vessels by Otsu's threshold (NIfTI)",
    "meshes/": "Surfaces of reconstructions and ground truth (STL, VTP)",
    "metrics/": "Metrics by run (CSV)",
    "models/": "Fitted models and training histories",
}
FORMATS = {".md": "text/markdown", ".csv": "text/csv", ".tex": "application/x-tex"}
Entity = dict[str, Any]


def metadata(
    record: Mapping[str, Any],
    results: Path,
    workflow_files: Iterable[str],
    licence: str = NO_LICENCE,
) -> str:
    """Write the text of ro-crate-metadata.json for a folder of results.

    Parameters
    ----------
    record : of the study's provenance. results : its folder.
    workflow_files : files of the workflow's revision below the folder, `MAIN` among them.
    licence : URI of the results' licence.

    Raises
    ------
    InputError : a product that is missing, or was changed since the record.
    """
    products = _products(record, results)
    files = [_file(name, results / name) for name in workflow_files if name != MAIN]
    pages = [name for name in (PROVENANCE, "provenance.html", "report.html")]
    files += [_file(name, results / name) for name in pages if (results / name).is_file()]
    settings = [*_settings(record["config"])]
    outputs = [_output(product) for product in products]
    packages = [*_packages(record.get("versions", {}))]
    inputs, values = settings[::2], settings[1::2]
    workflow = _workflow(record, inputs, outputs, packages)
    folders = [_folder(name, about) for name, about in FOLDERS.items() if (results / name).is_dir()]
    parts = [workflow, *products, *files, *folders]
    graph = [
        _descriptor(),
        _root(record, parts, licence),
        *_profiles(),
        *parts,
        *settings,
        *outputs,
        *packages,
        _language(record),
        *_licences(licence),
        _run(record, values, products),
    ]
    return json.dumps({"@context": [*CONTEXT], "@graph": graph}, indent=1) + "\n"


def _refer(entities: Iterable[Entity]) -> list[Entity]:
    return [{"@id": entity["@id"]} for entity in entities]


def _descriptor() -> Entity:
    return {
        "@id": METADATA,
        "@type": "CreativeWork",
        "conformsTo": [{"@id": CRATE}, {"@id": WORKFLOW_CRATE}],
        "about": {"@id": "./"},
    }


def _root(record: Mapping[str, Any], parts: list[Entity], licence: str) -> Entity:
    return {
        "@id": "./",
        "@type": "Dataset",
        "name": "Run of the angiovox study",
        "description": "Cerebral vessels from few X-ray views: tables, figures, reconstructions "
        "and models of one run, with its settings. For research, not for diagnosis.",
        "datePublished": record["collected"],
        "license": {"@id": licence},
        "conformsTo": [{"@id": uri} for uri in PROFILES],
        "mainEntity": {"@id": MAIN},
        "hasPart": _refer(parts),
        "mentions": {"@id": RUN},
    }


def _profiles() -> list[Entity]:
    return [
        {"@id": uri, "@type": "CreativeWork", "name": name, "version": uri.rpartition("/")[2]}
        for uri, name in PROFILES.items()
    ]


def _licences(licence: str) -> list[Entity]:
    about = {WORKFLOW_LICENCE: "MIT licence"}
    about |= {licence: "No licence stated" if licence == NO_LICENCE else licence}
    return [{"@id": uri, "@type": "CreativeWork", "name": name} for uri, name in about.items()]


def _workflow(
    record: Mapping[str, Any], inputs: list[Entity], outputs: list[Entity], packages: list[Entity]
) -> Entity:
    return {
        "@id": MAIN,
        "@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow"],
        "name": "angiovox",
        "description": "Snakemake workflow to reproduce and compare few-view reconstruction",
        "conformsTo": {"@id": f"{BIOSCHEMAS}/ComputationalWorkflow/1.0-RELEASE"},
        "encodingFormat": "text/plain",
        "programmingLanguage": {"@id": SNAKEMAKE},
        "version": commit(record) or "not recorded",
        "license": {"@id": WORKFLOW_LICENCE},
        "input": _refer(inputs),
        "output": _refer(outputs),
        "softwareRequirements": _refer(packages),
    }


def _language(record: Mapping[str, Any]) -> Entity:
    return {
        "@id": SNAKEMAKE,
        "@type": "ComputerLanguage",
        "name": "Snakemake",
        "identifier": {"@id": "https://doi.org/10.1093/bioinformatics/bts480"},
        "url": {"@id": "https://snakemake.github.io"},
        "version": record.get("versions", {}).get("snakemake"),
    }


def _run(record: Mapping[str, Any], values: list[Entity], products: list[Entity]) -> Entity:
    """The execution; when it began is not recorded, for jobs may be of several starts."""
    is_modified = record.get("angiovox", {}).get("modified")
    changed = " with local changes to the code" if is_modified else ""
    return {
        "@id": RUN,
        "@type": "CreateAction",
        "name": "Run of the study",
        "description": f"Snakemake made every table and figure{changed}",
        "instrument": {"@id": MAIN},
        "object": _refer(values),
        "result": _refer(products),
        "endTime": record["collected"],
        "actionStatus": "http://schema.org/CompletedActionStatus",
    }


def _settings(config: Mapping[str, Any]) -> Iterable[Entity]:
    """A parameter and its value, as JSON, for each top-level key of the config."""
    for key, value in config.items():
        name, given = f"#config-{key}", f"#value-{key}"
        yield {
            "@id": name,
            "@type": "FormalParameter",
            "additionalType": "PropertyValue",
            "name": key,
            "workExample": {"@id": given},
        }
        stated = {"name": key, "value": json.dumps(value)}
        yield {"@id": given, "@type": "PropertyValue", **stated, "exampleOfWork": {"@id": name}}


def _packages(versions: Mapping[str, str | None]) -> Iterable[Entity]:
    for name, version in versions.items():
        if version:
            about = {"name": name, "softwareVersion": version}
            yield {"@id": f"#package-{name}", "@type": "SoftwareApplication", **about}


def _products(record: Mapping[str, Any], results: Path) -> list[Entity]:
    """Tables and figures, with the rule that made each.

    Raises InputError for one that is missing, or is another than when it was recorded.
    """
    known, made = "tables/run_times.csv", record["products"]
    prefix = next((path[: -len(known)] for path in made if path.endswith(known)), "results/")
    entities = []
    for path, product in made.items():
        name = path.removeprefix(prefix)
        entity = _file(name, results / name)
        if entity["sha256"] != product["sha256"]:
            raise InputError(f"{results / name}: changed since {PROVENANCE}; run snakemake again")
        about = f"By rule {product['rule']}"
        output = {"@id": _parameter(name)}
        entities.append(entity | {"description": about, "exampleOfWork": output})
    return entities


def _parameter(name: str) -> str:
    return f"#output-{name.replace('/', '-')}"


def _output(product: Entity) -> Entity:
    return {
        "@id": _parameter(product["@id"]),
        "@type": "FormalParameter",
        "additionalType": "File",
        "name": product["name"],
        "workExample": {"@id": product["@id"]},
    }


def _file(name: str, path: Path) -> Entity:
    if not path.is_file():
        raise InputError(f"{path}: not there; run snakemake again")
    found = digest(path)
    kind = FORMATS.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "text/plain"
    about = {"contentSize": str(found["bytes"]), "sha256": found["sha256"]}
    return {"@id": name, "@type": "File", "name": name, "encodingFormat": kind, **about}


def _folder(name: str, about: str) -> Entity:
    return {"@id": name, "@type": "Dataset", "name": name, "description": about}
