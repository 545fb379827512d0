"""Which methods a config asks for, checked: entries, variants, view counts, titles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import angiovox.method
from angiovox.errors import InputError
from angiovox.method import Needs
from angiovox.methods import registry

EVERY = "all"  # in place of a view count: the one model for all of them
UNSET = object()  # in place of view counts that an entry does not have


@dataclass(frozen=True)
class Method:
    """A method of the study.

    module : dotted name of the one it is in. settings : of its config entry, with the method that
    it is a variant of. view_counts : most first.
    """

    title: str
    family: str
    module: str
    needs: Needs
    settings: dict[str, Any]
    view_counts: list[int]

    @property
    def models(self) -> list[int | str]:
        """What the models are for: each view count, or all."""
        return [EVERY] if self.needs.shared_across_views else self.view_counts


def methods(config: dict[str, Any]) -> dict[str, Method]:
    """The methods that a config asks for; false leaves one out, true and null set nothing.

    Raises InputError naming a key, its value and what would be valid.
    """
    counts = sorted(config["view_counts"], reverse=True)
    chosen = {}
    for name, given in config["methods"].items():
        if given is False:
            continue
        settings = {} if given in (None, True) else dict(given)
        own, title = settings.pop("view_counts", UNSET), settings.pop("title", None)
        method = registry.create(name, settings)
        own = _view_counts(name, own, counts, method.needs)
        title, module = _title(name, title, method), registry.module_of(method)
        chosen[name] = Method(title, method.family, module, method.needs, settings, own)
    for name, method in chosen.items():
        _check_base(name, method, chosen)
    _check_titles(chosen)
    paper = registry.PAPER_METHOD
    if paper not in chosen or chosen[paper].view_counts != [n for n in counts if n > 1]:
        raise InputError(
            f"methods.{paper}: Table 1 needs the paper's network at every one of view_counts"
        )
    if 1 in counts and not any(1 in method.view_counts for method in chosen.values()):
        raise InputError("view_counts: 1: no method of the study reconstructs from a single view")
    return chosen


def _title(name: str, title: Any, method: angiovox.method.Method) -> str:
    """The entry's own title, or the method's, with the entry's name where it is a variant."""
    if title is None:
        return method.title if name == method.name else f"{method.title} ({name})"
    if not (isinstance(title, str) and title):
        raise InputError(f"methods.{name}.title: {title!r} is not valid; expected a text")
    return title


def _check_base(name: str, method: Method, chosen: dict[str, Method]) -> None:
    """Refuse a method that starts from another one's model where that is not made."""
    base = method.needs.starts_from
    if base is None:
        return
    base_view_counts = chosen[base].view_counts if base in chosen else []
    missing = [count for count in method.view_counts if count not in base_view_counts]
    if missing:
        raise InputError(
            f"methods.{name}: starts from the model of {base}, which is not made for "
            f"{', '.join(map(str, missing))} views; change methods.{base}, or set "
            f"methods.{name}: false"
        )
    given = chosen[base]
    if base == name or given.module != method.module or not given.needs.requires_training:
        raise InputError(
            f"methods.{name}.starts_from: {base!r} is not valid; expected another entry of the "
            "same method, which is trained"
        )


def _check_titles(chosen: dict[str, Method]) -> None:
    """Refuse titles that do not tell entries apart in figures and tables."""
    names: dict[str, str] = {}
    for name, method in chosen.items():
        if method.title in names:
            raise InputError(
                f"methods.{name}.title: {method.title!r} is the title of {names[method.title]} too"
            )
        names[method.title] = name


def _view_counts(name: str, own: Any, counts: list[int], needs: Needs) -> list[int]:
    """The entry's own, or all those of the study that the method reconstructs from."""
    if own is UNSET:
        own = [count for count in counts if needs.allows(count)]
        if not own:
            raise InputError(
                f"methods.{name}: reconstructs from {_range(needs)}, which is none of the study's "
                f"view_counts: {', '.join(map(str, counts))}"
            )
    known = isinstance(own, list) and all(type(n) is int and n in counts for n in own)
    if not (known and own and len(set(own)) == len(own)):
        raise InputError(
            f"methods.{name}.view_counts: {own!r} is not valid; expected one or more of the "
            f"study's view_counts: {', '.join(map(str, counts))}"
        )
    for count in own:
        if not needs.allows(count):
            raise InputError(
                f"methods.{name}.view_counts: {count} is not valid; the method reconstructs from "
                f"{_range(needs)}"
            )
    return sorted(own, reverse=True)


def _range(needs: Needs) -> str:
    """How many views a method reconstructs from, in words."""
    fewest, most = needs.fewest_views, needs.most_views
    if most is None:
        return f"{fewest} or more views"
    return f"{fewest} to {most} views" if most > fewest else f"{most} view" + "s" * (most > 1)
