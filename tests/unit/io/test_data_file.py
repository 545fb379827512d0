"""Which files a header may point to."""

import os
import signal

import numpy as np
import pytest
from angiovox.errors import InputError
from angiovox.io import patient_source
from image_files import stored, volume, write_metaimage, write_nrrd

WAITS_S = 20  # for what should end at once


def header_of_nrrd(folder, named):
    return write_nrrd(folder / "v.nhdr", b"", data_file=named)


def header_of_metaimage(folder, named):
    return write_metaimage(folder / "v.mhd", file=named)


HEADERS = pytest.mark.parametrize("header", [header_of_nrrd, header_of_metaimage])


@pytest.fixture
def scans(tmp_path):
    """A patient's folder beside another one, both with voxels; other ones in the other."""
    for name, data in [("scans/voxels", stored()), ("others", bytes(len(stored())))]:
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "x.raw").write_bytes(data)
    return tmp_path / "scans"


@pytest.fixture(autouse=True)
def _in_time():
    """End a test that waits for a pipe."""
    signal.alarm(WAITS_S)
    yield
    signal.alarm(0)


def refusal(path):
    sentences = set()
    for look in (patient_source.check, patient_source.find):
        with pytest.raises(InputError) as refused:
            look(path)
        sentences.add(str(refused.value))
    [sentence] = sentences
    return sentence


def check_reads(path):
    np.testing.assert_array_equal(patient_source.find(path).read()[0], volume())


@HEADERS
def test_a_file_in_a_folder_below_is_read_and_none_of_its_name_beside(scans, header):
    (scans / "x.raw").write_bytes(bytes(len(stored())))
    check_reads(header(scans, "voxels/x.raw"))
    (scans / "voxels/x.raw").unlink()
    assert "x.raw, is not there" in refusal(header(scans, "voxels/x.raw"))


@HEADERS
def test_absolute_paths_and_links_within_the_folder_are_followed(scans, header, tmp_path):
    check_reads(header(scans, str(scans / "voxels/x.raw")))
    (scans / "y.raw").symlink_to("voxels/x.raw")
    check_reads(header(scans, "y.raw"))
    (tmp_path / "link").symlink_to(scans)
    check_reads(header(tmp_path / "link", str(scans / "voxels/x.raw")))


@HEADERS
@pytest.mark.parametrize("way", ["above", "back", "absolute", "a link", "a linked folder"])
def test_nothing_outside_the_folder_is_read(scans, header, way, tmp_path):
    (scans / "out.raw").symlink_to(tmp_path / "others/x.raw")
    (scans / "out").symlink_to(tmp_path / "others")
    named = {
        "above": "../others/x.raw",
        "back": "voxels/../voxels/x.raw",
        "absolute": str(tmp_path / "others/x.raw"),
        "a link": "out.raw",
        "a linked folder": "out/x.raw",
    }[way]
    assert "outside its folder" in refusal(header(scans, named))


@HEADERS
def test_only_regular_files_are_opened(scans, header):
    os.mkfifo(scans / "pipe")
    for named in ("pipe", "voxels"):
        assert "regular file" in refusal(header(scans, named))
    path = header(scans, "loop")
    (scans / "loop").symlink_to("loop")
    assert "cannot be read" in refusal(path)


@HEADERS
@pytest.mark.parametrize(
    ("named", "said"),
    [
        ("nope.raw", "its data file, nope.raw, is not there"),
        ("LIST", "many files"),
        ("x%03d.raw 1 7 1", "many files"),
        ("/", "empty, too long or unprintable"),
        ("x" * 300, "empty, too long or unprintable"),
        ("x\0.raw", "empty, too long or unprintable"),
        (
            "ä\udcff.raw".encode("utf-8", "surrogateescape").decode("latin-1"),
            "empty, too long or unprintable",
        ),
    ],
)
def test_names_of_no_file_are_refused_in_words(scans, header, named, said):
    assert said in refusal(header(scans, named))


@HEADERS
def test_a_header_that_points_to_itself_is_refused(scans, header):
    path = header(scans, "me")
    assert "names itself" in refusal(header(scans, path.name))
    (scans / "me").symlink_to(path.name)
    assert "names itself" in refusal(header(scans, "me"))


@pytest.mark.parametrize("name", ["v.nii", "v.nii.gz", "v.mha", "v.mhd", "v.nrrd", "v.nhdr"])
def test_a_pipe_a_device_and_a_folder_are_no_files_of_a_volume(tmp_path, name):
    path = tmp_path / name
    os.mkfifo(path)
    assert "not a regular file" in refusal(path)
    path.unlink()
    path.symlink_to("/dev/zero")
    assert "not a regular file" in refusal(path)
    path.unlink()
    path.mkdir()
    assert "not a regular file" in refusal(path)


def test_a_name_in_other_letters_is_a_name(scans):
    (scans / "Größe.raw").write_bytes(stored())
    named = "Größe.raw".encode().decode("latin-1")  # the bytes of UTF-8 in the header
    check_reads(header_of_nrrd(scans, named))
    check_reads(header_of_metaimage(scans, named))
