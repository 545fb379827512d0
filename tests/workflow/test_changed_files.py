"""Files of patients that change: their conversions run again, and nobody else's."""

import os
import shutil

import numpy as np
import pytest
import scanners
from conftest import ONE_TESTED, tiny
from image_files import write, write_metaimage, write_nrrd
from plans import planned

CONFIG = {"volume": {"shape": 16, "voxel_mm": 0.7}, "projections": 4, "view_counts": [2]}
EDGE = 12
PLACES = {
    "folder": "scans/folder",
    "nifti": "scans/v.nii",
    "link": "scans/link.nii",
    "nhdr": "scans/v.nhdr",
    "mhd": "scans/mhd/v.mhd",
}
SIZES = f"{EDGE} {EDGE} {EDGE}"


def voxels(seed):
    return np.random.default_rng(seed).integers(0, 1000, 3 * (EDGE,)).astype("<i2")


@pytest.fixture
def run(fresh):
    """Run or plan the conversions of a patient of each kind."""
    scanners.shuffled(fresh / PLACES["folder"])
    (fresh / "scans/mhd/voxels").mkdir(parents=True)
    for name in ("v", "first", "second"):
        write(fresh / f"scans/{name}.nii", voxels(1))
        os.utime(fresh / f"scans/{name}.nii", (1e9, 1e9))
    (fresh / PLACES["link"]).symlink_to("first.nii")
    (fresh / "scans/v.raw").write_bytes(voxels(1).tobytes())
    (fresh / "scans/mhd/voxels/v.raw").write_bytes(voxels(1).tobytes())
    write_nrrd(fresh / PLACES["nhdr"], b"", sizes=SIZES, data_file="v.raw")
    write_metaimage(fresh / PLACES["mhd"], file="voxels/v.raw", DimSize=SIZES)
    rows = ["patient\tdicom\tsplit"]
    rows += [f"{name}\t{path}\t{'test' * (name == 'mhd')}" for name, path in PLACES.items()]
    (fresh / "sheet.tsv").write_text("\n".join(rows) + "\n")
    cohort = {"phantoms": {"count": 0}, "sheet": "sheet.tsv"} | ONE_TESTED
    volumes = [f"results/volumes/{name}.nii" for name in PLACES]

    def conversions(*arguments):
        done = tiny(fresh, *arguments, *volumes, cohort=cohort, **CONFIG)
        assert done.returncode == 0, done.stdout
        return planned(done.stdout).get("convert", 0)

    return conversions


def rewrite(path, data):
    """In place; with a time that is older than the conversion."""
    path.write_bytes(data)
    os.utime(path, (9e8, 9e8))


def test_every_change_is_noticed_and_nothing_else_runs_again(fresh, run):
    assert run() == len(PLACES)
    assert run("-n") == 0
    others = {path.name: path for path in fresh.rglob("IM*")}
    image = others[max(others)]
    rewrite(image, image.read_bytes())
    rewrite(fresh / "scans/v.raw", voxels(2).tobytes())
    rewrite(fresh / "scans/mhd/voxels/v.raw", voxels(2).tobytes())
    write(fresh / "scans/other.nii", voxels(2))
    os.utime(fresh / "scans/other.nii", (9e8, 9e8))
    shutil.move(fresh / "scans/other.nii", fresh / PLACES["nifti"])
    (fresh / PLACES["link"]).unlink()
    (fresh / PLACES["link"]).symlink_to("second.nii")
    assert run("-n") == 5
    assert run() == 5
    assert run("-n") == 0


def test_a_pipe_in_a_files_place_is_refused_in_a_dry_run(fresh, run):
    for place in (PLACES["nifti"], "scans/v.raw"):
        path = fresh / place
        data = path.read_bytes()
        path.unlink()
        os.mkfifo(path)
        with pytest.raises(AssertionError, match="not a regular file"):
            run("-n")
        path.unlink()
        path.write_bytes(data)
    assert run("-n") == len(PLACES)
