"""Extension of Griffe for the API's page: read the package's compact docstrings as numpydoc.

The package writes `name : shape, unit, meaning`, several names to a line, and mostly without a
heading. Numpydoc has one name to a line, what it means indented below, and types from annotations:

    shape : (x, y, z) voxels. voxel_mm : edges.        Parameters
                                                       ----------
                                                       shape
                                                           (x, y, z) voxels.
                                                       voxel_mm
                                                           edges.
"""

from __future__ import annotations

import re
import textwrap
from typing import Any

import griffe

HEADING = re.compile(r"^(Parameters|Attributes|Returns|Raises)\n-{3,}\n", re.M)
ENTRY = re.compile(r"(?:^|(?<=\.))\s*(\*{0,2}\w+(?:, \*{0,2}\w+)*) : ", re.M)
ERROR = re.compile(r"[A-Z]\w+(Error|Interrupted)")


def entries(text: str, names: set[str]) -> tuple[str, list[tuple[str, str]]]:
    """What stands before the first `name : meaning` of some names, and each name with its meaning.

    `a, b : meaning` is one entry, whose names are all of `names` or all names of errors.
    """
    found = [match for match in ENTRY.finditer(text) if _known(match[1], names)]
    if not found:
        return text.strip(), []
    ends = [match.start() for match in found[1:]] + [len(text)]
    pairs = zip(found, ends, strict=True)
    return text[: found[0].start()].strip(), [
        (match[1], textwrap.dedent(_flush(text[match.end() : end].strip()))) for match, end in pairs
    ]


def _known(listed: str, names: set[str]) -> bool:
    each = listed.replace("*", "").split(", ")
    return set(each) <= names or all(ERROR.fullmatch(name) for name in each)


def _flush(text: str) -> str:
    """Take off what continued lines are indented by."""
    first, _, rest = text.partition("\n")
    return f"{first}\n{textwrap.dedent(rest)}" if rest else first


def section(title: str, listed: list[tuple[str, str]]) -> str:
    """A section of numpydoc; types are left to the signature."""
    items = [f"{name}\n{textwrap.indent(meaning, '    ')}" for name, meaning in listed]
    return "\n".join([title, "-" * len(title), *items])


def numpydoc(text: str, names: set[str], title: str) -> str:
    """A docstring in which each explained name has its place in a section.

    names : of parameters, or of a class's attributes. title : of their section.
    """
    top, *parts = HEADING.split(text)
    about, listed, written = [], [], []
    for paragraph in top.split("\n\n"):
        before, found = entries(paragraph, names)
        about.append(before)
        listed += found
    for heading, body in zip(parts[::2], parts[1::2], strict=True):
        before, found = entries(body, names)
        if heading == "Returns" or not found:
            written.append(f"**{heading}**\n\n{_flush(body.strip())}")
        elif heading == title:
            listed += found
        else:
            written.append(section(heading, found))
        about += [before] if found else []
    return "\n\n".join(
        filter(None, [*about, *([section(title, listed)] if listed else []), *written])
    )


class DocstringSections(griffe.Extension):
    """Rewrite docstrings of functions and classes once all of a package was read."""

    def on_function(self, *, func: griffe.Function, **options: Any) -> None:
        """Rewrite a function's, with its parameters."""
        if func.docstring:
            names = {parameter.name for parameter in func.parameters}
            func.docstring.value = numpydoc(func.docstring.value, names, "Parameters")

    def on_class(self, *, cls: griffe.Class, **options: Any) -> None:
        """Rewrite a class's, with its attributes."""
        if cls.docstring:
            cls.docstring.value = numpydoc(cls.docstring.value, set(cls.members), "Attributes")
