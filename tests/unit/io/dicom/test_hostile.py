"""Files and folders made to fill the memory, to hang or to lead astray."""

import logging
import os
import resource
import subprocess
import zlib

import pytest
import scanners
from angiovox.errors import InputError
from angiovox.io import folders
from angiovox.io.dicom import elements, reader, series
from pydicom import uid
from pydicom.filewriter import dcmwrite


@pytest.fixture(scope="module")
def deflated_zeros():
    """A stream of 2 GB of zeros, a thousandth as long."""
    packing = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    chunk = bytes(2**20)
    parts = [packing.compress(chunk) for _ in range(2**31 // len(chunk))]
    return b"".join([*parts, packing.flush()])


def bomb(path, content, *, preamble=True, private=0):
    """A deflated file of a content; `private` bytes before it says that it is deflated."""
    elements_of_group_2 = b"\x02\0\x10\0UI" + (22).to_bytes(2, "little") + b"1.2.840.10008.1.2.1.99"
    hiding = b"\x02\0\x02\x01OB\0\0" + private.to_bytes(4, "little") + bytes(private)
    start = bytes(128) + b"DICM" if preamble else b""
    group_2 = b"\x02\0\x02\0UI\x1a\0" + uid.CTImageStorage.encode() + b"\0"
    whole = start + group_2 + (hiding if private else b"") + elements_of_group_2
    path.write_bytes(whole + content)


@pytest.mark.parametrize(
    "how",
    [{}, {"preamble": False}, {"private": 6000}, {"preamble": False, "private": 6000}],
    ids=str,
)
def test_a_deflated_file_that_fills_the_memory_is_refused_without_filling_it(
    tmp_path, deflated_zeros, how
):
    scanners.shuffled(tmp_path)
    bomb(tmp_path / "bomb.dcm", deflated_zeros, **how)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InputError, match=r"bomb\.dcm: inflates to more than any image"):
        reader.find(tmp_path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # kB


def test_folders_may_be_deeper_than_python_recurses(tmp_path):
    here = os.getcwd()
    try:
        os.chdir(tmp_path)
        for _ in range(1500):
            os.mkdir("d")
            os.chdir("d")
        os.chdir(tmp_path)
        found = [files for _, files in folders.folders(".")]
    finally:
        os.chdir(here)
        subprocess.run(["rm", "-rf", tmp_path / "d"], check=True)  # shutil recurses
    assert len(found) == 1501


def test_a_folder_that_may_not_be_looked_into_is_told_of(tmp_path, monkeypatch):
    (tmp_path / "closed").mkdir()
    listing = os.scandir

    def refuse(path):
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", path)
        return listing(path)

    monkeypatch.setattr(os, "scandir", refuse)
    told = []
    assert [*folders.folders(tmp_path, told.append)] == [(str(tmp_path), [])]
    assert [error.filename for error in told] == [str(tmp_path / "closed")]


def test_what_nothing_foresaw_is_said_to_be_that_and_logged_with_its_trace(caplog):
    nothing = series.Series("", (), (), "")
    with (
        caplog.at_level(logging.ERROR),
        pytest.raises(InputError, match="nothing foresaw this: please report it") as refused,
        elements.as_input_error("x", "broken header"),
    ):
        _ = nothing.number  # an error that is raised in the package
    assert "IndexError" in caplog.text
    assert "series.py" in caplog.text
    assert "Error" not in str(refused.value)


def test_what_a_library_says_of_a_file_is_neither_logged_nor_said(caplog):
    with (
        caplog.at_level(logging.DEBUG),
        pytest.raises(InputError) as refused,
        elements.as_input_error("x", "broken header"),
    ):
        int("Hidden^Person")
    assert str(refused.value) == "x: broken header"
    assert not caplog.text


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (MemoryError("7 GB"), "more memory than there is"),
        (RecursionError("deep"), "nested too deep"),
        (zlib.error("-3"), "its compression is broken"),
        (EOFError("end"), "it ends too early"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_no_reason_is_a_name_of_pythons(error, reason):
    with pytest.raises(InputError, match=reason) as refused, elements.as_input_error("x", "broken"):
        raise error
    assert type(error).__name__ not in str(refused.value)


def test_a_worklist_entry_is_no_slice_but_a_slice_without_its_kind_is(tmp_path):
    """At an end no gap would betray that it is missing."""
    scanners.shuffled(tmp_path)
    last = scanners.series()[-1]
    del last.SOPClassUID, last.Rows, last.Columns
    dcmwrite(tmp_path / "IM9", last, enforce_file_format=False)
    with pytest.raises(InputError, match="IM9: broken header"):
        reader.find(tmp_path)
