"""Which of several series is the volume."""

import archives
import pytest
import scanners
from angiovox.errors import InputError
from angiovox.io import inventory, patient_source
from angiovox.io.dicom import reader


def add(folder, number, levels=6, apart=0.7, **values):
    """A series of another number, of slices that lie so many mm apart."""
    slices = scanners.series(
        scanners.stored((levels, 34, 40)),
        SeriesInstanceUID=f"1.2.3.{number}",
        SeriesNumber=number,
        **values,
    )
    for level, one in enumerate(slices):
        one.ImagePositionPatient = ["0", "0", f"{level * apart:g}"]
    scanners.save(folder, slices, lambda n: f"{number}/IM{n:03d}")


@pytest.fixture
def three(tmp_path):
    add(tmp_path, 2, levels=40, apart=3.0, ConvolutionKernel="H30s")
    add(tmp_path, 4, levels=30, apart=0.5, ConvolutionKernel="H60f")
    add(tmp_path, 5, levels=20, apart=1.0, ConvolutionKernel=["H30s", "2"])
    return tmp_path


@pytest.mark.parametrize(
    ("prefer", "taken"),
    [("thinnest", 4), ("largest", 2), ({"kernel": "h30S"}, 5), ({"kernel": "H60f"}, 4)],
    ids=str,
)
def test_a_cohort_may_say_once_what_it_prefers(three, prefer, taken):
    assert reader.find(three, prefer=prefer).series.number == str(taken)
    entries = inventory.inventory("p", three, prefer=prefer)
    assert [entry.series for entry in entries if entry.outcome == "read"] == [str(taken)]


def test_what_the_sheet_says_goes_first(three):
    assert reader.find(three, "5", prefer="thinnest").series.number == "5"


def test_a_preference_changes_nothing_where_one_series_may_be_it(tmp_path):
    add(tmp_path, 3, ConvolutionKernel="H30s")
    assert reader.find(tmp_path, prefer={"kernel": "H60f"}).series.number == "3"


def test_a_kernel_that_none_has_is_refused_with_those_there_are(three):
    with pytest.raises(InputError, match=r"none of 3 series has the kernel B75 .*kernel H60f"):
        reader.find(three, prefer={"kernel": "B75"})


def test_equally_thin_series_of_one_size_are_asked_about_and_no_others(three):
    add(three, 7, levels=30, apart=0.5, ConvolutionKernel="H30s")
    with pytest.raises(InputError, match=r"dicom.prefer leaves 2 series: series 4 .*; series 7 "):
        reader.find(three, prefer="thinnest")


def test_the_likeliest_is_named_first_with_what_tells_it_apart(three):
    with pytest.raises(InputError) as refused:
        reader.find(three)
    sentence = str(refused.value)
    assert (
        "series 4 (CT, kernel H60f, 30 slices of 40 x 34, voxels of 0.5 x 0.4 x 0.5 mm), with the"
    )
    assert sentence.index("series 4") < sentence.index("series 2") < sentence.index("series 5")
    assert "dicom.prefer" in sentence


def test_each_row_of_the_inventory_says_how_to_take_it(three):
    entries = {entry.series: entry for entry in inventory.inventory("p", three)}
    assert entries["4"].reason.startswith("may be the volume, with the thinnest slices: put 4 into")
    assert entries["2"].reason.startswith("may be the volume: put 2 into")
    assert entries["5"].kind == "CT, kernel H30s 2"


def test_twenty_series_are_one_readable_sentence(tmp_path):
    for number in range(20):
        add(tmp_path, number + 1, levels=3 + number)
    with pytest.raises(InputError) as refused:
        reader.find(tmp_path)
    assert len(str(refused.value)) < 1000
    assert "and 13 more" in str(refused.value)


def test_a_name_in_place_of_a_kernel_is_not_shown(tmp_path):
    for number in (1, 2):
        add(tmp_path, number, ConvolutionKernel="Hidden^Person")
    with pytest.raises(InputError) as refused:
        reader.find(tmp_path)
    assert "Hidden" not in str(refused.value)


def test_a_number_that_a_viewer_shows_names_the_volume_under_it(tmp_path):
    archives.papers_beside(tmp_path)
    found = reader.find(tmp_path, "3")
    assert found.kind == "CT"
    assert found.series.label == "3a"


@pytest.mark.parametrize(("edge", "voxel_mm", "fits"), [(64, 0.25, True), (64, 0.75, False)])
def test_a_field_far_smaller_than_the_studys_is_refused(tmp_path, edge, voxel_mm, fits):
    """Of 20 x 13.6 x 4.2 mm, as millimetres for something else give."""
    scanners.shuffled(tmp_path)
    found = patient_source.find(tmp_path)
    (entry,) = inventory.inventory("p", tmp_path, grid=(edge, voxel_mm))
    if fits:
        patient_source.check_field(found, edge, voxel_mm)
        assert entry.outcome == "read"
        return
    with pytest.raises(InputError, match=r"its field of 20 x 13.6 x 4.2 mm is far smaller"):
        patient_source.check_field(found, edge, voxel_mm)
    assert entry.outcome == "refused"
    assert "far smaller" in entry.reason
