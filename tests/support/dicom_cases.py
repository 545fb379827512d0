"""Every DICOM case of the tests: how it is built and read, and what becomes of it.

`python tests/support/dicom_cases.py` writes what becomes of each, and of pydicom's own test files,
into docs/dicom.md.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

import archives
import pydicom.data
import scanners


@dataclass(frozen=True)
class Case:
    """How to build it; how to read it; whether SimpleITK reads the same from it; the case whose
    volume it has as well; what is said of it."""

    build: Callable[[Path], None]
    itk: bool = False
    read: dict = field(default_factory=dict)
    as_in: Callable[[Path], None] | None = None
    said: str = ""

    @property
    def name(self) -> str:
        return self.build.__doc__


def named(module: ModuleType, names: str, **values) -> list[Case]:
    """Cases that a module builds."""
    return [Case(getattr(module, name), **values) for name in names.split()]


def said(words: str, names: str) -> list[Case]:
    """Cases of archives that are refused with certain words."""
    return named(archives, names, said=words)


READ = [
    *named(
        scanners,
        """
        shuffled reversed_order coronal sagittal turned magnetic xa_slices enhanced_ct enhanced_mr
        xa_3d enhanced_j2k legacy_ct legacy_mr signed eight_bits twelve_bits twelve_bits_signed
        big_endian implicit deflated without_preamble rle jpeg_ls jpeg_2000 jpeg_2000_sign
        jpeg_lossless jpeg_twelve_bits monochrome1 rescaled without_ends every_second with_company
        strange_paths many_files
        """,
        itk=True,
    ),
    Case(scanners.chosen, itk=True, read={"series": "5"}),
    *named(
        scanners,
        "with_phases monochrome1_hounsfield enhanced_ct_shuffled padded rounded tilted",
    ),
    Case(scanners.missing_interpolated, read={"largest_gap": 2}),
    *named(
        archives,
        "in_reconstruction in_second_reconstruction",
        as_in=archives.twice_less_1000,
    ),
    *named(
        archives,
        """
        overlay_j2k overlay_jpeg_ls overlay_rle overlay_enhanced overlay_signed papers_beside
        page_of_its_own one_voltage_two_ways own_frames_of_reference enhanced_of_both
        """,
        as_in=archives.plain,
    ),
    *named(
        archives,
        """
        table_of_beam table_of_beam_compressed raw_data_beside one_number_two_ways
        mosaic_word_alone
        """,
        as_in=archives.plain_mr,
    ),
    Case(archives.padded_like_tissue, as_in=archives.with_corners_of_least),
    Case(archives.padded_range_like_tissue, as_in=archives.with_a_corner_of_least),
]
REFUSED = [
    *named(
        scanners,
        """
        truncated truncated_compressed not_dicom without_pixels other_size ambiguous two_times
        duplicated missing uneven sideways stray cine cine_of_files cine_in_one_place localizer
        colours undecoded private_syntax
        """,
    ),
    *map(Case, map(scanners.of_spacing, ("0", "-1", "1e9"))),
    *named(
        scanners,
        """
        far_apart terabytes terabytes_compressed unreadable dangling whole_archive empty
        """,
    ),
    *said("not said which is whose", "of_two_reconstructions"),
    *said("another frame of reference", "two_frames_of_reference"),
    *said("a mosaic", "mosaic mosaic_implicit mosaic_anonymized grid_of_united_imaging"),
    *said("a maximum projection", "enhanced_max_ip enhanced_maximum_sampled derived_as_projection"),
    *said("a minimum projection", "enhanced_min_ip_frames"),
    *said("a volume rendering", "enhanced_rendered"),
    *said("a distorted image", "enhanced_distorted"),
    *said("a phase image", "enhanced_phase phase_of_ge"),
    *said("a real part", "enhanced_real_frames"),
    *said("a real or imaginary part", "imaginary_of_philips"),
    *said("6 frames without a position", "cone_beam_ct_of_one_file x_ray_3d_without_positions"),
    *said("a cine, 6 images over time", "timed_frames"),
    *said("what a screen showed", "capture_with_geometry"),
    *said(r"0,4\0,5 is no number; decimals have a point", "decimal_comma"),
    *said("uneven slices", "thicker_from_a_step_on"),
    *said("60 series of one slice each", "a_series_for_each_slice"),
    *said("frame of several kinds", "enhanced_mixed"),
    *said("a maximum intensity projection", "named_projection"),
    *said("(34000, 40000) pixels compressed", "jp2_with_false_marker"),
]


def outcome(folder: Path, **choice) -> str:
    """What becomes of a folder: the volume that is read, or the sentence that refuses it."""
    from angiovox.errors import InputError
    from angiovox.geometry.affine import voxel_sizes
    from angiovox.io.dicom import reader

    try:
        found = reader.find(folder, **choice)
        volume, affine = found.read()
    except InputError as error:
        return f"refused: {error}"
    sizes = " x ".join(f"{v:.4g}" for v in voxel_sizes(affine))
    notes = "".join(f"; {note}" for note in found.notes)
    return f"{' x '.join(map(str, volume.shape))} voxels of {sizes} mm{notes}"


def shipped() -> list[Path]:
    """The files that pydicom ships for its own tests."""
    folder = Path(pydicom.data.__file__).parent / "test_files"
    return sorted(path for path in folder.iterdir() if path.is_file())


def cases() -> str:
    """Every case, what becomes of it, and whether SimpleITK reads the same."""
    lines = ["| case | outcome | SimpleITK |", "|:--|:--|:--|"]
    for case in READ + REFUSED:
        with tempfile.TemporaryDirectory() as folder:
            case.build(Path(folder))
            words = outcome(Path(folder), **case.read)
        lines.append(f"| {case.name} | {words} | {'the same' if case.itk else '-'} |")
    return "\n".join(lines)


def shipped_table() -> str:
    """Every file that pydicom ships, alone in a folder, and what becomes of it."""
    lines = ["| file | outcome |", "|:--|:--|"]
    for path in shipped():
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / path.name).symlink_to(path)
            lines.append(f"| `{path.name}` | {outcome(Path(folder))} |")
    return "\n".join(lines)


def write(text: str) -> str:
    """A page with its tables made anew, each between its two marks."""
    for mark, table in (("cases", cases()), ("pydicom", shipped_table())):
        before, rest = text.split(f"<!-- {mark} -->")
        after = rest.split(f"<!-- end of {mark} -->")[1]
        text = f"{before}<!-- {mark} -->\n{table}\n<!-- end of {mark} -->{after}"
    return text


if __name__ == "__main__":
    root = Path(__file__).parents[2]
    sys.path.insert(0, str(root / "workflow" / "scripts"))
    page = root / "docs" / "dicom.md"
    page.write_text(write(page.read_text()))
