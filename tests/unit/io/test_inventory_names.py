"""A broken file's name may be no UTF-8, or move a terminal: it is one patient's entry."""

import os

import numpy as np
import pytest
from angiovox.errors import InputError, printable
from angiovox.geometry.affine import isotropic_affine
from angiovox.io import inventory
from angiovox.io.dicom import writer

NAMES = {b"br\xffken.dcm": r"br\xffken.dcm", b"red\x1b[31m.dcm": r"red\x1b[31m.dcm"}


@pytest.fixture
def series(tmp_path):
    """Two whole patients."""
    volume = np.random.default_rng(1).normal(10, 3, (8, 8, 8))
    for name in ("anna", "bert"):
        writer.write_series(volume, isotropic_affine((8, 8, 8), 0.5), tmp_path / name, name)
    return tmp_path


@pytest.mark.parametrize("name", NAMES)
def test_a_broken_file_is_one_patients_entry_with_its_name(series, name):
    (series / "anna" / os.fsdecode(name)).write_bytes(b"nothing")
    entries = inventory.inventory("anna", series / "anna")
    entries += inventory.inventory("bert", series / "bert")
    table = inventory.as_table(entries).set_index("patient")
    assert table["outcome"].to_dict() == {"anna": "refused", "bert": "read"}
    assert NAMES[name] in table.loc["anna", "reason"]
    table.to_csv(series / "inventory.csv")
    page = inventory.page(table.reset_index(), 0)
    for text in (page, *map(str, entries), (series / "inventory.csv").read_text(encoding="utf-8")):
        text.encode("utf-8")
    assert NAMES[name] in page and NAMES[name] in str(entries[0])


def test_a_name_is_no_formula_for_a_spreadsheet(series):
    (series / "anna/=HYPERLINK(1).dcm").write_bytes(b"nothing")
    table = inventory.as_table(inventory.inventory("anna", series / "anna"))
    assert table["reason"][0].startswith("'=HYPERLINK(1).dcm: broken")


def test_a_message_can_be_written_anywhere():
    message = str(InputError(f"{os.fsdecode(bytes(range(1, 256)))}: broken"))
    assert message.encode("utf-8") and r"\xff" in message and r"\x1b" in message
    assert printable("Ðørvåld, 3 ± 1 mm\n") == "Ðørvåld, 3 ± 1 mm\n"
