"""The methods of the default config, variants included, and those of other studies."""

from typing import Any

import yaml
from angiovox.method import Method
from angiovox.methods import registry
from conftest import ROOT

ENTRIES = yaml.safe_load((ROOT / "config/config.yaml").read_text())["methods"]
OF_OTHER_STUDIES = {*registry.classes()} - {
    (given or {}).get("method", name) for name, given in ENTRIES.items()
}  # methods that the default study lacks
FUTURE_WORK = yaml.safe_load((ROOT / "config/future_work.yaml").read_text())["methods"]
OPTIONS_OF_DAE = {key for given in FUTURE_WORK.values() if given for key in given}
OPTIONS_OF_DAE -= {"method", "title", *ENTRIES["dae"]}  # which the default study leaves out
NAMES = sorted({*ENTRIES, *OF_OTHER_STUDIES})
IDENTITY = ("method", "starts_from", "soft", "refinement_steps", "l1_weight")  # of a variant


def variant(name: str, **settings: Any) -> dict[str, Any]:
    """What makes an entry the variant it is, with other settings at their defaults or as given."""
    entry = ENTRIES.get(name, {})
    return {key: entry[key] for key in IDENTITY if key in entry} | settings


def create(name: str, **settings: Any) -> Method:
    """The method of an entry, with settings at their defaults or as given."""
    return registry.create(name, variant(name, **settings))
