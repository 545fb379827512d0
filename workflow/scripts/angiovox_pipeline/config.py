"""The user's config and sheet, checked before any job starts. Knows config keys; no rules."""

from __future__ import annotations

import difflib
import math
from functools import cache
from typing import Any

import yaml
from angiovox.errors import InputError
from angiovox.phantoms.settings import WIDEST_MM, check_lesion
from jsonschema import Draft202012Validator, validators
from jsonschema.exceptions import ValidationError
from snakemake.utils import update_config

from . import study_methods
from .places import ROOT

WIDEST_VOXEL = 0.6  # of an artery's width: of coarser ones none may lie in it
HEAD_FIELD_MM = 60.0  # around the middle of the head, to hold the circle of Willis
WITH_ORDER = ("methods", "transfer", "beside")  # of entries, as in tables and figures
SCHEMAS = ROOT / "workflow/schemas"
DEFAULTS = ROOT / "config/config.yaml"


def _finite(value: Any) -> bool:
    return isinstance(value, float) and math.isfinite(value)


# jsonschema takes 64.0 for an integer, and NaN and infinity for numbers.
Validator = validators.extend(
    Draft202012Validator,
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda _, value: type(value) is int
    ).redefine("number", lambda _, value: type(value) is int or _finite(value)),
)


def fill_in(config: dict[str, Any]) -> None:
    """Give a config, in place, what it leaves out and the default config has.

    As with Snakemake's --configfile: a mapping is filled in key by key, anything else is replaced.
    Keys come in the schema's order, since Snakemake reruns jobs whose parameters come in another.
    """
    defaults = yaml.safe_load(DEFAULTS.read_text(encoding="utf-8"))
    update_config(defaults, config)
    config.clear()
    config.update(_in_order(defaults, _schema("config.schema.yaml")))


def _in_order(given: Any, schema: dict[str, Any], is_order_kept: bool = False) -> Any:
    """A part of a config with its keys in the schema's order, and others by name."""
    if not isinstance(given, dict):
        return given
    known, others = schema.get("properties", {}), schema.get("additionalProperties", {})
    names = [name for name in known if name in given]
    names += sorted(given.keys() - known.keys(), key=str)
    of_others = others if isinstance(others, dict) else {}
    return {
        name: _in_order(given[name], known.get(name, of_others), name in WITH_ORDER)
        for name in (given if is_order_kept else names)
    }


def check_config(config: dict[str, Any]) -> None:
    """Refuse a config that cannot run.

    Raises InputError naming the key, its value and what would be valid.
    """
    check_schema(config, "config.schema.yaml", "config")
    masks = config["masks"]
    if masks["min_fraction"] >= masks["max_fraction"]:
        raise InputError(
            f"masks.min_fraction: {masks['min_fraction']} must be below masks.max_fraction: "
            f"{masks['max_fraction']}"
        )
    if masks["window"] is not None and masks["window"][0] >= masks["window"][1]:
        raise InputError(
            f"masks.window: {masks['window']} is not valid; expected [low, high], low below high"
        )
    _check_cone_beam(config["cone_beam"], config["volume"])
    if config["projection"]["photons"] and config["projection"]["kind"] == "maximum":
        raise InputError(
            f"projection.photons: {config['projection']['photons']} has no effect on maxima; set "
            "projection.kind to line_integral, or photons to null"
        )
    for views in config["view_counts"]:
        if views > config["projections"]:
            raise InputError(
                f"view_counts: {views} views cannot be taken from {config['projections']} "
                f"projections; choose from 1 to {config['projections']}"
            )
    _check_left_out(config["methods"])
    methods = study_methods.methods(config)
    _check_projection(config["projection"], methods)
    _check_shown(config["figures"]["methods"], [*methods])
    if config["cohort"]["phantoms"]["count"]:
        _check_phantoms(config["cohort"]["phantoms"], **config["volume"])


def _check_projection(given: dict[str, Any], methods: dict[str, study_methods.Method]) -> None:
    """Refuse methods that cannot read projections as the study takes them."""
    if (given["kind"], given["beam"]) == ("maximum", "parallel"):
        return
    for name, method in methods.items():
        if method.needs.parallel_maxima:
            raise InputError(
                f"methods.{name}: works with maxima of a parallel beam, and projection.kind is "
                f"{given['kind']}, projection.beam {given['beam']}; set methods.{name}: false"
            )


def _check_cone_beam(beam: dict[str, float], volume: dict[str, Any]) -> None:
    """Refuse a source beyond the detector, or within the circle that the volume turns in."""
    key, source = "cone_beam.source_isocentre_mm", beam["source_isocentre_mm"]
    if source >= beam["source_detector_mm"]:
        raise InputError(
            f"{key}: {source} must be below cone_beam.source_detector_mm: "
            f"{beam['source_detector_mm']}"
        )
    radius = volume["shape"] * (volume["voxel_mm"] or 0) / 2**0.5
    if source <= radius:
        raise InputError(f"{key}: {source} is within the volume, which reaches {radius:.4g} mm")


