"""Series of the kinds that public archives and bug reports hold, on which readers differ or fail.

Those that are volumes have the voxels of a plain series (`plain`, `in_reconstruction` ...), which
the tests compare them with.
"""

from __future__ import annotations

import copy

import numpy as np
from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.filewriter import dcmwrite
from scanners import SHAPE, SPACING, change, multi_frame, save, series, slice_of, stored

MR = {"SOPClassUID": uid.MRImageStorage, "Modality": "MR"}
RAW = {"RescaleSlope": None, "RescaleIntercept": None, "RescaleType": None}  # as they are stored
WITHOUT_PLACE = {
    "ImagePositionPatient": None, "ImageOrientationPatient": None, "PixelSpacing": None,
    "SliceThickness": None,
}  # fmt: skip
OTHER = "1.2.3.9"  # series UID
# The size in a code of JPEG 2000, and one of a million times as many pixels.
SIZES = [np.array(size, ">u4").tobytes() for size in ([40, 34], [40_000, 34_000])]


def item(**values) -> list[Dataset]:
    """A sequence of one item."""
    one = Dataset()
    change(one, values)
    return [one]


# Plain series, to compare with


def plain(folder):
    """a plain CT"""
    save(folder, series())


def plain_mr(folder):
    """a plain MR"""
    save(folder, series(**MR, **RAW))


def twice_less_1000(folder):
    """a CT whose values are twice the stored ones, less 1000"""
    save(folder, series(RescaleSlope="2", RescaleIntercept="-1000"))


# Where values come from


def without_rescale(whole):
    for frame in whole.PerFrameFunctionalGroupsSequence:
        del frame.PixelValueTransformationSequence
    return whole


def in_reconstruction(folder):
    """X-ray 3D with slope and intercept in its reconstruction (Philips)"""
    whole = multi_frame(series(), uid.XRay3DAngiographicImageStorage, "XA")
    rescale = item(RescaleSlope="2", RescaleIntercept="-1000")
    save(folder, [change_and_return(without_rescale(whole), XRay3DReconstructionSequence=rescale)])


def in_second_reconstruction(folder):
    """X-ray 3D craniofacial, frames of the second of two reconstructions"""
    whole = without_rescale(multi_frame(series(), uid.XRay3DCraniofacialImageStorage, "XA"))
    whole.XRay3DReconstructionSequence = [
        *item(RescaleSlope="1", RescaleIntercept="0"),
        *item(RescaleSlope="2", RescaleIntercept="-1000"),
    ]
    kind = item(ReconstructionIndex=2, FrameType=["ORIGINAL", "PRIMARY", "VOLUME", "NONE"])
    whole.SharedFunctionalGroupsSequence[0].XRay3DFrameTypeSequence = kind
    save(folder, [whole])


def of_two_reconstructions(folder):
    """X-ray 3D of two reconstructions, and not said which frame is of which"""
    whole = without_rescale(multi_frame(series(), uid.XRay3DAngiographicImageStorage, "XA"))
    whole.XRay3DReconstructionSequence = [
        *item(RescaleSlope="1", RescaleIntercept="0"),
        *item(RescaleSlope="2", RescaleIntercept="-1000"),
    ]
    save(folder, [whole])


def change_and_return(dataset, **values):
    change(dataset, values)
    return dataset


def table_of_beam(folder, syntax=None):
    """XA slices with a modality LUT, which leads back to the beam's intensity"""
    table = np.arange(4096, dtype="<u2")[::-1].tobytes()
    lut = item(LUTDescriptor=[4096, 0, 16], ModalityLUTType="US", LUTData=table)
    kind = {"SOPClassUID": uid.XRayAngiographicImageStorage, "Modality": "XA", **RAW}
    slices = series(ModalityLUTSequence=lut, **kind)
    for one in slices if syntax else ():
        one.compress(syntax)
    save(folder, slices)


def table_of_beam_compressed(folder):
    """the same in JPEG-LS"""
    table_of_beam(folder, uid.JPEGLSLossless)


