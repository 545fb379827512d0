"""Headers of files, damaged at random: the volume, or one sentence in words, and little memory."""

import gzip
import re
import tracemalloc
import zlib
from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest
from angiovox.errors import InputError
from angiovox.io import patient_source
from image_files import oblique, stored, volume, write_metaimage, write_nrrd

ROUNDS = 400
PEAK = 20 << 20  # bytes; the volume has 840 as it is read
PYTHON = re.compile(r"Error|Exception|Traceback|NoneType|errno|<class|\bdtype\b")
WORDS = [
    b"0,5", b"nan", b"inf", b"1e999", b"-1", b"0", b"1", b"1.5", b"99999999999999999999", b"1_0",
    b"", b" ", b"-", b"(", b")", b"none", b"LIST", b"x%03d.raw 1 9 1", b"../v.raw", b"/dev/zero",
    b"/", b".", b"v.nhdr", b"v.mhd", b"v.nrrd", b"\xff", b"\xc3\xa4", b"\xd9\xa1", b"True", b"big",
    b"gzip", b"block", b"MET_OTHER", b"x" * 2000, b"1 " * 500, b"\0", b"\x1b[31m",
]  # fmt: skip


def nrrd(folder):
    return write_nrrd(folder / "v.nrrd")


def packed_nrrd(folder):
    (folder / "v.raw").write_bytes(b"two\nlines\n" + gzip.compress(b"!" + stored()))
    skips = {"line_skip": "2", "byte_skip": "1"}
    return write_nrrd(folder / "v.nhdr", b"", encoding="gzip", data_file="v.raw", **skips)


def metaimage(folder):
    return write_metaimage(folder / "v.mha", zlib.compress(stored()), CompressedData="True")


def metaimage_beside(folder):
    (folder / "v.raw").write_bytes(stored())
    return write_metaimage(folder / "v.mhd", file="v.raw")


def nifti(folder):
    nib.save(nib.Nifti1Image(volume(), oblique()), folder / "v.nii")
    return folder / "v.nii"


def packed_nifti(folder):
    nib.save(nib.Nifti2Image(volume(), oblique()), folder / "v.nii.gz")
    return folder / "v.nii.gz"


def some_bytes(data, rng):
    for place in rng.integers(0, len(data), rng.integers(1, 5)):
        data[place] = rng.integers(256)


def cut(data, rng):
    start = rng.integers(len(data))
    del data[start : start + rng.integers(1, 40)]


def repeated(data, rng):
    start, size, to = rng.integers(len(data)), rng.integers(1, 80), rng.integers(len(data))
    data[to:to] = data[start : start + size]


def a_word(data, rng):
    """One of a text, or some bytes."""
    found = [*re.finditer(rb"[^\s:=(),]+", data)]
    start, end = found[rng.integers(len(found))].span()
    data[start : min(end, start + 20)] = WORDS[rng.integers(len(WORDS))]


def a_line(data, rng):
    lines = data.split(b"\n")
    one, other = rng.integers(len(lines), size=2)
    lines[one], lines[other] = lines[other], lines[one]
    if rng.integers(2):
        del lines[one]
    data[:] = b"\n".join(lines)


def a_number(data, rng):
    """Bytes of any number of 16, 32 or 64 bits, where numbers may be."""
    kind = ["<i2", "<i4", "<f4", "<f8"][rng.integers(4)]
    value = [-1, 0, 1, 3, 255, 32767, -32768, 2, 1024][rng.integers(9)]
    width = np.dtype(kind).itemsize
    place = width * rng.integers(len(data) // width)
    data[place : place + width] = np.array(value, kind).tobytes()


DAMAGES = [some_bytes, cut, repeated, a_word, a_line, a_number]


def parts(path):
    """A file's header, what follows it, and how both are packed together."""
    data = path.read_bytes()
    if path.suffix == ".gz":
        return *split(gzip.decompress(data), 540), gzip.compress
    if path.suffix == ".nii":
        return *split(data, 348), bytes
    mark = b"\n\n" if data.startswith(b"NRRD") else b"LOCAL\n"
    return *split(data, data.find(mark) + len(mark) if mark in data else len(data)), bytes


def split(data, end):
    return data[:end], data[end:]


def check_sentence(path, text):
    assert text.startswith(f"{path.name}: ") or text.endswith("voxels are no volume"), text
    assert text.isprintable() and len(text) < 300, text
    assert not PYTHON.search(text), text


FILES = [nrrd, packed_nrrd, metaimage, metaimage_beside, nifti, packed_nifti]


@pytest.mark.parametrize("build", FILES, ids=lambda build: build.__name__)
def test_damaged_headers_end_in_the_volume_or_in_words(tmp_path, build):
    path = build(tmp_path)
    whole = patient_source.find(path)
    voxels, _ = whole.read()
    header, rest, pack = parts(path)
    rng = np.random.default_rng(5)
    refused = same = 0
    tracemalloc.start()
    for number in range(ROUNDS):
        data = bytearray(header)
        DAMAGES[number % len(DAMAGES)](data, rng)
        path.write_bytes(pack(bytes(data) + rest))
        try:
            found = patient_source.find(path)
            read, _ = found.read()
        except InputError as error:
            check_sentence(path, str(error))
            refused += 1
            continue
        assert np.isfinite(read).all() and read.size == found.header.num_voxels
        assert found.header.data.parent == tmp_path
        if replace(found.header, affine=whole.header.affine) == whole.header:
            assert np.array_equal(np.sort(read, axis=None), np.sort(voxels, axis=None))
            same += 1
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < PEAK
    assert refused > ROUNDS / 4 and same > ROUNDS / 40
