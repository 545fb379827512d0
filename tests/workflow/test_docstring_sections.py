"""Compact docstrings become sections that the API's page shows with types."""

import griffe
from conftest import ROOT
from docstring_sections import DocstringSections, entries, numpydoc

GRID = """Voxels along the patient's axes.

Attributes
----------
shape : (x, y, z) voxels. size : edges
    in mm: of each voxel.

Raises
------
ValueError : a shape below 1.
"""


def sections(text, names, title="Parameters"):
    """What Griffe reads: each entry's name and description, by kind of section."""
    read = griffe.Docstring(numpydoc(text, names, title)).parse("numpy", warnings=False)
    return {
        str(one.kind.value): [(item.name, item.description.strip()) for item in one.value]
        for one in read
        if isinstance(one.value, list) and hasattr(one.value[0], "name")
    } | {"text": "\n".join(one.value for one in read if isinstance(one.value, str))}


def test_names_on_one_line_are_entries_of_their_own():
    found = sections(GRID, {"shape", "size"}, "Attributes")
    wanted = [("shape", "(x, y, z) voxels."), ("size", "edges\nin mm: of each voxel.")]
    assert found["attributes"] == wanted
    assert found["text"] == "Voxels along the patient's axes."
    assert "ValueError" in numpydoc(GRID, {"shape", "size"}, "Attributes")


def test_a_paragraph_without_a_heading_is_a_section():
    text = "Add.\n\nAll at once. first, second : (n,) terms.\n\nIt takes no time."
    found = sections(text, {"first", "second"})
    assert [name for name, _ in found["parameters"]] == ["first", "second"]
    assert found["text"] == "Add.\n\nAll at once.\n\nIt takes no time."


def test_what_is_no_name_of_the_function_stays_text():
    text = "Fold.\n\nConnection A : from the coarsest."
    assert entries(text, {"B"}) == (text, [])
    assert numpydoc(text, {"B"}, "Parameters") == text


def test_returns_are_text_and_errors_a_section():
    text = "Read.\n\nReturns\n-------\n(x, y) like it.\n\nRaises\n------\nInputError : it is empty."
    changed = numpydoc(text, set(), "Parameters")
    assert "**Returns**\n\n(x, y) like it." in changed
    assert "Raises\n------\nInputError\n    it is empty." in changed


def test_every_explained_name_of_the_package_reaches_a_section_with_its_type():
    extensions = griffe.load_extensions(DocstringSections)
    paths = [ROOT / "workflow/scripts"]
    package = griffe.load("angiovox.geometry", search_paths=paths, extensions=extensions)
    read = package["grid.Grid"].docstring.parse("numpy", warnings=False)
    (listed,) = [one.value for one in read if one.kind.value == "attributes"]
    assert {item.name: str(item.annotation) for item in listed} == {
        "shape": "tuple[int, int, int]",
        "voxel_size": "tuple[float, float, float]",
        "centre": "tuple[float, float, float]",
    }
    (listed,) = [
        one.value
        for one in package["grid.Grid.centred"].docstring.parse("numpy", warnings=False)
        if one.kind.value == "parameters"
    ]
    assert [item.name for item in listed] == ["shape", "affine"]