def with_overlay(pixels, **values):
    """Slices of 12 bits with an overlay in bit 12."""
    marks = np.zeros(SHAPE, dtype=int)
    marks[:, 5:9, 4:20] = 1 << 12
    slices = series((pixels & 0xFFF) | marks, **values)
    for one in slices:
        one.add_new(0x60000010, "US", SHAPE[1])
        one.add_new(0x60000011, "US", SHAPE[2])
        one.add_new(0x60000040, "CS", "G")
        one.add_new(0x60000050, "SS", [1, 1])
        one.add_new(0x60000100, "US", 16)
        one.add_new(0x60000102, "US", 12)
    return slices


def twelve_of_sixteen(slices, **values):
    for one in slices:
        change(one, {"BitsStored": 12, "HighBit": 11, **values})
    return slices


def overlay(folder, syntax):
    slices = with_overlay(stored())
    for one in slices:
        one.compress(syntax)
    save(folder, twelve_of_sixteen(slices))


def overlay_j2k(folder):
    """12 bits stored, an overlay in bit 12, JPEG 2000"""
    overlay(folder, uid.JPEG2000Lossless)


def overlay_jpeg_ls(folder):
    """12 bits stored, an overlay in bit 12, JPEG-LS"""
    overlay(folder, uid.JPEGLSLossless)


def overlay_rle(folder):
    """12 bits stored, an overlay in bit 12, RLE"""
    overlay(folder, uid.RLELossless)


def overlay_enhanced(folder):
    """Enhanced CT of 12 bits, an overlay in bit 12, JPEG 2000"""
    whole = multi_frame(with_overlay(stored()), uid.EnhancedCTImageStorage, "CT")
    whole.compress(uid.JPEG2000Lossless)
    save(folder, twelve_of_sixteen([whole]))


def overlay_signed(folder):
    """12 bits signed, an overlay in bit 12, JPEG-LS"""
    slices = with_overlay(stored() - 2048, RescaleIntercept="1024")
    for one in slices:
        one.compress(uid.JPEGLSLossless)
    save(folder, twelve_of_sixteen(slices, PixelRepresentation=1))


def padded_like_tissue(folder):
    """a padding value that tissue has as well"""
    pixels = stored()
    value = int(pixels[2, 17, 20])
    for level in pixels:
        level[17, 20] = value
        level[[0, 0, -1, -1], [0, -1, 0, -1]] = value
    slices = series(pixels)
    for one in slices:
        one.add_new("PixelPaddingValue", "US", value)
    save(folder, slices)


def padded_range_like_tissue(folder):
    """a range of padding, signed, that tissue lies on both sides of"""
    pixels = stored() - 2048
    for level in pixels:
        level[(level >= -20) & (level <= 20)] = 21
        level[10:12, 10:12] = [[-20, 20], [0, 7]]
    pixels[:, :5, :7] = -3
    slices = series(pixels, PixelRepresentation=1, RescaleIntercept="0")
    for one in slices:
        one.add_new("PixelPaddingValue", "SS", -20)
        one.add_new("PixelPaddingRangeLimit", "SS", 20)
    save(folder, slices)


def with_a_corner_of_least(folder):
    """the same without what says that it is padding"""
    pixels = stored() - 2048
    for level in pixels:
        level[(level >= -20) & (level <= 20)] = 21
        level[10:12, 10:12] = [[-20, 20], [0, 7]]
    outside = np.zeros(SHAPE, dtype=bool)
    outside[:, :5, :7] = True
    pixels[outside] = pixels[~outside].min()
    save(folder, series(pixels, PixelRepresentation=1, RescaleIntercept="0"))


def with_corners_of_least(folder):
    """a plain CT whose corners have its least value"""
    pixels = stored()
    value = int(pixels[2, 17, 20])
    for level in pixels:
        level[17, 20] = value
    least = np.delete(pixels.reshape(SHAPE[0], -1), [0, 39, 33 * 40, 34 * 40 - 1], axis=1).min()
    for level in pixels:
        level[[0, 0, -1, -1], [0, -1, 0, -1]] = least
    save(folder, series(pixels))


