"""Find reconstruction methods by name, and make them with their settings."""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
from functools import cache
from typing import Any

from .. import methods
from ..errors import InputError
from ..method import Method

PAPER_METHOD = "dae"  # the one whose results are Table 1 and Figures 3 and 4


@cache
def classes() -> dict[str, type[Method]]:
    """The methods there are, by name: one for each folder."""
    folders = sorted(found.name for found in pkgutil.iter_modules(methods.__path__) if found.ispkg)
    modules = [importlib.import_module(f"{methods.__name__}.{folder}.method") for folder in folders]
    return {module.METHOD.name: module.METHOD for module in modules}


def create(name: str, entry: dict[str, Any]) -> Method:
    """Make the method of a config entry.

    name : of the entry. entry : settings that are not the default; with `method`, the name of the
        method that the entry is a variant of, where it is not the entry's own.

    Raises InputError naming the key for an unknown method, a setting that it does not have or a
    value it refuses.
    """
    settings = dict(entry)
    kind = settings.pop("method", name)
    if kind not in classes():
        key = f"methods.{name}.method" if "method" in entry else "methods"
        raise InputError(f"{key}: unknown method {kind!r}; choose among {', '.join(classes())}")
    found = classes()[kind]
    known = [field.name for field in dataclasses.fields(found.Settings)]
    for key in settings:
        if key not in known:
            valid = ", ".join(known) if known else "it has none"
            raise InputError(f"methods.{name}.{key}: unknown key; valid: {valid}")
    try:
        return found(found.Settings(**settings))
    except (TypeError, ValueError) as error:
        raise InputError(f"methods.{name}.{error}") from None


def module_of(method: Method) -> str:
    """The dotted name of the module that a method's class is in."""
    return type(method).__module__
