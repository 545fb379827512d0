"""Find reconstruction methods by name."""

from __future__ import annotations

import dataclasses
import importlib
from types import ModuleType
from typing import Any

from ..errors import InputError
from ..method import KINDS

PARTS = ("TITLE", "INPUTS", "TRAINED", "Settings", "fit", "reconstruct")
PAPER_METHOD = "dae"  # the one whose results are Table 1 and Figures 3 and 4


MODULES = {
    "backprojection": "backprojection.method",
    "soft_backprojection": "backprojection.soft",
    "hull": "visual_hull.method",
    "soft_hull": "visual_hull.soft",
    "dae": "denoising_autoencoder.method",
    "unet": "unet.method",
    "consistent": "unet.consistent",
    "cgan": "conditional_gan.method",
    "l1_cgan": "conditional_gan.l1",
}


def names() -> list[str]:
    """The methods there are."""
    return sorted(MODULES)


def module_name(name: str) -> str:
    """The dotted name of a method's module."""
    return f"{__package__}.{MODULES[name]}"


def load(name: str) -> ModuleType:
    """The module of a method.

    Raises InputError for an unknown name, and for a module that lacks what a method needs.
    """
    if name not in names():
        raise InputError(f"methods: unknown method {name!r}; choose among {', '.join(names())}")
    module = importlib.import_module(module_name(name))
    missing = [part for part in PARTS if not hasattr(module, part)]
    if missing:
        raise InputError(f"methods.{name}: its module has no {', '.join(missing)}")
    unknown = sorted(set(module.INPUTS) - set(KINDS))
    if unknown or not module.INPUTS:
        raise InputError(
            f"methods.{name}: INPUTS {module.INPUTS!r} of its module; there are {', '.join(KINDS)}"
        )
    return module


def settings_of(name: str, given: dict[str, Any]) -> Any:
    """A method's settings with the given ones replaced.

    Raises InputError for a key the method does not have or a value it refuses.
    """
    kind = load(name).Settings
    known = [field.name for field in dataclasses.fields(kind)]
    for key in given:
        if key not in known:
            valid = ", ".join(known) if known else "it has none"
            raise InputError(f"methods.{name}.{key}: unknown key; valid: {valid}")
    try:
        return kind(**given)
    except (TypeError, ValueError) as error:
        raise InputError(f"methods.{name}.{error}") from None