# What lies beside


def raw_data_beside(folder):
    """Raw Data with rows and columns under the same series UID"""
    save(folder, series(**MR, **RAW))
    raw = slice_of(stored()[0], 0, SOPClassUID=uid.RawDataStorage, **WITHOUT_PLACE)
    save(folder / "raw", [raw])


def papers_beside(folder):
    """a dose report, a screenshot, a page without a place and a worklist under one series UID"""
    save(folder, series())
    report = slice_of(
        stored()[0], 0, SOPClassUID=uid.XRayRadiationDoseSRStorage, Modality="SR", Rows=None
    )
    shot = slice_of(stored()[1], 1, SOPClassUID=uid.SecondaryCaptureImageStorage, **WITHOUT_PLACE)
    page = slice_of(stored()[2], 2, ImageType=["DERIVED", "SECONDARY", "OTHER"], **WITHOUT_PLACE)
    save(folder / "papers", [report, shot, page])
    worklist = Dataset()
    worklist.PatientName, worklist.PatientID = "Case^Of", "C-1"
    worklist.ScheduledProcedureStepSequence = item(Modality="CT", ScheduledStationAETitle="A")
    worklist.file_meta = copy.deepcopy(report.file_meta)
    worklist.file_meta.MediaStorageSOPClassUID = "1.2.276.0.7230010.3.1.0.1"
    worklist.file_meta.MediaStorageSOPInstanceUID = "1.2.3.4"
    dcmwrite(folder / "papers" / "entry.wl", worklist, enforce_file_format=True)


def page_of_its_own(folder):
    """a page without a place, in a series of its own"""
    save(folder, series())
    page = slice_of(stored()[2], 2, SeriesInstanceUID=OTHER, SeriesNumber=501, **WITHOUT_PLACE)
    save(folder / "page", [page])


def one_number_two_ways(folder):
    """one echo time written as 4.6 and as 4.60"""
    slices = series(**MR, **RAW)
    for number, one in enumerate(slices):
        one.EchoTime = ("4.6", "4.60")[number % 2]
    save(folder, slices)


def one_voltage_two_ways(folder):
    """one voltage written as 120 and as 120.0"""
    slices = series()
    for number, one in enumerate(slices):
        one.KVP = ("120", "120.0")[number % 2]
    save(folder, slices)


def own_frames_of_reference(folder):
    """a frame of reference of its own in every slice"""
    slices = series()
    for number, one in enumerate(slices):
        one.FrameOfReferenceUID = f"1.2.3.{number + 1}"
    save(folder, slices)


def two_frames_of_reference(folder):
    """slices of two frames of reference"""
    slices = series()
    for number, one in enumerate(slices):
        one.FrameOfReferenceUID = f"1.2.3.{1 + number // 3}"
    save(folder, slices)


# What a frame is


def mosaic_word_alone(folder):
    """slices of full size that a newer scanner calls MOSAIC"""
    words = ["ORIGINAL", "PRIMARY", "M", "NONE", "MOSAIC"]
    matrix = [SHAPE[2], 0, 0, SHAPE[1]]
    save(folder, series(ImageType=words, AcquisitionMatrix=matrix, **MR, **RAW))


def with_private(slices, group, block, owner, element, vr, value):
    for one in slices:
        one.add_new((group, block), "LO", owner)
        one.add_new((group, block << 8 | element), vr, value)
    return slices


def mosaic(folder):
    """Siemens mosaics"""
    slices = series(stored()[:2], ImageType=["ORIGINAL", "PRIMARY", "M", "MOSAIC"], **MR, **RAW)
    save(folder, with_private(slices, 0x19, 0x10, "SIEMENS MR HEADER", 0x0A, "US", 4))


