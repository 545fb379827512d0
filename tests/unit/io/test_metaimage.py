"""MetaImage files, beside SimpleITK's reading of the same ones."""

import zlib

import numpy as np
import pytest
import SimpleITK
from angiovox.errors import InputError
from angiovox.io import metaimage, volume_files
from image_files import IN_BOTH, stored, volume, write_metaimage


def check_same(path, array=None):
    array = volume() if array is None else array
    voxels, affine = volume_files.find(path).read()
    np.testing.assert_array_equal(voxels, array.astype(np.float32))
    np.testing.assert_allclose(affine, IN_BOTH)
    image = SimpleITK.ReadImage(str(path), SimpleITK.sitkFloat32)
    np.testing.assert_array_equal(
        SimpleITK.GetArrayFromImage(image).T.reshape(voxels.shape), voxels
    )


def refusal(path):
    with pytest.raises(InputError) as refused:
        volume_files.find(path).read()
    return str(refused.value)


@pytest.mark.parametrize("name", sorted({*metaimage.TYPES} - {"MET_LONG", "MET_ULONG"}))
@pytest.mark.parametrize("big", [False, True])
def test_every_type_in_both_orders_is_read(tmp_path, name, big):
    array = volume().clip(0, 100)
    data = array.astype((">" if big else "<") + metaimage.TYPES[name]).tobytes(order="F")
    path = tmp_path / "v.mha"
    check_same(
        write_metaimage(path, data, ElementType=name, BinaryDataByteOrderMSB=str(big)), array
    )


@pytest.mark.parametrize("compressed", [False, True])
def test_data_beside_the_header_may_have_a_header_of_their_own(tmp_path, compressed):
    data = zlib.compress(stored()) if compressed else stored()
    (tmp_path / "v.raw").write_bytes(b"seven!!" + data)
    options = {"file": "v.raw", "CompressedData": str(compressed), "HeaderSize": "7"}
    np.testing.assert_array_equal(
        volume_files.find(write_metaimage(tmp_path / "v.mhd", **options)).read()[0], volume()
    )
    path = write_metaimage(tmp_path / "v.mhd", **options | {"HeaderSize": "-1"})
    if compressed:
        assert "HeaderSize is negative" in refusal(path)
    else:
        check_same(path)
    assert "HeaderSize is negative" in refusal(
        write_metaimage(tmp_path / "v.mhd", **options | {"HeaderSize": "-2"})
    )


def test_a_fourth_axis_of_one_entry_is_left_out(tmp_path):
    path = write_metaimage(
        tmp_path / "v.mha",
        NDims="4",
        DimSize="5 6 7 1",
        TransformMatrix="1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1",
        Offset="-10 -20 30 0",
        ElementSpacing="0.5 0.8 0.7 1",
    )
    check_same(path)


def test_a_field_by_two_names_is_one_unless_they_differ(tmp_path):
    path = tmp_path / "v.mha"
    check_same(write_metaimage(path, Position="-10 -20 30", ElementByteOrderMSB="False"))
    message = refusal(write_metaimage(path, Position="-10 -20 31"))
    assert "Offset is there twice and differs" in message


def test_letters_of_any_kind_may_stand_in_a_comment(tmp_path):
    check_same(write_metaimage(tmp_path / "v.mha", Comment="Größe 3,5"))


REFUSED = {
    "a decimal comma": ({"Offset": "-10,5 -20 30"}, "Offset is not 3 numbers, with decimal points"),
    "too few numbers": ({"ElementSpacing": "1 1"}, "ElementSpacing is not 3 numbers"),
    "an unknown type": ({"ElementType": "MET_COLOUR"}, "ElementType"),
    "half a voxel": ({"DimSize": "5 6.5 7"}, "DimSize is no whole number"),
    "no size": ({"DimSize": None}, "no DimSize"),
    "a truth that is none": ({"CompressedData": "Yes"}, "neither True nor False"),
    "a picture": (
        {
            "NDims": "2",
            "DimSize": "5 42",
            "TransformMatrix": "1 0 0 1",
            "Offset": "0 0",
            "ElementSpacing": "1 1",
        },
        "2 axes are no volume",
    ),
    "many files": ({"file": "LIST 2D"}, "in many files"),
    "text": ({"BinaryData": "False"}, "text"),
}


@pytest.mark.parametrize(("fields", "said"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_read_is_refused_in_words(tmp_path, fields, said):
    message = refusal(write_metaimage(tmp_path / "v.mha", **fields))
    assert message.startswith("v.mha: ") and said in message
