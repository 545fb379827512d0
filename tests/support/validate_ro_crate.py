"""Run rocrate-validator without a network: python validate_ro_crate.py CRATE CACHE SEVERITY.

Runs in the validators' environment. The validator looks terms up in RO-Crate's JSON-LD context,
which it fetches; it is given those that a study's crate may have, as RO-Crate 1.1 defines them.
"""

import json
import sys
from io import BytesIO

import requests
from requests_cache import CachedSession
from rocrate_validator.cli import cli
from urllib3 import HTTPResponse

CONTEXT = "https://w3id.org/ro/crate/1.1/context"
OF_SCHEMA_ORG = """
    ComputerLanguage CreateAction CreativeWork Dataset PropertyValue SoftwareApplication
    SoftwareSourceCode about actionStatus additionalType contentSize datePublished description
    encodingFormat endTime exampleOfWork hasPart identifier instrument license mainEntity mentions
    name object programmingLanguage result softwareRequirements softwareVersion url value version
    workExample
"""
WORKFLOW = "https://bioschemas.org/ComputationalWorkflow"
TERMS = {term: f"http://schema.org/{term}" for term in OF_SCHEMA_ORG.split()} | {
    "File": "http://schema.org/MediaObject",
    "conformsTo": "http://purl.org/dc/terms/conformsTo",
    "ComputationalWorkflow": WORKFLOW,
    "FormalParameter": "https://bioschemas.org/FormalParameter",
    "input": f"{WORKFLOW}#input",
    "output": f"{WORKFLOW}#output",
}


class Offline(requests.adapters.HTTPAdapter):
    """Answers every request with the context."""

    def send(self, request, **_):
        body = BytesIO(json.dumps({"@context": TERMS}).encode())
        headers = {"Content-Type": "application/ld+json"}
        answer = HTTPResponse(
            body, headers, status=200, preload_content=False, request_url=request.url
        )
        return self.build_response(request, answer)


def main(crate: str, cache: str, severity: str) -> None:
    session = CachedSession(cache_name=cache, backend="sqlite", expire_after=-1)
    session.mount("https://", Offline())
    session.get(CONTEXT)
    session.close()
    options = [
        "--offline",
        "--cache-path",
        cache,
        "--skip-availability-check",
        "--output-format",
        "json",
    ]
    output = ["--output-format", "json"]
    profile = ["--profile-identifier", "workflow-run-crate", "--no-auto-profile"]
    severity = ["--requirement-severity", severity]
    cli(["--no-interactive", "validate", *options, *output, *profile, *severity, crate])


main(*sys.argv[1:])