def mosaic_implicit(folder):
    """Siemens mosaics, Implicit VR, in another private block"""
    slices = with_private(series(**MR, **RAW), 0x19, 0x11, "SIEMENS MR HEADER", 0x0A, "US", 9)
    for number, one in enumerate(slices):
        one.file_meta.TransferSyntaxUID = uid.ImplicitVRLittleEndian
        dcmwrite(folder / f"IM{number}", one, enforce_file_format=True)


def mosaic_anonymized(folder):
    """mosaics without their private elements"""
    words = ["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"]
    matrix = [SHAPE[2] // 2, 0, 0, SHAPE[1] // 2]
    save(folder, series(ImageType=words, AcquisitionMatrix=matrix, **MR, **RAW))


def grid_of_united_imaging(folder):
    """grids of slices of United Imaging"""
    slices = series(**MR, **RAW)
    save(folder, with_private(slices, 0x65, 0x10, "Image Private Header", 0x50, "DS", "25"))


def enhanced(kind=uid.EnhancedMRImageStorage, modality="MR", **values):
    whole = multi_frame(series(), kind, modality)
    whole.ImageType = ["DERIVED", "PRIMARY", "ANGIO", "NONE"]
    return change_and_return(whole, **values)


def enhanced_max_ip(folder):
    """Enhanced MR of maximum projections"""
    save(folder, [enhanced(VolumeBasedCalculationTechnique="MAX_IP")])


def enhanced_min_ip_frames(folder):
    """Enhanced CT whose frames are minimum projections"""
    whole = enhanced(uid.EnhancedCTImageStorage, "CT", VolumeBasedCalculationTechnique="MIXED")
    kind = item(VolumeBasedCalculationTechnique="MIN_IP")
    whole.SharedFunctionalGroupsSequence[0].CTImageFrameTypeSequence = kind
    save(folder, [whole])


def enhanced_maximum_sampled(folder):
    """Enhanced MR, by its image type the maximum of a sampled volume"""
    words = ["DERIVED", "PRIMARY", "ANGIO", "MAXIMUM"]
    save(folder, [enhanced(ImageType=words, VolumetricProperties="SAMPLED")])


def enhanced_rendered(folder):
    """X-ray 3D of volume renderings"""
    whole = enhanced(uid.XRay3DAngiographicImageStorage, "XA")
    kind = item(VolumeBasedCalculationTechnique="VOLUME_RENDER")
    whole.SharedFunctionalGroupsSequence[0].XRay3DFrameTypeSequence = kind
    save(folder, [whole])


def enhanced_distorted(folder):
    """Enhanced CT of distorted images"""
    save(folder, [enhanced(uid.EnhancedCTImageStorage, "CT", VolumetricProperties="DISTORTED")])


def derived_as_projection(folder):
    """CT slices that are maximum projections by their derivation's code"""
    code = {"CodingSchemeDesignator": "DCM", "CodeMeaning": "Maximum intensity projection"}
    save(folder, series(DerivationCodeSequence=item(CodeValue="113078", **code)))


def enhanced_phase(folder):
    """Enhanced MR of phases by ComplexImageComponent"""
    save(folder, [enhanced(ComplexImageComponent="PHASE")])


def enhanced_real_frames(folder):
    """Enhanced MR whose frames are real parts"""
    whole = enhanced(ComplexImageComponent="MIXED")
    kind = item(ComplexImageComponent="REAL", FrameType=["ORIGINAL", "PRIMARY", "ANGIO", "NONE"])
    whole.SharedFunctionalGroupsSequence[0].MRImageFrameTypeSequence = kind
    save(folder, [whole])


def enhanced_mixed(folder):
    """Enhanced MR of mixed complex components that no frame tells"""
    save(folder, [enhanced(ComplexImageComponent="MIXED")])


def named_projection(folder):
    """CT whose image type says maximum intensity projection"""
    words = ["DERIVED", "SECONDARY", "AXIAL", "MAXIMUM INTENSITY PROJECTION"]
    save(folder, series(ImageType=words))


def enhanced_of_both(folder):
    """Enhanced MR, frames of magnitude and of phase in one file"""
    both = [*series(), *series(stored()[::-1])]
    whole = multi_frame(both, uid.EnhancedMRImageStorage, "MR", ComplexImageComponent="MIXED")
    for number, frame in enumerate(whole.PerFrameFunctionalGroupsSequence):
        component = "MAGNITUDE" if number < SHAPE[0] else "PHASE"
        frame.MRImageFrameTypeSequence = item(ComplexImageComponent=component)
    save(folder, [whole])


def phase_of_ge(folder):
    """phase images by a private element of GE"""
    slices = with_private(series(**MR, **RAW), 0x43, 0x10, "GEMS_PARM_01", 0x2F, "SS", 1)
    save(folder, slices)


def imaginary_of_philips(folder):
    """imaginary parts by the image type of Philips"""
    save(folder, series(ImageType=["ORIGINAL", "PRIMARY", "I_FFE", "I", "FFE"], **MR, **RAW))


# What is said of the rest


def cone_beam_ct_of_one_file(folder):
    """a cone beam CT in one file without positions"""
    whole = slice_of(stored(), 0, NumberOfFrames=SHAPE[0], SpacingBetweenSlices=SPACING[0])
    save(folder, [whole])


def timed_frames(folder):
    """an XA run that says how long a frame takes"""
    values = {"ImagePositionPatient": None, "ImageOrientationPatient": None, "FrameTime": "33"}
    kind = {"SOPClassUID": uid.XRayAngiographicImageStorage, "Modality": "XA"}
    save(folder, [slice_of(stored(), 0, NumberOfFrames=SHAPE[0], **kind, **values)])


def x_ray_3d_without_positions(folder):
    """X-ray 3D that lost the positions of its frames"""
    whole = multi_frame(series(), uid.XRay3DAngiographicImageStorage, "XA")
    del whole.PerFrameFunctionalGroupsSequence
    save(folder, [whole])


def capture_with_geometry(folder):
    """a multi-frame secondary capture with positions"""
    kind = uid.MultiFrameGrayscaleWordSecondaryCaptureImageStorage
    save(folder, [multi_frame(series(), kind, "OT")])


def decimal_comma(folder):
    """decimal commas"""
    save(folder, series())
    for path in folder.iterdir():
        path.write_bytes(path.read_bytes().replace(b"0.4\\0.5 ", b"0,4\\0,5 "))


def thicker_from_a_step_on(folder):
    """slices that go on thicker after a small step"""
    heights = np.cumsum([0, 4, 4, 1.1, 7, 7])
    slices = series()
    for one, height in zip(slices, heights, strict=True):
        one.ImagePositionPatient = ["0", "0", f"{height:g}"]
    save(folder, slices)


def a_series_for_each_slice(folder):
    """a series UID of its own for each of many slices"""
    pixels = stored((60, 8, 8))
    slices = [slice_of(one, k, SeriesInstanceUID=f"1.2.3.{k + 1}") for k, one in enumerate(pixels)]
    save(folder, slices, lambda number: f"IM{number:03d}")


def jp2_with_false_marker(folder):
    """JPEG 2000 in a box, with a false marker of its size before the code"""
    slices = series()
    signature = bytes.fromhex("0000000c6a5020200d0a870a")
    false = b"\xff\x4f\xff\x51\x00\x29\x00\x00" + np.array([40, 34, 0, 0], ">u4").tobytes()
    for one in slices:
        one.compress(uid.JPEG2000Lossless)
        code = next(generate_frames(one.PixelData, number_of_frames=1)).replace(*SIZES)
        free = (len(false) + 8).to_bytes(4, "big") + b"free" + false
        boxes = signature + free + b"\0\0\0\0jp2c" + code
        one.PixelData = encapsulate([boxes])
    save(folder, slices)