def _check_left_out(methods: dict[str, Any]) -> None:
    """Refuse to leave out what nobody has: most likely a method's name is misspelt."""
    known = [*_schema("config.schema.yaml")["properties"]["methods"]["properties"]]
    for name, given in methods.items():
        if given is False and name not in known:
            raise InputError(
                f"methods.{name}: false leaves out a method of the default config, and this is "
                f"none; valid: {', '.join(known)}"
            )


def _check_shown(shown: list[str] | None, methods: list[str]) -> None:
    """Refuse figures of methods that the study does not have."""
    for name in shown or []:
        if name not in methods:
            raise InputError(
                f"figures.methods: {name!r} is no method of this study; choose among "
                f"{', '.join(methods)}"
            )


def _check_phantoms(phantoms: dict[str, Any], shape: int, voxel_mm: float | None) -> None:
    """Refuse what no phantom can show."""
    if voxel_mm is None:
        raise InputError("volume.voxel_mm: null needs cohort.phantoms.count: 0; give millimetres")
    grown, widest = phantoms["centrelines"] is None, WIDEST_MM[phantoms["injection"]]
    if not grown and phantoms["injection"] != "all":
        raise InputError(
            f"cohort.phantoms.injection: {phantoms['injection']!r} cannot be told from the files "
            "of cohort.phantoms.centrelines; set it to all, and let the files hold what is filled"
        )
    if grown and voxel_mm > WIDEST_VOXEL * widest:
        raise InputError(
            f"volume.voxel_mm: {voxel_mm:g} mm cannot show an artery; the widest that a phantom of "
            f"injection {phantoms['injection']} has measures {widest:g} mm"
        )
    field_mm = shape * voxel_mm
    if grown and phantoms["centre"] == "head" and field_mm < HEAD_FIELD_MM:
        raise InputError(
            f"cohort.phantoms.centre: head with a field of view of {field_mm:g} mm (volume.shape "
            f"{shape}, volume.voxel_mm {voxel_mm:g}) misses the circle of Willis; it takes "
            f"{HEAD_FIELD_MM:g} mm, or circle"
        )
    for kind, settings in phantoms["lesions"].items():
        try:
            check_lesion(settings, field_mm)
        except ValueError as error:
            raise InputError(f"cohort.phantoms.lesions.{kind}.{error}") from None


@cache
def _schema(name: str) -> dict[str, Any]:
    return yaml.safe_load((SCHEMAS / name).read_text(encoding="utf-8"))


def check_schema(value: dict[str, Any], schema_name: str, where: str) -> None:
    errors = sorted(Validator(_schema(schema_name)).iter_errors(value), key=lambda e: list(e.path))
    if errors:
        raise InputError(f"{where}: {_format_error(errors[0])}")


def _format_error(error: ValidationError) -> str:
    """What is wrong and what would be valid, in words."""
    key = ".".join(str(part) for part in error.path if isinstance(part, str))
    if error.validator == "additionalProperties" and isinstance(error.instance, dict):
        known = sorted(error.schema["properties"])
        wrong = next(str(name) for name in error.instance if name not in known)
        close = difflib.get_close_matches(wrong, known, n=1)
        hint = f"did you mean {'.'.join(filter(None, [key, *close]))!r}? " if close else ""
        return (
            f"unknown key {'.'.join(filter(None, [key, wrong]))!r}; {hint}valid: {', '.join(known)}"
        )
    if error.validator == "required":
        return f"{key + ': ' if key else ''}{error.message}"
    valid = {
        "enum": lambda: "one of " + ", ".join(repr(v) for v in error.validator_value),
        "minimum": lambda: f"at least {error.validator_value}",
        "maximum": lambda: f"at most {error.validator_value}",
        "exclusiveMinimum": lambda: f"above {error.validator_value}",
        "exclusiveMaximum": lambda: f"below {error.validator_value}",
        "minItems": lambda: f"at least {error.validator_value} of them",
        "maxItems": lambda: f"at most {error.validator_value} of them",
        "uniqueItems": lambda: "no value twice",
        "pattern": lambda: error.schema.get("description", error.validator_value),
        "type": lambda: _kinds(error.validator_value, error.instance),
    }.get(error.validator, lambda: error.message)()
    return f"{key}: {error.instance!r} is not valid; expected {valid}"


def _kinds(kinds: str | list[str], value: Any) -> str:
    """What a value may be; YAML makes numbers of ids such as 007, true of yes, nothing of null."""
    words = kinds if isinstance(kinds, str) else " or ".join(kinds)
    is_text = value is None or isinstance(value, int | float)  # so is true
    return words.replace("string", "string in quotes") if is_text else words
